//! The node as a primary: whom it serves, what it keeps for them, and how far writers may run ahead of them.

use std::time::Duration;

use super::Replication;
use crate::config::OutputLimit;
use crate::engine::Engine;
use crate::engine::session::{ClientRole, Closing, SessionHandle};
use crate::replication::{Answer, Parts, Replica, ReplicationId, Stage, good, pressure};
use crate::runtime::{Address, Monotonic, Now};

/// For so long a writer waits before it is looked again whether it may go on.
const WRITERS_WAIT: Duration = Duration::from_millis(20);
/// So much more than was asked for may be kept: less work, and nobody can tell.
const TRIM_BYTES: u64 = 64 * 1024;

/// See the module.
#[derive(Debug)]
pub struct Serving {
    /// How many replicas are good enough for `min-replicas-to-write`, as of the last look.
    pub good: usize,
    /// Replicas are not pinged: a failover waits for them to have all there is.
    pub holds_pings: bool,
    /// Somebody waits for copies: replicas are to say at once how far they are.
    pub wants_acks: bool,
    /// Writers wait beyond this offset.
    write_until: u64,
    /// Replicas that are gone, and expected back.
    lost: Vec<Lost>,
    /// Since when there has been none.
    alone_since: Option<Monotonic>,
    pinged_at: Monotonic,
}

/// A replica that is gone.
#[derive(Clone, Copy, Debug)]
struct Lost {
    /// It has all before this offset, and perhaps more.
    from: u64,
    at: Monotonic,
}

impl Default for Serving {
    fn default() -> Serving {
        Serving {
            good: 0,
            holds_pings: false,
            wants_acks: false,
            write_until: u64::MAX,
            lost: Vec::new(),
            alone_since: None,
            pinged_at: Monotonic::default(),
        }
    }
}

impl Serving {
    /// Nobody who is gone can come back: what they have followed is not continued.
    pub fn forget_lost(&mut self) {
        self.lost.clear();
    }
}

impl Replication {
    /// The replicas that have asked for the history.
    pub fn served(&self) -> impl Iterator<Item = (SessionHandle, &Replica)> {
        let asked = |(_, replica): &(&SessionHandle, &Replica)| replica.stage != Stage::Greeting;
        self.replicas.iter().filter(asked).map(|(client, replica)| (*client, replica))
    }

    /// How far behind a replica is, in bytes, if anything is kept for it.
    pub fn lag_bytes(&self, replica: &Replica) -> u64 {
        replica.needs_from().map_or(0, |from| self.history.offset().saturating_sub(from))
    }

    /// Whether somebody who writes has to wait for replicas.
    #[inline]
    pub(in crate::engine) fn holds_writers(&self) -> bool {
        self.history.offset() >= self.serving.write_until
    }
}

impl Engine {
    /// What is known of a client as a replica; from now on it is one.
    pub fn replica_mut(&mut self, client: SessionHandle, now: Now) -> &mut Replica {
        let peer = match self.sessions[client].peer {
            Address::Ip(peer) => Some(peer),
            Address::Unix(_) => None,
        };
        self.replication.replicas.entry(client).or_insert_with(|| Replica::new(peer, now.mono))
    }

    /// PSYNC and SYNC: a client wants the history, from `from` on if it has followed `asked` so far.
    pub fn serve_replica(
        &mut self,
        client: SessionHandle,
        asked: Option<ReplicationId>,
        from: Option<u64>,
        now: Now,
    ) -> Answer {
        let kept = self.replication.backlog.as_ref().map(|backlog| backlog.range());
        let answer = self.replication.history.answer(asked, from, kept);
        self.sessions[client].role = ClientRole::Replica;
        self.replication.serving.alone_since = None;
        match answer {
            Answer::Continue { from } => self.go_on(client, from, now),
            Answer::Full(_) => self.begin_anew(client, now),
        }
        answer
    }

