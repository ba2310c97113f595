//! Replication as the engine sees it: the history that it writes or repeats, its replicas, its own primary.
//!
//! ```text
//! primary: requests ──effects──► hand_over ──► history + backlog ──► replicas (the node sends)
//! replica: primary's bytes ──unit by unit──► run, history + backlog ──► its own replicas (the same bytes)
//! ```
//!
//! Guarantees: an offset stands for one data set: the history is advanced in the same step in which what it says has been done; a
//! replica leaves nothing for its own replicas but what its primary wrote. All is decided elsewhere ([`crate::replication`])
//! and driven by the node; here it is brought together with requests and effects.

mod primary;

use std::collections::BTreeMap;

use super::Engine;
use super::effects::{Audience, Reader};
use super::persistence::Position;
use super::session::SessionHandle;
use crate::replication::{Backlog, Failover, History, Replica, ReplicationId, Upstream};

pub use primary::Serving;

/// Mistakes in replication that a node makes on purpose (see [`crate::node::Faults`]).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReplicationFaults {
    /// WAIT counts replicas that have not said that they have the write.
    pub wait_early: bool,
    /// A promoted replica goes on under its primary's name.
    pub keeps_old_id: bool,
    /// A byte is left out of what a replica gets that goes on.
    pub skips_byte: bool,
    /// A replica follows the stream before all of the snapshot is there.
    pub applies_early: bool,
    /// A replica evicts.
    pub evicts_as_replica: bool,
    /// A replica removes what is past its deadline by its own clock.
    pub expires_as_replica: bool,
    /// A replica that goes on does not remember which database is selected.
    pub forgets_select: bool,
    /// The old name holds for one byte more than it should.
    pub second_offset_off_by_one: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Replication {
    /// What has been written or repeated.
    pub history: History,
    /// The end of it, if anybody may want it.
    pub backlog: Option<Backlog>,
    /// This node's primary; `None`: it is one.
    pub upstream: Option<Upstream>,
    /// Those who have introduced themselves as replicas.
    pub replicas: BTreeMap<SessionHandle, Replica>,
    /// What a primary keeps beside them.
    pub serving: Serving,
    /// FAILOVER.
    pub failover: Failover,
    /// Something was added to the backlog that the node has not told the replicas' tasks of.
    pub has_news: bool,
    /// None, but where checkers are checked.
    pub faults: ReplicationFaults,
}

impl Replication {
    pub(super) fn new(id: ReplicationId, upstream: Option<Upstream>) -> Replication {
        Replication {
            history: History::new(id),
            backlog: None,
            upstream,
            replicas: BTreeMap::new(),
            serving: Serving::default(),
            failover: Failover::default(),
            has_news: false,
            faults: ReplicationFaults::default(),
        }
    }

    /// Whether this node repeats what another writes.
    #[inline]
    pub fn is_replica(&self) -> bool {
        self.upstream.is_some()
    }

    /// Adds a stretch of history that has been done.
    pub fn advance(&mut self, bytes: &[u8]) {
        self.history.advance(bytes.len() as u64);
        if let Some(backlog) = &mut self.backlog {
            backlog.append(bytes);
            self.has_news = true;
        }
    }
}

impl Engine {
    /// A name for a new history.
    pub fn new_replication_id(&mut self) -> ReplicationId {
        ReplicationId::from_random([self.random(), self.random(), self.random()])
    }

    /// Hands what was done to those who take it: the log's part to `log`, the rest to the backlog. Whole units only.
    pub fn hand_over(&mut self, log: &mut Vec<u8>) {
        let replication = &mut self.replication;
        self.effects.drain(|bytes| log.extend_from_slice(bytes), |bytes| replication.advance(bytes));
        self.trim_backlog();
    }

    /// The offset of all that was done, also of what has not been handed over yet.
    pub fn replication_offset(&self) -> u64 {
        let pending =
            if self.effects.readers().replicas { self.effects.pending_bytes(Reader::Replicas) } else { 0 };
        self.replication.history.offset() + pending as u64
    }

    /// A client has written: what it would wait for.
    #[inline]
    pub(super) fn note_write(&mut self, client: SessionHandle) {
        let readers = self.effects.readers();
        if readers.replicas {
            self.sessions[client].write_offset = self.replication_offset();
        }
        if readers.log {
            let position = self.append.policy.accepted() + self.effects.pending_bytes(Reader::Log) as u64;
            self.sessions[client].log_position = position;
        }
    }

    /// Where in the history the data set is, if that can be said: in the middle of a unit it cannot.
    pub fn position(&self) -> Option<Position> {
        let replication = &self.replication;
        let (is_known, db) = match &replication.upstream {
            Some(upstream) => (upstream.has_history, upstream.db),
            None => (replication.backlog.is_some(), self.effects.selected().unwrap_or(0)),
        };
        if !is_known || self.effects.is_within_unit() {
            return None;
        }
        Some(Position { id: replication.history.id(), offset: self.replication_offset(), db })
    }

    /// Who takes effects may have changed: the log, and the backlog of a primary. What was done so far has been handed over.
    pub fn update_readers(&mut self) {
        let replication = &self.replication;
        let replicas = replication.backlog.is_some() && !replication.is_replica();
        let readers = Audience { log: self.append.policy.collects(), replicas };
        if readers != self.effects.readers() {
            self.effects.set_readers(readers);
        }
    }

    /// From here on what is written is kept for replicas.
    pub fn open_backlog(&mut self) {
        if self.replication.backlog.is_none() {
            self.replication.backlog = Some(Backlog::new(self.replication.history.offset()));
            self.update_readers();
        }
    }
}
