//! One key: GET, SET and what once were commands of their own.

use super::options::{Condition, Lifetime, Options};
use super::value::{answer, equals, stored};
use crate::commands::deadline::{self, Term};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{Key, Occupied, Slot, Value};

const BASE: Command = Command { group: Group::String, categories: &[Category::String], ..Command::DEFAULT };
const OVERWRITES: &[KeySpec] = &[KeySpec::one(1, &["OW", "update"])];

pub(super) const GET: Command = Command {
    name: "get",
    arity: 2,
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    summary: "Returns the string at a key.",
    syntax: "key",
    handler: get,
    ..BASE
};

fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    match call.read(&key) {
        (Some(entry), reply) => answer(reply, entry.value())?,
        (None, reply) => reply.null(),
    }
    Ok(())
}

pub(super) const SET: Command = Command {
    name: "set",
    arity: -3,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["RW", "access", "update", "variable_flags"]).noted("GET reads the key as well")],
    summary: "Sets a key to a string, whatever it held; on a condition and with a deadline if wanted.",
    syntax: "key value [NX | XX | IFEQ comparison-value] [GET] [EX seconds | PX milliseconds | \
             EXAT unix-time-seconds | PXAT unix-time-milliseconds | KEEPTTL]",
    handler: set,
    ..BASE
};

fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    let options = Options::parse(call, 3)?;
    let stored = assign(call, 2, options, "set")?;
    match (options.get, stored) {
        (true, _) => {}
        (false, true) => call.reply.ok(),
        (false, false) => call.reply.null(),
    }
    Ok(())
}

/// Stores argument `value` at the first key as the options say; true if their condition held. With `get` the old value is
/// answered in either case. `command` is named in errors.
#[inline]
fn assign<'a>(
    call: &mut Call<'a>,
    value: usize,
    options: Options<'a>,
    command: &'static str,
) -> Result<bool, Failure> {
    let deadline = options.lifetime.deadline(call, command)?;
    let (key, text, clock) = (call.key(1), call.arg(value), call.new_clock());
    let (slot, reply) = call.write(&key);
    let found = matches!(slot, Slot::Occupied(_));
    let mut replaced = None;
    let admitted = match slot {
        Slot::Occupied(mut occupied) => {
            let old = occupied.entry().value();
            if options.get {
                answer(reply, old)?;
            }
            let admitted = options.condition.admits(Some(old))?;
            if admitted {
                replaced = occupied.set(stored(text), options.lifetime.expiry(deadline));
            }
            admitted
        }
        Slot::Vacant(vacant) => {
            if options.get {
                reply.null();
            }
            let admitted = options.condition.admits(None)?;
            if admitted {
                vacant.insert(stored(text), deadline, clock);
            }
            admitted
        }
    };
    call.engine.discard_value(replaced);
    if options.get {
        call.looked_up(&key, found);
    }
    if admitted {
        call.written(!found, Class::String, "set", &key);
        say_set(call, &key, text, options, deadline);
    }
    Ok(admitted)
}

/// Leaves in the effects what SET did, where the request does not say it: a deadline is absolute there, what depended on the
/// old value does so no more.
fn say_set(call: &mut Call<'_>, key: &Key<'_>, text: &[u8], options: Options<'_>, deadline_ms: Option<i64>) {
    if let Some(at_ms) = deadline_ms {
        call.event(Class::Generic, "expire", key);
        call.propagate(&[b"SET", key.bytes, text, b"PXAT", itoa::Buffer::new().format(at_ms).as_bytes()]);
    } else if options.get || matches!(options.condition, Condition::Equal(_)) {
        let parts: [&[u8]; 4] = [b"SET", key.bytes, text, b"KEEPTTL"];
        let keeps = options.lifetime == Lifetime::Keep;
        call.propagate(&parts[..if keeps { 4 } else { 3 }]);
    }
}

pub(super) const SETNX: Command = Command {
    name: "setnx",
    arity: 3,
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    keys: &[KeySpec::one(1, &["OW", "insert"])],
    summary: "Sets a key to a string if there is no such key.",
    syntax: "key value",
    handler: setnx,
    ..BASE
};

fn setnx(call: &mut Call<'_>) -> Result<(), Failure> {
    let options = Options { condition: Condition::Absent, ..Options::default() };
    let stored = assign(call, 2, options, "setnx")?;
    call.reply.integer(i64::from(stored));
    Ok(())
}

pub(super) const SETEX: Command = Command {
    name: "setex",
    arity: 4,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: OVERWRITES,
    since: "2.0.0",
    summary: "Sets a key to a string that expires after so many seconds.",
    syntax: "key seconds value",
    handler: |call| set_for(call, Term::Seconds, "setex"),
    ..BASE
};