    fn go_on(&mut self, client: SessionHandle, from: u64, now: Now) {
        self.stats.sync_partial_ok += 1;
        let skipped =
            u64::from(self.replication.faults.skips_byte && from < self.replication.history.offset());
        self.replica_mut(client, now).goes_on(from + skipped, now.mono);
        // Nearly always the one that is back.
        let lost = &mut self.replication.serving.lost;
        let back =
            lost.iter().enumerate().filter(|(_, lost)| lost.from <= from).max_by_key(|(_, lost)| lost.from);
        if let Some((at, _)) = back {
            lost.swap_remove(at);
        }
        self.look_at_replicas(now.mono);
    }

    fn begin_anew(&mut self, client: SessionHandle, now: Now) {
        self.stats.sync_full += 1;
        self.replica_mut(client, now).begins_anew(now.mono);
        if self.replication.backlog.is_none() && !self.replication.is_replica() {
            // What was written while nothing was kept has not been counted: the old name says nothing.
            let id = self.new_replication_id();
            self.replication.history.forget(id);
        }
        self.open_backlog();
    }

    /// A replica says how far it is (REPLCONF ACK).
    pub fn note_ack(&mut self, client: SessionHandle, acked: u64, synced: Option<u64>, now: Now) {
        let replica = self.replica_mut(client, now);
        let was_online = replica.is_online;
        replica.on_ack(acked, synced, now.mono);
        let is_online = replica.is_online;
        self.note_copies();
        if is_online && !was_online {
            self.look_at_replicas(now.mono);
            // Now it may be sent what was written since.
            self.replication.has_news = true;
            self.wake(client);
        }
    }

    /// The replicas that wait for a snapshot with the same parts as the first of them; since when that one does.
    pub fn waiting_replicas(&self) -> Option<(Monotonic, Parts, Vec<SessionHandle>)> {
        let since = |replica: &Replica| match replica.stage {
            Stage::Waiting { since } => Some(since),
            _ => None,
        };
        let waiting =
            || self.replication.replicas.iter().filter_map(|(c, r)| since(r).map(|at| (at, *c, r.parts)));
        let (since, _, parts) = waiting().min_by_key(|(at, ..)| *at)?;
        Some((
            since,
            parts,
            waiting().filter(|(.., other)| *other == parts).map(|(_, client, _)| client).collect(),
        ))
    }

    /// A replica's connection has ended. One that may come back finds what it needs, for a while.
    pub fn note_replica_lost(&mut self, client: SessionHandle, now: Monotonic) {
        let Some(replica) = self.replication.replicas.remove(&client) else { return };
        if replica.stage == Stage::Streaming && replica.is_online && !replica.only_snapshot && !replica.is_old
        {
            self.replication.serving.lost.push(Lost { from: replica.has_at_least(), at: now });
        }
        self.look_at_replicas(now);
    }

    /// Ends the connections of all replicas: they have to ask anew, since the history that they follow goes on under another
    /// name, or not at all.
    pub fn drop_replicas(&mut self) {
        let served: Vec<SessionHandle> = self.replication.served().map(|(client, _)| client).collect();
        served.into_iter().for_each(|client| self.close_session(client, Closing::Now));
    }

    /// How many replicas are good enough, and how far writers may go: after anything that moves a replica, and now and then.
    pub fn look_at_replicas(&mut self, now: Monotonic) {
        let lag_max = Duration::from_secs(self.config.min_replicas_max_lag_seconds.into());
        self.replication.serving.good = good(self.replication.replicas.values(), lag_max, now);
        self.replicas_moved(now);
    }

    /// How far writers may go.
    pub fn replicas_moved(&mut self, now: Monotonic) {
        let is_loading = |replica: &Replica| matches!(replica.stage, Stage::Loading { .. });
        let held = match self.replication.replicas.values().any(is_loading) {
            true => self.save_figures().held_bytes as u64,
            false => 0,
        };
        let limit = self.output_limit_of_replicas().hard_bytes;
        self.replication.serving.write_until =
            pressure::write_until(self.replication.replicas.values(), limit, held, now);
    }

    /// How far a replica may be behind. As in Redis what is kept anyway is nothing to be dropped for.
    pub fn output_limit_of_replicas(&self) -> OutputLimit {
        let raised = |bytes: u64| if bytes == 0 { 0 } else { bytes.max(self.config.repl_backlog_size_bytes) };
        let OutputLimit { hard_bytes, soft_bytes, soft_seconds } =
            self.config.client_output_buffer_limits.replica;
        OutputLimit { hard_bytes: raised(hard_bytes), soft_bytes: raised(soft_bytes), soft_seconds }
    }

