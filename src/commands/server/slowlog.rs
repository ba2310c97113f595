//! SLOWLOG: the commands that took longest lately.

use crate::commands::help;
use crate::engine::command::{Command, Flag, Group};
use crate::engine::{Call, Failure};
use crate::protocol::reply::Reply;
use crate::stats::SlowlogEntry;
use crate::text::number;

pub(super) const SLOWLOG: Command = Command {
    name: "slowlog",
    arity: -2,
    group: Group::Server,
    since: "2.2.12",
    summary: "Holds the commands about the slow log.",
    complexity: "Depends on subcommand.",
    subcommands: &[GET, HELP, LEN, RESET],
    ..Command::DEFAULT
};

/// What the sub-commands share.
const SUBCOMMAND: Command = Command {
    flags: &[Flag::Admin, Flag::Loading, Flag::Stale],
    group: Group::Server,
    since: "2.2.12",
    ..Command::DEFAULT
};

const HELP: Command = Command {
    name: "slowlog|help",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale],
    since: "6.2.0",
    summary: "Prints this help.",
    handler: help::of_container,
    ..SUBCOMMAND
};

const GET: Command = Command {
    name: "slowlog|get",
    arity: -2,
    summary: "Returns the newest entries (10 unless told otherwise, -1 for all): id, time, microseconds, command, client.",
    complexity: "O(N) where N is the number of entries returned",
    syntax: "[count]",
    tips: &["request_policy:all_nodes", "nondeterministic_output"],
    handler: get,
    ..SUBCOMMAND
};

fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    const BAD_COUNT: Failure = Failure::fixed("ERR count should be greater than or equal to -1");
    let wanted = match call.len() {
        2 => 10,
        3 => number::parse_i64(call.arg(2)).filter(|count| *count >= -1).ok_or(BAD_COUNT)?,
        _ => return Err(Failure::subcommand("slowlog", call.arg(1))),
    };
    let entries = call.engine.slowlog.entries();
    let count = usize::try_from(wanted).unwrap_or(usize::MAX).min(entries.len());
    call.reply.array(count);
    entries.take(count).for_each(|entry| write_entry(&mut call.reply, entry));
    Ok(())
}

fn write_entry(reply: &mut Reply<'_>, entry: &SlowlogEntry) {
    reply.array(6);
    reply.integer(entry.id as i64);
    reply.integer(entry.time.seconds());
    reply.integer(entry.duration.as_micros() as i64);
    reply.array(entry.arguments.len());
    entry.arguments.iter().for_each(|word| reply.bulk(word));
    reply.bulk(entry.peer.as_bytes());
    reply.bulk(&entry.client_name);
}

const LEN: Command = Command {
    name: "slowlog|len",
    arity: 2,
    summary: "Returns how many entries there are.",
    tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
    handler: len,
    ..SUBCOMMAND
};

fn len(call: &mut Call<'_>) -> Result<(), Failure> {
    let entries = call.engine.slowlog.entries().len();
    call.reply.integer(entries as i64);
    Ok(())
}

const RESET: Command = Command {
    name: "slowlog|reset",
    arity: 2,
    summary: "Forgets all entries.",
    complexity: "O(N) where N is the number of entries",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    handler: reset,
    ..SUBCOMMAND
};

fn reset(call: &mut Call<'_>) -> Result<(), Failure> {
    call.engine.slowlog.clear();
    call.reply.ok();
    Ok(())
}
