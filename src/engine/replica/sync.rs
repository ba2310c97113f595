//! A full sync: the snapshot of a primary takes the place of the data.
//!
//! From the moment at which the data goes the node has no history, until the snapshot is whole: what it holds meanwhile is no
//! place in any.

use tracing::warn;

use crate::engine::{Engine, Existing, Failure};
use crate::keyspace::Keyspace;
use crate::replication::{Backlog, ReplicationId};
use crate::runtime::Now;

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

impl Engine {
    /// Whether a snapshot is to be refused: it is empty and of a history that is not known here, but there is data here (P15).
    pub fn refuses_empty(&self, id: Option<ReplicationId>) -> bool {
        let is_known = id.is_some_and(|id| self.replication.history.knows(id));
        !is_known && !self.keyspace.is_empty() && !self.config.replica_accept_empty_primary
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

    /// Whether a snapshot is loaded while the data is shown that it will take the place of (INFO `async_loading`).
    pub fn is_async_loading(&self) -> bool {
        self.replica.incoming.is_some() && self.replica.serves_meanwhile
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

    /// Bytes of memory of a snapshot that is loaded beside the data.
    pub fn incoming_bytes(&self) -> usize {
        self.replica.incoming.as_ref().map_or(0, Keyspace::memory_bytes)
    }
}
