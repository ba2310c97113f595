//! This node as a replica: which primary it follows, how it does what that says, and what it does not do by itself.
//!
//! ```text
//! primary ──follow──► replica, goes on with the history that it has ──begin_full_sync──► loading ──end_full_sync──► replica
//!    ▲                   │                                                 └──fail_full_sync──► empty replica
//!    └─────promote───────┘
//! ```
//!
//! **What a primary says is done as it was there**: no deadline has passed for it, nothing is evicted or refused, nobody waits. A
//! unit is done whole between two looks of anybody, and the history moves on in the same step ([`Engine::apply`]).
//!
//! **By itself** a replica removes nothing: what is past its deadline is hidden until the primary says that it is gone. Keys to
//! which a client of a writable replica gave a deadline are an exception: of them the primary knows nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use tracing::{error, info, warn};

use super::blocking::Unblocked;
use super::command::Flag;
use super::nested::Source;
use super::persistence::Position;
use super::replication::ReplicationFaults;
use super::run::Running;
use super::session::{ClientRole, Closing, Session, SessionHandle};
use super::table::CommandId;
use super::{Engine, Existing, Failure, Flow, Prepared, gates};
use crate::keyspace::Keyspace;
use crate::protocol::reply::Version;
use crate::protocol::request::Request;
use crate::replication::{Backlog, Link, ReplicationId, Upstream};
use crate::runtime::{Monotonic, Now, UnixTime};

/// What becomes of the data while a snapshot is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Instead {
    /// It goes first.
    OfAll,
    /// It stays, since the transfer may break; but it is of another history, and is not shown.
    Hidden,
    /// It stays, and is shown: it is an earlier state of what comes.
    Shown,
}

/// The same, word for word, as far as it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Said {
    id: Option<ReplicationId>,
    offset: Option<u64>,
    db: Option<usize>,
}

/// What a replica keeps that a primary does not need.
#[derive(Default)]
pub struct Replica {
    /// Counts the primaries that were named: the link looks whether it is still wanted.
    pub generation: u64,
    /// A snapshot that is loaded beside the data.
    pub incoming: Option<Keyspace>,
    /// Meanwhile the data is shown.
    serves_meanwhile: bool,
    /// What the file that was loaded said of its place in a history.
    pub loaded: Option<Position>,
    said: Said,
    /// Keys to which clients of this replica gave a deadline.
    own_deadlines: BTreeSet<(usize, Vec<u8>)>,
    /// Bytes that primaries have sent.
    pub received_bytes: u64,
}

/// Keys of [`Replica::own_deadlines`] that one step looks at.
const OWN_DEADLINES_STEP: usize = 64;

impl Engine {
    /// REPLICAOF: follows this primary from now on. What was done so far has been handed over. False if it does already.
    pub fn follow(&mut self, host: &str, port: u16, now: Now) -> bool {
        let same = |upstream: &Upstream| upstream.port == port && upstream.host.eq_ignore_ascii_case(host);
        if self.replication.upstream.as_ref().is_some_and(same) {
            return false;
        }
        let mut upstream = Upstream::new(host, port, now.mono);
        upstream.has_history = match &self.replication.upstream {
            Some(before) => before.has_history,
            // Without a backlog nobody has noted what was written: name and offset say nothing.
            None => self.replication.backlog.is_some(),
        };
        upstream.db = match &self.replication.upstream {
            Some(before) => before.db,
            None => self.effects.selected().unwrap_or_default(),
        };
        if self.replication.upstream.is_none() {
            self.disconnect_waiting(now);
            if upstream.has_history {
                info!(
                    "Before turning into a replica, using my own master parameters to synthesize a cached master: I may be able \
                     to synchronize with the new master with just a partial transfer."
                );
            }
        }
        self.config.replicaof = format!("{host} {port}");
        self.replication.upstream = Some(upstream);
        self.replica.generation += 1;
        self.update_readers();
        true
    }

