//! Read, modify, write with one lookup.
#![allow(unsafe_code)]

use super::chain::Place;
use super::entry::{RawEntry, Stored};
use super::handle::{EntryRef, OwnedEntry};
use super::store::Table;
use crate::types::{Expiry, NewValue, Object, Payload, Value};

/// What stands at a key.
pub enum Slot<'a, V: Payload = Object> {
    /// An entry.
    Occupied(Occupied<'a, V>),
    /// Nothing.
    Vacant(Vacant<'a, V>),
}

/// An entry, held exclusively. The place holds a live entry of the table for as long as this exists.
pub struct Occupied<'a, V: Payload = Object> {
    table: &'a mut Table<V>,
    place: Place,
    hash: u64,
}

/// A key without an entry.
pub struct Vacant<'a, V: Payload = Object> {
    table: &'a mut Table<V>,
    key: &'a [u8],
    hash: u64,
}

impl<V: Payload> Table<V> {
    /// What stands at a key, to be changed.
    #[inline]
    pub fn slot<'a>(&'a mut self, hash: u64, key: &'a [u8]) -> Slot<'a, V> {
        match self.find(hash, key) {
            Some(place) => Slot::Occupied(Occupied { table: self, place, hash }),
            None => Slot::Vacant(Vacant { table: self, key, hash }),
        }
    }
}

impl<'a, V: Payload> Occupied<'a, V> {
    #[inline]
    fn raw(&self) -> RawEntry<V> {
        // SAFETY: the place holds an entry of the table.
        unsafe { self.table.entry_at(self.place) }
    }

