//! Walks: SCAN, the sweep of a point-in-time iteration, the search for expired entries, samples.
//!
//! *Positions* are hashes with their bits reversed. A bucket of depth `d` covers the positions that begin with its number's
//! `d` bits reversed, so that the buckets of any state of the table tile the positions from 0 up; splits and merges only
//! part or join neighbours. A *cursor* is a position with its bits reversed again, which keeps it small in small tables.
#![allow(unsafe_code)]

use super::bucket::SLOTS;
use super::chain::{self, Place};
use super::directory::CHUNK;
use super::handle::{EntryRef, OwnedEntry};
use super::store::Table;
use crate::types::Payload;

/// Chains longer than this are sampled as if they were this long.
const SAMPLED_CHAIN_MAX: usize = 3 * SLOTS;

/// How much one step of [`Table::expire_step`] may look at.
#[derive(Clone, Copy, Debug)]
pub struct ExpireLimits {
    /// Buckets passed.
    pub buckets: usize,
    /// Entries with an expiry looked at; the bucket that reaches it is finished.
    pub entries: usize,
}

/// What one step of [`Table::expire_step`] did.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct ExpireStep {
    /// Where to go on; 0 after the last bucket.
    pub cursor: u64,
    /// Buckets passed; a run of 1024 without an expiry counts as one.
    pub buckets: usize,
    /// Entries with an expiry looked at.
    pub volatile: usize,
    /// How many of them had expired.
    pub expired: usize,
}

impl<V: Payload> Table<V> {
    /// Shows one bucket's entries and returns the next cursor. A walk begins at cursor 0 and ends when 0 comes back.
    ///
    /// An entry that is present throughout a walk is shown at least once, whatever is inserted and removed between the
    /// steps; any cursor may be given.
    pub fn scan<'t>(&'t self, cursor: u64, mut each: impl FnMut(EntryRef<'t, V>)) -> u64 {
        if self.directory.len() == 0 {
            return 0;
        }
        let index = self.directory.index_of(cursor);
        self.visit(index, |_, entry| each(entry));
        self.end_of(index).map_or(0, u64::reverse_bits)
    }

    /// Shows the entries from a position to the end of its bucket that are not marked, clears the marks of the others, and
    /// returns the next position, `None` at the end. Positions before it are *passed* then.
    ///
    /// With this a point-in-time iteration is made: whoever changes an entry that is not passed, and not marked, takes a
    /// copy of it and marks what is left; whoever inserts at a position not passed marks the new entry.
    pub fn sweep(&self, position: u64, mut each: impl FnMut(EntryRef<'_, V>)) -> Option<u64> {
        if self.directory.len() == 0 {
            return None;
        }
        let index = self.directory.index_of(position.reverse_bits());
        // A merge may have joined the bucket with one that was passed before.
        let partly_passed = self.start_of(index) < position;
        self.fetch_ahead(index);
        self.visit(index, |place, entry| {
            if partly_passed && self.hash_of(entry.key()).reverse_bits() < position {
                return;
            }
            if entry.is_marked() {
                // SAFETY: the place holds this entry; a mark is no part of what an EntryRef lends, and tables are not shared
                // between threads.
                unsafe { self.entry_at(place).set_mark(false) };
            } else {
                each(entry);
            }
        });
        self.end_of(index)
    }

    /// Has the processor fetch the entries of the bucket that a walk comes to after this one, and the bucket after that: a
    /// walk's order is none of theirs in memory.
    #[inline]
    fn fetch_ahead(&self, index: usize) {
        let next =
            |index| self.end_of(index).map(|position| self.directory.index_of(position.reverse_bits()));
        let Some(following) = next(index) else { return };
        self.prefetch_entries(following);
        if let Some(later) = next(following) {
            self.prefetch_first(later);
        }
    }

    /// Shows entries that have expired at `now_ms`. The walk goes by bucket numbers: it promises nothing about entries
    /// that move meanwhile; they wait for the next one.
    pub fn expire_step(
        &self,
        cursor: u64,
        now_ms: i64,
        limits: ExpireLimits,
        mut each: impl FnMut(EntryRef<'_, V>),
    ) -> ExpireStep {
        let mut step = ExpireStep::default();
        let mut index = cursor as usize;
        while index < self.directory.len() && self.volatile != 0 {
            if step.buckets >= limits.buckets || step.volatile >= limits.entries {
                step.cursor = index as u64;
                return step;
            }
            step.buckets += 1;
            if self.directory.chunk_volatile(index) == 0 {
                index = (index / CHUNK + 1) * CHUNK;
                continue;
            }
            self.visit_volatile(index, |entry| {
                step.volatile += 1;
                if entry.expiry().is_some_and(|at_ms| at_ms <= now_ms) {
                    step.expired += 1;
                    each(entry);
                }
            });
            index += 1;
        }
        step
    }

    /// An entry, each as likely as any other (but for chains of more than 21); `random` gives uniform words.
    pub fn random(&self, random: &mut impl FnMut() -> u64) -> Option<EntryRef<'_, V>> {
        // SAFETY: the place holds an entry, which stays while the table is borrowed.
        self.random_place(random).map(|place| unsafe { EntryRef::new(self.entry_at(place)) })
    }

    /// Takes such an entry out.
    pub fn take_random(&mut self, random: &mut impl FnMut() -> u64) -> Option<OwnedEntry<V>> {
        let place = self.random_place(random)?;
        // SAFETY: the place holds an entry, whose hash is computed from its key; nobody else knows it once it is released.
        unsafe {
            let hash = self.hash_of(self.entry_at(place).key());
            Some(OwnedEntry::new(self.release(place, hash)))
        }
    }

    fn random_place(&self, random: &mut impl FnMut() -> u64) -> Option<Place> {
        if self.len == 0 {
            return None;
        }
        // A bucket is taken with the likelihood of its length, by rejection; after so many rejections anything goes.
        for _ in 0..100 {
            let index = below(random(), self.directory.len());
            let rank = below(random(), SAMPLED_CHAIN_MAX);
            if rank < self.directory.count(index).0 {
                return self.nth(index, rank);
            }
        }
        let start = below(random(), self.directory.len());
        self.circle(start).find_map(|index| self.nth(index, 0))
    }

    /// An entry with an expiry. Each is about as likely as another; exactly so by runs of 1024 buckets.
    pub fn random_volatile(&self, random: &mut impl FnMut() -> u64) -> Option<EntryRef<'_, V>> {
        if self.volatile == 0 {
            return None;
        }
        let first = self.directory.volatile_chunk(below(random(), self.volatile))?;
        let len = CHUNK.min(self.directory.len() - first);
        let start = below(random(), len);
        let indices = (0..len).map(|step| first + (start + step) % len);
        indices.into_iter().find_map(|index| {
            let rank = below(random(), self.directory.count(index).1.max(1));
            self.nth_volatile(index, rank)
        })
    }

