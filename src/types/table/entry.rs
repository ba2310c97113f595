//! Entries in their raw form: made, read, rewritten, freed. The layout stands in [`super::layout`].
//!
//! What holds for every [`RawEntry`] that is handed to the functions here: it points at a live allocation made by
//! [`RawEntry::create`] or [`RawEntry::duplicate`], of exactly the size class of the entry's shape, wholly initialised up
//! to the entry's size. [`RawEntry::from_pointer`] is where callers take that upon themselves, and
//! [`RawEntry::free`] is where it ends.
#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

use super::layout::{
    self, EMBEDDED, EXPIRY, HEAP, INT, KEY_LEN_AT, KIND, LONG_KEY, MARK, NOTHING, OBJECT, Shape, TAG_AT,
};
use crate::types::{NewValue, Payload, Value, size_class};

/// A value in the form in which it goes into an entry.
pub(super) enum Stored<'a, V> {
    /// An empty string, in tables that keep no clocks: not even a length is stored.
    Nothing,
    Int(i64),
    Embedded(&'a [u8]),
    /// The bytes of a small object, with their tag.
    Packed(u8, Vec<u8>),
    /// The same, borrowed.
    PackedRef(u8, &'a [u8]),
    Heap(Vec<u8>),
    Object(Box<V>),
}

impl<V: Payload> Stored<'_, V> {
    /// An object, within its entry if it is small.
    pub(super) fn object(object: V) -> Self {
        match object.pack() {
            Ok((tag, bytes)) if bytes.len() <= layout::EMBEDDED_BYTES_MAX => Stored::Packed(tag, bytes),
            Ok((tag, bytes)) => Stored::Object(Box::new(V::unpack(tag, bytes))),
            Err(object) => Stored::Object(Box::new(object)),
        }
    }
}

impl<'a, V: Payload> From<NewValue<'a, V>> for Stored<'a, V> {
    #[inline]
    fn from(value: NewValue<'a, V>) -> Self {
        match value {
            NewValue::Int(number) => Stored::Int(number),
            NewValue::Bytes(b"") if !V::CLOCK => Stored::Nothing,
            NewValue::Bytes(bytes) if bytes.len() <= layout::EMBEDDED_BYTES_MAX => Stored::Embedded(bytes),
            NewValue::Bytes(bytes) => Stored::Heap(bytes.to_vec()),
            NewValue::Heap(bytes) => Stored::Heap(bytes),
            NewValue::Object(object) => Stored::object(object),
        }
    }
}

impl<V> Stored<'_, V> {
    #[inline]
    fn kind(&self) -> u8 {
        match self {
            Stored::Nothing => NOTHING,
            Stored::Int(_) => INT,
            Stored::Embedded(_) => EMBEDDED,
            Stored::Packed(tag, _) | Stored::PackedRef(tag, _) => EMBEDDED | tag << TAG_AT,
            Stored::Heap(_) => HEAP,
            Stored::Object(_) => OBJECT,
        }
    }

    /// Bytes within the entry.
    #[inline]
    fn len(&self) -> usize {
        match self {
            Stored::Nothing => 0,
            Stored::Int(_) | Stored::Object(_) => 8,
            Stored::Embedded(bytes) => bytes.len(),
            Stored::Packed(_, bytes) => bytes.len(),
            Stored::PackedRef(_, bytes) => bytes.len(),
            Stored::Heap(_) => size_of::<HeapParts>(),
        }
    }
}

/// A `Vec<u8>` taken apart.
#[derive(Clone, Copy)]
#[repr(C)]
struct HeapParts {
    at: *mut u8,
    capacity: usize,
    len: usize,
}

impl HeapParts {
    fn from_vec(bytes: Vec<u8>) -> Self {
        let mut bytes = ManuallyDrop::new(bytes);
        Self { at: bytes.as_mut_ptr(), capacity: bytes.capacity(), len: bytes.len() }
    }
}

/// A pointer to an entry; who holds it decides whether it owns it.
pub(super) struct RawEntry<V> {
    at: NonNull<u8>,
    holds: PhantomData<*mut V>,
}

