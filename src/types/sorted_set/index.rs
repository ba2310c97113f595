//! Which cell holds a member: a hash table of cell numbers.
//!
//! Linear hashing (Litwin 1980), as the tables of databases do it: the table grows by parting one bucket and shrinks by
//! joining one, so that no step takes long and a walk in the order of the reversed hash shows every member that is there
//! throughout. A bucket is a cache line of ten cells with 16 bits of each hash; what does not fit goes to an overflow bucket.

use super::arena::{Arena, CellId};
use crate::types::{HashKey, size_class};

const SLOTS: usize = 10;
/// A bucket is parted when there are more than `FILL_MAX / 2` members to a bucket, and one joined at half of that.
const FILL_MAX: usize = 15;
/// Buckets of a chunk.
const CHUNK: usize = 256;
/// The bits of the hash that a bucket keeps begin here.
const TAG_SHIFT: u32 = 8;

#[derive(Clone, Debug)]
#[repr(C, align(64))]
struct Bucket {
    cells: [CellId; SLOTS],
    /// The number of the overflow bucket plus one, or 0.
    link: u32,
    tags: [u16; SLOTS],
}

impl Bucket {
    const EMPTY: Bucket = Bucket { cells: [CellId::NONE; SLOTS], link: 0, tags: [0; SLOTS] };

    fn free_slot(&self) -> Option<usize> {
        self.cells.iter().position(|cell| *cell == CellId::NONE)
    }

    fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| *cell == CellId::NONE)
    }
}

/// An array that grows without moving more than a chunk.
#[derive(Clone, Debug, Default)]
struct Buckets {
    chunks: Vec<Vec<Bucket>>,
    len: usize,
}

impl Buckets {
    fn get(&self, index: usize) -> &Bucket {
        &self.chunks[index / CHUNK][index % CHUNK]
    }

    fn get_mut(&mut self, index: usize) -> &mut Bucket {
        &mut self.chunks[index / CHUNK][index % CHUNK]
    }

    fn push(&mut self) {
        if self.len.is_multiple_of(CHUNK) {
            let room = if self.len == 0 { 1 } else { CHUNK };
            self.chunks.push(Vec::with_capacity(room));
        }
        let chunk = &mut self.chunks[self.len / CHUNK];
        if chunk.len() == chunk.capacity() {
            chunk.reserve_exact((chunk.len() / 2).max(1));
        }
        chunk.push(Bucket::EMPTY);
        self.len += 1;
    }

    fn pop(&mut self) {
        self.len -= 1;
        let chunk = &mut self.chunks[self.len / CHUNK];
        chunk.pop();
        if chunk.is_empty() {
            self.chunks.pop();
        } else if self.len < CHUNK && chunk.len() <= chunk.capacity() / 4 {
            chunk.shrink_to(chunk.capacity() / 2);
        }
    }

    fn memory_bytes(&self) -> usize {
        let Some(last) = self.chunks.last() else {
            return size_class(self.chunks.capacity() * size_of::<Vec<Bucket>>());
        };
        let whole = (self.chunks.len() - 1) * CHUNK * size_of::<Bucket>();
        whole
            + size_class(last.capacity() * size_of::<Bucket>())
            + size_class(self.chunks.capacity() * size_of::<Vec<Bucket>>())
    }

    /// Gives up to so many chunks back; true when none is left.
    fn dismantle(&mut self, chunks: usize) -> bool {
        self.chunks.truncate(self.chunks.len().saturating_sub(chunks));
        self.len = self.len.min(self.chunks.len() * CHUNK);
        self.chunks.is_empty()
    }
}

/// Where a cell stands: the bucket and the slot in it.
#[derive(Clone, Copy)]
struct Place {
    bucket: BucketAt,
    slot: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum BucketAt {
    Main(usize),
    Overflow(usize),
}

/// See the module.
#[derive(Clone)]
pub(super) struct Index {
    main: Buckets,
    overflow: Buckets,
    /// Overflow buckets that are not in use.
    overflow_free: Vec<u32>,
    len: usize,
    hash_key: HashKey,
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("len", &self.len).finish_non_exhaustive()
    }
}

impl Index {
    pub(super) fn new(hash_key: HashKey) -> Index {
        let (main, overflow) = (Buckets::default(), Buckets::default());
        Index { main, overflow, overflow_free: Vec::new(), len: 0, hash_key }
    }