    /// Shows about `count` entries from a random bucket on; fewer if ten times as many buckets hold fewer.
    pub fn sample(
        &self,
        count: usize,
        random: &mut impl FnMut() -> u64,
        mut each: impl FnMut(EntryRef<'_, V>),
    ) {
        if self.len == 0 {
            return;
        }
        let mut left = count.min(self.len);
        let start = below(random(), self.directory.len());
        for index in self.circle(start).take(count.saturating_mul(10)) {
            self.visit(index, |_, entry| {
                if left > 0 {
                    left -= 1;
                    each(entry);
                }
            });
            if left == 0 {
                return;
            }
        }
    }

    /// All bucket numbers, from `start` around.
    fn circle(&self, start: usize) -> impl Iterator<Item = usize> + use<V> {
        let len = self.directory.len();
        (start..len).chain(0..start)
    }

    fn nth(&self, index: usize, rank: usize) -> Option<Place> {
        let (mut found, mut at) = (None, 0);
        self.visit_places(index, false, |place| {
            if at == rank {
                found = Some(place);
            }
            at += 1;
        });
        found
    }

    fn nth_volatile(&self, index: usize, rank: usize) -> Option<EntryRef<'_, V>> {
        let (mut found, mut at) = (None, 0);
        self.visit_places(index, true, |place| {
            if at == rank {
                found = Some(place);
            }
            at += 1;
        });
        // SAFETY: the place holds an entry, which stays while the table is borrowed.
        found.map(|place| unsafe { EntryRef::new(self.entry_at(place)) })
    }

    fn visit_volatile(&self, index: usize, mut each: impl FnMut(EntryRef<'_, V>)) {
        // SAFETY: the place holds an entry, which stays while the table is borrowed.
        self.visit_places(index, true, |place| each(unsafe { EntryRef::new(self.entry_at(place)) }));
    }

    fn visit<'t>(&'t self, index: usize, mut each: impl FnMut(Place, EntryRef<'t, V>)) {
        // SAFETY: the place holds an entry, which stays while the table is borrowed.
        self.visit_places(index, false, |place| each(place, unsafe { EntryRef::new(self.entry_at(place)) }));
    }

    /// The places of a bucket's entries, overflow included; of all or of those with an expiry only.
    fn visit_places(&self, index: usize, volatile_only: bool, mut each: impl FnMut(Place)) {
        // SAFETY: the chain is alive and unchanged while the table is borrowed.
        for bucket in unsafe { chain::buckets(self.directory.bucket(index)) } {
            // SAFETY: as above.
            let view = unsafe { &*bucket };
            for index in view.occupied() {
                if !volatile_only || view.is_volatile(index) {
                    each(Place { bucket, index });
                }
            }
        }
    }

    /// The first position that a bucket covers.
    fn start_of(&self, index: usize) -> u64 {
        (index as u64).reverse_bits()
    }

    /// The first position that neither a bucket nor one before it covers; `None` for the last one.
    fn end_of(&self, index: usize) -> Option<u64> {
        let covered = 1_u64.checked_shl(64 - self.directory.depth(index))?;
        self.start_of(index).checked_add(covered)
    }
}

/// A number below `bound` from a random word (Lemire's multiplication; the bias is below `bound / 2^64`).
#[inline]
pub fn below(word: u64, bound: usize) -> usize {
    ((u128::from(word) * bound as u128) >> 64) as usize
}
