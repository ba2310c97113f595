//! COMMAND GETKEYS and GETKEYSANDFLAGS: the keys of a request that somebody wants to send.

use super::SUBCOMMAND;
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Failure};

pub(super) const GETKEYS: Command = Command {
    name: "command|getkeys",
    arity: -3,
    summary: "Returns the keys of a request.",
    complexity: "O(N) where N is the number of arguments to the command",
    syntax: "command [arg [arg ...]]",
    handler: getkeys,
    ..SUBCOMMAND
};

pub(super) const GETKEYSANDFLAGS: Command = Command {
    name: "command|getkeysandflags",
    arity: -3,
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
    if command.keys.iter().all(|spec| spec.flags.contains(&"not_key")) {
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
    keys.extend(sort_destination(command, &request));
    if keys.is_empty() && !command.has(Flag::NoMandatoryKeys) {
        return Err(Failure::fixed("ERR Invalid arguments specified for command"));
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

/// The key behind the last STORE of a SORT, which no specification finds.
fn sort_destination<'a>(command: &Command, request: &[&'a [u8]]) -> Option<KeyAndFlags<'a>> {
    let spec = command.keys.last().filter(|_| command.name == "sort")?;
    let (mut at, mut destination) = (2, None);
    while let Some(word) = request.get(at) {
        at += match word.to_ascii_lowercase().as_slice() {
            b"limit" => 3,
            b"get" | b"by" => 2,
            b"store" => {
                destination = request.get(at + 1).or(destination);
                2
            }
            _ => 1,
        };
    }
    destination.map(|key| (*key, spec.flags))
}

/// What is done with the keys may hang on the other arguments: SET reads only when GET is among them, BITFIELD writes only
/// where there is more than GET.
fn flags(command: &Command, spec: &KeySpec, request: &[&[u8]]) -> &'static [&'static str] {
    let says = |word: &[u8]| request[2..].iter().any(|other| other.eq_ignore_ascii_case(word));
    match command.name {
        "set" if says(b"get") => &["RW", "access", "update"],
        "set" => &["OW", "update"],
        "bitfield" if says(b"set") || says(b"incrby") => &["RW", "access", "update"],
        "bitfield" => &["RO", "access"],
        _ => spec.flags,
    }
}
