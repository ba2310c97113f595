//! Read, modify, write at a key, with the ledger kept.

use super::key::Key;
use super::ledger::{Figures, Ledger};
use crate::types::{EntryRef, Expiry, Kind, NewValue, Object, OwnedEntry, Table, Value, table};

/// What stands at a key.
pub enum Slot<'a> {
    /// An entry.
    Occupied(Occupied<'a>),
    /// Nothing.
    Vacant(Vacant<'a>),
}

impl<'a> Slot<'a> {
    #[inline]
    pub(super) fn new(table: &'a mut Table, ledger: Option<&'a mut Ledger>, key: Key<'a>) -> Self {
        match table.slot(key.hash, key.bytes) {
            table::Slot::Occupied(inner) => {
                Slot::Occupied(Occupied { inner, ledger, slot: key.slot, hash: key.hash })
            }
            table::Slot::Vacant(inner) => {
                Slot::Vacant(Vacant { inner, ledger, slot: key.slot, hash: key.hash })
            }
        }
    }
}

/// An entry, held exclusively.
pub struct Occupied<'a> {
    inner: table::Occupied<'a>,
    ledger: Option<&'a mut Ledger>,
    slot: u16,
    hash: u64,
}

impl<'a> Occupied<'a> {
    /// The entry.
    #[inline]
    pub fn entry(&self) -> EntryRef<'_> {
        self.inner.entry()
    }

    /// Sets the access clock (its low 24 bits). This is not a write: no snapshot hears of it.
    #[inline]
    pub fn set_clock(&mut self, clock: u32) {
        self.inner.set_clock(clock);
    }

    /// Overwrites the value; in place if the entry's size class stays. An object that stood outside the entry comes back:
    /// it may be large, and is the caller's to free.
    #[inline]
    #[must_use = "a large value must not be freed at once"]
    pub fn set(&mut self, value: NewValue<'_>, expiry: Expiry) -> Option<Box<Object>> {
        self.change(|inner| inner.set(value, expiry))
    }

    /// Overwrites the value with an integer; the expiry stays.
    #[inline]
    pub fn set_int(&mut self, number: i64) {
        self.change(|inner| inner.set_int(number));
    }

    /// Edits the string in place; it is `raw` afterwards, with whatever capacity the edit left. An object is handed out
    /// as an empty string and lost: ask before.
    pub fn with_bytes<R>(&mut self, edit: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        self.change(|inner| inner.with_bytes(edit))
    }

    /// Edits the object in place; `None` if the value is a string or of another type.
    pub fn edit<K: Kind, R>(&mut self, edit: impl FnOnce(&mut K) -> R) -> Option<R> {
        self.change(|inner| inner.with_object(|object| K::of_mut(object).map(edit))).flatten()
    }

    /// Sets or clears the expiry (Unix time in milliseconds).
    pub fn set_expiry(&mut self, expiry: Option<i64>) {
        self.change(|inner| inner.set_expiry(expiry));
    }

    /// Takes the entry out of the database.
    #[inline]
    pub fn remove(self) -> OwnedEntry {
        match self.ledger {
            None => self.inner.remove(),
            Some(ledger) => remove_noted(self.inner, ledger, self.slot, self.hash),
        }
    }

    /// The value, for as long as the database was lent.
    pub fn into_value(self) -> Value<'a> {
        self.inner.into_value()
    }

    #[inline]
    fn change<R>(&mut self, change: impl FnOnce(&mut table::Occupied<'a>) -> R) -> R {
        let Some(ledger) = self.ledger.as_deref_mut() else { return change(&mut self.inner) };
        if ledger.before_change(self.slot, self.hash, self.inner.entry()) {
            self.inner.set_mark(true);
        }
        let before = Figures::of(self.inner.table());
        let result = change(&mut self.inner);
        ledger.after_change(self.slot, before, self.inner.table());
        result
    }
}

#[cold]
fn remove_noted(inner: table::Occupied<'_>, ledger: &mut Ledger, slot: u16, hash: u64) -> OwnedEntry {
    ledger.before_change(slot, hash, inner.entry());
    let before = Figures::of(inner.table());
    let (removed, table) = inner.remove_from();
    ledger.after_change(slot, before, table);
    removed
}

/// A key without an entry.
pub struct Vacant<'a> {
    inner: table::Vacant<'a>,
    ledger: Option<&'a mut Ledger>,
    slot: u16,
    hash: u64,
}

impl Vacant<'_> {
    /// Makes the entry: value, expiry (Unix time in milliseconds), access clock (its low 24 bits).
    #[inline]
    pub fn insert(self, value: NewValue<'_>, expiry: Option<i64>, clock: u32) {
        let Some(ledger) = self.ledger else {
            self.inner.insert(value, expiry, clock, false);
            return;
        };
        let mark = ledger.marks_new(self.slot, self.hash);
        let before = Figures::of(self.inner.table());
        let table = self.inner.insert(value, expiry, clock, mark);
        ledger.after_change(self.slot, before, table);
    }
}