pub(super) const PSETEX: Command = Command {
    name: "psetex",
    arity: 4,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: OVERWRITES,
    since: "2.6.0",
    summary: "Sets a key to a string that expires after so many milliseconds.",
    syntax: "key milliseconds value",
    handler: |call| set_for(call, Term::Millis, "psetex"),
    ..BASE
};

fn set_for(call: &mut Call<'_>, term: Term, command: &'static str) -> Result<(), Failure> {
    let options = Options { lifetime: Lifetime::Until(term, 2), ..Options::default() };
    assign(call, 3, options, command)?;
    call.reply.ok();
    Ok(())
}

pub(super) const GETSET: Command = Command {
    name: "getset",
    arity: 3,
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "access", "update"])],
    summary: "Sets a key to a string and returns the old one.",
    syntax: "key value",
    handler: getset,
    ..BASE
};

fn getset(call: &mut Call<'_>) -> Result<(), Failure> {
    assign(call, 2, Options { get: true, ..Options::default() }, "getset")?;
    Ok(())
}

pub(super) const GETDEL: Command = Command {
    name: "getdel",
    arity: 2,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "access", "delete"])],
    since: "6.2.0",
    summary: "Returns the string at a key and removes it.",
    syntax: "key",
    handler: getdel,
    ..BASE
};

fn getdel(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let (slot, reply) = call.write(&key);
    let Slot::Occupied(occupied) = slot else {
        reply.null();
        call.looked_up(&key, false);
        return Ok(());
    };
    answer(reply, occupied.entry().value())?;
    drop(occupied.remove());
    call.looked_up(&key, true);
    say_deleted(call, &key);
    Ok(())
}

fn say_deleted(call: &mut Call<'_>, key: &Key<'_>) {
    call.changed(Class::Generic, "del", key);
    call.propagate(&[b"DEL", key.bytes]);
}

pub(super) const DELIFEQ: Command = Command {
    name: "delifeq",
    arity: 3,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RM", "delete"])],
    since: "9.0.0",
    summary: "Removes a key if it holds this string.",
    syntax: "key value",
    handler: delifeq,
    ..BASE
};

fn delifeq(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, wanted) = (call.key(1), call.arg(2));
    let removed = match call.slot(&key) {
        Slot::Occupied(occupied) if equals(occupied.entry().value(), wanted)? => Some(occupied.remove()),
        _ => None,
    };
    call.reply.integer(i64::from(removed.is_some()));
    if removed.is_some() {
        say_deleted(call, &key);
    }
    Ok(())
}

pub(super) const GETEX: Command = Command {
    name: "getex",
    arity: -2,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "access", "update"]).noted("written where the deadline changes")],
    since: "6.2.0",
    summary: "Returns the string at a key and gives it a deadline or takes it away.",
    syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST]",
    handler: getex,
    ..BASE
};

fn getex(call: &mut Call<'_>) -> Result<(), Failure> {
    let lifetime = Lifetime::parse(call, 2)?;
    let (key, now_ms) = (call.key(1), call.now.wall.millis());
    // As in Redis, a bad amount is an error only where there is a string to give it to.
    let deadline = lifetime.deadline(call, "getex");
    let (slot, reply) = call.write(&key);
    let Slot::Occupied(occupied) = slot else {
        reply.null();
        call.looked_up(&key, false);
        return Ok(());
    };
    let value = occupied.entry().value();
    if matches!(value, Value::Object(_)) {
        return Err(Failure::WRONG_TYPE);
    }
    let deadline = deadline?;
    answer(reply, value)?;
    let turn = turn(occupied, lifetime, deadline, now_ms);
    call.looked_up(&key, true);
    match turn {
        Turn::Kept => {}
        Turn::Set(at_ms) => deadline::was_set(call, &key, at_ms),
        Turn::Cleared => deadline::was_cleared(call, &key),
        Turn::Past => deadline::was_past(call, &key),
    }
    Ok(())
}

/// What became of a key's deadline.
enum Turn {
    Kept,
    Set(i64),
    Cleared,
    /// It was in the past: the key is gone.
    Past,
}

/// Gives the entry its new deadline.
fn turn(mut entry: Occupied<'_>, lifetime: Lifetime, deadline_ms: Option<i64>, now_ms: i64) -> Turn {
    match (lifetime, deadline_ms) {
        (Lifetime::Until(term, _), Some(at_ms)) if term.is_absolute() && at_ms <= now_ms => {
            drop(entry.remove());
            Turn::Past
        }
        (_, Some(at_ms)) => {
            entry.set_expiry(Some(at_ms));
            Turn::Set(at_ms)
        }
        (Lifetime::Persist, None) if entry.entry().expiry().is_some() => {
            entry.set_expiry(None);
            Turn::Cleared
        }
        _ => Turn::Kept,
    }
}
