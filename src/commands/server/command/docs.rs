//! COMMAND DOCS: what a reader wants to know of a command.

use super::syntax::{Argument, Kind, parse};
use super::{SUBCOMMAND, find};
use crate::engine::command::Command;
use crate::engine::{Call, Failure};
use crate::protocol::reply::Reply;

pub(super) const DOCS: Command = Command {
    name: "command|docs",
    arity: -2,
    since: "7.0.0",
    summary: "Returns the documentation of some commands, or of all.",
    complexity: "O(N) where N is the number of commands to look up",
    syntax: "[command-name [command-name ...]]",
    tips: &["nondeterministic_output_order"],
    handler: docs,
    ..SUBCOMMAND
};

fn docs(call: &mut Call<'_>) -> Result<(), Failure> {
    let table = call.engine.table();
    let commands: Vec<&Command> = if call.request.len() == 2 {
        table.names().map(|(_, id)| table.row(id).command).collect()
    } else {
        call.request
            .iter_from(2)
            .filter_map(|name| find(table, name))
            .map(|id| table.row(id).command)
            .collect()
    };
    call.reply.map(commands.len());
    commands.into_iter().for_each(|command| write_command(&mut call.reply, command));
    Ok(())
}

fn write_command(reply: &mut Reply<'_>, command: &Command) {
    let arguments = parse(command.syntax);
    let has = |part: bool| usize::from(part);
    reply.bulk(command.name.as_bytes());
    reply.map(4 + has(!arguments.is_empty()) + has(!command.subcommands.is_empty()));
    let facts = [
        ("summary", command.summary),
        ("since", command.since),
        ("group", command.group.name()),
        ("complexity", command.complexity),
    ];
    for (name, value) in facts {
        reply.bulk(name.as_bytes());
        reply.bulk(value.as_bytes());
    }
    if !arguments.is_empty() {
        reply.bulk(b"arguments");
        write_arguments(
            reply,
            &arguments,
            &mut KeySpecs { next: 0, count: command.keys.len(), patterns: None },
        );
    }
    if !command.subcommands.is_empty() {
        reply.bulk(b"subcommands");
        reply.map(command.subcommands.len());
        command.subcommands.iter().for_each(|sub| write_command(reply, sub));
    }
}

/// Which key specification the next argument that is a key belongs to: they come in the same order, and the last one stands for
/// all that remain.
struct KeySpecs {
    next: usize,
    count: usize,
    /// That of all patterns by which keys are made.
    patterns: Option<usize>,
}

impl KeySpecs {
    fn take(&mut self) -> Option<usize> {
        let last = self.count.checked_sub(1)?;
        let index = self.next.min(last);
        self.next += 1;
        Some(index)
    }

    /// Only SORT's patterns make keys.
    fn take_for_patterns(&mut self, argument: &Argument) -> Option<usize> {
        if !argument.name.ends_with("-pattern") {
            return None;
        }
        self.patterns = self.patterns.or_else(|| self.take());
        self.patterns
    }
}

fn write_arguments(reply: &mut Reply<'_>, arguments: &[Argument], specs: &mut KeySpecs) {
    reply.array(arguments.len());
    arguments.iter().for_each(|argument| write_argument(reply, argument, specs));
}

fn write_argument(reply: &mut Reply<'_>, argument: &Argument, specs: &mut KeySpecs) {
    let key_spec = match argument.kind {
        Kind::Key => specs.take(),
        Kind::Pattern => specs.take_for_patterns(argument),
        _ => None,
    };
    let flags = [
        ("optional", argument.optional),
        ("multiple", argument.multiple),
        ("multiple_token", argument.multiple_token),
    ];
    let flags: Vec<&str> = flags.into_iter().filter_map(|(name, is)| is.then_some(name)).collect();
    let facts = [key_spec.is_some(), argument.token.is_some(), !flags.is_empty(), !argument.parts.is_empty()];
    reply.map(2 + facts.into_iter().filter(|there| *there).count());
    reply.bulk(b"name");
    reply.bulk(argument.name.as_bytes());
    reply.bulk(b"type");
    reply.bulk(argument.kind.name().as_bytes());
    if let Some(index) = key_spec {
        reply.bulk(b"key_spec_index");
        reply.integer(index as i64);
    }
    if let Some(token) = &argument.token {
        reply.bulk(b"token");
        reply.bulk(token.as_bytes());
    }
    if !flags.is_empty() {
        reply.bulk(b"flags");
        reply.set(flags.len());
        flags.into_iter().for_each(|flag| reply.simple(flag));
    }
    if !argument.parts.is_empty() {
        reply.bulk(b"arguments");
        write_arguments(reply, &argument.parts, specs);
    }
}
