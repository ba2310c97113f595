//! COMMAND: what the table says, to clients.

mod describe;
mod docs;
mod keys;
mod list;
mod syntax;

use crate::commands::help;
use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::table::{CommandId, CommandTable};
use crate::engine::{Call, Failure};

pub(super) const COMMAND: Command = Command {
    name: "command",
    arity: -1,
    summary: "Describes all commands.",
    complexity: "O(N) where N is the number of commands",
    tips: &["nondeterministic_output_order"],
    subcommands: &[COUNT, docs::DOCS, keys::GETKEYS, keys::GETKEYSANDFLAGS, HELP, describe::INFO, list::LIST],
    handler: describe::all,
    ..SUBCOMMAND
};

/// What most sub-commands share.
const SUBCOMMAND: Command = Command {
    flags: &[Flag::Loading, Flag::Stale],
    categories: &[Category::Connection],
    group: Group::Server,
    since: "2.8.13",
    ..Command::DEFAULT
};

const HELP: Command = Command {
    name: "command|help",
    arity: 2,
    since: "5.0.0",
    summary: "Prints this help.",
    handler: help::of_container,
    ..SUBCOMMAND
};

const COUNT: Command = Command {
    name: "command|count",
    arity: 2,
    summary: "Returns how many commands there are, sub-commands not counted.",
    handler: count,
    ..SUBCOMMAND
};

fn count(call: &mut Call<'_>) -> Result<(), Failure> {
    let count = call.engine.table().len();
    call.reply.integer(count as i64);
    Ok(())
}

/// Finds a command by the name that clients are shown: `get`, `config|get`.
fn find(table: &CommandTable, name: &[u8]) -> Option<CommandId> {
    match name.iter().position(|byte| *byte == b'|') {
        None => table.find(name),
        Some(bar) => table.find_subcommand(table.find(&name[..bar])?, &name[bar + 1..]),
    }
}
