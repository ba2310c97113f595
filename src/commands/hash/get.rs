//! Reading fields.

use super::{write, write_or_null};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::{Field, Hash, HashRef};
use crate::protocol::reply::Reply;

const BASE: Command = Command {
    group: Group::Hash,
    categories: &[Category::Hash],
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    since: "2.0.0",
    ..Command::DEFAULT
};

pub(super) const HGET: Command = Command {
    name: "hget",
    arity: 3,
    summary: "Returns the value of a field.",
    syntax: "key field",
    handler: hget,
    ..BASE
};

fn hget(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, field, now_ms) = (call.key(1), call.arg(2), call.now.wall.millis());
    let (hash, reply) = call.read_as::<Hash>(&key)?;
    write_or_null(reply, hash.and_then(|hash| hash.get(field, now_ms)));
    Ok(())
}

pub(super) const HMGET: Command = Command {
    name: "hmget",
    arity: -3,
    summary: "Returns the values of fields.",
    complexity: "O(N) with the number of fields asked for",
    syntax: "key field [field ...]",
    handler: hmget,
    ..BASE
};

fn hmget(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request, now_ms) = (call.key(1), call.request, call.now.wall.millis());
    let (hash, reply) = call.read_as::<Hash>(&key)?;
    reply.array(request.len() - 2);
    for i in 2..request.len() {
        write_or_null(reply, hash.and_then(|hash| hash.get(request.arg(i), now_ms)));
    }
    Ok(())
}

pub(super) const HEXISTS: Command = Command {
    name: "hexists",
    arity: 3,
    keys: &[KeySpec::one(1, &["RO"])],
    summary: "Tells whether there is a field.",
    syntax: "key field",
    handler: hexists,
    ..BASE
};

fn hexists(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, field, now_ms) = (call.key(1), call.arg(2), call.now.wall.millis());
    let (hash, reply) = call.read_as::<Hash>(&key)?;
    let found = hash.and_then(|hash| hash.get(field, now_ms)).is_some();
    reply.integer(i64::from(found));
    Ok(())
}

pub(super) const HSTRLEN: Command = Command {
    name: "hstrlen",
    arity: 3,
    keys: &[KeySpec::one(1, &["RO"])],
    since: "3.2.0",
    summary: "Returns the length of a field's value in bytes.",
    syntax: "key field",
    handler: hstrlen,
    ..BASE
};

fn hstrlen(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, field, now_ms) = (call.key(1), call.arg(2), call.now.wall.millis());
    let (hash, reply) = call.read_as::<Hash>(&key)?;
    let value = hash.and_then(|hash| hash.get(field, now_ms));
    reply.integer(value.map_or(0, |value| value.text_len() as i64));
    Ok(())
}

pub(super) const HLEN: Command = Command {
    name: "hlen",
    arity: 2,
    keys: &[KeySpec::one(1, &["RO"])],
    summary: "Returns the number of fields.",
    syntax: "key",
    handler: hlen,
    ..BASE
};

fn hlen(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, now_ms) = (call.key(1), call.now.wall.millis());
    let (hash, reply) = call.read_as::<Hash>(&key)?;
    reply.integer(hash.map_or(0, |hash| hash.live_len(now_ms) as i64));
    Ok(())
}

/// Commands that return all there is.
const WHOLE: Command = Command {
    arity: 2,
    flags: &[Flag::ReadOnly],
    complexity: "O(N) with the number of fields",
    syntax: "key",
    tips: &["nondeterministic_output_order"],
    ..BASE
};

pub(super) const HGETALL: Command = Command {
    name: "hgetall",
    summary: "Returns all fields with their values.",
    handler: |call| {
        whole(call, Reply::map, |reply, field| {
            write(reply, field.name);
            write(reply, field.value);
        })
    },
    ..WHOLE
};

pub(super) const HKEYS: Command = Command {
    name: "hkeys",
    summary: "Returns the names of all fields.",
    handler: |call| whole(call, Reply::array, |reply, field| write(reply, field.name)),
    ..WHOLE
};

pub(super) const HVALS: Command = Command {
    name: "hvals",
    summary: "Returns the values of all fields.",
    handler: |call| whole(call, Reply::array, |reply, field| write(reply, field.value)),
    ..WHOLE
};

#[inline]
fn whole<'a>(
    call: &mut Call<'a>,
    begin: impl FnOnce(&mut Reply<'a>, usize),
    each: impl Fn(&mut Reply<'a>, Field<'_>),
) -> Result<(), Failure> {
    let (key, now_ms) = (call.key(1), call.now.wall.millis());
    let (hash, reply): (Option<HashRef<'_>>, _) = call.read_as::<Hash>(&key)?;
    begin(reply, hash.map_or(0, |hash| hash.live_len(now_ms)));
    if let Some(hash) = hash {
        hash.each(now_ms, |field| each(reply, field));
    }
    Ok(())
}
