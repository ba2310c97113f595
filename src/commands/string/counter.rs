//! Strings that are numbers: INCR and its kin.

use super::value::text;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{Expiry, NewValue, Slot, Value};
use crate::text::LongDouble;
use crate::text::number::parse_i64;

const BASE: Command = Command {
    group: Group::String,
    categories: &[Category::String],
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "access", "update"])],
    ..Command::DEFAULT
};

pub(super) const INCR: Command = Command {
    name: "incr",
    arity: 2,
    summary: "Adds one to the integer at a key, which begins at 0.",
    syntax: "key",
    handler: |call| add(call, 1),
    ..BASE
};

pub(super) const DECR: Command = Command {
    name: "decr",
    arity: 2,
    summary: "Takes one from the integer at a key, which begins at 0.",
    syntax: "key",
    handler: |call| add(call, -1),
    ..BASE
};

pub(super) const INCRBY: Command = Command {
    name: "incrby",
    arity: 3,
    summary: "Adds a number to the integer at a key, which begins at 0.",
    syntax: "key increment",
    handler: |call| add(call, call.integer(2)?),
    ..BASE
};

pub(super) const DECRBY: Command = Command {
    name: "decrby",
    arity: 3,
    summary: "Takes a number from the integer at a key, which begins at 0.",
    syntax: "key decrement",
    handler: decrby,
    ..BASE
};

fn decrby(call: &mut Call<'_>) -> Result<(), Failure> {
    let by = call.integer(2)?.checked_neg().ok_or(Failure::fixed("ERR decrement would overflow"))?;
    add(call, by)
}

fn add(call: &mut Call<'_>, by: i64) -> Result<(), Failure> {
    let (key, clock) = (call.key(1), call.new_clock());
    let slot = call.slot(&key);
    let created = matches!(slot, Slot::Vacant(_));
    let sum = match slot {
        Slot::Occupied(mut occupied) => {
            let old = integer(occupied.entry().value())?;
            let sum = old.checked_add(by).ok_or(Failure::OVERFLOW)?;
            occupied.set_int(sum);
            sum
        }
        Slot::Vacant(vacant) => {
            vacant.insert(NewValue::Int(by), None, clock);
            by
        }
    };
    call.written(created, Class::String, "incrby", &key);
    call.reply.integer(sum);
    Ok(())
}

fn integer(value: Value<'_>) -> Result<i64, Failure> {
    match value {
        Value::Int(number) => Ok(number),
        Value::Bytes(bytes) => parse_i64(bytes).ok_or(Failure::NOT_INTEGER),
        Value::Object(_) => Err(Failure::WRONG_TYPE),
    }
}

pub(super) const INCRBYFLOAT: Command = Command {
    name: "incrbyfloat",
    arity: 3,
    since: "2.6.0",
    summary: "Adds a number to the decimal number at a key, which begins at 0.",
    syntax: "key increment:double",
    handler: incrbyfloat,
    ..BASE
};

fn incrbyfloat(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, clock, by) = (call.key(1), call.new_clock(), call.arg(2));
    let mut sum = Vec::new();
    let slot = call.slot(&key);
    let created = matches!(slot, Slot::Vacant(_));
    match slot {
        Slot::Occupied(mut occupied) => {
            add_float(text(occupied.entry().value(), &mut itoa::Buffer::new())?, by, &mut sum)?;
            // It was a string: `text` has seen it.
            _ = occupied.set(NewValue::Bytes(&sum), Expiry::Keep);
        }
        Slot::Vacant(vacant) => {
            add_float(b"0", by, &mut sum)?;
            vacant.insert(NewValue::Bytes(&sum), None, clock);
        }
    }
    call.written(created, Class::String, "incrbyfloat", &key);
    // The sum itself, since other machines may add otherwise.
    call.propagate(&[b"SET", key.bytes, &sum, b"KEEPTTL"]);
    call.reply.bulk(&sum);
    Ok(())
}

/// Appends the text of the sum.
fn add_float(old: &[u8], by: &[u8], out: &mut Vec<u8>) -> Result<(), Failure> {
    let parse = |number| LongDouble::parse(number).ok_or(Failure::NOT_FLOAT);
    let sum = parse(old)? + parse(by)?;
    if !sum.is_finite() {
        return Err(Failure::fixed("ERR increment would produce NaN or Infinity"));
    }
    sum.write(out);
    Ok(())
}
