//! Writing lengths, texts and numbers.

use crate::text::number::parse_i64;
use crate::types::{Item, lzf};

/// The first two bits of a length, where it does not fit the other six.
const LENGTH_14_BITS: u8 = 0x40;
const LENGTH_32_BITS: u8 = 0x80;
const LENGTH_64_BITS: u8 = 0x81;
/// In place of a length: an integer of so many bytes, or a compressed text.
pub(super) const INTEGER_1: u8 = 0xC0;
pub(super) const INTEGER_2: u8 = 0xC1;
pub(super) const INTEGER_4: u8 = 0xC2;
pub(super) const COMPRESSED: u8 = 0xC3;
/// Longer texts cannot be an integer of four bytes.
const INTEGER_TEXT_BYTES_MAX: usize = 11;
/// Shorter texts are not compressed.
const COMPRESSED_BYTES_MIN: usize = 21;
/// Compression must save so much.
const SAVED_BYTES_MIN: usize = 4;

/// Bytes that grow.
#[derive(Debug)]
pub struct Writer {
    /// What was written.
    pub out: Vec<u8>,
    /// Whether long texts are compressed (`rdbcompression`).
    compress: bool,
}

impl Writer {
    /// A writer behind what is there; long texts compressed if wanted.
    pub fn new(out: Vec<u8>, compress: bool) -> Writer {
        Writer { out, compress }
    }

    /// Adds bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Adds a length, or any number that is mostly small.
    pub fn length(&mut self, length: u64) {
        match length {
            0..64 => self.out.push(length as u8),
            64..16384 => self.out.extend([LENGTH_14_BITS | (length >> 8) as u8, length as u8]),
            _ => match u32::try_from(length) {
                Ok(length) => {
                    self.out.push(LENGTH_32_BITS);
                    self.raw(&length.to_be_bytes());
                }
                Err(_) => {
                    self.out.push(LENGTH_64_BITS);
                    self.raw(&length.to_be_bytes());
                }
            },
        }
    }

    /// Adds a text: as an integer if it is a short one, compressed if it is long and that is worth it.
    pub fn text(&mut self, text: &[u8]) {
        if text.len() <= INTEGER_TEXT_BYTES_MAX
            && parse_i64(text).is_some_and(|number| self.short_integer(number))
        {
            return;
        }
        self.packed(text);
    }

    /// Adds the text of an integer.
    pub fn integer(&mut self, number: i64) {
        if !self.short_integer(number) {
            self.packed(itoa::Buffer::new().format(number).as_bytes());
        }
    }

    /// Adds an element's text.
    pub fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Int(number) => self.integer(number),
            Item::Bytes(text) => self.text(text),
        }
    }

    /// Adds bytes that are no integer's text.
    pub fn packed(&mut self, bytes: &[u8]) {
        let worth_it = self.compress && bytes.len() >= COMPRESSED_BYTES_MIN;
        match worth_it.then(|| lzf::compress(bytes, bytes.len() - SAVED_BYTES_MIN)).flatten() {
            Some(compressed) => {
                self.out.push(COMPRESSED);
                self.length(compressed.len() as u64);
                self.length(bytes.len() as u64);
                self.raw(&compressed);
            }
            None => {
                self.length(bytes.len() as u64);
                self.raw(bytes);
            }
        }
    }

    /// Adds an integer in at most four bytes; false, and nothing done, if it needs more.
    fn short_integer(&mut self, number: i64) -> bool {
        let (code, bytes) = match number {
            -0x80..0x80 => (INTEGER_1, 1),
            -0x8000..0x8000 => (INTEGER_2, 2),
            -0x8000_0000..0x8000_0000 => (INTEGER_4, 4),
            _ => return false,
        };
        self.out.push(code);
        self.raw(&number.to_le_bytes()[..bytes]);
        true
    }
}
