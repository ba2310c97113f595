//! The hash table: no pauses, few bytes, few cache misses.
//!
//! **Linear hashing.** The table grows by splitting one bucket when an insertion makes it too full, and shrinks by merging
//! one when a removal leaves it too empty. So there is never a second table, every operation takes a bounded step, and
//! every state of the table is a prefix tree over the low bits of the hash. Walks in the order of the *reversed* hash are
//! therefore immune to splits and merges between their steps ([`Table::scan`], [`Table::sweep`]).
//!
//! **Lookup** touches the directory, one bucket (a cache line; six keys in seven need no overflow bucket), and one entry:
//! fingerprint and tag are compared before an entry is looked at.
//!
//! **Entries** are one packed allocation each, with expiry and access clock inside. The table counts every byte it
//! allocates, by jemalloc's size classes.
//!
//! From the ground up: `layout` (bytes of an entry), `entry` (raw), `handle` (for others), `bucket` (a cache line), `chain`
//! (its overflow), `directory` (where buckets are), `store` (the table), `slot` (read, modify, write), `walk` (scan, sweep,
//! expiry, samples).

mod bucket;
mod chain;
mod directory;
mod entry;
mod handle;
mod layout;
mod slot;
mod store;
#[cfg(test)]
mod tests;
mod walk;
mod walked;

pub use handle::{EntryRef, OwnedEntry};
pub use slot::{Occupied, Slot, Vacant};
pub use store::Table;
pub use walk::{ExpireLimits, ExpireStep, below};
pub use walked::Walked;
