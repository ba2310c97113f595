//! Entries by their ids: XLEN, XRANGE, XREVRANGE, XDEL.

use super::{ids, write};
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::types::stream::Stream;

pub(super) const XLEN: Command = Command {
    name: "xlen",
    arity: 2,
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO"])],
    summary: "Returns the number of entries of a stream.",
    syntax: "key",
    handler: xlen,
    ..super::BASE
};

fn xlen(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let (stream, reply) = call.read_as::<Stream>(&key)?;
    let len = stream.map_or(0, |stream| stream.log().len());
    reply.integer(len as i64);
    Ok(())
}

pub(super) const XRANGE: Command = Command {
    name: "xrange",
    arity: -4,
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    summary: "Returns the entries from one id to another.",
    complexity: "O(log S + N) with S the size of the stream and N the entries returned",
    syntax: "key start:string end:string [COUNT count]",
    handler: |call| range(call, false),
    ..super::BASE
};

pub(super) const XREVRANGE: Command = Command {
    name: "xrevrange",
    summary: "Returns the entries from one id to another, the last first.",
    syntax: "key end:string start:string [COUNT count]",
    handler: |call| range(call, true),
    ..XRANGE
};

fn range(call: &mut Call<'_>, back: bool) -> Result<(), Failure> {
    let start = ids::start(call.arg(if back { 3 } else { 2 }))?;
    let end = ids::end(call.arg(if back { 2 } else { 3 }))?;
    let mut count = usize::MAX;
    for i in (4..call.len()).step_by(2) {
        if !call.arg_is(i, "count") || i + 1 == call.len() {
            return Err(Failure::SYNTAX);
        }
        count = ids::count(call, i + 1)?;
    }
    let key = call.key(1);
    let (stream, reply) = call.read_as::<Stream>(&key)?;
    match stream.map(Stream::log) {
        None => reply.array(0),
        Some(_) if count == 0 => reply.null_array(),
        Some(log) if write::covers(log, start, end) => {
            reply.array(count.min(log.len()));
            match back {
                true => {
                    log.entries_back(start, end).take(count).for_each(|entry| write::entry(reply, &entry))
                }
                false => log.entries(start, end).take(count).for_each(|entry| write::entry(reply, &entry)),
            }
        }
        Some(log) if back => write::entries(reply, log.entries_back(start, end), count),
        Some(log) => write::entries(reply, log.entries(start, end), count),
    }
    Ok(())
}

pub(super) const XDEL: Command = Command {
    name: "xdel",
    arity: -3,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "delete"])],
    summary: "Deletes entries of a stream; returns how many there were.",
    complexity: "O(log S) for each id, with S the size of the stream",
    syntax: "key id [id ...]",
    handler: xdel,
    ..super::BASE
};

fn xdel(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    let edited = call.edit(&key, |stream: &mut Stream, _| {
        // All ids must be good before the first entry goes.
        request.iter_from(2).try_for_each(|text| ids::id(text).map(drop))?;
        let given = request.iter_from(2).flat_map(ids::id);
        Ok(given.filter(|id| stream.log_mut().delete(*id)).count())
    })?;
    let deleted = edited.map_or(Ok(0), |edited| edited.result)?;
    if deleted > 0 {
        call.changed(Class::Stream, "xdel", &key);
        call.engine.changes += deleted as u64 - 1;
    }
    call.reply.integer(deleted as i64);
    Ok(())
}
