//! Elements by their positions.

use super::words::{BASE, write};
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Failure};
use crate::types::list::End;
use crate::types::{List, View};

pub(super) const LLEN: Command = Command {
    name: "llen",
    arity: 2,
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO"])],
    summary: "Returns the number of elements of a list.",
    syntax: "key",
    handler: llen,
    ..BASE
};

fn llen(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let (list, reply) = call.read_as::<List>(&key)?;
    reply.integer(list.map_or(0, |list| list.len() as i64));
    Ok(())
}

pub(super) const LINDEX: Command = Command {
    name: "lindex",
    arity: 3,
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    summary: "Returns the element of a list at a position; a negative one counts from the end.",
    complexity: "O(N) with the distance to the nearer end",
    syntax: "key index",
    handler: lindex,
    ..BASE
};

fn lindex(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, index) = (call.key(1), call.integer(2));
    let (list, reply) = call.read_as::<List>(&key)?;
    let Some(list) = list else {
        reply.null();
        return Ok(());
    };
    match list.position(index?) {
        Some(position) => list.take(End::Front, position, 1, |item| write(reply, item)),
        None => reply.null(),
    }
    Ok(())
}

pub(super) const LRANGE: Command = Command {
    name: "lrange",
    arity: 4,
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    summary: "Returns the elements of a list between two positions; negative ones count from the end.",
    complexity: "O(S+N) with the distance S to the nearer end and the number N of elements returned",
    syntax: "key start stop",
    handler: lrange,
    ..BASE
};

fn lrange(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, start, stop) = (call.key(1), call.integer(2)?, call.integer(3)?);
    let (list, reply) = call.read_as::<List>(&key)?;
    let Some(list) = list else {
        reply.array(0);
        return Ok(());
    };
    let range = list.range(start, stop);
    reply.array(range.len());
    list.take(End::Front, range.start, range.len(), |item| write(reply, item));
    Ok(())
}
