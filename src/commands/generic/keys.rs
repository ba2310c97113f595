//! Whether keys are there, of what type they are, and removing them.

use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::Value;

const BASE: Command = Command {
    group: Group::Generic,
    categories: &[Category::Keyspace],
    flags: &[Flag::ReadOnly, Flag::Fast],
    ..Command::DEFAULT
};
/// Commands that count keys, which a cluster's client may spread over nodes.
const COUNT: Command = Command {
    arity: -2,
    complexity: "O(N) with the number of keys",
    syntax: "key [key ...]",
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    ..BASE
};

pub(super) const DEL: Command = Command {
    name: "del",
    flags: &[Flag::Write],
    keys: &[KeySpec::range(1, -1, 1, &["RM", "delete"])],
    summary: "Removes keys; tells how many there were.",
    handler: remove_all,
    ..COUNT
};

pub(super) const UNLINK: Command = Command {
    name: "unlink",
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::range(1, -1, 1, &["RM", "delete"])],
    since: "4.0.0",
    summary: "Removes keys, and frees what they held when there is time; tells how many there were.",
    handler: remove_all,
    ..COUNT
};

fn remove_all(call: &mut Call<'_>) -> Result<(), Failure> {
    let mut removed = 0;
    for i in 1..call.len() {
        let key = call.key(i);
        // What is small is freed at once, by UNLINK too; what is large in slices, by DEL too.
        if let Some(gone) = call.remove(&key) {
            call.engine.discard(gone);
            call.changed(Class::Generic, "del", &key);
            removed += 1;
        }
    }
    call.reply.integer(removed);
    Ok(())
}

pub(super) const EXISTS: Command = Command {
    name: "exists",
    keys: &[KeySpec::range(1, -1, 1, &["RO"])],
    summary: "Tells how many of the keys are there; a key that is named twice counts twice.",
    handler: exists,
    ..COUNT
};

fn exists(call: &mut Call<'_>) -> Result<(), Failure> {
    let mut found = 0;
    for i in 1..call.len() {
        let key = call.key(i);
        found += i64::from(call.inspect(&key).0.is_some());
    }
    call.reply.integer(found);
    Ok(())
}

pub(super) const TOUCH: Command = Command {
    name: "touch",
    keys: &[KeySpec::range(1, -1, 1, &["RO"])],
    since: "3.2.1",
    summary: "Marks keys as used now; tells how many there are.",
    handler: touch,
    ..COUNT
};

fn touch(call: &mut Call<'_>) -> Result<(), Failure> {
    let mut found = 0;
    for i in 1..call.len() {
        let key = call.key(i);
        found += i64::from(call.touch(&key));
    }
    call.reply.integer(found);
    Ok(())
}

pub(super) const TYPE: Command = Command {
    name: "type",
    arity: 2,
    keys: &[KeySpec::one(1, &["RO"])],
    summary: "Returns the type of what a key holds.",
    syntax: "key",
    handler: type_of,
    ..BASE
};

fn type_of(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let (entry, reply) = call.inspect(&key);
    reply.simple(entry.map_or("none", |entry| type_name(entry.value())));
    Ok(())
}

/// A value's type, as TYPE and SCAN name it.
pub(super) fn type_name(value: Value<'_>) -> &'static str {
    match value {
        Value::Int(_) | Value::Bytes(_) => "string",
        Value::Object(object) => object.type_name(),
    }
}
