//! Saving and loading as the engine sees them: what is under way, how it ended last, and what that forbids.
//!
//! ```text
//! loading --all is there--> at rest --begin_save--> saving --end_save--> at rest
//!                                                   saving --abort_save--> clearing --end_save--> at rest
//! ```
//!
//! A save is a point-in-time iteration over all databases together: it shows the data set as it was when it began, whatever
//! happens meanwhile. Files are the node's concern: it takes what [`Engine::save_step`] shows, and says how it ended.
//!
//! The base of an append log is saved in the same way, and what replicas begin with; it is no save that anybody asked for, and counts as none. While the append
//! log is loaded, no key expires: what the log does not say has not happened.
//!
//! Guarantees: at most one save at a time; `changes` are subtracted only when what they changed is durable.

use std::time::Duration;

use super::run::Running;
use super::session::SessionHandle;
use super::{Engine, Failure, Source, gates};
use crate::dump::Loaded;
use crate::keyspace::{Key, Keyspace, NewValue, Place, Shown, Slot, SnapshotStep, Vacant};
use crate::protocol::reply::Version;
use crate::protocol::request::Request;
use crate::replication::ReplicationId;
use crate::runtime::{Monotonic, Now, UnixTime};
use crate::types::Object;

/// After a save by itself has failed, the next attempt comes so much later.
const RETRY: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Debug, Default)]
pub struct Persistence {
    loading: Option<Loading>,
    /// An append log is being loaded, at this time in Unix milliseconds.
    replaying: Option<i64>,
    saving: Option<Saving>,
    /// A save is to begin as soon as it can.
    scheduled: bool,
    last: LastSave,
    /// How many saves have ended well.
    saves: u64,
    /// What the last load found.
    pub loaded: LoadFigures,
}

/// How far a load is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Loading {
    /// When it began.
    pub since: Now,
    /// Bytes of the files, and how many of them have been read.
    pub total_bytes: u64,
    /// See `total_bytes`.
    pub loaded_bytes: u64,
}

/// What a load found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LoadFigures {
    /// Keys that are there now.
    pub keys: u64,
    /// Keys that were past their deadline, and were left out.
    pub expired: u64,
}

/// What is saved for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Purpose {
    /// The dump file.
    #[default]
    Dump,
    /// The base of the append log.
    Base,
    /// What replicas begin with.
    Sync,
}

#[derive(Clone, Copy, Debug)]
struct Saving {
    purpose: Purpose,
    since: Now,
    /// Changes that the file will hold.
    changes: u64,
    /// Keys to be shown, and how many were.
    keys: u64,
    shown: u64,
    aborted: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct LastSave {
    /// When the last good one ended, or the node started, in Unix seconds.
    ended: i64,
    /// `Engine::changes` as that one knew them.
    changes: u64,
    tried: Option<Monotonic>,
    failed: bool,
    took: Option<Duration>,
}

/// What stands before the entries of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SaveHead {
    /// What for.
    pub purpose: Purpose,
    /// For each database, in order: its keys, and those of them with a deadline.
    pub databases: Vec<(usize, usize)>,
    /// The texts of the libraries.
    pub libraries: Vec<Vec<u8>>,
    /// When, and with how much memory in use.
    pub at: Now,
    /// See `at`.
    pub used_memory: usize,
    /// Where in its history the data set is, if that can be said and somebody may go on from there.
    pub history: Option<Position>,
}

/// A place in a history.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// Its name.
    pub id: ReplicationId,
    /// Bytes so far.
    pub offset: u64,
    /// The database that is selected there.
    pub db: usize,
}

/// For INFO and LASTSAVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaveFigures {
    /// Changes since the last good save.
    pub changes: u64,
    /// When that one ended, in Unix seconds.
    pub last_save: i64,
    /// Whether the last attempt went well.
    pub last_ok: bool,
    /// How long that took.
    pub last_took: Option<Duration>,
    /// Since when one is under way, with the keys shown and to be shown.
    pub under_way: Option<(Now, u64, u64)>,
    /// Saves that ended well.
    pub saves: u64,
    /// Bytes that are held back for the one under way.
    pub held_bytes: usize,
}

