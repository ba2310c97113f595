//! Who must hear of changes to a database: the point-in-time iteration, and the figures of a cluster's slots. A database
//! without either has no ledger, and pays one predictable branch for each change.

use super::slots::Slots;
use super::snapshot::Snapshot;
use crate::types::{EntryRef, Table};

/// See the module.
pub(super) struct Ledger {
    pub snapshot: Option<Snapshot>,
    pub slots: Option<Slots>,
}

/// A table's figures before a change.
#[derive(Clone, Copy)]
pub(super) struct Figures {
    len: usize,
    volatile: usize,
    bytes: usize,
}

impl Figures {
    pub(super) fn of(table: &Table) -> Self {
        Self { len: table.len(), volatile: table.volatile_len(), bytes: table.memory_bytes() }
    }
}

impl Ledger {
    /// Before an entry changes: true if the snapshot has taken a copy, so that what is left must be marked.
    pub(super) fn before_change(&mut self, slot: u16, hash: u64, entry: EntryRef<'_>) -> bool {
        self.snapshot.as_mut().is_some_and(|snapshot| snapshot.before_change(slot, hash, entry))
    }

    /// Whether an entry that is made now must be marked.
    pub(super) fn marks_new(&self, slot: u16, hash: u64) -> bool {
        self.snapshot.as_ref().is_some_and(|snapshot| snapshot.is_ahead(slot, hash))
    }

    /// After a change to a slot's table.
    pub(super) fn after_change(&mut self, slot: u16, before: Figures, table: &Table) {
        let Some(slots) = &mut self.slots else { return };
        let after = Figures::of(table);
        if after.len != before.len {
            slots.count(slot, after.len.wrapping_sub(before.len) as isize);
        }
        slots.volatile = slots.volatile.wrapping_add(after.volatile.wrapping_sub(before.volatile));
        slots.bytes = slots.bytes.wrapping_add(after.bytes.wrapping_sub(before.bytes));
    }
}
