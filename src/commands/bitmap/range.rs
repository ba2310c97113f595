//! Parts of a bitmap: BITCOUNT and BITPOS.

use std::ops::RangeInclusive;

use crate::commands::string::value::text;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::bitmap;

const BASE: Command = Command {
    group: Group::Bitmap,
    categories: &[Category::Bitmap],
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    complexity: "O(N) with the length of the part",
    ..Command::DEFAULT
};

/// A part of a string between two positions, both included, that may count from its end.
#[derive(Clone, Copy)]
struct Part {
    start: i64,
    end: i64,
    /// Positions are bits, not bytes.
    is_bits: bool,
}

impl Part {
    /// The part that arguments from `i` on name: `start [end [BYTE | BIT]]`.
    fn parse(call: &Call<'_>, i: usize) -> Result<Part, Failure> {
        let mut part = Part { start: 0, end: -1, is_bits: false };
        if i < call.len() {
            part.start = call.integer(i)?;
        }
        if i + 2 < call.len() {
            part.is_bits = unit(call, i + 2)?;
        }
        if i + 1 < call.len() {
            part.end = call.integer(i + 1)?;
        }
        Ok(part)
    }

    /// Its bits in a string of so many bytes; `None` if there are none.
    fn bits(self, bytes: usize) -> Option<RangeInclusive<u64>> {
        let unit = if self.is_bits { 1 } else { 8 };
        // No string has 2^60 bytes.
        let length = bytes as i64 * 8 / unit;
        let from_front = |at: i64| if at < 0 { at.saturating_add(length).max(0) } else { at };
        let (start, end) = (from_front(self.start), from_front(self.end).min(length - 1));
        (start <= end).then(|| (start * unit) as u64..=(end * unit + unit - 1) as u64)
    }
}

/// Whether a word is BIT; it must be that or BYTE.
fn unit(call: &Call<'_>, i: usize) -> Result<bool, Failure> {
    match (call.arg_is(i, "bit"), call.arg_is(i, "byte")) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(Failure::SYNTAX),
    }
}

pub(super) const BITCOUNT: Command = Command {
    name: "bitcount",
    arity: -2,
    since: "2.6.0",
    summary: "Counts the bits that are set in a string or in a part of it.",
    syntax: "key [start end [BYTE | BIT]]",
    handler: bitcount,
    ..BASE
};

fn bitcount(call: &mut Call<'_>) -> Result<(), Failure> {
    if !matches!(call.len(), 2 | 4 | 5) {
        return Err(Failure::SYNTAX);
    }
    let part = Part::parse(call, 2)?;
    let is_backwards = part.start < 0 && part.end < 0 && part.start > part.end;
    let key = call.key(1);
    let (entry, reply) = call.read(&key);
    let mut digits = itoa::Buffer::new();
    let bytes = entry.map_or(Ok(&b""[..]), |entry| text(entry.value(), &mut digits))?;
    let bits = part.bits(bytes.len()).filter(|_| !is_backwards);
    reply.integer(bits.map_or(0, |bits| bitmap::count_bits(bytes, bits) as i64));
    Ok(())
}

pub(super) const BITPOS: Command = Command {
    name: "bitpos",
    arity: -3,
    since: "2.8.7",
    summary: "Finds the first bit that is set, or clear, in a string or in a part of it.",
    syntax: "key bit [start [end [BYTE | BIT]]]",
    handler: bitpos,
    ..BASE
};

fn bitpos(call: &mut Call<'_>) -> Result<(), Failure> {
    let wanted = match call.integer(2)? {
        0 => false,
        1 => true,
        _ => return Err(Failure::fixed("ERR The bit argument must be 1 or 0.")),
    };
    if call.len() > 6 {
        return Err(Failure::SYNTAX);
    }
    let (part, has_end) = (Part::parse(call, 3)?, call.len() > 4);
    let key = call.key(1);
    let (entry, reply) = call.read(&key);
    let Some(entry) = entry else {
        reply.integer(if wanted { -1 } else { 0 });
        return Ok(());
    };
    let mut digits = itoa::Buffer::new();
    let bytes = text(entry.value(), &mut digits)?;
    let place = part.bits(bytes.len()).map_or(-1, |bits| match bitmap::find(bytes, wanted, bits) {
        Some(at) => at as i64,
        // Behind a string that has no end there are zero bits.
        None if !wanted && !has_end => bytes.len() as i64 * 8,
        None => -1,
    });
    reply.integer(place);
    Ok(())
}