    /// REPLICAOF NO ONE: this node writes a history of its own from now on. False if it does already.
    pub fn promote(&mut self, now: Now) -> bool {
        if self.replication.upstream.take().is_none() {
            return false;
        }
        let ReplicationFaults { keeps_old_id, second_offset_off_by_one, .. } = self.replication.faults;
        let id = self.new_replication_id();
        let history = &mut self.replication.history;
        let old = history.id();
        match (keeps_old_id, second_offset_off_by_one) {
            (true, _) => {}
            (_, true) => history.promote_beyond(id),
            _ => history.promote(id),
        }
        info!(
            "Setting secondary replication ID to {old}, valid up to offset: {}. New replication ID is {id}",
            self.replication.history.offset() + 1
        );
        self.config.replicaof = String::new();
        self.replica.generation += 1;
        self.replica.incoming = None;
        // They learn the new name by asking again.
        self.drop_replicas();
        self.update_readers();
        self.effects.select_again();
        // Those who wait for a key may be served by themselves again.
        self.serve_waiting(now);
        true
    }

    /// [`Engine::promote`], for who does not care whether there was anybody to follow.
    pub fn stop_following(&mut self, now: Now) {
        self.promote(now);
    }

    /// Those who wait were to be served by what clients write.
    fn disconnect_waiting(&mut self, now: Now) {
        let waiting: Vec<SessionHandle> =
            self.sessions.iter().filter(|(_, s)| s.blocked.is_some()).map(|(client, _)| client).collect();
        for client in waiting {
            self.unblock(client, Unblocked::Demoted, now);
            self.close_session(client, Closing::AfterReply);
        }
    }

    /// The link to the primary is as far as this.
    pub fn set_link(&mut self, link: Link, now: Monotonic) {
        let Some(upstream) = &mut self.replication.upstream else { return };
        let was_connected = upstream.is_connected();
        upstream.link = link;
        match upstream.is_connected() {
            true => (upstream.down_since, upstream.heard_at) = (None, now),
            false if was_connected => upstream.down_since = Some(now),
            false => {}
        }
    }

    /// Something has come from the primary.
    pub fn heard_of_primary(&mut self, bytes: usize, now: Monotonic) {
        self.replica.received_bytes += bytes as u64;
        self.stats.total_net_input_bytes += bytes as u64;
        if let Some(upstream) = &mut self.replication.upstream {
            upstream.heard_at = now;
            if let Link::Transfer { received, last, .. } = &mut upstream.link {
                *received += bytes as u64;
                *last = now;
            }
        }
    }

    /// What the link may go on from: the history's name, and how much of it there is.
    pub fn resume_point(&self) -> Option<(ReplicationId, u64)> {
        let upstream = self.replication.upstream.as_ref()?;
        let history = &self.replication.history;
        upstream.has_history.then(|| (history.id(), history.offset()))
    }

    /// The primary goes on where this node is, perhaps under another name.
    pub fn resume_sync(&mut self, id: Option<ReplicationId>) {
        let replication = &mut self.replication;
        let old = replication.history.id();
        if let Some(id) = id.filter(|id| *id != old) {
            if !replication.faults.keeps_old_id {
                info!("Master replication ID changed to {id}");
            }
            replication.history.renamed(id);
            self.drop_replicas();
        }
        let replication = &mut self.replication;
        let offset = replication.history.offset();
        replication.backlog.get_or_insert_with(|| Backlog::new(offset));
        if let Some(upstream) = &mut replication.upstream {
            upstream.refused = None;
        }
    }

    /// Whether a snapshot is to be refused: it is empty and of a history that is not known here, but there is data here (P15).
    pub fn refuses_empty(&self, id: Option<ReplicationId>) -> bool {
        let is_known = id.is_some_and(|id| self.replication.history.knows(id));
        !is_known && !self.keyspace.is_empty() && !self.config.replica_accept_empty_primary
    }

    /// The data goes, and a snapshot of so many bytes is loaded in its place, or it stays until that is there.
    pub fn begin_full_sync(&mut self, total_bytes: u64, instead: Instead, now: Now) {
        if instead != Instead::OfAll {
            self.replica.serves_meanwhile = instead == Instead::Shown;
            let databases = self.keyspace.databases.len();
            self.replica.incoming = Some(Keyspace::new(databases, *self.keyspace.hasher()));
        } else {
            self.forget_all(now);
        }
        self.begin_load(total_bytes, now);
    }

