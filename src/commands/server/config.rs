//! CONFIG: the parameters, and the counters' reset.

use crate::commands::help;
use crate::config::Apply;
use crate::engine::command::{Command, Flag, Group};
use crate::engine::{Call, Failure, Flow, Job, is_local};

pub(super) const CONFIG: Command = Command {
    name: "config",
    arity: -2,
    group: Group::Server,
    since: "2.0.0",
    summary: "Holds the commands about the server's configuration.",
    complexity: "Depends on subcommand.",
    subcommands: &[GET, HELP, RESETSTAT, REWRITE, SET],
    ..Command::DEFAULT
};

/// What the sub-commands share.
const SUBCOMMAND: Command = Command {
    flags: &[Flag::Admin, Flag::NoScript, Flag::Loading, Flag::Stale],
    group: Group::Server,
    since: "2.0.0",
    ..Command::DEFAULT
};

/// Each node has its own configuration, so a client of a cluster has to ask them all.
const ON_ALL_NODES: &[&str] = &["request_policy:all_nodes", "response_policy:all_succeeded"];

const HELP: Command = Command {
    name: "config|help",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale],
    since: "5.0.0",
    summary: "Prints this help.",
    handler: help::of_container,
    ..SUBCOMMAND
};

const GET: Command = Command {
    name: "config|get",
    arity: -3,
    summary: "Returns the parameters that match the patterns, with their values.",
    complexity: "O(N) where N is the number of configuration parameters provided",
    syntax: "parameter [parameter ...]",
    handler: get,
    ..SUBCOMMAND
};

fn get(call: &mut Call<'_>) -> Result<(), Failure> {
    let patterns: Vec<&[u8]> = call.request.iter_from(2).collect();
    let found = call.engine.config.get(&patterns);
    call.reply.map(found.len());
    for (name, value) in found {
        call.reply.bulk(&name);
        call.reply.bulk(&value);
    }
    Ok(())
}

const SET: Command = Command {
    name: "config|set",
    arity: -4,
    summary: "Sets parameters, all of them or none.",
    complexity: "O(N) where N is the number of configuration parameters provided",
    syntax: "parameter value [parameter value ...]",
    tips: ON_ALL_NODES,
    handler: set,
    ..SUBCOMMAND
};

fn set(call: &mut Call<'_>) -> Result<(), Failure> {
    if !call.len().is_multiple_of(2) {
        return Err(Failure::SYNTAX);
    }
    let pairs: Vec<_> = (2..call.len()).step_by(2).map(|at| (call.arg(at), call.arg(at + 1))).collect();
    let local = is_local(&call.session().peer);
    let changed = call.engine.config.set(&pairs, local).map_err(|e| Failure::new(e.to_string()))?;
    if changed.iter().any(|change| change.apply == Apply::Memory) {
        call.engine.memory_policy_changed();
    }
    if changed.iter().any(|change| change.apply == Apply::AppendLog) {
        call.engine.log_settings_changed(call.now.mono);
    }
    if changed.iter().any(|change| change.apply == Apply::Listeners) {
        call.then(Flow::Job(Job::Listen(changed)));
        return Ok(());
    }
    call.engine.config_changes.extend(changed);
    call.reply.ok();
    Ok(())
}

const RESETSTAT: Command = Command {
    name: "config|resetstat",
    arity: 2,
    summary: "Sets the counters of INFO back to zero.",
    tips: ON_ALL_NODES,
    handler: resetstat,
    ..SUBCOMMAND
};

fn resetstat(call: &mut Call<'_>) -> Result<(), Failure> {
    call.engine.stats.reset();
    call.reply.ok();
    Ok(())
}

const REWRITE: Command = Command {
    name: "config|rewrite",
    arity: 2,
    since: "2.8.0",
    summary: "Writes the parameters in force into the configuration file.",
    tips: ON_ALL_NODES,
    handler: rewrite,
    ..SUBCOMMAND
};

fn rewrite(call: &mut Call<'_>) -> Result<(), Failure> {
    let file = call.engine.identity.config_file.clone();
    if file.is_empty() {
        return Err(Failure::fixed("ERR The server is running without a config file"));
    }
    call.then(Flow::Job(Job::RewriteConfig(file)));
    Ok(())
}
