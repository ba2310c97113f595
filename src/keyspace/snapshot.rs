//! Point-in-time iteration over a database while writes go on.
//!
//! A walk goes through the entries in the order of (hash slot, reversed hash). What lies before its position is *passed*.
//! Before an entry that is not passed changes for the first time, the iteration takes a copy and the entry is marked; an
//! entry that is made ahead of the walk is marked at once. The walk shows what is not marked and clears marks as it passes,
//! so that it shows, copies included, exactly the entries of the moment when it began, each once.
//!
//! States: `Walking` → `Copies` (the walk is over, copies remain) → gone. An iteration that is aborted goes on as `Clearing`
//! until all marks are gone; only then may the next one begin. Clearing the database hands the old tables to a walk that is
//! under way, which then owns them (`detached`), hears of no more changes, and frees them when it is done (`Freeing`).

use std::collections::VecDeque;

use crate::types::{EntryRef, OwnedEntry, Table};

/// Copies given out for each bucket that a step may visit.
const COPIES_PER_BUCKET: usize = 8;

/// Where an iteration stands after a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SnapshotStep {
    /// There is more to show.
    More,
    /// Everything has been shown (or the iteration was aborted), but old tables or marks remain to be cleared away: go on
    /// stepping.
    Cleaning,
    /// Nothing is left; the next one may begin.
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Walking,
    Copies,
    Clearing,
    Freeing,
}

/// See the module.
pub(super) struct Snapshot {
    label: usize,
    phase: Phase,
    /// The walk's position: the table, and the reversed hash within it.
    slot: usize,
    position: u64,
    /// Old entries, in the order in which they were changed.
    copies: VecDeque<OwnedEntry>,
    copies_bytes: usize,
    /// The tables of a database that was cleared meanwhile.
    detached: Option<Vec<Table>>,
}

impl Snapshot {
    pub(super) fn new(label: usize) -> Self {
        let (copies, copies_bytes) = (VecDeque::new(), 0);
        Self { label, phase: Phase::Walking, slot: 0, position: 0, copies, copies_bytes, detached: None }
    }

    /// What the caller called it when it began.
    pub(super) fn label(&self) -> usize {
        self.label
    }

    /// Whether it still has something to show.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Walking | Phase::Copies)
    }

    /// Bytes of copies that wait to be shown, and of tables that were handed over.
    pub(super) fn memory_bytes(&self) -> usize {
        let detached =
            self.detached.as_ref().map_or(0, |tables| tables.iter().map(Table::memory_bytes).sum());
        self.copies_bytes + detached
    }

    /// Whether the walk through the database's own tables has yet to come to this place.
    pub(super) fn is_ahead(&self, slot: u16, hash: u64) -> bool {
        self.phase == Phase::Walking
            && self.detached.is_none()
            && (usize::from(slot), hash.reverse_bits()) >= (self.slot, self.position)
    }

    /// Takes a copy of an entry that is about to change, if it is needed; the entry must be marked then.
    pub(super) fn before_change(&mut self, slot: u16, hash: u64, entry: EntryRef<'_>) -> bool {
        let needed = !entry.is_marked() && self.is_ahead(slot, hash);
        if needed {
            let copy = entry.to_owned();
            self.copies_bytes += copy.entry().memory_bytes();
            self.copies.push_back(copy);
        }
        needed
    }

    /// Offers the tables of a database that is being cleared; gives them back if they are not needed.
    pub(super) fn on_clear(&mut self, tables: Vec<Table>) -> Option<Vec<Table>> {
        if self.detached.is_some() {
            return Some(tables);
        }
        match self.phase {
            Phase::Walking => {
                self.detached = Some(tables);
                None
            }
            Phase::Clearing => {
                // The marks go with the tables.
                self.phase = Phase::Freeing;
                Some(tables)
            }
            Phase::Copies | Phase::Freeing => Some(tables),
        }
    }

    /// Shows nothing more from now on; copies that wait are dropped in slices, as they would have been shown.
    pub(super) fn abort(&mut self) {
        self.phase = match self.phase {
            Phase::Walking if self.detached.is_none() => Phase::Clearing,
            Phase::Clearing => Phase::Clearing,
            _ => Phase::Freeing,
        };
    }

    /// Goes on for `buckets` buckets.
    pub(super) fn step(
        &mut self,
        tables: &mut [Table],
        buckets: usize,
        mut sink: impl FnMut(EntryRef<'_>),
    ) -> SnapshotStep {
        self.take_copies(buckets.saturating_mul(COPIES_PER_BUCKET), &mut sink);
        match self.phase {
            Phase::Walking => self.walk(tables, buckets, &mut sink),
            Phase::Copies => self.end_if_shown(),
            Phase::Clearing => self.walk(tables, buckets, &mut |_| ()),
            Phase::Freeing => self.free(buckets),
        }
        match self.phase {
            Phase::Walking | Phase::Copies => SnapshotStep::More,
            Phase::Freeing if self.detached.is_none() && self.copies.is_empty() => SnapshotStep::Done,
            Phase::Clearing | Phase::Freeing => SnapshotStep::Cleaning,
        }
    }

    /// Shows copies, oldest first, or drops them if there is nothing to show any more.
    fn take_copies(&mut self, count: usize, sink: &mut impl FnMut(EntryRef<'_>)) {
        let live = self.is_live();
        for copy in self.copies.drain(..count.min(self.copies.len())) {
            self.copies_bytes -= copy.entry().memory_bytes();
            if live {
                sink(copy.entry());
            }
        }
    }

    fn walk(&mut self, tables: &mut [Table], buckets: usize, each: &mut impl FnMut(EntryRef<'_>)) {
        let mut detached = self.detached.take();
        let tables = detached.as_deref_mut().unwrap_or(tables);
        for _ in 0..buckets {
            while tables.get(self.slot).is_some_and(Table::is_empty) {
                (self.slot, self.position) = (self.slot + 1, 0);
            }
            let Some(table) = tables.get_mut(self.slot) else { break };
            match table.sweep(self.position, &mut *each) {
                Some(next) => self.position = next,
                None => (self.slot, self.position) = (self.slot + 1, 0),
            }
        }
        let over = self.slot >= tables.len();
        self.detached = detached;
        if over {
            self.on_walk_over();
        }
    }

    fn on_walk_over(&mut self) {
        let walking = self.phase == Phase::Walking;
        self.phase = if walking { Phase::Copies } else { Phase::Freeing };
        self.end_if_shown();
    }

    fn end_if_shown(&mut self) {
        if self.phase == Phase::Copies && self.copies.is_empty() {
            self.phase = Phase::Freeing;
        }
    }

    fn free(&mut self, buckets: usize) {
        if let Some(tables) = &mut self.detached
            && free_tables(tables, buckets)
        {
            self.detached = None;
        }
    }
}

/// Frees up to so many buckets of tables that nobody uses any more, last table first; true when nothing is left.
pub(super) fn free_tables(tables: &mut Vec<Table>, buckets: usize) -> bool {
    let mut left = buckets;
    while let Some(table) = tables.last_mut() {
        let before = table.buckets();
        if !table.dismantle(left) {
            return false;
        }
        left -= before;
        tables.pop();
    }
    true
}