impl<V> Clone for RawEntry<V> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for RawEntry<V> {}

impl<V: Payload> RawEntry<V> {
    /// Flags, and the access clock if there is one.
    const HEAD_BYTES: usize = if V::CLOCK { 4 } else { 1 };

    /// # Safety
    /// `at` must be the pointer of an entry of a table of `V`s that lives for as long as the result is used.
    #[inline]
    pub(super) unsafe fn from_pointer(at: *mut u8) -> Self {
        // SAFETY: a pointer to a live allocation is not null.
        Self { at: unsafe { NonNull::new_unchecked(at) }, holds: PhantomData }
    }

    #[inline]
    pub(super) fn pointer(self) -> *mut u8 {
        self.at.as_ptr()
    }

    /// Makes an entry of its own.
    #[inline]
    pub(super) fn create(
        key: &[u8],
        value: Stored<'_, V>,
        expiry: Option<i64>,
        clock: u32,
        mark: bool,
    ) -> Self {
        let shape = Shape::new(value.kind(), key.len(), value.len(), expiry.is_some(), mark);
        let entry = Self::allocate(shape);
        entry.write_head(shape, expiry, clock);
        // SAFETY: the new allocation has room for the key at its place, and nobody else knows it.
        unsafe { ptr::copy_nonoverlapping(key.as_ptr(), entry.part(shape.key_at()), key.len()) };
        entry.write_value(shape, value);
        entry
    }

    /// An uninitialised allocation for an entry of this shape.
    #[inline]
    fn allocate(shape: Shape) -> Self {
        assert!(shape.key_len <= u32::MAX as usize, "the protocol admits no key of 4 GiB");
        let layout = Self::allocation(shape.class(Self::HEAD_BYTES));
        // SAFETY: an entry is never empty, so neither is the layout.
        let at = unsafe { alloc(layout) };
        let Some(at) = NonNull::new(at) else { handle_alloc_error(layout) };
        assert!(
            at.addr().get() >> 48 == 0,
            "user space ends below 2^48, which leaves the table's tags their room"
        );
        Self { at, holds: PhantomData }
    }

    #[inline]
    fn allocation(class: usize) -> Layout {
        // Never fails: sizes are sums of a key below 4 GiB and a few bytes, the alignment is a power of two.
        Layout::from_size_align(class, 8).expect("an entry is far smaller than isize::MAX")
    }

    #[inline]
    fn part(self, offset: usize) -> *mut u8 {
        // SAFETY: every caller's offset, counted from behind the head, lies within the entry (see the module).
        unsafe { self.at.as_ptr().add(Self::HEAD_BYTES + offset) }
    }

    #[inline]
    fn set_head(self, flags: u8, clock: u32) {
        // SAFETY: entries begin with their head and are aligned to 8; no reference is ever made to these bytes.
        unsafe {
            if V::CLOCK {
                self.at.as_ptr().cast::<u32>().write(u32::from(flags) | clock << 8);
            } else {
                self.at.as_ptr().write(flags);
            }
        }
    }

    #[inline]
    pub(super) fn flags(self) -> u8 {
        const { assert!(1_u32.to_le() == 1, "the flags are the first byte of a head of four") };
        // SAFETY: every entry begins with its flags.
        unsafe { self.at.as_ptr().read() }
    }

    /// The access clock; 0 where there is none.
    #[inline]
    pub(super) fn clock(self) -> u32 {
        if !V::CLOCK {
            return 0;
        }
        // SAFETY: as above; the head is four bytes.
        unsafe { self.at.as_ptr().cast::<u32>().read() >> 8 }
    }

    #[inline]
    pub(super) fn set_clock(self, clock: u32) {
        self.set_head(self.flags(), clock);
    }

    #[inline]
    pub(super) fn is_marked(self) -> bool {
        self.flags() & MARK != 0
    }

    pub(super) fn set_mark(self, mark: bool) {
        let flags = self.flags() & !MARK | if mark { MARK } else { 0 };
        self.set_head(flags, self.clock());
    }