    /// Nothing of the data stays, nor of what it was.
    fn forget_all(&mut self, now: Now) {
        for db in 0..self.keyspace.databases.len() {
            if let Some((_, cleared)) = self.clear_database(db, now) {
                self.discard_later(cleared);
            }
        }
        self.flush_libraries();
        self.tracked_keys_flushed();
        self.forget_history();
    }

    fn forget_history(&mut self) {
        let id = self.new_replication_id();
        self.drop_replicas();
        let replication = &mut self.replication;
        replication.serving.forget_lost();
        replication.history.forget(id);
        replication.backlog = None;
        if let Some(upstream) = &mut replication.upstream {
            upstream.has_history = false;
        }
        self.replica.own_deadlines.clear();
        self.update_readers();
    }

    /// The snapshot is there: of this history at this offset, if the primary has said which. What was loaded beside the data takes
    /// its place, with these libraries.
    pub fn end_full_sync(
        &mut self,
        place: Option<(ReplicationId, u64)>,
        libraries: &[Vec<u8>],
        now: Now,
    ) -> Result<(), Failure> {
        if let Some(incoming) = self.replica.incoming.take() {
            self.forget_all(now);
            for (database, incoming) in self.keyspace.databases.iter_mut().zip(incoming.databases) {
                database.take_over(incoming);
            }
            for library in libraries {
                self.load_library(library, Existing::Stays)?;
            }
        }
        let replication = &mut self.replication;
        if let Some((id, offset)) = place {
            replication.history.follow(id, offset);
        }
        replication.backlog = Some(Backlog::new(replication.history.offset()));
        if let Some(upstream) = &mut replication.upstream {
            upstream.has_history = place.is_some();
            // A primary selects anew behind a snapshot; one that is a replica itself sends on what it gets.
            upstream.db = self.replica.said.db.unwrap_or(0);
            upstream.refused = None;
        }
        self.changes += self.persistence.loaded.keys;
        self.end_sync_load();
        self.forget_loaded_history();
        self.update_readers();
        (0..self.keyspace.databases.len()).for_each(|db| self.waiting.touch_all(db));
        self.serve_waiting(now);
        Ok(())
    }

    /// The snapshot is of no use. What was loaded goes; what was beside it stays.
    pub fn fail_full_sync(&mut self, now: Now) {
        if let Some(incoming) = self.replica.incoming.take() {
            for mut database in incoming.databases {
                let cleared = database.clear();
                self.discard_later(cleared);
            }
        } else {
            self.forget_all(now);
        }
        self.end_sync_load();
        self.forget_loaded_history();
    }

    /// Begins to do what the primary says: as this client.
    pub fn begin_stream(&mut self, client: SessionHandle) {
        let forgets = self.replication.faults.forgets_select;
        let db = self.replication.upstream.as_ref().map_or(0, |upstream| upstream.db);
        let session: &mut Session = &mut self.sessions[client];
        session.role = ClientRole::Primary;
        session.db = if forgets { 0 } else { db };
    }

    /// Whether what the primary says has to wait: a script stands in the middle of the data set, or writes are held back.
    pub fn holds_stream(&self, now: Now) -> bool {
        // This node's own replicas hold it up as they hold up those who write to a primary.
        self.is_script_suspended()
            || self.pause.active(now.mono).is_some()
            || self.replication.holds_writers()
    }

    /// A unit of what the primary says begins. Its commands are given to [`Engine::apply`].
    #[inline]
    pub fn begin_unit(&mut self, now: Now) {
        self.note_replay(Some(now.wall.millis()));
        self.effects.begin();
    }

    /// It ends.
    #[inline]
    pub fn end_unit(&mut self, now: Now) {
        self.effects.end();
        self.note_replay(None);
        self.serve_waiting(now);
    }

