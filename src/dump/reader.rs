//! Reading lengths, texts and numbers that may be anything.
//!
//! Guarantee: whatever the bytes are, nothing panics, and no more memory is taken than some fixed times their length.

use std::borrow::Cow;

use super::writer::{COMPRESSED, INTEGER_1, INTEGER_2, INTEGER_4};
use crate::types::lzf;

/// Bytes, read from the front. Every method answers `None` if they do not hold what is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
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
        Reader { rest: bytes }
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
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    /// The same of a number known beforehand.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>()?;
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
        let count = usize::try_from(self.length()?).ok()?;
        (count <= self.rest.len()).then_some(count)
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
