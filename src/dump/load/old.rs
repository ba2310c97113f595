//! The small forms of servers up to Redis 6.2 (Redis, `ziplist.c` and `zipmap.c`).
//!
//! A *ziplist*: bytes in all, offset of the last element, 4 bytes each, number of elements in 2 (65535: count them), all little
//! endian; elements; `0xFF`. An element: length of the one before (one byte, or `0xFE` and four), encoding, text or number.
//!
//! A *zipmap*: number of pairs in a byte (254: count them); pairs; `0xFF`. A pair: length of the name (one byte, or `0xFE` and
//! four), name, length of the value, number of unused bytes behind it, value, unused bytes.

use crate::dump::reader::Reader;
use crate::types::Item;

const HEADER_BYTES: usize = 10;
const END: u8 = 0xFF;
/// A length in four bytes follows.
const LONG: u8 = 0xFE;
const UNCOUNTED: u16 = u16::MAX;

/// The elements of a ziplist, if it is well formed to the last byte.
pub(super) fn ziplist(bytes: &[u8]) -> Option<Vec<Item<'_>>> {
    let mut from = Reader::new(bytes);
    let total = u32::from_le_bytes(from.array()?) as usize;
    let last = u32::from_le_bytes(from.array()?) as usize;
    let count = u16::from_le_bytes(from.array()?);
    let (mut items, mut before, mut start) = (Vec::new(), 0, HEADER_BYTES);
    let mut last_found = HEADER_BYTES;
    while *from.rest().first()? != END {
        if length(&mut from)? != before {
            return None;
        }
        items.push(element(&mut from)?);
        let end = bytes.len() - from.rest().len();
        (before, last_found, start) = (end - start, start, end);
    }
    let counted = count == UNCOUNTED || usize::from(count) == items.len();
    let whole = total == bytes.len() && from.rest().len() == 1 && last == last_found;
    (counted && whole).then_some(items)
}

/// A length in one byte or five.
fn length(from: &mut Reader<'_>) -> Option<usize> {
    match from.byte()? {
        END => None,
        LONG => Some(u32::from_le_bytes(from.array()?) as usize),
        short => Some(usize::from(short)),
    }
}

fn element<'a>(from: &mut Reader<'a>) -> Option<Item<'a>> {
    let head = from.byte()?;
    let length = match head {
        0..0x40 => usize::from(head),
        0x40..0x80 => usize::from(head & 0x3F) << 8 | usize::from(from.byte()?),
        0x80 => u32::from_be_bytes(from.array()?) as usize,
        _ => return number(from, head).map(Item::Int),
    };
    from.raw(length).map(Item::Bytes)
}

fn number(from: &mut Reader<'_>, head: u8) -> Option<i64> {
    Some(match head {
        0xC0 => i64::from(i16::from_le_bytes(from.array()?)),
        0xD0 => i64::from(i32::from_le_bytes(from.array()?)),
        0xE0 => i64::from_le_bytes(from.array()?),
        0xF0 => {
            let [low, middle, high] = from.array()?;
            i64::from(i32::from_le_bytes([0, low, middle, high]) >> 8)
        }
        0xFE => i64::from(i8::from_le_bytes(from.array()?)),
        0xF1..=0xFD => i64::from(head & 0x0F) - 1,
        _ => return None,
    })
}

/// The names and values of a zipmap in turn, if it is well formed to the last byte.
pub(super) fn zipmap(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut from = Reader::new(bytes);
    let count = from.byte()?;
    let mut texts = Vec::new();
    while *from.rest().first()? != END {
        let name = length(&mut from)?;
        texts.push(from.raw(name)?);
        let (value, unused) = (length(&mut from)?, from.byte()?);
        texts.push(from.raw(value)?);
        from.raw(usize::from(unused))?;
    }
    let counted = count >= LONG || usize::from(count) == texts.len() / 2;
    (counted && from.rest().len() == 1).then_some(texts)
}
