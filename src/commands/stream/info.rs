//! XINFO: what is known of a stream, its groups and their consumers.

use super::group::no_group;
use super::write;
use crate::commands::help;
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Failure};
use crate::protocol::reply::Reply;
use crate::types::stream::{Consumer, Group, Log, Pending, Stream, StreamId};

pub(super) const XINFO: Command = Command {
    name: "xinfo",
    arity: -2,
    group: super::BASE.group,
    since: "5.0.0",
    summary: "Holds the commands that look into streams.",
    complexity: "Depends on subcommand.",
    subcommands: &[CONSUMERS, GROUPS, HELP, STREAM],
    ..Command::DEFAULT
};

/// What the sub-commands share.
const SUBCOMMAND: Command =
    Command { flags: &[Flag::ReadOnly], keys: &[KeySpec::one(2, &["RO", "access"])], ..super::BASE };

const HELP: Command = Command {
    name: "xinfo|help",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale],
    summary: "Prints this help.",
    handler: help::of_container,
    ..super::BASE
};

/// Entries that FULL shows of each list.
const FULL_COUNT: usize = 10;

/// The stream at the key in the second argument, which must be there.
fn stream<'c, 'a>(call: &'c mut Call<'a>) -> Result<(&'c Stream, &'c mut Reply<'a>), Failure> {
    let key = call.key(2);
    let (stream, reply) = call.read_as::<Stream>(&key)?;
    Ok((stream.ok_or(Failure::NO_SUCH_KEY)?, reply))
}

const GROUPS: Command = Command {
    name: "xinfo|groups",
    arity: 3,
    summary: "Returns the groups of a stream: consumers, pending entries, how far they have come and what is ahead.",
    syntax: "key",
    handler: groups,
    ..SUBCOMMAND
};

fn groups(call: &mut Call<'_>) -> Result<(), Failure> {
    let (stream, reply) = stream(call)?;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups().iter() {
        reply.map(6);
        reply.bulk(b"name");
        reply.bulk(name);
        field(reply, "consumers", group.consumers().len());
        field(reply, "pending", group.pending_len());
        progress(reply, stream.log(), group);
    }
    Ok(())
}

fn field(reply: &mut Reply<'_>, name: &str, count: usize) {
    reply.bulk(name.as_bytes());
    reply.integer(count as i64);
}

fn id_field(reply: &mut Reply<'_>, name: &str, id: StreamId) {
    reply.bulk(name.as_bytes());
    write::id(reply, id);
}

/// How far a group has come, in three fields.
fn progress(reply: &mut Reply<'_>, log: &Log, group: &Group) {
    id_field(reply, "last-delivered-id", group.last_id);
    reply.bulk(b"entries-read");
    write::integer_or_null(reply, group.entries_read);
    reply.bulk(b"lag");
    write::integer_or_null(reply, log.lag(group.last_id, group.entries_read));
}

const CONSUMERS: Command = Command {
    name: "xinfo|consumers",
    arity: 4,
    summary: "Returns the consumers of a group: pending entries, time since they last asked and since they last got something.",
    syntax: "key group",
    tips: &["nondeterministic_output"],
    handler: consumers,
    ..SUBCOMMAND
};

fn consumers(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, name, now_ms) = (call.arg(2), call.arg(3), call.now.wall.millis());
    let (stream, reply) = stream(call)?;
    let group = stream.groups().get(name).ok_or_else(|| no_group(key, name))?;
    reply.array(group.consumers().len());
    for consumer in group.consumers() {
        reply.map(4);
        reply.bulk(b"name");
        reply.bulk(consumer.name());
        field(reply, "pending", consumer.pending_len());
        reply.bulk(b"idle");
        reply.integer((now_ms - consumer.seen_ms).max(0));
        reply.bulk(b"inactive");
        reply.integer(consumer.active_ms.map_or(-1, |active_ms| now_ms - active_ms));
    }
    Ok(())
}

const STREAM: Command = Command {
    name: "xinfo|stream",
    arity: -3,
    summary: "Returns the figures of a stream with its first and last entry, or with many entries and all groups.",
    syntax: "key [FULL [COUNT count]]",
    handler: info,
    ..SUBCOMMAND
};