    /// How many members there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes allocated, by size class.
    pub(super) fn memory_bytes(&self) -> usize {
        self.main.memory_bytes()
            + self.overflow.memory_bytes()
            + size_class(self.overflow_free.capacity() * size_of::<u32>())
    }

    /// The hash of a member.
    #[inline]
    pub(super) fn hash(&self, member: &[u8]) -> u64 {
        self.hash_key.hash(member)
    }

    /// The cell of a member.
    #[inline]
    pub(super) fn find(&self, hash: u64, member: &[u8], arena: &Arena) -> Option<CellId> {
        self.search(hash, |cell| arena.member(cell) == member).map(|(_, cell)| cell)
    }

    /// Adds a cell whose member is not there yet.
    pub(super) fn insert(&mut self, hash: u64, cell: CellId, arena: &Arena) {
        if self.main.len == 0 {
            self.main.push();
        }
        self.put(self.bucket_of(hash), cell, tag_of(hash));
        self.len += 1;
        if self.len * 2 > self.main.len * FILL_MAX {
            self.part(arena);
        }
    }

    /// Takes a cell out.
    pub(super) fn remove(&mut self, hash: u64, cell: CellId) {
        let Some((place, _)) = self.search(hash, |found| found == cell) else { return };
        self.bucket_mut(place.bucket).cells[place.slot] = CellId::NONE;
        self.len -= 1;
        let first = self.bucket_of(hash);
        if self.main.get(first).link != 0 {
            self.fill_hole(first, place);
        }
        if self.len * 4 < self.main.len * FILL_MAX && self.main.len > 1 {
            self.join();
        }
    }

    /// Shows the cells of one bucket and returns the next cursor; 0 begins and ends a walk.
    pub(super) fn scan(&self, cursor: u64, mut each: impl FnMut(CellId)) -> u64 {
        if self.main.len == 0 {
            return 0;
        }
        let index = self.bucket_of(cursor);
        let mut at = Some(BucketAt::Main(index));
        while let Some(bucket) = at {
            self.bucket(bucket)
                .cells
                .iter()
                .filter(|cell| **cell != CellId::NONE)
                .for_each(|cell| each(*cell));
            at = self.next(bucket);
        }
        let covered = 1_u64.checked_shl(64 - self.depth(index));
        let end = covered.and_then(|covered| (index as u64).reverse_bits().checked_add(covered));
        end.map_or(0, u64::reverse_bits)
    }

    /// Gives up to so many chunks of buckets back; true when none is left.
    pub(super) fn dismantle(&mut self, chunks: usize) -> bool {
        self.len = 0;
        let overflow_gone = self.overflow.dismantle(chunks);
        self.main.dismantle(chunks) && overflow_gone
    }

    /// `2^level - 1` for the highest power of two that is not above the number of buckets.
    fn mask(&self) -> usize {
        (1 << self.main.len.ilog2()) - 1
    }

    /// The number of the bucket that a hash belongs to.
    #[inline]
    fn bucket_of(&self, hash: u64) -> usize {
        let mask = self.mask();
        let index = hash as usize & (mask << 1 | 1);
        if index < self.main.len { index } else { hash as usize & mask }
    }

    /// How many low bits of the hash name a bucket.
    fn depth(&self, index: usize) -> u32 {
        let mask = self.mask();
        let parted = self.main.len - (mask + 1);
        mask.count_ones() + u32::from(index < parted || index > mask)
    }

    fn bucket(&self, at: BucketAt) -> &Bucket {
        match at {
            BucketAt::Main(index) => self.main.get(index),
            BucketAt::Overflow(index) => self.overflow.get(index),
        }
    }

    fn bucket_mut(&mut self, at: BucketAt) -> &mut Bucket {
        match at {
            BucketAt::Main(index) => self.main.get_mut(index),
            BucketAt::Overflow(index) => self.overflow.get_mut(index),
        }
    }

    fn next(&self, at: BucketAt) -> Option<BucketAt> {
        let link = self.bucket(at).link;
        (link != 0).then(|| BucketAt::Overflow(link as usize - 1))
    }

