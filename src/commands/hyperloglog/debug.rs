//! Looking into sketches: PFDEBUG and PFSELFTEST.

use std::fmt::Write;

use super::sketch::{bytes_of, corrupted};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::hyperloglog::{self as sketches, REGISTERS, Registers};
use crate::keyspace::{Key, Slot};

const BASE: Command = Command {
    group: Group::HyperLogLog,
    categories: &[Category::HyperLogLog],
    since: "2.8.9",
    ..Command::DEFAULT
};

pub(super) const PFDEBUG: Command = Command {
    name: "pfdebug",
    arity: 3,
    flags: &[Flag::Write, Flag::DenyOom, Flag::Admin],
    keys: &[KeySpec::one(2, &["RW", "access"])],
    summary: "Shows the registers of a sketch, its form, or its runs, or makes it dense.",
    complexity: "O(1), with a large constant",
    syntax: "subcommand key",
    handler: pfdebug,
    ..BASE
};

fn pfdebug(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(2);
    match call.peek(&key).0 {
        None => return Err(Failure::fixed("ERR The specified key does not exist")),
        Some(entry) => bytes_of(entry.value())?,
    };
    if call.arg_is(1, "getreg") {
        getreg(call, &key)
    } else if call.arg_is(1, "decode") {
        decode(call, &key)
    } else if call.arg_is(1, "encoding") {
        encoding(call, &key)
    } else if call.arg_is(1, "todense") {
        let made = make_dense(call, &key)?;
        call.reply.integer(i64::from(made));
        Ok(())
    } else {
        let mut text = b"ERR Unknown PFDEBUG subcommand '".to_vec();
        text.extend_from_slice(call.arg(1));
        text.push(b'\'');
        Err(Failure::new(text))
    }
}

fn make_dense(call: &mut Call<'_>, key: &Key<'_>) -> Result<bool, Failure> {
    let Slot::Occupied(mut occupied) = call.slot(key) else { return Ok(false) };
    let made = occupied.with_bytes(sketches::make_dense).map_err(corrupted)?;
    if made {
        call.changed_quietly(key);
    }
    Ok(made)
}

/// The registers are read from a dense sketch, which it is made for that.
fn getreg(call: &mut Call<'_>, key: &Key<'_>) -> Result<(), Failure> {
    make_dense(call, key)?;
    let (entry, reply) = call.peek(key);
    let Some(entry) = entry else { return Err(Failure::NO_SUCH_KEY) };
    let mut registers = Registers::default();
    registers.merge(bytes_of(entry.value())?).map_err(corrupted)?;
    reply.array(REGISTERS);
    registers.iter().for_each(|value| reply.integer(i64::from(value)));
    Ok(())
}

fn decode(call: &mut Call<'_>, key: &Key<'_>) -> Result<(), Failure> {
    let (entry, reply) = call.peek(key);
    let Some(entry) = entry else { return Err(Failure::NO_SUCH_KEY) };
    let sketch = bytes_of(entry.value())?;
    if sketches::is_dense(sketch) {
        return Err(Failure::fixed("ERR HLL encoding is not sparse"));
    }
    let mut text = String::new();
    for run in sketches::runs(sketch) {
        let written = match (run.value, run.bytes) {
            (0, 1) => write!(text, "z:{} ", run.length),
            (0, _) => write!(text, "Z:{} ", run.length),
            (value, _) => write!(text, "v:{value},{} ", run.length),
        };
        written.expect("a string takes what is written");
    }
    reply.bulk(text.trim_end().as_bytes());
    Ok(())
}

fn encoding(call: &mut Call<'_>, key: &Key<'_>) -> Result<(), Failure> {
    let (entry, reply) = call.peek(key);
    let Some(entry) = entry else { return Err(Failure::NO_SUCH_KEY) };
    let dense = sketches::is_dense(bytes_of(entry.value())?);
    reply.simple(if dense { "dense" } else { "sparse" });
    Ok(())
}

pub(super) const PFSELFTEST: Command = Command {
    name: "pfselftest",
    arity: 1,
    flags: &[Flag::Admin],
    summary: "Tests whether registers hold what they are given, and counts come near.",
    complexity: "O(1), with a large constant",
    handler: pfselftest,
    ..BASE
};

fn pfselftest(call: &mut Call<'_>) -> Result<(), Failure> {
    if !sketches::is_sound() {
        return Err(Failure::fixed("TESTFAILED registers or counts are wrong"));
    }
    call.reply.ok();
    Ok(())
}
