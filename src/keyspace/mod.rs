//! The databases of a node: what stands at which key, until when, and when it was last used.
//!
//! A [`Database`] is one hash table, or, in a cluster, one for each of the 16384 hash slots. It changes only through its own
//! methods, which is what lets one place enforce two things: that a point-in-time iteration ([`snapshot`]) hears of every
//! change before it happens, and that the figures of a cluster's slots stay right. Nothing in here expires or evicts by
//! itself: [`Database::expire_step`] and [`eviction`] only find what should go; the engine removes it, so that it can tell
//! replicas.
//!
//! Decides purely: the time and random words arrive as arguments. Knows nothing of commands or the protocol.

pub mod access;
pub mod database;
pub mod digest;
pub mod eviction;
mod field_deadlines;
pub mod key;
mod ledger;
pub mod slot;
mod slots;
pub mod snapshot;
#[cfg(test)]
mod snapshot_tests;
#[cfg(test)]
mod tests;

pub use crate::types::table::{ExpireLimits, ExpireStep};
pub use crate::types::{
    Expiry, Field, Growth, Hash, HashKey, HashRef, Head, Item, Kind, List, ListRef, NewValue, Object,
    ObjectRef, Part, Payload, Set, SetRef, SortedSet, SortedSetRef, Stream, Value, View, bitmap, hyperloglog,
    set,
};
pub use access::Access;
pub use database::{Cleared, Database, DueFields};
pub use eviction::{Policy, Victim};
pub use key::{Hasher, Key, Place, SLOT_COUNT, hash_slot};
pub use slot::{Occupied, Slot, Vacant};
pub use snapshot::{Begun, Shown, SnapshotStep};

/// An entry in a database.
pub type EntryRef<'a> = crate::types::EntryRef<'a, Object>;
/// An entry that has left its database; dropping it frees it.
pub type Removed = crate::types::OwnedEntry<Object>;

/// All databases of a node, under one secret.
pub struct Keyspace {
    /// By number.
    pub databases: Vec<Database>,
    hasher: Hasher,
}

impl Keyspace {
    /// So many empty databases.
    pub fn new(databases: usize, hasher: Hasher) -> Self {
        Self { databases: (0..databases).map(|_| Database::new(hasher)).collect(), hasher }
    }

    /// The hasher whose keys all databases take.
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// Exchanges two databases with all that is going on in them (SWAPDB); both numbers must exist.
    pub fn swap(&mut self, a: usize, b: usize) {
        self.databases.swap(a, b);
    }

    /// Goes on with the iterations of all databases, one after the other: [`Database::snapshot_step`], with the label of what is
    /// shown. `Done` when they all are.
    pub fn snapshot_step(&mut self, buckets: usize, mut sink: impl FnMut(usize, Shown<'_>)) -> SnapshotStep {
        // The parts of a value stay together, though databases may have been exchanged.
        let within = self.databases.iter().position(Database::snapshot_is_within_value);
        for database in &mut self.databases[within.unwrap_or_default()..] {
            let label = database.snapshot_label().unwrap_or_default();
            let step = database.snapshot_step(buckets, |shown| sink(label, shown));
            if step != SnapshotStep::Done {
                return step;
            }
        }
        if within.is_some_and(|first| first > 0) { SnapshotStep::More } else { SnapshotStep::Done }
    }

    /// How many keys all databases hold.
    pub fn len(&self) -> usize {
        self.databases.iter().map(Database::len).sum()
    }

    /// Whether no database holds a key.
    pub fn is_empty(&self) -> bool {
        self.databases.iter().all(Database::is_empty)
    }

    /// Bytes allocated by all databases, by size class.
    pub fn memory_bytes(&self) -> usize {
        self.databases.iter().map(Database::memory_bytes).sum()
    }
}
