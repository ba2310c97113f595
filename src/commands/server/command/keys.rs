//! COMMAND GETKEYS and GETKEYSANDFLAGS: the keys of a request that somebody wants to send.

use super::SUBCOMMAND;
use crate::engine::command::{Command, KeySpec};
use crate::engine::{Call, Failure};

pub(super) const GETKEYS: Command = Command {
    name: "command|getkeys",
    arity: -4,
    summary: "Returns the keys of a request.",
    complexity: "O(N) where N is the number of arguments to the command",
    syntax: "command [arg [arg ...]]",
    handler: getkeys,
    ..SUBCOMMAND
};

pub(super) const GETKEYSANDFLAGS: Command = Command {
    name: "command|getkeysandflags",
    arity: -4,
    since: "7.0.0",
    summary: "Returns the keys of a request, and what it does with them.",
    complexity: "O(N) where N is the number of arguments to the command",
    syntax: "command [arg [arg ...]]",
    handler: getkeysandflags,
    ..SUBCOMMAND
};

fn getkeys(call: &mut Call<'_>) -> Result<(), Failure> {
    let keys = keys(call)?;
    call.reply.array(keys.len());
    keys.into_iter().for_each(|(key, _)| call.reply.bulk(key));
    Ok(())
}

fn getkeysandflags(call: &mut Call<'_>) -> Result<(), Failure> {
    let keys = keys(call)?;
    call.reply.array(keys.len());
    for (key, flags) in keys {
        call.reply.array(2);
        call.reply.bulk(key);
        call.reply.set(flags.len());
        flags.iter().for_each(|flag| call.reply.simple(flag));
    }
    Ok(())
}

type KeyAndFlags<'a> = (&'a [u8], &'static [&'static str]);

/// The keys of the request that begins at argument 2.
fn keys<'a>(call: &Call<'a>) -> Result<Vec<KeyAndFlags<'a>>, Failure> {
    let request: Vec<&'a [u8]> = call.request.iter_from(2).collect();
    let command = named(call, &request).ok_or(Failure::fixed("ERR Invalid command specified"))?;
    if command.keys.is_empty() {
        return Err(Failure::fixed("ERR The command has no key arguments"));
    }
    if !command.arity_fits(request.len()) {
        return Err(Failure::fixed("ERR Invalid number of arguments specified for command"));
    }
    let mut keys = Vec::new();
    for spec in command.keys {
        let found = spec.positions(request.len(), |i| request[i]);
        let flags = flags(command, spec, &request);
        keys.extend(found.into_iter().flatten().map(|position| (request[position], flags)));
    }
    Ok(keys)
}

fn named<'a>(call: &Call<'a>, request: &[&'a [u8]]) -> Option<&'static Command> {
    let table = call.engine.table();
    let id = table.find(request[0])?;
    if table.row(id).subcommands.is_empty() || request.len() == 1 {
        return Some(table.row(id).command);
    }
    table.find_subcommand(id, request[1]).map(|sub| table.row(sub).command)
}

/// What is done with the keys may hang on the other arguments: SET reads only when GET is among them.
fn flags(command: &Command, spec: &KeySpec, request: &[&[u8]]) -> &'static [&'static str] {
    if command.name != "set" {
        return spec.flags;
    }
    let reads = request[3..].iter().any(|word| word.eq_ignore_ascii_case(b"get"));
    if reads { &["RW", "access", "update"] } else { &["OW", "update"] }
}