    #[inline]
    fn search(&self, hash: u64, is_wanted: impl Fn(CellId) -> bool) -> Option<(Place, CellId)> {
        if self.main.len == 0 {
            return None;
        }
        let tag = tag_of(hash);
        let mut at = BucketAt::Main(self.bucket_of(hash));
        loop {
            let bucket = self.bucket(at);
            for slot in 0..SLOTS {
                let cell = bucket.cells[slot];
                if bucket.tags[slot] == tag && cell != CellId::NONE && is_wanted(cell) {
                    return Some((Place { bucket: at, slot }, cell));
                }
            }
            at = self.next(at)?;
        }
    }

    /// Puts a cell at the first free place of a chain.
    fn put(&mut self, index: usize, cell: CellId, tag: u16) {
        let mut at = BucketAt::Main(index);
        loop {
            let bucket = self.bucket_mut(at);
            if let Some(slot) = bucket.free_slot() {
                (bucket.cells[slot], bucket.tags[slot]) = (cell, tag);
                return;
            }
            at = match self.next(at) {
                Some(next) => next,
                None => self.extend(at),
            };
        }
    }

    /// Adds an overflow bucket to a chain's last.
    fn extend(&mut self, last: BucketAt) -> BucketAt {
        let number = self.overflow_free.pop().map_or(self.overflow.len, |number| number as usize);
        if number == self.overflow.len {
            self.overflow.push();
        }
        // There are fewer buckets than cells, whose numbers have 32 bits.
        self.bucket_mut(last).link = number as u32 + 1;
        BucketAt::Overflow(number)
    }

    /// Moves a chain's last cell to where one was taken out, so that an overflow bucket is never empty.
    fn fill_hole(&mut self, first: usize, hole: Place) {
        let (mut before, mut last) = (BucketAt::Main(first), BucketAt::Main(first));
        while let Some(next) = self.next(last) {
            (before, last) = (last, next);
        }
        if last != hole.bucket
            && let Some(slot) = self.bucket(last).cells.iter().rposition(|cell| *cell != CellId::NONE)
        {
            let bucket = self.bucket_mut(last);
            let (cell, tag) = (bucket.cells[slot], bucket.tags[slot]);
            bucket.cells[slot] = CellId::NONE;
            let bucket = self.bucket_mut(hole.bucket);
            (bucket.cells[hole.slot], bucket.tags[hole.slot]) = (cell, tag);
        }
        if let BucketAt::Overflow(number) = last
            && self.bucket(last).is_empty()
        {
            self.bucket_mut(before).link = 0;
            self.free_overflow(number);
        }
    }

    fn free_overflow(&mut self, number: usize) {
        *self.overflow.get_mut(number) = Bucket::EMPTY;
        self.overflow_free.push(number as u32);
        if self.overflow_free.len() == self.overflow.len {
            self.overflow = Buckets::default();
            self.overflow_free = Vec::new();
        }
    }

    /// Empties a chain.
    fn drain(&mut self, index: usize) -> Vec<(CellId, u16)> {
        let mut drained = Vec::with_capacity(2 * SLOTS);
        let mut at = Some(BucketAt::Main(index));
        while let Some(bucket) = at {
            at = self.next(bucket);
            let taken = std::mem::replace(self.bucket_mut(bucket), Bucket::EMPTY);
            let cells = taken.cells.into_iter().zip(taken.tags);
            drained.extend(cells.filter(|(cell, _)| *cell != CellId::NONE));
            if let BucketAt::Overflow(number) = bucket {
                self.free_overflow(number);
            }
        }
        drained
    }

    /// Adds a bucket, and parts the cells of its buddy between the two.
    fn part(&mut self, arena: &Arena) {
        self.main.push();
        let last = self.main.len - 1;
        let level = last.ilog2();
        let buddy = last & !(1 << level);
        for (cell, tag) in self.drain(buddy) {
            let moves = match level.checked_sub(TAG_SHIFT).filter(|bit| *bit < u16::BITS) {
                Some(bit) => tag >> bit & 1 == 1,
                None => self.hash(arena.member(cell)) >> level & 1 == 1,
            };
            self.put(if moves { last } else { buddy }, cell, tag);
        }
    }

    /// Takes the last bucket away; its cells go to its buddy.
    fn join(&mut self) {
        let last = self.main.len - 1;
        let cells = self.drain(last);
        self.main.pop();
        let buddy = last & !(1 << last.ilog2());
        cells.into_iter().for_each(|(cell, tag)| self.put(buddy, cell, tag));
    }
}

/// The bits of a hash that a bucket keeps.
#[inline]
fn tag_of(hash: u64) -> u16 {
    (hash >> TAG_SHIFT) as u16
}
