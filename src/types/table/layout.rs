//! Where the parts of an entry lie. An entry is one allocation, packed without gaps:
//!
//! | part | bytes |
//! |---|---|
//! | head: flags, access clock | 1 + 3, or 1 where the payload keeps no clock |
//! | key length | 1, or 4 with `LONG_KEY` |
//! | expiry, Unix time in ms | 8 with `EXPIRY`, else 0 |
//! | value length | 1 for `EMBEDDED`, else 0 |
//! | key | key length |
//! | value | `NOTHING` 0, `INT` 8, `EMBEDDED` its length, `HEAP` 24 (parts of a `Vec<u8>`), `OBJECT` 8 (a `Box`) |
//!
//! Offsets here are counted from behind the head. An embedded value is a string, or if the flags hold a tag the bytes of a
//! small object (`Payload::pack`). An entry is allocated with exactly its size class, so that another content of the same
//! class may take its place.

use crate::types::size_class;

pub(super) const INT: u8 = 0;
pub(super) const EMBEDDED: u8 = 1;
pub(super) const HEAP: u8 = 2;
pub(super) const OBJECT: u8 = 3;
pub(super) const KIND: u8 = 0b11;
/// The entry carries an expiry.
pub(super) const EXPIRY: u8 = 1 << 2;
/// A bit for the table's owner: the point-in-time iteration has seen to this entry already.
pub(super) const MARK: u8 = 1 << 3;
/// The key is longer than 255 bytes.
pub(super) const LONG_KEY: u8 = 1 << 4;
const ALL: u8 = 0b1_1111;
/// What the bytes of an embedded object are; 0 for a string. Never 0 for an object.
pub(super) const TAG_AT: u8 = 5;
/// The kind of a value that takes no bytes at all: an integer with a tag.
pub(super) const NOTHING: u8 = INT | 1 << TAG_AT;

/// The longest string, or bytes of a small object, that is stored within its entry.
pub(super) const EMBEDDED_BYTES_MAX: usize = 255;
/// Where the key length stands.
pub(super) const KEY_LEN_AT: usize = 0;

const KEY_AT: [u8; 32] = {
    let mut table = [0; 32];
    let mut flags = 0;
    while flags < 32 {
        let embedded = flags as u8 & KIND == EMBEDDED;
        table[flags] = tail_at_const(flags as u8) + if embedded { 1 } else { 0 };
        flags += 1;
    }
    table
};

const fn tail_at_const(flags: u8) -> u8 {
    let key_len_bytes = if flags & LONG_KEY != 0 { 4 } else { 1 };
    let expiry_bytes = if flags & EXPIRY != 0 { 8 } else { 0 };
    KEY_LEN_AT as u8 + key_len_bytes + expiry_bytes
}

/// Where the expiry stands, if there is one.
#[inline]
pub(super) const fn expiry_at(flags: u8) -> usize {
    if flags & LONG_KEY != 0 { KEY_LEN_AT + 4 } else { KEY_LEN_AT + 1 }
}

/// Where everything behind the expiry begins: value length, key, value.
#[inline]
pub(super) const fn tail_at(flags: u8) -> usize {
    tail_at_const(flags) as usize
}

/// Where the key begins.
#[inline]
pub(super) const fn key_at(flags: u8) -> usize {
    KEY_AT[(flags & ALL) as usize] as usize
}

/// What decides the layout of an entry.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub flags: u8,
    pub key_len: usize,
    /// Bytes that the value takes within the entry.
    pub value_len: usize,
}

impl Shape {
    /// The shape of an entry with such a key and a value of `kind` that takes `value_len` bytes within the entry.
    #[inline]
    pub(super) fn new(kind: u8, key_len: usize, value_len: usize, expires: bool, mark: bool) -> Self {
        let long_key = if key_len > 255 { LONG_KEY } else { 0 };
        let flags = kind | long_key | if expires { EXPIRY } else { 0 } | if mark { MARK } else { 0 };
        Self { flags, key_len, value_len }
    }

    #[inline]
    pub(super) fn key_at(self) -> usize {
        key_at(self.flags)
    }

    #[inline]
    pub(super) fn value_at(self) -> usize {
        self.key_at() + self.key_len
    }

    /// Bytes behind the head.
    #[inline]
    pub(super) fn size(self) -> usize {
        self.value_at() + self.value_len
    }

    /// Bytes to allocate, with a head of so many.
    #[inline]
    pub(super) fn class(self, head_bytes: usize) -> usize {
        size_class(head_bytes + self.size())
    }
}
