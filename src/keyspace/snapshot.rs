//! Point-in-time iteration over a database while writes go on.
//!
//! A walk goes through the entries in the order of (hash slot, reversed hash). What lies before its position is *passed*.
//! Before an entry that is not passed changes for the first time, the iteration takes a copy and the entry is marked; an
//! entry that is made ahead of the walk is marked at once. The walk shows what is not marked and clears marks as it passes,
//! so that it shows, copies included, exactly the entries of the moment when it began, each once.
//!
//! A large value is not copied: it is [frozen](Frozen), which takes no time, when it is about to change or when the walk comes
//! to it, and shown part by part; what of it changes meanwhile, it saves by itself. Frozen values are shown one after the other,
//! before anything else. So a step's work is bounded, and so is what a writer has to do for a snapshot: at most a copy of
//! `WHOLE_BYTES_MAX`, or of the part that it changes.
//!
//! States: `Walking` → `Copies` (the walk is over, copies remain) → gone. An iteration that is aborted goes on as `Clearing`
//! until all marks are gone; only then may the next one begin. Clearing the database hands the old tables to a walk that is
//! under way, which then owns them (`detached`), hears of no more changes, and frees them when it is done (`Freeing`).

use std::cell::Cell;
use std::collections::VecDeque;

use crate::types::{EntryRef, Frozen, Head, OwnedEntry, Part, Table, size_class};

/// Copies given out for each bucket that a step may visit.
const COPIES_PER_BUCKET: usize = 8;
/// Values that take more are frozen and shown in parts, smaller ones copied and shown at once.
pub(super) const WHOLE_BYTES_MAX: usize = 16 << 10;

/// Bytes of small entries after which a step ends; the bucket that reaches it is finished.
const STEP_BYTES: usize = 64 << 10;

