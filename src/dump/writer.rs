//! Writing lengths, texts and numbers.

use crate::text::number::parse_i64;
use crate::types::Item;
use crate::types::lzf::Compressor;

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

/// How a length is written: this many of these bytes.
#[inline]
fn length_of(length: u64) -> ([u8; 9], usize) {
    let mut bytes = [0; 9];
    let count = length_bytes(length);
    match count {
        1 => bytes[0] = length as u8,
        2 => bytes[..2].copy_from_slice(&[LENGTH_14_BITS | (length >> 8) as u8, length as u8]),
        5 => {
            bytes[0] = LENGTH_32_BITS;
            bytes[1..5].copy_from_slice(&(length as u32).to_be_bytes());
        }
        _ => {
            bytes[0] = LENGTH_64_BITS;
            bytes[1..].copy_from_slice(&length.to_be_bytes());
        }
    }
    (bytes, count)
}

#[inline]
fn length_bytes(length: u64) -> usize {
    match length {
        0..64 => 1,
        64..16384 => 2,
        16384..0x1_0000_0000 => 5,
        _ => 9,
    }
}

/// Bytes that grow.
pub struct Writer {
    /// What was written.
    pub out: Vec<u8>,
    /// Whether long texts are compressed (`rdbcompression`).
    compress: bool,
    compressor: Option<Compressor>,
}

impl Writer {
    /// A writer behind what is there; long texts compressed if wanted.
    pub fn new(out: Vec<u8>, compress: bool) -> Writer {
        Writer { out, compress, compressor: None }
    }

    /// Adds bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Adds a length, or any number that is mostly small.
    pub fn length(&mut self, length: u64) {
        let (bytes, count) = length_of(length);
        self.raw(&bytes[..count]);
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
        if !self.compress || bytes.len() < COMPRESSED_BYTES_MIN || !self.compressed(bytes) {
            self.length(bytes.len() as u64);
            self.raw(bytes);
        }
    }

    /// Adds a compressed text; false, and nothing done, if it does not become shorter by it.
    fn compressed(&mut self, bytes: &[u8]) -> bool {
        let start = self.out.len();
        self.out.push(COMPRESSED);
        // The length of the compressed text is known afterwards only: it takes no more room than that of the text.
        let room = length_bytes(bytes.len() as u64);
        self.out.resize(self.out.len() + room, 0);
        self.length(bytes.len() as u64);
        let body = self.out.len();
        let compressor = self.compressor.get_or_insert_default();
        if !compressor.append(bytes, bytes.len() - SAVED_BYTES_MIN, &mut self.out) {
            self.out.truncate(start);
            return false;
        }
        let compressed = (self.out.len() - body) as u64;
        let spare = room - length_bytes(compressed);
        if spare > 0 {
            self.out.drain(start + 1..start + 1 + spare);
        }
        let (bytes, count) = length_of(compressed);
        self.out[start + 1..start + 1 + count].copy_from_slice(&bytes[..count]);
        true
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
