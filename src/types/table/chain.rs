//! Chains: a bucket and its overflow buckets. Every bucket of a chain but the last holds six entries and the link, and an
//! overflow bucket is never empty: a removal fills its hole with the chain's last entry.
//!
//! All functions take the chain's first bucket as a pointer into memory that the table owns and holds exclusively
//! (or, where the function only reads, holds at least shared); that is their safety contract.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr;

use super::bucket::{Bucket, Cell, LINK};

/// Where an entry is.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub bucket: *mut Bucket,
    pub index: usize,
}

/// The buckets of a chain, first to last.
pub(super) struct Buckets(Option<*mut Bucket>);

impl Iterator for Buckets {
    type Item = *mut Bucket;

    #[inline]
    fn next(&mut self) -> Option<*mut Bucket> {
        let bucket = self.0?;
        // SAFETY: by the contract of `buckets`, the chain is alive.
        self.0 = unsafe { (*bucket).link() };
        Some(bucket)
    }
}

/// # Safety
/// The chain must stay alive and unchanged while the iterator is used.
#[inline]
pub(super) unsafe fn buckets(first: *mut Bucket) -> Buckets {
    Buckets(Some(first))
}

/// How many entries the chain holds, and how many of them have an expiry.
///
/// # Safety
/// See the module.
pub(super) unsafe fn count(first: *mut Bucket) -> (usize, usize) {
    // SAFETY: the chain is alive and does not change here.
    unsafe {
        buckets(first).fold((0, 0), |(all, volatile), bucket| {
            (all + (*bucket).occupied().len(), volatile + (*bucket).volatile_len())
        })
    }
}

/// Adds a cell at the chain's end; `overflow` counts overflow buckets.
///
/// # Safety
/// See the module.
#[inline]
pub(super) unsafe fn push(first: *mut Bucket, cell: Cell, overflow: &mut usize) -> Place {
    // SAFETY: the chain is alive and held exclusively; a new overflow bucket is known to nobody else.
    unsafe {
        let mut bucket = first;
        while let Some(next) = (*bucket).link() {
            bucket = next;
        }
        if let Some(index) = (*bucket).free_slot() {
            (*bucket).put(index, cell);
            return Place { bucket, index };
        }
        extend(bucket, cell, overflow)
    }
}

#[cold]
unsafe fn extend(last: *mut Bucket, cell: Cell, overflow: &mut usize) -> Place {
    let layout = Layout::new::<Bucket>();
    // SAFETY: a bucket is not zero-sized, all zeros is an empty one, and `last` is alive and held exclusively.
    unsafe {
        let next = alloc_zeroed(layout).cast::<Bucket>();
        if next.is_null() {
            handle_alloc_error(layout);
        }
        *overflow += 1;
        (*next).put(0, (*last).take(LINK));
        (*next).put(1, cell);
        (*last).set_link(next);
        Place { bucket: next, index: 1 }
    }
}

/// Takes the cell at `place`, which must hold an entry of this chain.
///
/// # Safety
/// See the module.
#[inline]
pub(super) unsafe fn remove(first: *mut Bucket, place: Place, overflow: &mut usize) -> Cell {
    // SAFETY: the chain is alive and held exclusively.
    unsafe {
        let cell = (*place.bucket).take(place.index);
        if (*first).link().is_some() {
            fill_hole(first, place, overflow);
        }
        cell
    }
}

unsafe fn fill_hole(first: *mut Bucket, hole: Place, overflow: &mut usize) {
    // SAFETY: the chain is alive and held exclusively; the last bucket is freed only when it is empty and unlinked.
    unsafe {
        let (mut before, mut last) = (first, first);
        while let Some(next) = (*last).link() {
            (before, last) = (last, next);
        }
        if hole.bucket != last
            && let Some(index) = (*last).occupied().last()
        {
            (*hole.bucket).put(hole.index, (*last).take(index));
        }
        if (*last).occupied().len() == 0 {
            (*before).clear_link();
            dealloc(last.cast(), Layout::new::<Bucket>());
            *overflow -= 1;
        }
    }
}

/// Empties the chain: `each` gets every cell, and the overflow buckets are freed.
///
/// # Safety
/// See the module; `each` must not touch this chain.
pub(super) unsafe fn drain(first: *mut Bucket, overflow: &mut usize, mut each: impl FnMut(Cell)) {
    // SAFETY: the chain is alive and held exclusively; every overflow bucket is freed after its link has been read.
    unsafe {
        let mut link = drain_bucket(first, &mut each);
        while let Some(bucket) = link {
            link = drain_bucket(bucket, &mut each);
            dealloc(bucket.cast(), Layout::new::<Bucket>());
            *overflow -= 1;
        }
    }
}

/// Empties one bucket and returns its link.
unsafe fn drain_bucket(bucket: *mut Bucket, each: &mut impl FnMut(Cell)) -> Option<*mut Bucket> {
    // SAFETY: the caller holds the bucket exclusively; it is left as all zeros, an empty one.
    unsafe {
        let old = ptr::read(bucket);
        ptr::write_bytes(bucket, 0, 1);
        old.occupied().for_each(|index| each(old.cell(index)));
        old.link()
    }
}
