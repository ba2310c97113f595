//! A table of strings that can be shown, in slices, as it was at some moment, while it is changed.
//!
//! The rules are those of [`Table::sweep`]: what lies before the walk's position is passed; what is ahead of it is copied before
//! it is changed for the first time, and marked; what is made ahead of it is marked at once. Readers use the table itself,
//! which this derefs to; every change goes through the methods here.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Deref;

use super::handle::{EntryRef, OwnedEntry};
use super::slot::{Occupied, Slot};
use super::store::Table;
use crate::types::payload::Never;
use crate::types::value::{Expiry, NewValue};
use crate::types::{HashKey, size_class};

/// See the module.
pub struct Walked {
    table: Table<Never>,
    walk: RefCell<Option<Box<Walk>>>,
    /// A walk was given up, and has left marks behind: there can be no other.
    spoilt: Cell<bool>,
}

#[derive(Default)]
struct Walk {
    /// Entries from here on have yet to be shown; `None` when there are none.
    position: Option<u64>,
    /// Entries as they were, in the order in which they were changed.
    saved: VecDeque<OwnedEntry<Never>>,
    saved_bytes: usize,
}

impl Walk {
    fn is_ahead(&self, hash: u64) -> bool {
        self.position.is_some_and(|position| hash.reverse_bits() >= position)
    }

    fn save(&mut self, entry: OwnedEntry<Never>) {
        self.saved_bytes += entry.entry().memory_bytes();
        self.saved.push_back(entry);
    }
}

impl Deref for Walked {
    type Target = Table<Never>;

    #[inline]
    fn deref(&self) -> &Table<Never> {
        &self.table
    }
}

impl Walked {
    pub(in crate::types) fn new(hash_key: HashKey) -> Walked {
        Walked::from(Table::new(hash_key))
    }

    /// Sets an entry: whether it was there, and the expiry that it had.
    #[inline]
    pub(in crate::types) fn set(
        &mut self,
        hash: u64,
        key: &[u8],
        value: NewValue<'_, Never>,
        expiry: Expiry,
    ) -> Option<Option<i64>> {
        let mark = self.before_change(hash, key);
        match self.table.slot(hash, key) {
            Slot::Occupied(mut occupied) => {
                let old = occupied.entry().expiry();
                occupied.set(value, expiry);
                Some(old)
            }
            Slot::Vacant(vacant) => {
                vacant.insert(value, expiry.after(None), 0, mark);
                None
            }
        }
    }

    /// Adds a key; false if it is there already.
    #[inline]
    pub(in crate::types) fn add(&mut self, key: &[u8]) -> bool {
        let hash = self.table.hash_of(key);
        let mark = self.walk.get_mut().as_ref().is_some_and(|walk| walk.is_ahead(hash));
        match self.table.slot(hash, key) {
            Slot::Occupied(_) => false,
            Slot::Vacant(vacant) => {
                vacant.insert(NewValue::Bytes(b""), None, 0, mark);
                true
            }
        }
    }

    /// The entry of a key, to be changed or taken out.
    #[inline]
    pub(in crate::types) fn occupied<'a>(
        &'a mut self,
        hash: u64,
        key: &'a [u8],
    ) -> Option<Occupied<'a, Never>> {
        self.before_change(hash, key);
        match self.table.slot(hash, key) {
            Slot::Occupied(occupied) => Some(occupied),
            Slot::Vacant(_) => None,
        }
    }

    /// Takes an entry out by chance, each as likely as any other.
    #[inline]
    pub(in crate::types) fn take_random(
        &mut self,
        random: &mut impl FnMut() -> u64,
    ) -> Option<OwnedEntry<Never>> {
        let taken = self.table.take_random(random)?;
        if let Some(walk) = self.walk.get_mut()
            && !taken.entry().is_marked()
            && walk.is_ahead(self.table.hash_of(taken.key()))
        {
            walk.save(taken.entry().to_owned());
        }
        Some(taken)
    }

    /// See [`Table::dismantle`].
    pub(in crate::types) fn dismantle(&mut self, buckets: usize) -> bool {
        self.table.dismantle(buckets)
    }

    /// Saves an entry that is about to change, if need be. Whether one that is made now must be marked.
    #[inline]
    fn before_change(&mut self, hash: u64, key: &[u8]) -> bool {
        self.walk.get_mut().is_some() && self.save(hash, key)
    }

    #[cold]
    fn save(&mut self, hash: u64, key: &[u8]) -> bool {
        let Some(walk) = self.walk.get_mut().as_mut().filter(|walk| walk.is_ahead(hash)) else {
            return false;
        };
        if let Slot::Occupied(mut occupied) = self.table.slot(hash, key)
            && !occupied.entry().is_marked()
        {
            walk.save(occupied.entry().to_owned());
            occupied.set_mark(true);
        }
        true
    }

    /// Begins a walk over the entries as they are now; false if there can be none.
    pub(in crate::types) fn begin_walk(&self) -> bool {
        let mut walk = self.walk.borrow_mut();
        let free = walk.is_none() && !self.spoilt.get();
        if free {
            *walk = Some(Box::new(Walk { position: Some(0), ..Walk::default() }));
        }
        free
    }

    /// Shows about so many entries more; true when all have been shown.
    pub(in crate::types) fn walk(&self, entries: usize, mut each: impl FnMut(EntryRef<'_, Never>)) -> bool {
        let mut held = self.walk.borrow_mut();
        let Some(walk) = held.as_mut() else { return true };
        let mut left = entries.max(1);
        for saved in walk.saved.drain(..left.min(walk.saved.len())) {
            walk.saved_bytes -= saved.entry().memory_bytes();
            left -= 1;
            each(saved.entry());
        }
        while left > 0
            && let Some(position) = walk.position
        {
            // A bucket counts, be it empty.
            left -= 1;
            walk.position = self.table.sweep(position, |entry| {
                left = left.saturating_sub(1);
                each(entry);
            });
        }
        let over = walk.position.is_none() && walk.saved.is_empty();
        if over {
            *held = None;
        }
        over
    }

    /// Gives the walk up.
    pub(in crate::types) fn end_walk(&self) {
        let walk = self.walk.borrow_mut().take();
        self.spoilt.set(self.spoilt.get() || walk.is_some());
    }

    /// Bytes that are there for the walk only.
    pub(in crate::types) fn walk_bytes(&self) -> usize {
        self.walk.borrow().as_ref().map_or(0, |walk| {
            let row = size_class(walk.saved.capacity() * size_of::<OwnedEntry<Never>>());
            size_class(size_of::<Walk>()) + row + walk.saved_bytes
        })
    }
}

impl From<Table<Never>> for Walked {
    fn from(table: Table<Never>) -> Walked {
        Walked { table, walk: RefCell::new(None), spoilt: Cell::new(false) }
    }
}
