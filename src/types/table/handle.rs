//! Entries as others see them: borrowed from a table, or owned after they have left it.
#![allow(unsafe_code)]

use std::marker::PhantomData;

use super::entry::RawEntry;
use crate::types::{NewValue, Object, Payload, Value};

/// An entry in a table.
pub struct EntryRef<'a, V: Payload = Object> {
    raw: RawEntry<V>,
    borrowed: PhantomData<&'a V>,
}

impl<V: Payload> Clone for EntryRef<'_, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V: Payload> Copy for EntryRef<'_, V> {}

impl<'a, V: Payload> EntryRef<'a, V> {
    /// # Safety
    /// The entry must neither be freed nor rewritten during `'a` (its access clock and its mark excepted).
    #[inline]
    pub(super) unsafe fn new(raw: RawEntry<V>) -> Self {
        Self { raw, borrowed: PhantomData }
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &'a [u8] {
        // SAFETY: the entry stays as it is during 'a.
        unsafe { self.raw.key() }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> Value<'a, V::Ref<'a>> {
        // SAFETY: the entry stays as it is during 'a.
        unsafe { self.raw.value() }
    }

    /// When it expires: Unix time in milliseconds.
    #[inline]
    pub fn expiry(&self) -> Option<i64> {
        self.raw.expiry()
    }

    /// The access clock: 24 bits, whose meaning is the caller's.
    #[inline]
    pub fn clock(&self) -> u32 {
        self.raw.clock()
    }

    /// Sets the access clock (its low 24 bits). This is not a write: no snapshot hears of it.
    #[inline]
    pub fn set_clock(&self, clock: u32) {
        self.raw.set_clock(clock);
    }

    /// Bytes allocated for entry and value, by size class.
    pub fn memory_bytes(&self) -> usize {
        self.raw.memory_bytes()
    }

    /// The name of its encoding, as OBJECT ENCODING prints it.
    pub fn encoding(&self) -> &'static str {
        self.raw.encoding()
    }

    /// Whether the mark is set; see [`Table::sweep`](super::Table::sweep).
    pub fn is_marked(&self) -> bool {
        self.raw.is_marked()
    }

    /// A copy that belongs to no table.
    pub fn to_owned(&self) -> OwnedEntry<V> {
        // SAFETY: a fresh copy has no other owner.
        unsafe { OwnedEntry::new(self.raw.duplicate()) }
    }
}

/// An entry that has left its table (or never was in one); dropping it frees it.
pub struct OwnedEntry<V: Payload = Object> {
    raw: RawEntry<V>,
}

// SAFETY: an entry owns all that it points to: bytes, and a V that may itself be sent.
unsafe impl<V: Payload + Send> Send for OwnedEntry<V> {}

impl<V: Payload> OwnedEntry<V> {
    /// # Safety
    /// Nobody else may own the entry.
    #[inline]
    pub(super) unsafe fn new(raw: RawEntry<V>) -> Self {
        Self { raw }
    }

    /// A view of it.
    #[inline]
    pub fn entry(&self) -> EntryRef<'_, V> {
        // SAFETY: it is freed or changed through `&mut self` only.
        unsafe { EntryRef::new(self.raw) }
    }

    /// The key.
    pub fn key(&self) -> &[u8] {
        self.entry().key()
    }

    /// The value.
    pub fn value(&self) -> Value<'_, V::Ref<'_>> {
        self.entry().value()
    }

    /// When it expires: Unix time in milliseconds.
    pub fn expiry(&self) -> Option<i64> {
        self.raw.expiry()
    }

    /// Frees about so many elements of the value; true when what is left can be dropped at once.
    pub fn dismantle(&mut self, elements: usize) -> bool {
        // SAFETY: the entry is its own, and held exclusively.
        unsafe { self.raw.object_mut() }.is_none_or(|object| object.dismantle(elements))
    }

    /// Takes the value out; a value that has an allocation of its own moves, and an empty one stays behind.
    pub fn take_value(&mut self) -> NewValue<'_, V> {
        if let Some(bytes) = self.raw.take_heap() {
            return NewValue::Heap(bytes);
        }
        if let Some(object) = self.raw.take_object() {
            return NewValue::Object(*object);
        }
        // SAFETY: the bytes are copied at once.
        if let Some((tag, bytes)) = unsafe { self.raw.packed() } {
            return NewValue::Object(V::unpack(tag, bytes.to_vec()));
        }
        match self.value() {
            Value::Int(number) => NewValue::Int(number),
            Value::Bytes(bytes) => NewValue::Bytes(bytes),
            // Taken above.
            Value::Object(_) => NewValue::Bytes(b""),
        }
    }
}

impl<V: Payload> Drop for OwnedEntry<V> {
    fn drop(&mut self) {
        self.raw.free();
    }
}
