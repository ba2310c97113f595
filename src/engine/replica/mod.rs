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
//!
//! | file | what stands there |
//! |---|---|
//! | here | whom the node follows, and what a replica does not do |
//! | `sync` | a snapshot in the place of the data |
//! | `stream` | what the primary says |
//! | `place` | where in a history the node is after a restart |
//! | `deadlines` | what clients of a writable replica have given a deadline |

mod deadlines;
mod place;
mod stream;
mod sync;

pub use sync::Instead;

use std::collections::BTreeSet;

use tracing::info;

use super::Engine;
use super::blocking::Unblocked;
use super::persistence::Position;
use super::replication::ReplicationFaults;
use super::session::{Closing, SessionHandle};
use crate::keyspace::Keyspace;
use crate::replication::{Backlog, Link, ReplicationId, Upstream};
use crate::runtime::{Monotonic, Now};

/// What a file says of its place in a history, word for word, as far as it was read.
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

    /// Whether keys are only hidden when their deadline has passed, since their primary will say so.
    #[inline]
    pub(in crate::engine) fn hides_expired(&self) -> bool {
        self.replication.is_replica() && !self.replication.faults.expires_as_replica
    }

    /// Whether writes of clients are refused, since this node's data is its primary's.
    #[inline]
    pub(in crate::engine) fn is_read_only(&self) -> bool {
        self.replication.is_replica() && self.config.replica_read_only
    }

    /// Whether this node takes no part in keeping memory below its limit: its primary does.
    #[inline]
    pub(in crate::engine) fn leaves_memory_to_primary(&self) -> bool {
        self.replication.is_replica()
            && self.config.replica_ignore_maxmemory
            && !self.replication.faults.evicts_as_replica
    }

    /// Whether data may be stale, and is not to be seen then.
    #[inline]
    pub(in crate::engine) fn is_master_down(&self) -> bool {
        !self.config.replica_serve_stale_data
            && self.replication.upstream.as_ref().is_some_and(|upstream| !upstream.is_connected())
    }
}
