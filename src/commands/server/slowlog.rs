//! SLOWLOG: the commands that took long lately. COMMANDLOG: those, and the ones with large requests or replies.

use crate::commands::help;
use crate::engine::command::{Command, Flag, Group};
use crate::engine::{Call, Engine, Failure};
use crate::protocol::reply::Reply;
use crate::stats::{CommandLog, CommandLogEntry};
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
    let wanted = match call.len() {
        2 => 10,
        3 => wanted(call)?,
        _ => return Err(Failure::subcommand("slowlog", call.arg(1))),
    };
    write_entries(&mut call.reply, &call.engine.slowlog, wanted);
    Ok(())
}

/// Argument 2 as the number of entries; all for -1.
fn wanted(call: &Call<'_>) -> Result<usize, Failure> {
    let count = number::parse_i64(call.arg(2)).filter(|count| *count >= -1);
    let count = count.ok_or(Failure::fixed("ERR count should be greater than or equal to -1"))?;
    Ok(usize::try_from(count).unwrap_or(usize::MAX))
}

fn write_entries(reply: &mut Reply<'_>, log: &CommandLog, wanted: usize) {
    let entries = log.entries();
    let count = wanted.min(entries.len());
    reply.array(count);
    entries.take(count).for_each(|entry| write_entry(reply, entry));
}

fn write_entry(reply: &mut Reply<'_>, entry: &CommandLogEntry) {
    reply.array(6);
    reply.integer(entry.id as i64);
    reply.integer(entry.time.seconds());
    reply.integer(entry.figure as i64);
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

pub(super) const COMMANDLOG: Command = Command {
    name: "commandlog",
    since: "8.1.0",
    summary: "Holds the commands about the logs of remarkable commands.",
    subcommands: &[LOG_GET, LOG_HELP, LOG_LEN, LOG_RESET],
    ..SLOWLOG
};

const LOG_HELP: Command = Command { name: "commandlog|help", since: "8.1.0", ..HELP };

const LOG_GET: Command = Command {
    name: "commandlog|get",
    arity: 4,
    since: "8.1.0",
    summary: "Returns a log's newest entries (-1 for all): id, time, microseconds or bytes, command, client.",
    syntax: "count <SLOW | LARGE-REQUEST | LARGE-REPLY>",
    handler: log_get,
    ..GET
};

fn log_get(call: &mut Call<'_>) -> Result<(), Failure> {
    let wanted = wanted(call)?;
    let log = &*log(call.engine, call.request.arg(3))?;
    write_entries(&mut call.reply, log, wanted);
    Ok(())
}

/// The log of this name.
fn log<'e>(engine: &'e mut Engine, name: &[u8]) -> Result<&'e mut CommandLog, Failure> {
    match &*name.to_ascii_lowercase() {
        b"slow" => Ok(&mut engine.slowlog),
        b"large-request" => Ok(&mut engine.large_requests),
        b"large-reply" => Ok(&mut engine.large_replies),
        _ => Err(Failure::fixed("ERR type should be one of the following: slow, large-request, large-reply")),
    }
}

const LOG_LEN: Command = Command {
    name: "commandlog|len",
    arity: 3,
    since: "8.1.0",
    summary: "Returns how many entries a log has.",
    syntax: "<SLOW | LARGE-REQUEST | LARGE-REPLY>",
    handler: log_len,
    ..LEN
};

fn log_len(call: &mut Call<'_>) -> Result<(), Failure> {
    let entries = log(call.engine, call.request.arg(2))?.entries().len();
    call.reply.integer(entries as i64);
    Ok(())
}

const LOG_RESET: Command = Command {
    name: "commandlog|reset",
    arity: 3,
    since: "8.1.0",
    summary: "Forgets all entries of a log.",
    syntax: "<SLOW | LARGE-REQUEST | LARGE-REPLY>",
    handler: log_reset,
    ..RESET
};

fn log_reset(call: &mut Call<'_>) -> Result<(), Failure> {
    log(call.engine, call.request.arg(2))?.clear();
    call.reply.ok();
    Ok(())
}