/// What an iteration shows.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    /// An entry.
    Whole(EntryRef<'a>),
    /// An entry whose value comes in parts: the next shown, as many as its head says. Nothing else comes between them.
    Begin(Begun<'a>),
    /// One of these parts.
    Part(Part<'a>),
}

/// An entry whose value comes in parts.
#[derive(Clone, Copy)]
pub struct Begun<'a> {
    /// The key.
    pub key: &'a [u8],
    /// When it expires: Unix time in milliseconds.
    pub expiry: Option<i64>,
    /// The access clock.
    pub clock: u32,
    /// What the parts will be.
    pub head: Head,
}

/// An entry, its value frozen.
struct FrozenEntry {
    key: Box<[u8]>,
    expiry: Option<i64>,
    clock: u32,
    value: Frozen,
    begun: bool,
}

impl FrozenEntry {
    /// `None` for values that are shown at once.
    fn of(entry: EntryRef<'_>, whole_bytes_max: usize) -> Option<FrozenEntry> {
        if entry.memory_bytes() <= whole_bytes_max {
            return None;
        }
        let value = Frozen::of(entry.value())?;
        let (key, expiry, clock) = (entry.key().into(), entry.expiry(), entry.clock());
        Some(FrozenEntry { key, expiry, clock, value, begun: false })
    }

    /// Shows about so many elements, or frees them when all have been shown; true when nothing is left to do.
    fn step(&mut self, elements: usize, sink: &mut impl FnMut(Shown<'_>)) -> bool {
        if !self.begun {
            self.begun = true;
            let (expiry, clock, head) = (self.expiry, self.clock, self.value.head());
            sink(Shown::Begin(Begun { key: &self.key, expiry, clock, head }));
        }
        self.value.show(elements, |part| sink(Shown::Part(part))) && self.value.free(elements)
    }

    fn memory_bytes(&self) -> usize {
        size_class(self.key.len()) + self.value.held_bytes()
    }
}

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
    /// Large values, in the order in which they were frozen.
    frozen: VecDeque<FrozenEntry>,
    whole_bytes_max: usize,
    /// The tables of a database that was cleared meanwhile.
    detached: Option<Vec<Table>>,
}

impl Snapshot {
    /// Values that take more than `whole_bytes_max` are shown in parts.
    pub(super) fn new(label: usize, whole_bytes_max: usize) -> Self {
        Self {
            label,
            phase: Phase::Walking,
            slot: 0,
            position: 0,
            copies: VecDeque::new(),
            copies_bytes: 0,
            frozen: VecDeque::new(),
            whole_bytes_max,
            detached: None,
        }
    }

    /// What the caller called it when it began.
    pub(super) fn label(&self) -> usize {
        self.label
    }

    /// Whether it still has something to show.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.phase, Phase::Walking | Phase::Copies)
    }

    /// Whether the first frozen value has been shown in part.
    pub(super) fn is_within_value(&self) -> bool {
        self.is_live() && self.frozen.front().is_some_and(|first| first.begun && !first.value.is_shown())
    }

    /// Bytes of copies that wait to be shown, of what frozen values have saved, and of tables that were handed over.
    pub(super) fn memory_bytes(&self) -> usize {
        let detached =
            self.detached.as_ref().map_or(0, |tables| tables.iter().map(Table::memory_bytes).sum());
        let frozen: usize = self.frozen.iter().map(FrozenEntry::memory_bytes).sum();
        let rows = size_class(self.copies.capacity() * size_of::<OwnedEntry>())
            + size_class(self.frozen.capacity() * size_of::<FrozenEntry>());
        self.copies_bytes + frozen + rows + detached
    }

    /// Whether the walk through the database's own tables has yet to come to this place.
    pub(super) fn is_ahead(&self, slot: u16, hash: u64) -> bool {
        self.phase == Phase::Walking
            && self.detached.is_none()
            && (usize::from(slot), hash.reverse_bits()) >= (self.slot, self.position)
    }

    /// Takes a copy of an entry that is about to change, or freezes it, if it is needed; the entry must be marked then.
    pub(super) fn before_change(&mut self, slot: u16, hash: u64, entry: EntryRef<'_>) -> bool {
        let needed = !entry.is_marked() && self.is_ahead(slot, hash);
        if needed && let Some(frozen) = FrozenEntry::of(entry, self.whole_bytes_max) {
            self.frozen.push_back(frozen);
        } else if needed {
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
        mut sink: impl FnMut(Shown<'_>),
    ) -> SnapshotStep {
        let elements = buckets.saturating_mul(COPIES_PER_BUCKET);
        if !self.frozen.is_empty() {
            self.show_frozen(elements, &mut sink);
            self.end_if_shown();
            return self.state();
        }
        self.take_copies(elements, &mut sink);
        match self.phase {
            Phase::Walking => self.walk(tables, buckets, &mut sink),
            Phase::Copies => self.end_if_shown(),
            Phase::Clearing => self.walk(tables, buckets, &mut |_| ()),
            Phase::Freeing => self.free(buckets),
        }
        self.state()
    }

    fn state(&self) -> SnapshotStep {
        let rest = self.detached.is_some() || !self.copies.is_empty() || !self.frozen.is_empty();
        match self.phase {
            Phase::Walking | Phase::Copies => SnapshotStep::More,
            Phase::Freeing if !rest => SnapshotStep::Done,
            Phase::Clearing | Phase::Freeing => SnapshotStep::Cleaning,
        }
    }

    /// Goes on with the first frozen value. What is shown of it when nothing is to be shown any more is for its own good: it
    /// remembers no walk afterwards.
    fn show_frozen(&mut self, elements: usize, sink: &mut impl FnMut(Shown<'_>)) {
        let live = self.is_live();
        let Some(first) = self.frozen.front_mut() else { return };
        let over = first.step(elements, &mut |shown| {
            if live {
                sink(shown);
            }
        });
        if over {
            self.frozen.pop_front();
        }
    }

    /// Shows copies, oldest first, or drops them if there is nothing to show any more.
    fn take_copies(&mut self, count: usize, sink: &mut impl FnMut(Shown<'_>)) {
        let (live, end) = (self.is_live(), self.copies_bytes.saturating_sub(STEP_BYTES));
        for _ in 0..count {
            let Some(copy) = self.copies.pop_front() else { return };
            self.copies_bytes -= copy.entry().memory_bytes();
            if live {
                sink(Shown::Whole(copy.entry()));
            }
            if self.copies_bytes <= end {
                return;
            }
        }
    }

    fn walk(&mut self, tables: &mut [Table], buckets: usize, sink: &mut impl FnMut(Shown<'_>)) {
        let (frozen, showing, max) = (&mut self.frozen, self.phase == Phase::Walking, self.whole_bytes_max);
        let bytes = Cell::new(0);
        let mut each = |entry: EntryRef<'_>| match showing.then(|| FrozenEntry::of(entry, max)).flatten() {
            Some(entry) => {
                frozen.push_back(entry);
                bytes.set(STEP_BYTES);
            }
            None => {
                bytes.set(bytes.get() + entry.memory_bytes());
                sink(Shown::Whole(entry));
            }
        };
        let mut detached = self.detached.take();
        let tables = detached.as_deref_mut().unwrap_or(tables);
        for _ in 0..buckets {
            while tables.get(self.slot).is_some_and(Table::is_empty) {
                (self.slot, self.position) = (self.slot + 1, 0);
            }
            let Some(table) = tables.get_mut(self.slot) else { break };
            match table.sweep(self.position, &mut each) {
                Some(next) => self.position = next,
                None => (self.slot, self.position) = (self.slot + 1, 0),
            }
            if bytes.get() >= STEP_BYTES {
                break;
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
        if self.phase == Phase::Copies && self.copies.is_empty() && self.frozen.is_empty() {
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