    /// Does what the primary says: a command, as it was done there. What it answers is appended to `out`.
    pub fn apply(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        prepared: Prepared,
        out: &mut Vec<u8>,
        now: Now,
    ) {
        let start = out.len();
        let command = match gates::resolve(&self.table, prepared, request) {
            Ok(row) => row.command,
            Err(failure) => {
                self.count_rejected(prepared, &failure);
                return self.diverges(request, failure.text());
            }
        };
        let session = &mut self.sessions[client];
        session.commands += 1;
        session.last_command = command.name;
        // `resolve` has seen that there is a command.
        let (id, key) = (prepared.command.unwrap_or_default(), prepared.key);
        let running = Running { client, command, id, key, version: Version::Resp2, source: Source::Client };
        // Deadlines lie ahead of this moment, all of them.
        let at = Now { mono: now.mono, wall: UnixTime(0) };
        self.uncounted = false;
        self.nesting += 1;
        let mut flow = self.execute(request, running, out, at);
        while flow == Flow::Script {
            // What a primary of old sends as a script is not left in its middle: it is a part of a unit.
            flow = self.resume_script(out, at);
        }
        self.nesting -= 1;
        if out.get(start) == Some(&b'-') {
            let text = out[start + 1..].trim_ascii_end().to_vec();
            self.diverges(request, &text);
        }
        let outbox = &mut self.sessions[client].outbox;
        if !outbox.is_empty() {
            *outbox = Vec::new();
        }
    }

    /// Counts a command that [`Engine::apply`] has run.
    #[inline]
    pub fn count_applied(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        prepared: Prepared,
        elapsed: Duration,
        now: Now,
    ) {
        self.count_time(client, request, prepared, elapsed, now);
    }

    /// What the primary could do cannot be done here: the data is not the same any more.
    #[cold]
    fn diverges(&self, request: Request<'_>, text: &[u8]) {
        error!(
            "== CRITICAL == This replica is sending an error to its master: '{}' after processing the command '{}'",
            String::from_utf8_lossy(text),
            String::from_utf8_lossy(request.name()).to_ascii_lowercase(),
        );
    }

    /// This much of what the primary has sent has been done: whole units.
    pub fn note_applied(&mut self, client: SessionHandle, bytes: &[u8]) {
        self.replication.advance(bytes);
        let db = self.sessions[client].db;
        if let Some(upstream) = &mut self.replication.upstream {
            upstream.db = db;
        }
        self.trim_backlog();
    }

    /// Whether keys are only hidden when their deadline has passed, since their primary will say so.
    #[inline]
    pub(super) fn hides_expired(&self) -> bool {
        self.replication.is_replica() && !self.replication.faults.expires_as_replica
    }

    /// Whether writes of clients are refused, since this node's data is its primary's.
    #[inline]
    pub(super) fn is_read_only(&self) -> bool {
        self.replication.is_replica() && self.config.replica_read_only
    }

    /// Whether this node takes no part in keeping memory below its limit: its primary does.
    #[inline]
    pub(super) fn leaves_memory_to_primary(&self) -> bool {
        self.replication.is_replica()
            && self.config.replica_ignore_maxmemory
            && !self.replication.faults.evicts_as_replica
    }

    /// Whether data may be stale, and is not to be seen then.
    #[inline]
    pub(super) fn is_master_down(&self) -> bool {
        !self.config.replica_serve_stale_data
            && self.replication.upstream.as_ref().is_some_and(|upstream| !upstream.is_connected())
    }

    /// A client of a writable replica has written: notes which of the keys have a deadline.
    #[cold]
    pub(super) fn note_own_deadlines(&mut self, client: SessionHandle, request: Request<'_>, id: CommandId) {
        let db = self.sessions[client].db;
        let row = self.table.row(id);
        if !row.has(Flag::Write) {
            return;
        }
        let places = |spec: &super::command::KeySpec| spec.positions(request.len(), |i| request.arg(i));
        let places = row.command.keys.iter().flat_map(|spec| places(spec).unwrap_or_default());
        let keys: Vec<Vec<u8>> = places.map(|at| request.arg(at).to_vec()).collect();
        for key in keys {
            let hashed = self.keyspace.hasher().key(&key);
            let expiry = self.keyspace.databases[db].get(&hashed).and_then(|entry| entry.expiry());
            match expiry {
                Some(_) => self.replica.own_deadlines.insert((db, key)),
                None => self.replica.own_deadlines.remove(&(db, key)),
            };
        }
    }

