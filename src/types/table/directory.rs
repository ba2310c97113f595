//! The buckets of a table under linear hashing (Litwin 1980), and where they are in memory.
//!
//! With `n = 2^level + split` buckets, a hash belongs to the bucket that its low `level + 1` bits name, or, if there is no
//! such bucket yet, to that of its low `level` bits. Buckets come and go one by one at the end.
//!
//! They stand in chunks of 1024, which are allocated as growth enters them and freed as shrinking leaves them. A directory
//! of one chunk holds a shorter one that doubles and halves; one without buckets allocates nothing.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr;

use super::bucket::Bucket;
use super::chain;
use crate::types::size_class;

/// Buckets of a full chunk.
pub(super) const CHUNK: usize = 1024;
const CHUNK_BITS: u32 = CHUNK.trailing_zeros();

#[derive(Clone, Copy)]
struct Chunk {
    /// An array of `CHUNK` buckets (the first chunk: of `first_capacity`).
    buckets: *mut Bucket,
    /// How many entries with an expiry stand in it, overflow buckets included.
    volatile: usize,
}

/// See the module. It owns its chunks, but not what the buckets hold: the table empties them first.
pub(super) struct Directory {
    chunks: Vec<Chunk>,
    /// How many buckets there are: `2^level + split`, or 0.
    len: usize,
    /// `2^level - 1`.
    mask: usize,
    /// Buckets that the first chunk has room for: a power of two up to `CHUNK`, 0 without buckets.
    first_capacity: usize,
    /// How many overflow buckets there are.
    pub overflow: usize,
}

impl Directory {
    pub(super) const fn new() -> Self {
        Self { chunks: Vec::new(), len: 0, mask: 0, first_capacity: 0, overflow: 0 }
    }

    /// How many buckets there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// How many low bits of the hash name the bucket `index`.
    #[inline]
    pub(super) fn depth(&self, index: usize) -> u32 {
        let split = self.len - (self.mask + 1);
        self.mask.count_ones() + u32::from(index < split || index > self.mask)
    }

    /// The bucket that a hash belongs to; there must be buckets.
    #[inline]
    pub(super) fn index_of(&self, hash: u64) -> usize {
        let index = hash as usize & (self.mask << 1 | 1);
        if index < self.len { index } else { hash as usize & self.mask }
    }

    /// The first bucket of a chain, by its number.
    #[inline]
    pub(super) fn bucket(&self, index: usize) -> *mut Bucket {
        debug_assert!(index < self.len);
        // SAFETY: buckets below `len` stand in allocated chunks.
        unsafe { self.chunks.get_unchecked(index >> CHUNK_BITS).buckets.add(index & (CHUNK - 1)) }
    }

    /// How many entries with an expiry the chunk around bucket `index` holds.
    #[inline]
    pub(super) fn chunk_volatile(&self, index: usize) -> usize {
        self.chunks[index >> CHUNK_BITS].volatile
    }

    /// Notes that so many entries with an expiry have come to bucket `index`, or left it.
    #[inline]
    pub(super) fn count_volatile(&mut self, index: usize, change: isize) {
        let volatile = &mut self.chunks[index >> CHUNK_BITS].volatile;
        *volatile = volatile.wrapping_add_signed(change);
    }

    /// The bucket in which the `rank`-th entry with an expiry is looked for: the first one of its chunk.
    pub(super) fn volatile_chunk(&self, mut rank: usize) -> Option<usize> {
        for (number, chunk) in self.chunks.iter().enumerate() {
            if rank < chunk.volatile {
                return Some(number << CHUNK_BITS);
            }
            rank -= chunk.volatile;
        }
        None
    }

    /// Adds an empty bucket at the end. The entries that belong to it now are still in its buddy.
    pub(super) fn grow(&mut self) {
        let index = self.len;
        if index < CHUNK {
            if index == self.first_capacity {
                self.resize_first((index * 2).max(1));
            }
        } else if index & (CHUNK - 1) == 0 {
            self.chunks.push(Chunk { buckets: allocate(CHUNK), volatile: 0 });
        }
        self.len += 1;
        if self.len == (self.mask + 1) * 2 {
            self.mask = self.mask << 1 | 1;
        }
    }

    /// The buddy of the last bucket: where its entries belong while it is not there. The very first is its own.
    pub(super) fn buddy_of_last(&self) -> usize {
        let last = self.len - 1;
        if last == 0 { 0 } else { last & !(1 << last.ilog2()) }
    }

    /// Removes the last bucket, which must be empty.
    pub(super) fn shrink(&mut self) {
        self.len -= 1;
        if self.len <= self.mask {
            self.mask >>= 1;
        }
        if self.len >= CHUNK {
            if self.len & (CHUNK - 1) == 0
                && let Some(chunk) = self.chunks.pop()
            {
                free(chunk.buckets, CHUNK);
                self.release_directory();
            }
        } else if self.len == 0 {
            self.resize_first(0);
        } else if self.len <= self.first_capacity / 4 {
            self.resize_first(self.first_capacity / 2);
        }
    }

    /// Gives back the room of chunks that are gone, half of it at a time.
    fn release_directory(&mut self) {
        let capacity = self.chunks.capacity();
        if self.chunks.len() <= capacity / 4 {
            self.chunks.shrink_to(capacity / 2);
        }
    }

    /// Moves the only chunk's buckets into an array of another capacity.
    fn resize_first(&mut self, capacity: usize) {
        let old = self.chunks.first().copied();
        if capacity == 0 {
            self.chunks = Vec::new();
        } else {
            let buckets = allocate(capacity);
            if let Some(old) = old {
                // SAFETY: both arrays have room for `len` buckets, and nothing points at a first bucket but its chunk.
                unsafe { ptr::copy_nonoverlapping(old.buckets, buckets, self.len) };
            }
            let volatile = old.map_or(0, |chunk| chunk.volatile);
            self.chunks.clear();
            self.chunks.reserve_exact(1);
            self.chunks.push(Chunk { buckets, volatile });
        }
        if let Some(old) = old {
            free(old.buckets, self.first_capacity);
        }
        self.first_capacity = capacity;
    }

    /// Bytes allocated, by size class.
    #[inline]
    pub(super) fn memory_bytes(&self) -> usize {
        let whole = self.chunks.len().saturating_sub(1) * CHUNK + self.first_capacity;
        (whole + self.overflow) * size_of::<Bucket>()
            + size_class(self.chunks.capacity() * size_of::<Chunk>())
    }

    /// How many entries bucket `index` and its overflow hold, and how many of them have an expiry.
    pub(super) fn count(&self, index: usize) -> (usize, usize) {
        // SAFETY: the chain is alive and shared here.
        unsafe { chain::count(self.bucket(index)) }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let mut capacity = self.first_capacity;
        for chunk in &self.chunks {
            free(chunk.buckets, capacity);
            capacity = CHUNK;
        }
    }
}

fn layout(capacity: usize) -> Layout {
    Layout::array::<Bucket>(capacity).expect("a chunk is 64 KiB at most")
}

/// An array of empty buckets.
fn allocate(capacity: usize) -> *mut Bucket {
    // SAFETY: capacities are never 0; all zeros is an empty bucket.
    let buckets = unsafe { alloc_zeroed(layout(capacity)) };
    if buckets.is_null() {
        handle_alloc_error(layout(capacity));
    }
    buckets.cast()
}

fn free(buckets: *mut Bucket, capacity: usize) {
    // SAFETY: allocated by `allocate` with this capacity, and no longer in the directory.
    unsafe { dealloc(buckets.cast(), layout(capacity)) }
}