fn info(call: &mut Call<'_>) -> Result<(), Failure> {
    // Redis looks for the stream before it reads the options.
    stream(call)?;
    let full = full_count(call)?;
    let (stream, reply) = stream(call)?;
    reply.map(if full.is_some() { 9 } else { 10 });
    figures(reply, stream.log());
    match full {
        None => short(reply, stream),
        Some(count) => long(reply, stream, count),
    }
    Ok(())
}

/// FULL, and how many of each list it shows.
fn full_count(call: &Call<'_>) -> Result<Option<usize>, Failure> {
    let fits = match call.len() {
        3 => return Ok(None),
        4 => call.arg_is(3, "full"),
        6 => call.arg_is(3, "full") && call.arg_is(4, "count"),
        _ => false,
    };
    if !fits {
        return Err(Failure::subcommand("xinfo", call.arg(1)));
    }
    if call.len() == 4 {
        return Ok(Some(FULL_COUNT));
    }
    Ok(Some(match call.integer(5)? {
        0 => usize::MAX,
        count => usize::try_from(count).unwrap_or(FULL_COUNT),
    }))
}

/// Seven fields that both forms have. There is no radix tree: what has its names are the nodes, with one root.
fn figures(reply: &mut Reply<'_>, log: &Log) {
    let figures = log.figures();
    field(reply, "length", figures.len);
    field(reply, "radix-tree-keys", log.node_count());
    field(reply, "radix-tree-nodes", log.node_count() + 1);
    id_field(reply, "last-generated-id", figures.last_id);
    id_field(reply, "max-deleted-entry-id", figures.max_deleted_id);
    field(reply, "entries-added", figures.entries_added as usize);
    id_field(reply, "recorded-first-entry-id", figures.first_id);
}

fn short(reply: &mut Reply<'_>, stream: &Stream) {
    field(reply, "groups", stream.groups().len());
    reply.bulk(b"first-entry");
    write::entry_or_null(reply, stream.log().entries(StreamId::MIN, StreamId::MAX).next());
    reply.bulk(b"last-entry");
    write::entry_or_null(reply, stream.log().entries_back(StreamId::MIN, StreamId::MAX).next());
}

fn long(reply: &mut Reply<'_>, stream: &Stream, count: usize) {
    reply.bulk(b"entries");
    write::entries(reply, stream.log().entries(StreamId::MIN, StreamId::MAX), count);
    reply.bulk(b"groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups().iter() {
        reply.map(7);
        reply.bulk(b"name");
        reply.bulk(name);
        progress(reply, stream.log(), group);
        field(reply, "pel-count", group.pending_len());
        reply.bulk(b"pending");
        reply.array(count.min(group.pending_len()));
        for (id, pending) in group.pending_from(StreamId::MIN).take(count) {
            write_pending(reply, id, Some(group.consumer(pending.consumer)), pending);
        }
        reply.bulk(b"consumers");
        reply.array(group.consumers().len());
        group.consumers().for_each(|consumer| write_consumer(reply, group, consumer, count));
    }
}

fn write_consumer(reply: &mut Reply<'_>, group: &Group, consumer: &Consumer, count: usize) {
    reply.map(5);
    reply.bulk(b"name");
    reply.bulk(consumer.name());
    reply.bulk(b"seen-time");
    reply.integer(consumer.seen_ms);
    reply.bulk(b"active-time");
    reply.integer(consumer.active_ms.unwrap_or(-1));
    field(reply, "pel-count", consumer.pending_len());
    reply.bulk(b"pending");
    reply.array(count.min(consumer.pending_len()));
    for id in consumer.pending_from(StreamId::MIN).take(count) {
        // What a consumer has stands in the group's list too.
        if let Some(pending) = group.pending(id) {
            write_pending(reply, id, None, pending);
        }
    }
}

fn write_pending(reply: &mut Reply<'_>, id: StreamId, consumer: Option<&Consumer>, pending: &Pending) {
    reply.array(3 + usize::from(consumer.is_some()));
    write::id(reply, id);
    if let Some(consumer) = consumer {
        reply.bulk(consumer.name());
    }
    reply.integer(pending.delivered_ms);
    reply.integer(pending.deliveries);
}