    #[inline]
    fn key_len(self, flags: u8) -> usize {
        let at = self.part(KEY_LEN_AT);
        if flags & LONG_KEY == 0 {
            // SAFETY: the key length is one byte here.
            return usize::from(unsafe { at.read() });
        }
        // SAFETY: the key length is four bytes here.
        unsafe { at.cast::<u32>().read_unaligned() as usize }
    }

    #[inline]
    fn shape(self) -> Shape {
        let flags = self.flags();
        let value_len = match flags & KIND {
            // SAFETY: an embedded value's length stands right before the key.
            EMBEDDED => usize::from(unsafe { self.part(layout::key_at(flags) - 1).read() }),
            HEAP => size_of::<HeapParts>(),
            INT if flags >> TAG_AT != 0 => 0,
            _ => 8,
        };
        Shape { flags, key_len: self.key_len(flags), value_len }
    }

    /// # Safety
    /// The entry must neither be freed nor rewritten during `'a`.
    #[inline]
    pub(super) unsafe fn key<'a>(self) -> &'a [u8] {
        let flags = self.flags();
        // SAFETY: the key's bytes are initialised and, by the caller's word, stay as they are.
        unsafe { std::slice::from_raw_parts(self.part(layout::key_at(flags)), self.key_len(flags)) }
    }

    #[inline]
    pub(super) fn expiry(self) -> Option<i64> {
        let flags = self.flags();
        if flags & EXPIRY == 0 {
            return None;
        }
        // SAFETY: eight bytes of expiry stand here.
        Some(unsafe { self.part(layout::expiry_at(flags)).cast::<i64>().read_unaligned() })
    }

    /// # Safety
    /// The entry must neither be freed nor rewritten during `'a`.
    #[inline]
    pub(super) unsafe fn value<'a>(self) -> Value<'a, V::Ref<'a>>
    where
        V: 'a,
    {
        let shape = self.shape();
        let at = self.part(shape.value_at());
        // SAFETY: the kind says what was written here; it stays, by the caller's word.
        unsafe {
            match shape.flags & KIND {
                INT if shape.value_len == 0 => Value::Bytes(b""),
                INT => Value::Int(at.cast::<i64>().read_unaligned()),
                EMBEDDED => {
                    let bytes = std::slice::from_raw_parts(at, shape.value_len);
                    match shape.flags >> TAG_AT {
                        0 => Value::Bytes(bytes),
                        tag => Value::Object(V::view_packed(tag, bytes)),
                    }
                }
                HEAP => {
                    let parts = at.cast::<HeapParts>().read_unaligned();
                    Value::Bytes(std::slice::from_raw_parts(parts.at, parts.len))
                }
                _ => Value::Object((*at.cast::<*mut V>().read_unaligned()).view()),
            }
        }
    }

    #[inline]
    fn write_head(self, shape: Shape, expiry: Option<i64>, clock: u32) {
        self.set_head(shape.flags, clock);
        // SAFETY: these parts lie within the entry's allocation, and no reference is ever made to them.
        unsafe {
            if shape.flags & LONG_KEY == 0 {
                self.part(KEY_LEN_AT).write(shape.key_len as u8);
            } else {
                self.part(KEY_LEN_AT).cast::<u32>().write_unaligned(shape.key_len as u32);
            }
            if let Some(at_ms) = expiry {
                self.part(layout::expiry_at(shape.flags)).cast::<i64>().write_unaligned(at_ms);
            }
        }
    }

    #[inline]
    fn write_value(self, shape: Shape, value: Stored<'_, V>) {
        let at = self.part(shape.value_at());
        // SAFETY: the shape was made from this value, so there is room for it; a `Stored::Embedded` never points into a
        // table, because whoever rewrites an entry holds the table exclusively.
        unsafe {
            match value {
                Stored::Nothing => {}
                Stored::Int(number) => at.cast::<i64>().write_unaligned(number),
                Stored::Embedded(bytes) => self.write_embedded(shape, bytes),
                Stored::Packed(_, bytes) => self.write_embedded(shape, &bytes),
                Stored::PackedRef(_, bytes) => self.write_embedded(shape, bytes),
                Stored::Heap(bytes) => {
                    at.cast::<HeapParts>().write_unaligned(HeapParts::from_vec(bytes));
                }
                Stored::Object(object) => at.cast::<*mut V>().write_unaligned(Box::into_raw(object)),
            }
        }
    }