    /// Until when a writer has to wait for replicas to catch up, if it has to.
    #[inline]
    pub(in crate::engine) fn writers_wait(&mut self, now: Now) -> Option<Monotonic> {
        if !self.replication.holds_writers() {
            return None;
        }
        self.stats.writes_held_for_replicas += 1;
        Some(now.mono + WRITERS_WAIT)
    }

    /// Lets go what nobody needs any more of the history.
    #[inline]
    pub fn trim_backlog(&mut self) {
        let size = self.config.repl_backlog_size_bytes;
        if self
            .replication
            .backlog
            .as_ref()
            .is_some_and(|backlog| backlog.len() > size.saturating_add(TRIM_BYTES))
        {
            self.trim_backlog_to(size);
        }
    }

    fn trim_backlog_to(&mut self, size: u64) {
        let limit = self.output_limit_of_replicas().hard_bytes;
        let Replication { history, replicas, serving, backlog, .. } = &mut self.replication;
        let Some(backlog) = backlog else { return };
        let reachable = |lost: &Lost| limit == 0 || history.offset().saturating_sub(lost.from) <= limit;
        let lost = serving.lost.iter().filter(|lost| reachable(lost)).map(|lost| lost.from);
        let needed = replicas.values().filter_map(Replica::needs_from).chain(lost).min();
        backlog.trim(size, needed);
    }

    /// What falls due by itself; to be called several times a second.
    pub fn tend_replicas(&mut self, now: Monotonic) {
        self.replication.replicas.values_mut().for_each(|replica| replica.pace.tick(replica.has_all, now));
        let patience = Duration::from_secs(self.config.repl_timeout_seconds.into());
        self.replication.serving.lost.retain(|lost| now - lost.at <= patience);
        self.look_at_replicas(now);
        self.trim_backlog();
        self.ping_replicas(now);
        if self.replication.is_replica() {
            // What a replica keeps is for those who follow it when it is promoted: only then the time begins.
            self.replication.serving.alone_since = None;
        } else if self.replication.served().next().is_none() {
            self.replication.serving.alone_since.get_or_insert(now);
        }
        self.drop_old_backlog(now);
    }

    /// The primary at the top lets those who repeat it know that it lives.
    fn ping_replicas(&mut self, now: Monotonic) {
        let period = Duration::from_secs(self.config.repl_ping_replica_period_seconds.into());
        let serving = &self.replication.serving;
        let is_due = now - serving.pinged_at >= period && !serving.holds_pings;
        if is_due && !self.replication.is_replica() && self.replication.served().next().is_some() {
            self.replication.serving.pinged_at = now;
            self.tell_replicas(&[b"PING"]);
        }
    }

    /// Asks replicas how far they are, if somebody wants to know: once for all who do. To be called before what was done is
    /// handed over.
    #[inline]
    pub fn ask_for_acks(&mut self) {
        if std::mem::take(&mut self.replication.serving.wants_acks) {
            self.tell_replicas(&[b"REPLCONF", b"GETACK", b"*"]);
        }
    }

    /// Puts a command into the history that changes nothing.
    pub fn tell_replicas(&mut self, arguments: &[&[u8]]) {
        self.effects.begin();
        self.effects.push_aside(arguments);
        self.effects.end();
    }

    /// `repl-backlog-ttl`
    fn drop_old_backlog(&mut self, now: Monotonic) {
        let ttl = Duration::from_secs(self.config.repl_backlog_ttl_seconds);
        let replication = &self.replication;
        let is_old = replication.serving.alone_since.is_some_and(|since| now - since > ttl);
        if is_old && !ttl.is_zero() && !replication.is_replica() && replication.backlog.is_some() {
            // From here on what is written is not counted, so that the name must not be trusted any more.
            let id = self.new_replication_id();
            self.replication.history.forget(id);
            self.replication.backlog = None;
            self.replication.serving.alone_since = None;
            self.update_readers();
            tracing::info!(
                "Replication backlog freed after {} seconds without connected replicas.",
                ttl.as_secs()
            );
        }
    }
}
