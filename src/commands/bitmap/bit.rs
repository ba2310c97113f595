//! Single bits: SETBIT and GETBIT.

use super::value::{edit, offset};
use crate::commands::string::value::text;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::bitmap;

const BASE: Command =
    Command { group: Group::Bitmap, categories: &[Category::Bitmap], since: "2.2.0", ..Command::DEFAULT };

pub(super) const SETBIT: Command = Command {
    name: "setbit",
    arity: 4,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["RW", "access", "update"])],
    summary: "Sets or clears a bit of the string at a key, which grows by zero bytes as far as needed.",
    syntax: "key offset value:integer",
    handler: setbit,
    ..BASE
};

fn setbit(call: &mut Call<'_>) -> Result<(), Failure> {
    let offset = offset(call, 2, None)?;
    let value = match call.integer(3) {
        Ok(0) => false,
        Ok(1) => true,
        _ => return Err(Failure::fixed("ERR bit is not an integer or out of range")),
    };
    let key = call.key(1);
    let (old, grown) = edit(call, &key, offset, |bytes| bitmap::set(bytes, offset, value))?;
    if grown || old != value {
        call.changed(Class::String, "setbit", &key);
    }
    call.reply.integer(i64::from(old));
    Ok(())
}

pub(super) const GETBIT: Command = Command {
    name: "getbit",
    arity: 3,
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    summary: "Returns a bit of the string at a key; 0 behind its end.",
    syntax: "key offset",
    handler: getbit,
    ..BASE
};

fn getbit(call: &mut Call<'_>) -> Result<(), Failure> {
    let offset = offset(call, 2, None)?;
    let key = call.key(1);
    let (entry, reply) = call.read(&key);
    let bit = match entry {
        Some(entry) => bitmap::get(text(entry.value(), &mut itoa::Buffer::new())?, offset),
        None => false,
    };
    reply.integer(i64::from(bit));
    Ok(())
}