    /// # Safety
    /// As for [`write_value`](Self::write_value): the shape has room for these bytes, which are not the entry's own.
    #[inline]
    unsafe fn write_embedded(self, shape: Shape, bytes: &[u8]) {
        // SAFETY: by the caller's word.
        unsafe {
            self.part(shape.key_at() - 1).write(bytes.len() as u8);
            ptr::copy_nonoverlapping(bytes.as_ptr(), self.part(shape.value_at()), bytes.len());
        }
    }

    /// Overwrites value and expiry; the entry may move, and the old pointer is then gone.
    #[inline]
    pub(super) fn replace(self, value: Stored<'_, V>, expiry: Option<i64>) -> Self {
        let old = self.shape();
        let mark = old.flags & MARK != 0;
        let new = Shape::new(value.kind(), old.key_len, value.len(), expiry.is_some(), mark);
        if new.class(Self::HEAD_BYTES) != old.class(Self::HEAD_BYTES) {
            // SAFETY: the key is copied before the entry is freed.
            let entry = Self::create(unsafe { self.key() }, value, expiry, self.clock(), mark);
            self.free();
            return entry;
        }
        self.drop_value(old);
        if new.key_at() != old.key_at() {
            // SAFETY: both places lie within the allocation; the value that may stand there is gone.
            unsafe { ptr::copy(self.part(old.key_at()), self.part(new.key_at()), new.key_len) };
        }
        self.write_head(new, expiry, self.clock());
        self.write_value(new, value);
        self
    }

    /// Changes the expiry; the entry may move, and the old pointer is then gone.
    pub(super) fn set_expiry(self, expiry: Option<i64>) -> Self {
        let old = self.shape();
        let flags = old.flags & !EXPIRY | if expiry.is_some() { EXPIRY } else { 0 };
        let new = Shape { flags, ..old };
        let target = if new.class(Self::HEAD_BYTES) == old.class(Self::HEAD_BYTES) {
            self
        } else {
            Self::allocate(new)
        };
        let (from, to) = (layout::tail_at(old.flags), layout::tail_at(flags));
        // SAFETY: the tail has the same size in both shapes; `copy` allows the overlap within one allocation.
        unsafe { ptr::copy(self.part(from), target.part(to), old.size() - from) };
        target.write_head(new, expiry, self.clock());
        if target.at != self.at {
            self.deallocate(old);
        }
        target
    }

    /// Takes the string out of a `HEAP` entry and leaves an empty one; `None` for any other kind.
    pub(super) fn take_heap(self) -> Option<Vec<u8>> {
        let shape = self.shape();
        if shape.flags & KIND != HEAP {
            return None;
        }
        let at = self.part(shape.value_at()).cast::<HeapParts>();
        // SAFETY: the parts of a Vec<u8> stand here; they are replaced at once, so that it has one owner.
        unsafe {
            let parts = at.read_unaligned();
            at.write_unaligned(HeapParts::from_vec(Vec::new()));
            Some(Vec::from_raw_parts(parts.at, parts.len, parts.capacity))
        }
    }

    /// Gives a string to a `HEAP` entry whose own was taken.
    pub(super) fn put_heap(self, bytes: Vec<u8>) {
        let shape = self.shape();
        debug_assert!(shape.flags & KIND == HEAP);
        self.write_value(shape, Stored::Heap(bytes));
    }

    /// Takes the object out and leaves the integer 0, which has the same size; `None` for any other kind.
    pub(super) fn take_object(self) -> Option<Box<V>> {
        let shape = self.shape();
        if shape.flags & KIND != OBJECT {
            return None;
        }
        // SAFETY: the pointer of a Box stands here; the entry ceases to be an object, so that it has one owner.
        let object = unsafe { Box::from_raw(self.part(shape.value_at()).cast::<*mut V>().read_unaligned()) };
        self.set_head(shape.flags & !KIND | INT, self.clock()); // no tag: it was no embedded one
        self.write_value(self.shape(), Stored::Int(0));
        Some(object)
    }