/// At most one save at a time.
pub const IN_PROGRESS: Failure = Failure::fixed("ERR Background save already in progress");
/// A rewrite of the append log is a save as well.
pub const REWRITING: Failure = Failure::fixed(
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE \
     whenever possible.",
);
pub(super) const LOADING: Failure = Failure::fixed("LOADING Redis is loading the dataset in memory");
pub(super) const SAVE_FAILED: Failure = Failure::fixed(
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may \
     modify the data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting \
     fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error.",
);

impl Persistence {
    /// How far the load that is under way is.
    #[inline]
    pub fn loading(&self) -> Option<Loading> {
        self.loading
    }

    /// Whether an append log is being loaded: the time by which it is, in Unix milliseconds.
    #[inline]
    pub fn replaying(&self) -> Option<i64> {
        self.replaying
    }

    /// What the save under way is for.
    pub fn saving_for(&self) -> Option<Purpose> {
        self.saving.map(|saving| saving.purpose)
    }

    /// Whether a save is under way.
    pub fn is_saving(&self) -> bool {
        self.saving.is_some()
    }

    /// Whether the save under way has been given up: what is shown is to go nowhere.
    pub fn is_aborted(&self) -> bool {
        self.saving.is_some_and(|saving| saving.aborted)
    }

    /// Whether the last save failed.
    #[inline]
    pub fn has_failed(&self) -> bool {
        self.last.failed
    }

    /// Has a save begin as soon as it can.
    pub fn schedule(&mut self) {
        self.scheduled = true;
    }
}

impl Engine {
    /// Begins a save of the data set as it is now. An error if one is under way, or the data set is not whole: it is being
    /// loaded, or a script stands in its middle.
    pub fn begin_save(&mut self, purpose: Purpose, now: Now) -> Result<SaveHead, Failure> {
        // The base of a new log is saved before the node serves.
        let is_loading = self.persistence.loading.is_some() && purpose != Purpose::Base;
        match self.persistence.saving_for() {
            Some(Purpose::Base) => return Err(REWRITING),
            Some(Purpose::Dump | Purpose::Sync) => return Err(IN_PROGRESS),
            None if is_loading || self.is_script_suspended() => return Err(IN_PROGRESS),
            None => {}
        }
        let (used_memory, history) = (self.used_memory(), self.position());
        let mut head = SaveHead { purpose, at: now, used_memory, history, ..SaveHead::default() };
        for (number, database) in self.keyspace.databases.iter_mut().enumerate() {
            head.databases.push((database.len(), database.volatile_len()));
            // The last save has been stepped to its end, so there is none.
            let begun = database.is_empty() || database.snapshot_begin(number);
            debug_assert!(begun, "one save at a time");
        }
        head.libraries = self.scripts.libraries().iter().map(|(_, library)| library.text.to_vec()).collect();
        let keys = self.keyspace.len() as u64;
        if purpose == Purpose::Dump {
            self.persistence.scheduled = false;
            self.persistence.last.tried = Some(now.mono);
        }
        self.persistence.saving =
            Some(Saving { purpose, since: now, changes: self.changes, keys, shown: 0, aborted: false });
        Ok(head)
    }

