//! Many keys at once.

use super::options::{Condition, Lifetime, Options};
use super::value::{answer, stored};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{Expiry, Key, Slot};

const BASE: Command = Command {
    group: Group::String,
    categories: &[Category::String],
    complexity: "O(N) with the number of keys",
    ..Command::DEFAULT
};

pub(super) const MGET: Command = Command {
    name: "mget",
    arity: -2,
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::range(1, -1, 1, &["RO", "access"])],
    summary: "Returns the strings at several keys; null where there is none.",
    syntax: "key [key ...]",
    tips: &["request_policy:multi_shard"],
    handler: mget,
    ..BASE
};

fn mget(call: &mut Call<'_>) -> Result<(), Failure> {
    call.reply.array(call.len() - 1);
    for i in 1..call.len() {
        let key = call.key(i);
        let (entry, reply) = call.read(&key);
        if entry.is_none_or(|entry| answer(reply, entry.value()).is_err()) {
            call.reply.null();
        }
    }
    Ok(())
}

pub(super) const MSET: Command = Command {
    name: "mset",
    arity: -3,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::range(1, -1, 2, &["OW", "update"])],
    since: "1.0.1",
    summary: "Sets several keys to strings, all at once.",
    syntax: "key value [key value ...]",
    tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
    handler: mset,
    ..BASE
};

fn mset(call: &mut Call<'_>) -> Result<(), Failure> {
    check_pairs(call, "mset")?;
    for i in (1..call.len()).step_by(2) {
        put(call, i, Expiry::Clear);
    }
    call.reply.ok();
    Ok(())
}

fn check_pairs(call: &Call<'_>, command: &str) -> Result<(), Failure> {
    if call.len() % 2 == 1 { Ok(()) } else { Err(Failure::arity(command)) }
}

/// Sets the key at argument `i` to the next argument.
fn put<'a>(call: &mut Call<'a>, i: usize, expiry: Expiry) -> Key<'a> {
    let (key, clock, text) = (call.key(i), call.new_clock(), call.arg(i + 1));
    let slot = call.slot(&key);
    let created = matches!(slot, Slot::Vacant(_));
    let old = match slot {
        Slot::Occupied(mut occupied) => occupied.set(stored(text), expiry),
        Slot::Vacant(vacant) => {
            vacant.insert(stored(text), expiry.after(None), clock);
            None
        }
    };
    call.engine.discard_value(old);
    call.written(created, Class::String, "set", &key);
    key
}

pub(super) const MSETNX: Command = Command {
    name: "msetnx",
    arity: -3,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::range(1, -1, 2, &["OW", "insert"])],
    since: "1.0.1",
    summary: "Sets several keys to strings if none of them is there yet.",
    syntax: "key value [key value ...]",
    handler: msetnx,
    ..BASE
};

fn msetnx(call: &mut Call<'_>) -> Result<(), Failure> {
    check_pairs(call, "msetnx")?;
    let end = call.len();
    let free = all(call, 1..end, Condition::Absent)?;
    if free {
        for i in (1..end).step_by(2) {
            put(call, i, Expiry::Clear);
        }
    }
    call.reply.integer(i64::from(free));
    Ok(())
}

/// Whether each key of the pairs in these arguments fulfils the condition.
fn all(
    call: &mut Call<'_>,
    pairs: std::ops::Range<usize>,
    condition: Condition<'_>,
) -> Result<bool, Failure> {
    for i in pairs.step_by(2) {
        let key = call.key(i);
        let (entry, _) = call.peek(&key);
        if !condition.admits(entry.map(|entry| entry.value()))? {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) const MSETEX: Command = Command {
    name: "msetex",
    arity: -4,
    flags: &[Flag::Write, Flag::DenyOom, Flag::MovableKeys],
    keys: &[KeySpec::counted(1, 2, &["OW", "update"])],
    since: "9.1.0",
    summary: "Sets several keys to strings, all at once; on a condition and with a deadline if wanted.",
    syntax: "numkeys key value [key value ...] [NX | XX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | \
             PXAT unix-time-milliseconds | KEEPTTL]",
    tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
    handler: msetex,
    ..BASE
};

fn msetex(call: &mut Call<'_>) -> Result<(), Failure> {
    let pairs = 2..msetex_end(call)?;
    let options = Options::parse(call, pairs.end)?;
    if options.get || matches!(options.condition, Condition::Equal(_)) {
        return Err(Failure::SYNTAX);
    }
    let deadline = options.lifetime.deadline(call, "msetex")?;
    let admitted = all(call, pairs.clone(), options.condition)?;
    if admitted {
        for i in pairs.step_by(2) {
            let key = put(call, i, options.lifetime.expiry(deadline));
            say_put(call, &key, i, options.lifetime, deadline);
        }
    }
    call.reply.integer(i64::from(admitted));
    Ok(())
}

/// The argument behind the pairs of MSETEX.
fn msetex_end(call: &Call<'_>) -> Result<usize, Failure> {
    let keys = call.integer(1).ok().filter(|keys| (1..=i64::from(i32::MAX)).contains(keys));
    let keys = keys.ok_or(Failure::fixed("ERR invalid numkeys value or out of range"))?;
    let end = 2 + 2 * keys as usize;
    if end <= call.len() { Ok(end) } else { Err(Failure::SYNTAX) }
}

/// Leaves a SET in the effects, which servers of any version know.
fn say_put(call: &mut Call<'_>, key: &Key<'_>, i: usize, lifetime: Lifetime, deadline_ms: Option<i64>) {
    let text = call.arg(i + 1);
    match deadline_ms {
        Some(at_ms) => {
            call.event(Class::Generic, "expire", key);
            let at_ms = itoa::Buffer::new().format(at_ms).as_bytes().to_vec();
            call.propagate(&[b"SET", key.bytes, text, b"PXAT", &at_ms]);
        }
        None if lifetime == Lifetime::Keep => call.propagate(&[b"SET", key.bytes, text, b"KEEPTTL"]),
        None => call.propagate(&[b"SET", key.bytes, text]),
    }
}
