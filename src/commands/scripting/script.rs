//! SCRIPT: the scripts that are held ready.

use crate::commands::help;
use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::{Call, Failure, Sha};

const BASE: Command = Command {
    flags: &[Flag::NoScript],
    categories: &[Category::Scripting],
    group: Group::Scripting,
    since: "2.6.0",
    ..Command::DEFAULT
};

pub(super) const SCRIPT: Command = Command {
    name: "script",
    arity: -2,
    group: Group::Scripting,
    since: "2.6.0",
    summary: "Holds commands about scripts.",
    complexity: "Depends on subcommand.",
    subcommands: &[DEBUG, EXISTS, FLUSH, HELP, KILL, LOAD, SHOW],
    ..Command::DEFAULT
};

const LOAD: Command = Command {
    name: "script|load",
    arity: 3,
    flags: &[Flag::NoScript, Flag::Stale],
    summary: "Holds a script ready, and returns its SHA-1.",
    complexity: "O(N) with N being the length in bytes of the script body.",
    syntax: "script",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    handler: load,
    ..BASE
};

fn load(call: &mut Call<'_>) -> Result<(), Failure> {
    let sha = call.engine.hold_script(call.arg(2), true)?;
    call.reply.bulk(sha.to_hex().as_bytes());
    Ok(())
}

const EXISTS: Command = Command {
    name: "script|exists",
    arity: -3,
    summary: "Tells which scripts are held ready.",
    complexity: "O(N) with N being the number of scripts to check.",
    syntax: "sha1 [sha1 ...]",
    tips: &["request_policy:all_shards", "response_policy:agg_logical_and"],
    handler: exists,
    ..BASE
};

fn exists(call: &mut Call<'_>) -> Result<(), Failure> {
    call.reply.array(call.len() - 2);
    for name in call.request.iter_from(2) {
        let known = Sha::parse(name).is_some_and(|sha| call.engine.scripts.knows(sha));
        call.reply.integer(i64::from(known));
    }
    Ok(())
}

const FLUSH: Command = Command {
    name: "script|flush",
    arity: -2,
    summary: "Forgets all scripts.",
    complexity: "O(N) with N being the number of scripts in cache",
    syntax: "[ASYNC | SYNC]",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    handler: flush,
    ..BASE
};

fn flush(call: &mut Call<'_>) -> Result<(), Failure> {
    let fits = call.len() == 2 || call.len() == 3 && (call.arg_is(2, "sync") || call.arg_is(2, "async"));
    if !fits {
        return Err(Failure::fixed("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    }
    call.engine.flush_scripts();
    call.reply.ok();
    Ok(())
}

const KILL: Command = Command {
    name: "script|kill",
    arity: 2,
    flags: &[Flag::NoScript, Flag::AllowBusy],
    summary: "Ends the running script, unless it has written.",
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    handler: kill,
    ..BASE
};

fn kill(call: &mut Call<'_>) -> Result<(), Failure> {
    call.engine.kill_script(false)?;
    call.reply.ok();
    Ok(())
}

const DEBUG: Command = Command {
    name: "script|debug",
    arity: 3,
    since: "3.2.0",
    summary: "Has scripts of this connection debugged, which is not possible here.",
    syntax: "YES | SYNC | NO",
    handler: debug,
    ..BASE
};

fn debug(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.arg_is(2, "no") {
        call.reply.ok();
        return Ok(());
    }
    if call.arg_is(2, "yes") || call.arg_is(2, "sync") {
        return Err(Failure::fixed("ERR The Lua debugger is not available"));
    }
    Err(Failure::fixed("ERR Use SCRIPT DEBUG YES/SYNC/NO"))
}

const SHOW: Command = Command {
    name: "script|show",
    flags: &[Flag::NoScript, Flag::Stale],
    arity: 3,
    since: "8.0.0",
    summary: "Returns the text of a script that is held ready.",
    syntax: "sha1",
    handler: show,
    ..BASE
};

fn show(call: &mut Call<'_>) -> Result<(), Failure> {
    let sha = Sha::parse(call.arg(2));
    let Some(text) = sha.and_then(|sha| call.engine.scripts.text(sha)) else {
        return Err(Failure::fixed("NOSCRIPT No matching script. Please use EVAL."));
    };
    call.reply.bulk(text);
    Ok(())
}

const HELP: Command = Command {
    name: "script|help",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale],
    since: "5.0.0",
    summary: "Lists these sub-commands.",
    handler: help::of_container,
    ..BASE
};
