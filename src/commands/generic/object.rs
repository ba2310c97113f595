//! OBJECT: how a value is stored and how much it is used.

use crate::commands::help;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::{Access, EntryRef};

pub(super) const OBJECT: Command = Command {
    name: "object",
    arity: -2,
    group: Group::Generic,
    since: "2.2.3",
    summary: "Holds the commands that look behind a key.",
    complexity: "that of the sub-command",
    subcommands: &[ENCODING, FREQ, HELP, IDLETIME, REFCOUNT],
    ..Command::DEFAULT
};

const SUB: Command = Command {
    arity: 3,
    group: Group::Generic,
    since: "2.2.3",
    flags: &[Flag::ReadOnly],
    categories: &[Category::Keyspace],
    keys: &[KeySpec::one(2, &["RO"])],
    tips: &["nondeterministic_output"],
    syntax: "key",
    ..Command::DEFAULT
};

const ENCODING: Command = Command {
    name: "object|encoding",
    summary: "Returns the way in which the value at a key is stored.",
    handler: encoding,
    ..SUB
};

fn encoding(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(2);
    match call.examine(&key) {
        (Some(entry), reply) => reply.bulk(entry.encoding().as_bytes()),
        (None, reply) => reply.null(),
    }
    Ok(())
}

const REFCOUNT: Command = Command {
    name: "object|refcount",
    summary: "Returns the number of references to the value at a key; here always 1.",
    handler: |call| answer(call, |_, _, _| Ok(1)),
    ..SUB
};

const FREQ: Command = Command {
    name: "object|freq",
    since: "4.0.0",
    summary: "Returns how often a key is used, on a logarithmic scale up to 255.",
    handler: |call| answer(call, frequency),
    ..SUB
};

fn frequency(entry: EntryRef<'_>, access: Access, now_ms: i64) -> Result<i64, Failure> {
    match access {
        Access::Lfu { .. } => Ok(i64::from(access.frequency(entry.clock(), now_ms))),
        Access::Lru => Err(Failure::fixed(
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
             switching between policies at runtime LRU and LFU data will take some time to adjust.",
        )),
    }
}

const IDLETIME: Command = Command {
    name: "object|idletime",
    summary: "Returns the seconds since a key was last used.",
    handler: |call| answer(call, idle_seconds),
    ..SUB
};

fn idle_seconds(entry: EntryRef<'_>, access: Access, now_ms: i64) -> Result<i64, Failure> {
    match access {
        Access::Lru => Ok(i64::from(access.idle_seconds(entry.clock(), now_ms))),
        Access::Lfu { .. } => Err(Failure::fixed(
            "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
             between policies at runtime LRU and LFU data will take some time to adjust.",
        )),
    }
}

/// A figure of an entry, given the meaning of access clocks and the time.
type Figure = fn(EntryRef<'_>, Access, i64) -> Result<i64, Failure>;

fn answer(call: &mut Call<'_>, figure: Figure) -> Result<(), Failure> {
    let (key, access, now_ms) = (call.key(2), call.engine.access(), call.now.wall.millis());
    match call.examine(&key) {
        (Some(entry), reply) => reply.integer(figure(entry, access, now_ms)?),
        (None, reply) => reply.null(),
    }
    Ok(())
}

const HELP: Command = Command {
    name: "object|help",
    arity: 2,
    since: "6.2.0",
    flags: &[Flag::Loading, Flag::Stale],
    keys: &[],
    tips: &[],
    summary: "Prints this help.",
    syntax: "",
    handler: help::of_container,
    ..SUB
};
