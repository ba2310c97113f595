//! Which hashes of a database have fields with deadlines, by the soonest of them.
//!
//! An index that may lag: keys go, are overwritten, lose fields, and nobody says so. What holds is this: for every hash with
//! deadlines there is an element that is not later than the soonest of them. Elements are looked at when their time comes,
//! and some at each addition, so that stale ones never outnumber the others by much.
//!
//! Knows keys by their hashes only: 24 bytes for each. Who shares the hash of another key shares its element.

use std::collections::BTreeSet;
use std::ops::Bound;

/// The soonest deadline of a key's fields (Unix milliseconds), and the key: hash slot and hash.
pub(super) type Element = (i64, u16, u64);

/// Bytes that an element takes in the set: nodes of 320 bytes, about half full.
const ELEMENT_BYTES: usize = 56;

/// See the module.
#[derive(Debug)]
pub(super) struct FieldDeadlines {
    elements: BTreeSet<Element>,
    /// The first element's deadline, so that a look at it costs nothing.
    soonest: i64,
    /// Where the search for stale elements stands.
    checked: Element,
}

impl Default for FieldDeadlines {
    fn default() -> Self {
        Self { elements: BTreeSet::new(), soonest: i64::MAX, checked: (i64::MIN, 0, 0) }
    }
}

impl FieldDeadlines {
    /// Whether a field may be past its deadline.
    #[inline]
    pub(super) fn is_due(&self, now_ms: i64) -> bool {
        self.soonest < now_ms
    }

    /// Whether there are none.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.soonest == i64::MAX
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.elements.len() * ELEMENT_BYTES
    }

    pub(super) fn first(&self) -> Option<Element> {
        self.elements.first().copied()
    }

    pub(super) fn add(&mut self, element: Element) {
        self.elements.insert(element);
        self.soonest = self.soonest.min(element.0);
    }

    /// An element that may be stale: each in turn.
    pub(super) fn next_to_check(&mut self) -> Option<Element> {
        let after = self.elements.range((Bound::Excluded(self.checked), Bound::Unbounded)).next();
        let element = after.or(self.elements.first()).copied()?;
        self.checked = element;
        Some(element)
    }

    /// Brings an element up to date with what its key holds: the soonest deadline, if there is any.
    pub(super) fn correct(&mut self, element: Element, soonest_ms: Option<i64>) {
        if soonest_ms == Some(element.0) {
            return;
        }
        self.elements.remove(&element);
        // An earlier deadline than this has an element of its own.
        if let Some(at_ms) = soonest_ms.filter(|at_ms| *at_ms > element.0) {
            self.elements.insert((at_ms, element.1, element.2));
        }
        self.soonest = self.elements.first().map_or(i64::MAX, |first| first.0);
    }
}
