//! The table itself: lookup, growth, shrinking, accounting.
#![allow(unsafe_code)]

use std::marker::PhantomData;

use super::bucket::{Bucket, Cell, print_of};
use super::chain::{self, Place};
use super::directory::Directory;
use super::entry::RawEntry;
use super::handle::EntryRef;
use crate::types::{HashKey, Object, Payload};

/// The table splits a bucket when there are more than `FILL_MAX / FILL_UNIT` entries to a bucket, and merges one when there
/// are fewer than half of that.
///
/// With Poisson-distributed buckets, a table between two powers of two takes 16.2 bytes a key besides the entry at 4.5 (one
/// key in ten stands in an overflow bucket), 14.9 at 5.25 (one in seven), 14.0 at 6 (one in five).
const FILL_MAX: usize = 21;
const FILL_UNIT: usize = 4;

/// A hash table of entries: byte-string key, [`Value`](crate::types::Value), expiry, access clock.
///
/// The caller hashes: every `hash` given to a method must be [`HashKey::hash`] of the key under the table's own secret.
pub struct Table<V: Payload = Object> {
    pub(super) directory: Directory,
    pub(super) len: usize,
    /// How many entries have an expiry.
    pub(super) volatile: usize,
    /// Bytes of entries and what they own, by size class.
    pub(super) entry_bytes: usize,
    hash_key: HashKey,
    /// Room in which small objects are edited: kept, so that an edit allocates nothing.
    pub(super) scratch: Vec<u8>,
    holds: PhantomData<V>,
}

// SAFETY: a table owns all that it points to: buckets, bytes, and Vs that may themselves be sent.
unsafe impl<V: Payload + Send> Send for Table<V> {}

impl<V: Payload> Table<V> {
    /// An empty table, which has allocated nothing.
    pub const fn new(hash_key: HashKey) -> Self {
        Self {
            directory: Directory::new(),
            len: 0,
            volatile: 0,
            entry_bytes: 0,
            hash_key,
            scratch: Vec::new(),
            holds: PhantomData,
        }
    }

    /// How many entries there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many entries have an expiry.
    #[inline]
    pub fn volatile_len(&self) -> usize {
        self.volatile
    }

    /// How many buckets there are, overflow not counted.
    pub fn buckets(&self) -> usize {
        self.directory.len()
    }

    /// How many overflow buckets there are.
    pub fn overflow_buckets(&self) -> usize {
        self.directory.overflow
    }

