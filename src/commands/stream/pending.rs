//! Entries that are delivered and not acknowledged: XACK, XPENDING.

use super::{ids, write};
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Failure};
use crate::protocol::reply::Reply;
use crate::types::stream::{Group, Stream, StreamId};

pub(super) const XACK: Command = Command {
    name: "xack",
    arity: -4,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "update"])],
    summary: "Acknowledges entries, which are pending in the group no more; returns how many were.",
    complexity: "O(log P) for each id, with P the entries that are pending",
    syntax: "key group id [id ...]",
    handler: xack,
    ..super::BASE
};

fn xack(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    let edited = call.edit(&key, |stream: &mut Stream, _| {
        let Some(mut group) = stream.edit_group(request.arg(2)) else { return Ok(0) };
        // All ids must be good before the first entry goes.
        request.iter_from(3).try_for_each(|text| ids::id(text).map(drop))?;
        let given = request.iter_from(3).flat_map(ids::id);
        Ok(given.filter(|id| group.acknowledge(*id)).count())
    })?;
    let acknowledged = edited.map_or(Ok(0), |edited| edited.result)?;
    call.engine.changes += acknowledged as u64;
    call.reply.integer(acknowledged as i64);
    Ok(())
}

pub(super) const XPENDING: Command = Command {
    name: "xpending",
    arity: -3,
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    summary: "Returns which entries are pending in a group: how many, or each with its consumer, idle time and deliveries.",
    complexity: "O(log P + N) with P the entries that are pending and N those returned, more where IDLE passes some over; \
                 O(C) for the short form, with C the consumers",
    syntax: "key group [[IDLE min-idle-time:integer] start:string end:string count [consumer]]",
    tips: &["nondeterministic_output"],
    handler: xpending,
    ..super::BASE
};

fn xpending(call: &mut Call<'_>) -> Result<(), Failure> {
    let wanted = match call.len() {
        3 => None,
        6..=9 => Some(Wanted::parse(call)?),
        _ => return Err(Failure::SYNTAX),
    };
    let (key, name, now_ms) = (call.key(1), call.arg(2), call.now.wall.millis());
    let (stream, reply) = call.read_as::<Stream>(&key)?;
    let group = stream.and_then(|stream| stream.groups().get(name));
    let group = group.ok_or_else(|| ids::no_group(key.bytes, name))?;
    match wanted {
        None => summary(reply, group),
        Some(wanted) => wanted.list(reply, group, now_ms),
    }
    Ok(())
}

/// How many entries, the first and the last, and how many each consumer has.
fn summary(reply: &mut Reply<'_>, group: &Group) {
    reply.array(4);
    reply.integer(group.pending_len() as i64);
    let Some((first, last)) = group.pending_ends() else {
        reply.null();
        reply.null();
        return reply.null_array();
    };
    write::id(reply, first);
    write::id(reply, last);
    let (mark, mut count) = (reply.deferred_array(), 0);
    for consumer in group.consumers().filter(|consumer| consumer.pending_len() > 0) {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_integer(consumer.pending_len() as i64);
        count += 1;
    }
    reply.close(mark, count);
}

/// Which pending entries are to be listed.
struct Wanted<'a> {
    start: StreamId,
    end: StreamId,
    count: usize,
    idle_ms_min: i64,
    consumer: Option<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    fn parse(call: &Call<'a>) -> Result<Wanted<'a>, Failure> {
        let (mut at, mut idle_ms_min) = (3, 0);
        if call.arg_is(3, "idle") {
            idle_ms_min = call.integer(4)?;
            at = 5;
            if call.len() < 8 {
                return Err(Failure::SYNTAX);
            }
        }
        let count = ids::count(call, at + 2)?;
        let (start, end) = (ids::start(call.arg(at))?, ids::end(call.arg(at + 1))?);
        Ok(Wanted { start, end, count, idle_ms_min, consumer: call.request.get(at + 3) })
    }

    fn list(&self, reply: &mut Reply<'_>, group: &Group, now_ms: i64) {
        let Some(name) = self.consumer else {
            let ids = group.pending_from(self.start).map(|(id, _)| id);
            return self.list_ids(reply, group, ids, now_ms);
        };
        match group.find_consumer(name) {
            Some(consumer) => {
                self.list_ids(reply, group, group.consumer(consumer).pending_from(self.start), now_ms)
            }
            None => reply.array(0),
        }
    }

    fn list_ids(
        &self,
        reply: &mut Reply<'_>,
        group: &Group,
        ids: impl Iterator<Item = StreamId>,
        now_ms: i64,
    ) {
        let ids = ids.take_while(|id| *id <= self.end);
        let pending = ids.flat_map(|id| group.pending(id).map(|pending| (id, pending)));
        let idle = pending.map(|(id, pending)| (id, pending, now_ms.saturating_sub(pending.delivered_ms)));
        let long = idle.filter(|(.., idle_ms)| self.idle_ms_min == 0 || *idle_ms >= self.idle_ms_min);
        let (mark, mut count) = (reply.deferred_array(), 0);
        for (id, pending, idle_ms) in long.take(self.count) {
            reply.array(4);
            write::id(reply, id);
            reply.bulk(group.consumer(pending.consumer).name());
            reply.integer(idle_ms.max(0));
            reply.integer(pending.deliveries);
            count += 1;
        }
        reply.close(mark, count);
    }
}
