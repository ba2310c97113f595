//! Parts of a string: how long it is, what stands where, what follows.

use std::ops::Range;

use super::value::{length, stored, text};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{NewValue, Slot};

const BASE: Command = Command { group: Group::String, categories: &[Category::String], ..Command::DEFAULT };

pub(super) const STRLEN: Command = Command {
    name: "strlen",
    arity: 2,
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO"])],
    since: "2.2.0",
    summary: "Returns the length in bytes of the string at a key.",
    syntax: "key",
    handler: strlen,
    ..BASE
};

fn strlen(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let (entry, reply) = call.read(&key);
    let length = entry.map_or(Ok(0), |entry| length(entry.value()))?;
    reply.integer(length as i64);
    Ok(())
}

pub(super) const GETRANGE: Command = Command {
    name: "getrange",
    arity: 4,
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    since: "2.4.0",
    summary: "Returns a part of the string at a key; negative positions count from its end.",
    complexity: "O(N) with the length of the part",
    syntax: "key start end",
    handler: getrange,
    ..BASE
};

pub(super) const SUBSTR: Command =
    Command { name: "substr", since: "1.0.0", summary: "The former name of GETRANGE.", ..GETRANGE };

fn getrange(call: &mut Call<'_>) -> Result<(), Failure> {
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    let key = call.key(1);
    let (entry, reply) = call.read(&key);
    let Some(entry) = entry else {
        reply.bulk(b"");
        return Ok(());
    };
    let mut digits = itoa::Buffer::new();
    let text = text(entry.value(), &mut digits)?;
    reply.bulk(&text[part(start, end, text.len())]);
    Ok(())
}

/// The part of a string of so many bytes between two positions, both included, that may count from its end.
fn part(start: i64, end: i64, length: usize) -> Range<usize> {
    let length = length as i64;
    if start < 0 && end < 0 && start > end {
        return 0..0;
    }
    let from_front = |position: i64| if position < 0 { (position + length).max(0) } else { position };
    let (start, end) = (from_front(start), from_front(end).min(length - 1));
    if start > end { 0..0 } else { start as usize..end as usize + 1 }
}

pub(super) const APPEND: Command = Command {
    name: "append",
    arity: 3,
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "insert"])],
    since: "2.0.0",
    summary: "Puts a string at the end of the one at a key, or makes it.",
    complexity: "O(1), averaged over many calls",
    syntax: "key value",
    handler: append,
    ..BASE
};

fn append(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, clock, tail) = (call.key(1), call.new_clock(), call.arg(2));
    let limit = call.engine.config.proto_max_bulk_len_bytes;
    let slot = call.slot(&key);
    let created = matches!(slot, Slot::Vacant(_));
    let length = match slot {
        Slot::Occupied(mut occupied) => {
            check_length(length(occupied.entry().value())?, tail.len(), limit)?;
            occupied.with_bytes(|bytes| {
                bytes.extend_from_slice(tail);
                bytes.len()
            })
        }
        Slot::Vacant(vacant) => {
            vacant.insert(stored(tail), None, clock);
            tail.len()
        }
    };
    call.written(created, Class::String, "append", &key);
    call.reply.integer(length as i64);
    Ok(())
}

/// Refuses a string of `length` bytes and so many `more` if the limit in bytes is below that.
fn check_length(length: usize, more: usize, limit: u64) -> Result<(), Failure> {
    let fits = length.checked_add(more).is_some_and(|total| total as u64 <= limit);
    if fits { Ok(()) } else { Err(Failure::STRING_TOO_LONG) }
}

pub(super) const SETRANGE: Command = Command {
    name: "setrange",
    arity: 4,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["RW", "update"])],
    since: "2.2.0",
    summary: "Overwrites a part of the string at a key, which grows by zero bytes as far as needed.",
    complexity: "O(N) with the length of the new part",
    syntax: "key offset value",
    handler: setrange,
    ..BASE
};

fn setrange(call: &mut Call<'_>) -> Result<(), Failure> {
    let offset =
        usize::try_from(call.integer(2)?).map_err(|_| Failure::fixed("ERR offset is out of range"))?;
    let (key, clock, patch) = (call.key(1), call.new_clock(), call.arg(3));
    let limit = call.engine.config.proto_max_bulk_len_bytes;
    let slot = call.slot(&key);
    let created = matches!(slot, Slot::Vacant(_));
    let length = match slot {
        Slot::Occupied(mut occupied) => {
            let old = length(occupied.entry().value())?;
            if !patch.is_empty() {
                check_length(offset, patch.len(), limit)?;
                occupied.with_bytes(|bytes| lay_over(bytes, offset, patch))?;
            }
            old
        }
        Slot::Vacant(_) if patch.is_empty() => 0,
        Slot::Vacant(vacant) => {
            check_length(offset, patch.len(), limit)?;
            let mut bytes = Vec::new();
            lay_over(&mut bytes, offset, patch)?;
            vacant.insert(NewValue::Heap(bytes), None, clock);
            0
        }
    };
    if patch.is_empty() {
        call.reply.integer(length as i64);
    } else {
        call.written(created, Class::String, "setrange", &key);
        call.reply.integer(length.max(offset + patch.len()) as i64);
    }
    Ok(())
}

/// Writes `patch` at `offset`; zero bytes fill what is missing before it. Nothing changes if there is no memory for them: a
/// `proto-max-bulk-len` may allow more than there is.
fn lay_over(bytes: &mut Vec<u8>, offset: usize, patch: &[u8]) -> Result<(), Failure> {
    let end = offset + patch.len();
    if let Some(missing) = end.checked_sub(bytes.len()) {
        bytes.try_reserve(missing).map_err(|_| Failure::NO_MEMORY)?;
        bytes.resize(end, 0);
    }
    bytes[offset..end].copy_from_slice(patch);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::part;
    use proptest::prelude::*;

    #[test]
    fn a_part_may_count_from_the_end() {
        assert_eq!(part(1, 2, 5), 1..3);
        assert_eq!(part(-2, -1, 5), 3..5);
        assert_eq!(part(-100, 1, 5), 0..2);
        assert_eq!(part(3, 100, 5), 3..5);
        assert_eq!(part(5, 100, 5), 0..0);
        assert_eq!(part(-1, -2, 5), 0..0);
        assert_eq!(part(-100, -50, 5), 0..1);
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_string(start: i64, end: i64, length in 0usize..100) {
            prop_assert!(part(start, end, length).end <= length);
            prop_assert!(part(start % 120, end % 120, length).end <= length);
        }
    }
}