    /// Goes on with the save for so many buckets, or some elements of a large value; `sink` gets each entry once, large ones in
    /// parts, with the number that its database had. `Done`:
    /// all has been shown, and nothing is left to be cleared away.
    pub fn save_step(&mut self, buckets: usize, mut sink: impl FnMut(usize, Shown<'_>)) -> SnapshotStep {
        let mut shown = 0;
        let step = self.keyspace.snapshot_step(buckets, |database, part| {
            shown += u64::from(!matches!(part, Shown::Part(_)));
            sink(database, part);
        });
        if let Some(saving) = &mut self.persistence.saving {
            saving.shown += shown;
        }
        step
    }

    /// Gives the save under way up, if there is one: nothing more is shown, but it has to be stepped to its end.
    pub fn abort_save(&mut self) {
        if let Some(saving) = &mut self.persistence.saving {
            saving.aborted = true;
            self.keyspace.databases.iter_mut().for_each(crate::keyspace::Database::snapshot_abort);
        }
    }

    /// The save under way has failed: the same, but it was not given up on purpose.
    pub fn abort_failed_save(&mut self) {
        self.keyspace.databases.iter_mut().for_each(crate::keyspace::Database::snapshot_abort);
    }

    /// The save has ended; all that it held back is cleared away.
    pub fn end_save(&mut self, durable: bool, now: Now) {
        let Some(saving) = self.persistence.saving.take() else { return };
        if saving.purpose != Purpose::Dump {
            return;
        }
        let last = &mut self.persistence.last;
        if durable {
            (last.ended, last.changes) = (now.wall.seconds(), saving.changes);
            self.persistence.saves += 1;
        }
        last.took = Some(now.mono - saving.since.mono);
        // Who gave it up knows why.
        last.failed = !durable && !saving.aborted;
    }

    /// Whether it is time for a save by itself.
    pub fn save_is_due(&self, now: Now) -> bool {
        let Persistence { last, scheduled, .. } = &self.persistence;
        // Half of what a script does is not to be saved.
        if self.persistence.is_saving() || self.persistence.loading.is_some() || self.is_script_suspended() {
            return false;
        }
        if last.failed && last.tried.is_some_and(|tried| now.mono - tried <= RETRY) {
            return false;
        }
        let (changes, seconds) = (self.unsaved_changes(), now.wall.seconds() - self.last_save());
        let reached = |point: &crate::config::SavePoint| {
            changes >= point.changes && seconds > i64::try_from(point.seconds).unwrap_or(i64::MAX)
        };
        *scheduled || self.config.save.0.iter().any(reached)
    }

    /// When the last good save ended, or the node started, in Unix seconds.
    fn last_save(&self) -> i64 {
        self.persistence.last.ended.max(self.identity.started.wall.seconds())
    }

    /// Changes since the last good save.
    pub fn unsaved_changes(&self) -> u64 {
        self.changes.saturating_sub(self.persistence.last.changes)
    }

    /// What INFO says of saving.
    pub fn save_figures(&self) -> SaveFigures {
        let Persistence { last, saving, saves, .. } = &self.persistence;
        let held = self.keyspace.databases.iter().map(crate::keyspace::Database::snapshot_memory_bytes);
        SaveFigures {
            changes: self.unsaved_changes(),
            last_save: self.last_save(),
            last_ok: !last.failed,
            last_took: last.took,
            under_way: saving.map(|saving| (saving.since, saving.shown, saving.keys)),
            saves: *saves,
            held_bytes: held.sum(),
        }
    }

    /// What is loaded from now on is an append log.
    pub fn begin_replay(&mut self, now: Now) {
        self.persistence.replaying = Some(now.wall.millis());
    }

    /// Runs a command of an append log as this client. An error if there is no such command; what the command answers to is
    /// `out`'s.
    pub fn replay(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        out: &mut Vec<u8>,
        now: Now,
    ) -> Result<(), Failure> {
        let prepared = self.prepare(self.sessions[client].db, request);
        let command = gates::resolve(&self.table, prepared, request)?.command;
        // `resolve` has seen that there is a command.
        let (id, key) = (prepared.command.unwrap_or_default(), prepared.key);
        let (version, source) = (Version::Resp2, Source::Client);
        // Deadlines lie ahead of this moment, all of them.
        let at = Now { mono: now.mono, wall: UnixTime(0) };
        self.nesting += 1;
        self.execute(request, Running { client, command, id, key, version, source }, out, at);
        self.nesting -= 1;
        Ok(())
    }

    /// From now on the data set is incomplete.
    pub fn begin_load(&mut self, total_bytes: u64, now: Now) {
        self.persistence.loading = Some(Loading { since: now, total_bytes, loaded_bytes: 0 });
        self.persistence.loaded = LoadFigures::default();
    }

    /// How many bytes have been read.
    pub fn note_loaded(&mut self, bytes: u64) {
        if let Some(loading) = &mut self.persistence.loading {
            loading.loaded_bytes = bytes;
        }
    }

    /// The data set is whole, and what it was loaded from holds all of it.
    pub fn end_load(&mut self, now: Now) {
        self.persistence.loading = None;
        self.persistence.replaying = None;
        self.persistence.last.changes = self.changes;
        self.persistence.last.ended = now.wall.seconds();
        self.keyspace_bytes_seen = self.keyspace.memory_bytes();
    }

    /// A snapshot that a primary has sent is loaded, or was given up.
    pub(super) fn end_sync_load(&mut self) {
        self.persistence.loading = None;
        self.keyspace_bytes_seen = self.keyspace.memory_bytes();
    }

    /// What runs now is what another has done before, at this time by our clock in Unix milliseconds; `None`: no more.
    #[inline]
    pub(super) fn note_replay(&mut self, at_ms: Option<i64>) {
        self.persistence.replaying = at_ms;
    }

    /// Where what is loaded goes.
    fn loading_keyspace(&mut self) -> &mut Keyspace {
        self.replica.incoming.as_mut().unwrap_or(&mut self.keyspace)
    }

    /// Whether what is loaded takes the place of what is there only when it is whole.
    #[inline]
    pub fn is_loading_beside(&self) -> bool {
        self.replica.incoming.is_some()
    }

    /// About so many entries will be loaded into a database: makes room for them, if it is empty.
    pub fn expect_entries(&mut self, db: usize, count: usize) {
        if let Some(database) = self.loading_keyspace().databases.get_mut(db) {
            database.expect(count);
        }
    }

    /// An entry with this name is about to be loaded: the processor may fetch where it goes.
    #[inline]
    pub fn expect_entry(&self, db: usize, name: &[u8]) -> Place {
        let key = self.keyspace.hasher().key(name);
        let keyspace = self.replica.incoming.as_ref().unwrap_or(&self.keyspace);
        if let Some(database) = keyspace.databases.get(db) {
            database.prefetch_bucket(&key);
        }
        key.place()
    }

    /// Takes an entry of a file into a database. One whose deadline is past stays out. An error if the database does not exist
    /// or has the key already.
    pub fn load_entry(
        &mut self,
        db: usize,
        key: Key<'_>,
        loaded: Loaded<'_>,
        deadline_ms: Option<i64>,
        clock: u32,
        now: Now,
    ) -> Result<(), &'static str> {
        let is_late = deadline_ms.is_some_and(|at_ms| at_ms < now.wall.millis());
        if is_late && self.persistence.replaying.is_none() && !self.keeps_expired() {
            self.persistence.loaded.expired += 1;
            return Ok(());
        }
        let database = self
            .loading_keyspace()
            .databases
            .get_mut(db)
            .ok_or("it was saved with more databases than there are here")?;
        let Slot::Vacant(vacant) = database.slot(&key) else { return Err("a key is there twice") };
        let may_have_deadlines = matches!(&loaded, Loaded::Object(Object::Hash(_)));
        insert(vacant, loaded, deadline_ms, clock);
        if may_have_deadlines {
            database.note_fields(&key);
        }
        self.persistence.loaded.keys += 1;
        Ok(())
    }
}

/// Puts what was loaded where nothing stands.
pub fn insert(vacant: Vacant<'_>, loaded: Loaded<'_>, deadline_ms: Option<i64>, clock: u32) {
    let text;
    let value = match loaded {
        Loaded::Int(number) => NewValue::Int(number),
        Loaded::Object(object) => NewValue::Object(object),
        Loaded::Text(loaded) => {
            text = loaded;
            NewValue::Bytes(&text)
        }
    };
    vacant.insert(value, deadline_ms, clock);
}