    /// Bytes allocated, by size class; 0 for an empty table.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        self.entry_bytes + self.directory.memory_bytes()
    }

    /// The part of them that is neither keys nor values.
    pub fn overhead_bytes(&self) -> usize {
        self.directory.memory_bytes()
    }

    /// The entry of a key.
    #[inline]
    pub fn get(&self, hash: u64, key: &[u8]) -> Option<EntryRef<'_, V>> {
        let place = self.find(hash, key)?;
        // SAFETY: the place was just found, and the entry stays while the table is borrowed.
        Some(unsafe { EntryRef::new(self.entry_at(place)) })
    }

    /// Fetches the cache line of a key's bucket.
    #[inline]
    pub fn prefetch_bucket(&self, hash: u64) {
        if self.len != 0 {
            prefetch(self.directory.bucket(self.directory.index_of(hash)).cast());
        }
    }

    /// Fetches the cache line of bucket `index`.
    #[inline]
    pub(super) fn prefetch_first(&self, index: usize) {
        prefetch(self.directory.bucket(index).cast());
    }

    /// Fetches the entries of bucket `index`, and the overflow bucket without its entries: as much of each as a small one has.
    #[inline]
    pub(super) fn prefetch_entries(&self, index: usize) {
        // SAFETY: the bucket is alive while the table is borrowed.
        let bucket = unsafe { &*self.directory.bucket(index) };
        for index in bucket.occupied() {
            WALKED_PREFETCHED.iter().for_each(|at| prefetch(bucket.entry(index).wrapping_add(*at)));
        }
        if let Some(overflow) = bucket.link() {
            prefetch(overflow.cast());
        }
    }

    /// Fetches the entry that a key's bucket names as its likely one: as much of it as a small entry has. Whatever follows is
    /// fetched by the processor on its own when the entry is read.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        if self.len == 0 {
            return;
        }
        // SAFETY: the bucket is alive while the table is borrowed.
        let bucket = unsafe { &*self.directory.bucket(self.directory.index_of(hash)) };
        for index in bucket.matching(print_of(hash)) {
            if bucket.tag_matches(index, hash) {
                prefetch(bucket.entry(index));
                prefetch(bucket.entry(index).wrapping_add(ENTRY_BYTES_PREFETCHED - 1));
                return;
            }
        }
    }

    /// Where a key's entry is.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<Place> {
        if self.len == 0 {
            return None;
        }
        let print = print_of(hash);
        let mut bucket = self.directory.bucket(self.directory.index_of(hash));
        loop {
            // SAFETY: the buckets of the chain are alive and not written while the table is borrowed.
            let view = unsafe { &*bucket };
            for index in view.matching(print) {
                if !view.tag_matches(index, hash) {
                    continue;
                }
                // SAFETY: an occupied slot holds a live entry, whose key is looked at here only.
                let found = unsafe { RawEntry::<V>::from_pointer(view.entry(index)).key() };
                if found == key {
                    return Some(Place { bucket, index });
                }
            }
            bucket = view.link()?;
        }
    }

    /// Shows the entries whose keys have this hash: one at most, but for a rare chance.
    pub fn each_of_hash(&self, hash: u64, mut each: impl FnMut(EntryRef<'_, V>)) {
        let first = (self.len != 0).then(|| self.directory.bucket(self.directory.index_of(hash)));
        let next = |bucket: &*mut Bucket| {
            // SAFETY: the buckets of the chain are alive and not written while the table is borrowed.
            unsafe { &**bucket }.link()
        };
        for bucket in std::iter::successors(first, next) {
            // SAFETY: as above.
            let view = unsafe { &*bucket };
            for index in view.matching(print_of(hash)).filter(|index| view.tag_matches(*index, hash)) {
                // SAFETY: an occupied slot holds a live entry, which stays while the table is borrowed.
                let entry = unsafe { EntryRef::new(RawEntry::<V>::from_pointer(view.entry(index))) };
                if self.hash_of(entry.key()) == hash {
                    each(entry);
                }
            }
        }
    }

    /// # Safety
    /// The place must hold an entry of this table.
    #[inline]
    pub(super) unsafe fn entry_at(&self, place: Place) -> RawEntry<V> {
        // SAFETY: the bucket is alive, and an occupied slot holds a live entry.
        unsafe { RawEntry::from_pointer((*place.bucket).entry(place.index)) }
    }

    /// Takes in an entry whose key is not in the table.
    #[inline]
    pub(super) fn admit(&mut self, entry: RawEntry<V>, hash: u64) {
        if self.directory.len() == 0 {
            self.directory.grow();
        }
        let cell = Cell::new(entry.pointer(), hash, entry.expiry().is_some());
        self.len += 1;
        self.entry_bytes += entry.memory_bytes();
        self.volatile += usize::from(cell.volatile);
        self.push(self.directory.index_of(hash), cell);
        if self.len * FILL_UNIT > self.directory.len() * FILL_MAX {
            self.split();
        }
    }

    /// Takes an entry out; it is the caller's afterwards.
    ///
    /// # Safety
    /// The place must hold the entry of the key with this hash.
    #[inline]
    pub(super) unsafe fn release(&mut self, place: Place, hash: u64) -> RawEntry<V> {
        let index = self.directory.index_of(hash);
        // SAFETY: the table is held exclusively, and the cell is in the chain that its hash names.
        let cell =
            unsafe { chain::remove(self.directory.bucket(index), place, &mut self.directory.overflow) };
        // SAFETY: the cell held a live entry, which is nobody else's now.
        let entry = unsafe { RawEntry::from_pointer(cell.entry()) };
        self.len -= 1;
        self.entry_bytes -= entry.memory_bytes();
        if cell.volatile {
            self.volatile -= 1;
            self.directory.count_volatile(index, -1);
        }
        if self.len * FILL_UNIT * 2 < self.directory.len() * FILL_MAX {
            self.merge();
        }
        entry
    }

    /// Adds the buckets that so many entries need, if there are neither entries nor buckets.
    pub fn expect(&mut self, entries: usize) {
        if self.directory.len() == 0 {
            let buckets = entries.saturating_mul(FILL_UNIT) / FILL_MAX;
            (0..buckets).for_each(|_| self.directory.grow());
        }
    }

    /// Puts a cell into the chain of bucket `index`, which its hash must name.
    #[inline]
    fn push(&mut self, index: usize, cell: Cell) {
        // SAFETY: the table is held exclusively.
        unsafe { chain::push(self.directory.bucket(index), cell, &mut self.directory.overflow) };
        if cell.volatile {
            self.directory.count_volatile(index, 1);
        }
    }

    /// Adds a bucket, and parts its buddy's entries between the two.
    #[inline(never)]
    fn split(&mut self) {
        self.directory.grow();
        let (last, buddy) = (self.directory.len() - 1, self.directory.buddy_of_last());
        let level = last.ilog2();
        let cells = self.drain(buddy);
        for cell in cells {
            let moves = cell.hash_bit(level).unwrap_or_else(|| self.rehash(cell) >> level & 1 == 1);
            self.push(if moves { last } else { buddy }, cell);
        }
    }

    /// Takes the last bucket away; its entries go to its buddy.
    #[inline(never)]
    fn merge(&mut self) {
        let (last, buddy) = (self.directory.len() - 1, self.directory.buddy_of_last());
        if last != buddy {
            let cells = self.drain(last);
            cells.into_iter().for_each(|cell| self.push(buddy, cell));
            self.directory.shrink();
        } else if self.len == 0 {
            self.directory.shrink();
        }
    }

    /// Empties the chain of bucket `index`.
    fn drain(&mut self, index: usize) -> Vec<Cell> {
        let mut cells = Vec::with_capacity(16);
        // SAFETY: the table is held exclusively, and the closure touches no chain.
        unsafe {
            chain::drain(self.directory.bucket(index), &mut self.directory.overflow, |cell| cells.push(cell));
        }
        let volatile = cells.iter().filter(|cell| cell.volatile).count();
        self.directory.count_volatile(index, -(volatile as isize));
        cells
    }

    #[cold]
    fn rehash(&self, cell: Cell) -> u64 {
        // SAFETY: a cell of this table holds a live entry.
        self.hash_key.hash(unsafe { RawEntry::<V>::from_pointer(cell.entry()).key() })
    }

    /// The secret that it was made with.
    pub fn hash_key(&self) -> HashKey {
        self.hash_key
    }

    /// The hash of a key under the table's secret.
    #[inline]
    pub fn hash_of(&self, key: &[u8]) -> u64 {
        self.hash_key.hash(key)
    }

    /// Frees the entries of up to `buckets` buckets, and the buckets; true when nothing is left. A table that is being
    /// dismantled must be used for nothing else.
    pub fn dismantle(&mut self, buckets: usize) -> bool {
        for _ in 0..buckets.min(self.directory.len()) {
            let cells = self.drain(self.directory.len() - 1);
            for cell in cells {
                // SAFETY: the cell is out of its chain, so that nobody else knows the entry.
                let entry = unsafe { RawEntry::<V>::from_pointer(cell.entry()) };
                self.len -= 1;
                self.volatile -= usize::from(cell.volatile);
                self.entry_bytes -= entry.memory_bytes();
                entry.free();
            }
            self.directory.shrink();
        }
        self.directory.len() == 0
    }
}

impl<V: Payload> Drop for Table<V> {
    fn drop(&mut self) {
        self.dismantle(usize::MAX);
    }
}

/// A small entry, which may lie across two cache lines.
const ENTRY_BYTES_PREFETCHED: usize = 48;

/// A walk reads all of an entry; behind this the processor sees by itself where it is going.
const WALKED_PREFETCHED: [usize; 3] = [0, 64, 127];

#[inline]
fn prefetch(at: *const u8) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch of any address has no effect that a program could see.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
