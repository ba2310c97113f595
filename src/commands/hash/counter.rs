//! Fields that are numbers.

use super::{growth, settle};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{Expiry, Hash, Item, Key, Payload};
use crate::text::LongDouble;
use crate::text::number::parse_i64;

const BASE: Command = Command {
    arity: 4,
    group: Group::Hash,
    categories: &[Category::Hash],
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "access", "update"])],
    syntax: "key field increment",
    ..Command::DEFAULT
};

pub(super) const HINCRBY: Command = Command {
    name: "hincrby",
    since: "2.0.0",
    summary: "Adds a number to the integer in a field, which begins at 0.",
    handler: hincrby,
    ..BASE
};

fn hincrby(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, field, by) = (call.key(1), call.arg(2), call.integer(3)?);
    settle(call, &key, 2..3, 1);
    let edited = call.edit_or_create::<Hash, _>(&key, |hash, around| {
        let sum = integer(hash, field)?.checked_add(by).ok_or(Failure::OVERFLOW)?;
        let mut digits = itoa::Buffer::new();
        hash.set(field, digits.format(sum).as_bytes(), Expiry::Keep, growth(around));
        Ok::<_, Failure>(sum)
    })?;
    let sum = edited.result?;
    call.changed(Class::Hash, "hincrby", &key);
    call.reply.integer(sum);
    Ok(())
}

fn integer(hash: &Hash, field: &[u8]) -> Result<i64, Failure> {
    match hash.view().get(field, i64::MIN) {
        None => Ok(0),
        Some(Item::Int(number)) => Ok(number),
        Some(Item::Bytes(bytes)) => {
            parse_i64(bytes).ok_or(Failure::fixed("ERR hash value is not an integer"))
        }
    }
}

pub(super) const HINCRBYFLOAT: Command = Command {
    name: "hincrbyfloat",
    syntax: "key field increment:double",
    since: "2.6.0",
    summary: "Adds a number to the decimal number in a field, which begins at 0.",
    handler: hincrbyfloat,
    ..BASE
};

fn hincrbyfloat(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, field) = (call.key(1), call.arg(2));
    let by = LongDouble::parse(call.arg(3)).ok_or(Failure::NOT_FLOAT)?;
    if !by.is_finite() {
        return Err(Failure::fixed("ERR value is NaN or Infinity"));
    }
    settle(call, &key, 2..3, 1);
    let mut text = Vec::new();
    let edited = call.edit_or_create::<Hash, _>(&key, |hash, around| {
        let keeps_deadline = add(hash, field, by, &mut text)?;
        hash.set(field, &text, Expiry::Keep, growth(around));
        Ok::<_, Failure>(keeps_deadline)
    })?;
    let keeps_deadline = edited.result?;
    call.changed(Class::Hash, "hincrbyfloat", &key);
    say_sum(call, &key, &text, keeps_deadline);
    call.reply.bulk(&text);
    Ok(())
}

/// Appends the text of the sum; whether the field has a deadline.
fn add(hash: &Hash, field: &[u8], by: LongDouble, text: &mut Vec<u8>) -> Result<bool, Failure> {
    let found = hash.view().find(field, i64::MIN);
    let old = found.map_or(Item::Int(0), |found| found.value);
    let old = LongDouble::parse(old.text(&mut itoa::Buffer::new()))
        .ok_or(Failure::fixed("ERR hash value is not a float"))?;
    let sum = old + by;
    if !sum.is_finite() {
        return Err(Failure::fixed("ERR increment would produce NaN or Infinity"));
    }
    sum.write(text);
    Ok(found.is_some_and(|found| found.deadline.is_some()))
}

/// The sum itself, since other machines may add otherwise.
fn say_sum(call: &mut Call<'_>, key: &Key<'_>, text: &[u8], keeps_deadline: bool) {
    let field = call.arg(2);
    if keeps_deadline {
        call.propagate(&[b"HSETEX", key.bytes, b"KEEPTTL", b"FIELDS", b"1", field, text]);
    } else {
        call.propagate(&[b"HSET", key.bytes, field, text]);
    }
}