    /// Removes what clients of this replica have written and is past its deadline. True while there may be more.
    pub(super) fn expire_own_step(&mut self, now: Now) -> usize {
        let some: Vec<(usize, Vec<u8>)> =
            self.replica.own_deadlines.iter().take(OWN_DEADLINES_STEP).cloned().collect();
        let mut removed = 0;
        self.effects.begin();
        for place in some {
            let (db, key) = (place.0, self.keyspace.hasher().key(&place.1));
            let expiry = self.keyspace.databases[db].get(&key).and_then(|entry| entry.expiry());
            match expiry {
                Some(at_ms) if at_ms >= now.wall.millis() => continue,
                Some(_) => {
                    self.remove_expired(db, &key);
                    removed += 1;
                }
                None => {}
            }
            self.replica.own_deadlines.remove(&place);
        }
        self.effects.end();
        removed
    }

    /// A file that is loaded says something of its place in a history.
    pub fn note_loaded_history(&mut self, name: &[u8], value: &[u8]) {
        let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok());
        let said = &mut self.replica.said;
        match name {
            b"repl-stream-db" => said.db = number().and_then(|db| usize::try_from(db).ok()),
            b"repl-id" => said.id = ReplicationId::parse(value),
            b"repl-offset" => said.offset = number().and_then(|offset| u64::try_from(offset).ok()),
            _ => {}
        }
        if let Said { id: Some(id), offset: Some(offset), db } = self.replica.said {
            let known = db.unwrap_or(0) < self.keyspace.databases.len();
            self.replica.loaded = known.then_some(Position { id, offset, db: db.unwrap_or(0) });
        }
    }

    /// An append log that is loaded says at which place of a history it ends.
    pub fn note_loaded_place(&mut self, words: &[u8]) {
        let mut words = words.split(|byte| *byte == b' ');
        for name in [&b"repl-id"[..], b"repl-offset", b"repl-stream-db"] {
            self.note_loaded_history(name, words.next().unwrap_or_default());
        }
    }

    /// The same line of this node, if it knows where it is in a history that somebody may follow.
    pub fn place_words(&self) -> Option<String> {
        let follows_unknown =
            self.replication.upstream.as_ref().is_some_and(|upstream| !upstream.has_history);
        let Position { id, offset, db } = self.position().filter(|_| !follows_unknown)?;
        Some(format!("{id} {offset} {db}"))
    }

    /// Whether a snapshot is loaded while the data is shown that it will take the place of (INFO `async_loading`).
    pub fn is_async_loading(&self) -> bool {
        self.replica.incoming.is_some() && self.replica.serves_meanwhile
    }

    /// What was loaded is no place in a history after all: something was added to it.
    pub fn forget_loaded_history(&mut self) {
        (self.replica.loaded, self.replica.said) = (None, Said::default());
    }

    /// The start has loaded the data set: it may be a known place in a history.
    pub fn take_up_loaded_history(&mut self) {
        let Some(Position { id, offset, db }) = self.replica.loaded.take() else { return };
        let new = self.new_replication_id();
        let replication = &mut self.replication;
        match &mut replication.upstream {
            Some(upstream) => {
                replication.history.follow(id, offset);
                (upstream.has_history, upstream.db) = (true, db);
                replication.backlog = Some(Backlog::new(offset));
            }
            None => {
                replication.history.resume_under(new, id, offset);
                self.open_backlog();
            }
        }
    }

    /// Whether what was past its deadline when it was loaded stays: somebody follows a history in which it is.
    pub fn keeps_expired(&self) -> bool {
        self.replication.is_replica() || self.replica.loaded.is_some()
    }

    /// A primary that is empty was refused, and why.
    pub fn note_refused(&mut self, why: &str) {
        if let Some(upstream) = &mut self.replication.upstream {
            if upstream.refused.is_none() {
                warn!("{why}");
            }
            upstream.refused = Some(why.to_owned());
        }
    }

    /// Bytes of memory of a snapshot that is loaded beside the data.
    pub fn incoming_bytes(&self) -> usize {
        self.replica.incoming.as_ref().map_or(0, Keyspace::memory_bytes)
    }
}