    /// A small object's tag and bytes; `None` for any other value.
    ///
    /// # Safety
    /// The entry must neither be freed nor rewritten during `'a`.
    #[inline]
    pub(super) unsafe fn packed<'a>(self) -> Option<(u8, &'a [u8])> {
        let shape = self.shape();
        let tag = shape.flags >> TAG_AT;
        if shape.flags & KIND != EMBEDDED || tag == 0 {
            return None;
        }
        // SAFETY: a tag says that so many bytes of an object are embedded; they stay, by the caller's word.
        Some((tag, unsafe { std::slice::from_raw_parts(self.part(shape.value_at()), shape.value_len) }))
    }

    /// The object that stands outside the entry, to be changed.
    ///
    /// # Safety
    /// The caller must hold the entry exclusively during `'a`.
    pub(super) unsafe fn object_mut<'a>(self) -> Option<&'a mut V> {
        let shape = self.shape();
        // SAFETY: the pointer of a Box stands here, and the caller's hold is exclusive.
        (shape.flags & KIND == OBJECT)
            .then(|| unsafe { &mut *self.part(shape.value_at()).cast::<*mut V>().read_unaligned() })
    }

    /// Bytes allocated for this entry and its value, by size class.
    #[inline]
    pub(super) fn memory_bytes(self) -> usize {
        let shape = self.shape();
        shape.class(Self::HEAD_BYTES) + if shape.flags & KIND >= HEAP { self.outside_bytes(shape) } else { 0 }
    }

    fn outside_bytes(self, shape: Shape) -> usize {
        let at = self.part(shape.value_at());
        // SAFETY: the kind says what was written here.
        unsafe {
            match shape.flags & KIND {
                HEAP => size_class(at.cast::<HeapParts>().read_unaligned().capacity),
                _ => size_class(size_of::<V>()) + (*at.cast::<*mut V>().read_unaligned()).memory_bytes(),
            }
        }
    }

    pub(super) fn encoding(self) -> &'static str {
        // SAFETY: the view does not outlive this call.
        let value = unsafe { self.value() };
        if self.flags() & KIND == HEAP { "raw" } else { value.encoding() }
    }

    /// A copy of its own, unmarked.
    pub(super) fn duplicate(self) -> Self {
        let shape = self.shape();
        let stored = match shape.flags & KIND {
            INT | EMBEDDED => None,
            // SAFETY: the reference does not outlive this expression.
            OBJECT => unsafe { self.object_mut() }.map(|object| Stored::Object(Box::new(object.clone()))),
            // SAFETY: the view does not outlive this expression.
            _ => match unsafe { self.value() } {
                Value::Bytes(bytes) => Some(Stored::Heap(bytes.to_vec())),
                _ => None,
            },
        };
        let copy = Self::allocate(shape);
        // SAFETY: two allocations of at least this size. What the value owns is copied for good below.
        unsafe { ptr::copy_nonoverlapping(self.pointer(), copy.pointer(), Self::HEAD_BYTES + shape.size()) };
        if let Some(stored) = stored {
            copy.write_value(shape, stored);
        }
        copy.set_mark(false);
        copy
    }

    #[inline]
    fn drop_value(self, shape: Shape) {
        if shape.flags & KIND == HEAP {
            drop(self.take_heap());
        } else if shape.flags & KIND == OBJECT {
            drop(self.take_object());
        }
    }

    /// Ends the entry.
    #[inline]
    pub(super) fn free(self) {
        let shape = self.shape();
        self.drop_value(shape);
        self.deallocate(shape);
    }

    #[inline]
    fn deallocate(self, shape: Shape) {
        // SAFETY: allocated by `allocate` with this very layout: an entry keeps its class for as long as it stays in place.
        unsafe { dealloc(self.at.as_ptr(), Self::allocation(shape.class(Self::HEAD_BYTES))) }
    }
}
