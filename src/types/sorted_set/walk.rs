//! Showing a large sorted set, in slices, as it was at some moment, while it is changed.
//!
//! The walk goes from the greatest element down. What is at its position or above is *passed*; an element ahead of it that
//! leaves its place for the first time is saved, and one that comes to a place ahead of it is noted by its cell, to be
//! skipped. So every element of that moment is shown once: nearly all in order, saved ones when it is convenient, which costs
//! a reader some speed but nothing else.

use std::collections::{BTreeSet, VecDeque};

use super::arena::CellId;
use crate::types::size_class;

/// What an element of an ordered set of cells takes.
const NEW_BYTES: usize = 12;

/// An element apart from its set.
pub(super) type Saved = (f64, Box<[u8]>);

/// See the module.
#[derive(Default)]
pub(super) struct Walk {
    /// The element that was passed last; `None` before the first.
    pub(super) position: Option<Saved>,
    /// All elements are passed.
    pub(super) over: bool,
    /// Cells ahead that were elsewhere, or nowhere, at that moment.
    pub(super) new: BTreeSet<CellId>,
    /// Elements that were ahead, as they were.
    pub(super) saved: VecDeque<Saved>,
    saved_bytes: usize,
}

fn saved_bytes((_, member): &Saved) -> usize {
    size_class(member.len())
}

impl Walk {
    fn is_ahead(&self, member: &[u8], score: f64) -> bool {
        !self.over
            && self
                .position
                .as_ref()
                .is_none_or(|(least, name)| score < *least || (score == *least && *member < **name))
    }

    /// An element is about to leave its place.
    pub(super) fn before_leave(&mut self, cell: CellId, member: &[u8], score: f64) {
        if !self.new.remove(&cell) && self.is_ahead(member, score) {
            let saved = (score, member.into());
            self.saved_bytes += saved_bytes(&saved);
            self.saved.push_back(saved);
        }
    }

    /// An element has come to a place.
    pub(super) fn after_enter(&mut self, cell: CellId, member: &[u8], score: f64) {
        if self.is_ahead(member, score) {
            self.new.insert(cell);
        }
    }

    /// The saved element that waits longest.
    pub(super) fn take_saved(&mut self) -> Option<Saved> {
        let saved = self.saved.pop_front()?;
        self.saved_bytes -= saved_bytes(&saved);
        Some(saved)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        size_class(size_of::<Walk>())
            + size_class(self.saved.capacity() * size_of::<Saved>())
            + self.saved_bytes
            + self.new.len() * NEW_BYTES
    }
}