    /// The entry.
    #[inline]
    pub fn entry(&self) -> EntryRef<'_, V> {
        // SAFETY: the entry is changed through `&mut self` only.
        unsafe { EntryRef::new(self.raw()) }
    }

    /// The table's own figures: entries, entries with an expiry, bytes.
    pub fn table(&self) -> &Table<V> {
        self.table
    }

    /// Sets or clears the mark; see [`Table::sweep`].
    pub fn set_mark(&mut self, mark: bool) {
        self.raw().set_mark(mark);
    }

    /// Sets the access clock (its low 24 bits).
    #[inline]
    pub fn set_clock(&mut self, clock: u32) {
        self.raw().set_clock(clock);
    }

    /// Overwrites the value; in place if the entry's size class stays. An object that stood outside the entry comes back:
    /// it may be large, and is the caller's to free.
    #[inline]
    pub fn set(&mut self, value: NewValue<'_, V>, expiry: Expiry) -> Option<Box<V>> {
        let raw = self.raw();
        let expiry = expiry.after(raw.expiry());
        let mut old = None;
        self.rewrite(|raw| {
            old = raw.take_object();
            raw.replace(Stored::from(value), expiry)
        });
        old
    }

    /// Overwrites the value with an integer; the expiry stays.
    #[inline]
    pub fn set_int(&mut self, number: i64) {
        drop(self.set(NewValue::Int(number), Expiry::Keep));
    }

    /// Sets or clears the expiry (Unix time in milliseconds).
    pub fn set_expiry(&mut self, expiry: Option<i64>) {
        self.rewrite(|raw| raw.set_expiry(expiry));
    }

    /// Edits the string in place; it is `raw` afterwards, with whatever capacity the edit left. An object is handed out
    /// as an empty string and lost: ask before.
    pub fn with_bytes<R>(&mut self, edit: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let mut bytes = self.take_bytes();
        let result = edit(&mut bytes);
        self.rewrite(|raw| {
            raw.put_heap(bytes);
            raw
        });
        result
    }

    /// Takes the string out as a vector, and leaves an empty one in the entry, which is `HEAP` then.
    fn take_bytes(&mut self) -> Vec<u8> {
        let mut taken = None;
        self.rewrite(|raw| {
            taken = raw.take_heap();
            if taken.is_some() {
                return raw;
            }
            // SAFETY: the view is gone before the entry is rewritten.
            let value = unsafe { raw.value() };
            let mut bytes = Vec::new();
            value.write_to(&mut bytes);
            taken = Some(bytes);
            raw.replace(Stored::Heap(Vec::new()), raw.expiry())
        });
        taken.unwrap_or_default()
    }

    /// Edits the object in place; `None` if the value is a string.
    #[inline]
    pub fn with_object<R>(&mut self, edit: impl FnOnce(&mut V) -> R) -> Option<R> {
        // SAFETY: the bytes are copied before the entry is rewritten.
        if let Some((tag, bytes)) = unsafe { self.raw().packed() } {
            let mut buffer = std::mem::take(&mut self.table.scratch);
            buffer.clear();
            buffer.extend_from_slice(bytes);
            return Some(self.with_packed(tag, buffer, edit));
        }
        let mut result = None;
        self.rewrite(|raw| {
            // SAFETY: the table is held exclusively, and the reference ends with this statement.
            result = unsafe { raw.object_mut() }.map(edit);
            raw
        });
        result
    }

    /// Edits a small object, whose bytes are in `buffer`, and puts it back: into the entry, if it is still small.
    fn with_packed<R>(&mut self, tag: u8, buffer: Vec<u8>, edit: impl FnOnce(&mut V) -> R) -> R {
        let mut object = V::unpack(tag, buffer);
        let result = edit(&mut object);
        let expiry = self.raw().expiry();
        match Stored::object(object) {
            Stored::Packed(tag, bytes) => {
                self.rewrite(|raw| raw.replace(Stored::PackedRef(tag, &bytes), expiry));
                self.table.scratch = bytes;
            }
            stored => self.rewrite(|raw| raw.replace(stored, expiry)),
        }
        result
    }

    /// Lets `change` rewrite the entry, and brings the table's books up to date.
    #[inline]
    fn rewrite(&mut self, change: impl FnOnce(RawEntry<V>) -> RawEntry<V>) {
        let old = self.raw();
        let (bytes, volatile) = (old.memory_bytes(), old.expiry().is_some());
        let new = change(old);
        // Wrapping, since the difference may be negative.
        self.table.entry_bytes = self.table.entry_bytes.wrapping_add(new.memory_bytes().wrapping_sub(bytes));
        if new.pointer() != old.pointer() {
            // SAFETY: the bucket is alive, and the table is held exclusively.
            unsafe { (*self.place.bucket).readdress(self.place.index, new.pointer()) };
        }
        if new.expiry().is_some() != volatile {
            self.flip_volatile(!volatile);
        }
    }

    fn flip_volatile(&mut self, volatile: bool) {
        // SAFETY: the bucket is alive, and the table is held exclusively.
        unsafe { (*self.place.bucket).set_volatile(self.place.index, volatile) };
        let index = self.table.directory.index_of(self.hash);
        let change = if volatile { 1 } else { -1 };
        self.table.directory.count_volatile(index, change);
        self.table.volatile = self.table.volatile.wrapping_add_signed(change);
    }

    /// Takes the entry out of the table.
    #[inline]
    pub fn remove(self) -> OwnedEntry<V> {
        // SAFETY: the place holds the entry of the key with this hash, and nobody else knows it afterwards.
        unsafe { OwnedEntry::new(self.table.release(self.place, self.hash)) }
    }

    /// Takes the entry out, and gives the table back with it.
    pub fn remove_from(self) -> (OwnedEntry<V>, &'a mut Table<V>) {
        // SAFETY: as above.
        let removed = unsafe { OwnedEntry::new(self.table.release(self.place, self.hash)) };
        (removed, self.table)
    }

    /// The value, for as long as the table was lent.
    pub fn into_value(self) -> Value<'a, V::Ref<'a>> {
        // SAFETY: nothing can change the entry while the table's exclusive borrow lasts, and this handle is gone.
        unsafe { self.raw().value() }
    }
}

impl<'a, V: Payload> Vacant<'a, V> {
    /// The table's own figures: entries, entries with an expiry, bytes.
    pub fn table(&self) -> &Table<V> {
        self.table
    }

    /// Makes the entry.
    #[inline]
    pub fn insert(
        self,
        value: NewValue<'_, V>,
        expiry: Option<i64>,
        clock: u32,
        mark: bool,
    ) -> &'a mut Table<V> {
        let entry = RawEntry::create(self.key, Stored::from(value), expiry, clock, mark);
        self.table.admit(entry, self.hash);
        self.table
    }
}
