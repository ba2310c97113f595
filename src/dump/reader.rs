//! Reading lengths, texts and numbers that may be anything.
//!
//! The bytes may be the first part only of what there is. Then a reader that comes to their end tells by its [`Fault`] whether more
//! are to be waited for.
//!
//! Guarantee: whatever the bytes are, nothing panics, and no more memory is taken than some fixed times their length.

use std::borrow::Cow;

use super::writer::{COMPRESSED, INTEGER_1, INTEGER_2, INTEGER_4};
use crate::types::lzf;

/// Bytes, read from the front. Every method answers `None` if they do not hold what is wanted, and says why ([`Reader::fault`]).
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// How many bytes stand behind these, which will come later.
    later: u64,
    fault: Fault,
}

/// Why something could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It is not well formed.
    Wrong,
    /// At least so many bytes more are needed, and they will come.
    Missing(u64),
    /// At least so many bytes more are needed than there will ever be.
    Beyond(u64),
    /// It is well formed, read to its end, and has no element.
    Empty,
}

/// A length, or how else a text is written.
enum Head {
    Length(u64),
    Integer(usize),
    Compressed,
}

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader::of_part(bytes, 0)
    }

    /// A reader of the first bytes of a text; so many come later.
    pub fn of_part(bytes: &'a [u8], later: u64) -> Reader<'a> {
        Reader { rest: bytes, later, fault: Fault::Wrong }
    }

    /// Why the last `None` was answered.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// Goes on after a fault that does not matter, so that it is not taken for that of what follows.
    pub fn forget_fault(&mut self) {
        self.fault = Fault::Wrong;
    }

    /// Reads something that has parts: all of it, or nothing is read.
    #[inline]
    pub fn whole<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let start = self.rest;
        let found = read(self);
        if found.is_none() {
            self.rest = start;
        }
        found
    }

    /// `None`, since what was read has no element.
    pub(super) fn is_empty_value<T>(&mut self) -> Option<T> {
        self.fault = Fault::Empty;
        None
    }

    #[cold]
    fn lacks(&mut self, bytes: u64) {
        let missing = bytes - self.rest.len() as u64;
        self.fault =
            if missing <= self.later { Fault::Missing(missing) } else { Fault::Beyond(missing - self.later) };
    }

    /// What has not been read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all is read.
    pub fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// So many bytes as they are.
    pub fn raw(&mut self, count: usize) -> Option<&'a [u8]> {
        let Some((bytes, rest)) = self.rest.split_at_checked(count) else {
            self.lacks(count as u64);
            return None;
        };
        self.rest = rest;
        Some(bytes)
    }

    /// The same of a number known beforehand.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let Some((bytes, rest)) = self.rest.split_first_chunk::<N>() else {
            self.lacks(N as u64);
            return None;
        };
        self.rest = rest;
        Some(*bytes)
    }

    /// A byte.
    pub fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// A moment: milliseconds in eight bytes.
    pub fn millis(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// A length, or any number that is mostly small.
    pub fn length(&mut self) -> Option<u64> {
        match self.head()? {
            Head::Length(length) => Some(length),
            Head::Integer(_) | Head::Compressed => None,
        }
    }

    /// How many elements follow. Each takes a byte at least, so more than there are bytes is wrong.
    pub fn count(&mut self) -> Option<usize> {
        let count = self.length()?;
        let bytes = (self.rest.len() as u64).saturating_add(self.later);
        if count > bytes {
            self.fault = Fault::Beyond(count - bytes);
            return None;
        }
        usize::try_from(count).ok()
    }

    /// A text.
    pub fn text(&mut self) -> Option<Cow<'a, [u8]>> {
        match self.head()? {
            Head::Length(length) => Some(Cow::Borrowed(self.raw(usize::try_from(length).ok()?)?)),
            Head::Integer(bytes) => {
                let mut wide = [0; 8];
                wide[8 - bytes..].copy_from_slice(self.raw(bytes)?);
                let number = i64::from_le_bytes(wide) >> (64 - 8 * bytes);
                Some(Cow::Owned(itoa::Buffer::new().format(number).into()))
            }
            Head::Compressed => {
                let compressed = usize::try_from(self.length()?).ok()?;
                let length = usize::try_from(self.length()?).ok()?;
                lzf::decompress(self.raw(compressed)?, length).map(Cow::Owned)
            }
        }
    }

    fn head(&mut self) -> Option<Head> {
        let first = self.byte()?;
        Some(match first {
            0..0x40 => Head::Length(u64::from(first)),
            0x40..0x80 => Head::Length(u64::from(first & 0x3F) << 8 | u64::from(self.byte()?)),
            0x80 => Head::Length(u64::from(u32::from_be_bytes(self.array()?))),
            0x81 => Head::Length(u64::from_be_bytes(self.array()?)),
            INTEGER_1 => Head::Integer(1),
            INTEGER_2 => Head::Integer(2),
            INTEGER_4 => Head::Integer(4),
            COMPRESSED => Head::Compressed,
            _ => return None,
        })
    }
}
