//! CLIENT: what is known about connections, what one chooses for itself, and what is done to others.

mod filter;
mod kill;
mod list;
mod pause;
pub(super) mod settings;
mod tracking;
mod unblock;

use crate::commands::help;
use crate::engine::command::{Category, Command, Flag, Group};

pub(super) const CLIENT: Command = Command {
    name: "client",
    arity: -2,
    group: Group::Connection,
    since: "2.4.0",
    summary: "Holds the commands about client connections.",
    complexity: "Depends on subcommand.",
    subcommands: &[
        tracking::CACHING,
        settings::GETNAME,
        tracking::GETREDIR,
        HELP,
        settings::ID,
        list::INFO,
        kill::KILL,
        list::LIST,
        settings::NO_EVICT,
        settings::NO_TOUCH,
        pause::PAUSE,
        settings::REPLY,
        settings::SETINFO,
        settings::SETNAME,
        tracking::TRACKING,
        tracking::TRACKINGINFO,
        unblock::UNBLOCK,
        pause::UNPAUSE,
    ],
    ..Command::DEFAULT
};

const HELP: Command = Command {
    name: "client|help",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale],
    since: "5.0.0",
    summary: "Prints this help.",
    handler: help::of_container,
    ..SUBCOMMAND
};

/// What most sub-commands share.
const SUBCOMMAND: Command = Command {
    flags: &[Flag::NoScript, Flag::Loading, Flag::Stale],
    categories: &[Category::Connection],
    group: Group::Connection,
    ..Command::DEFAULT
};

/// What those share that look at or act on other connections.
const ADMINISTRATIVE: Command =
    Command { flags: &[Flag::Admin, Flag::NoScript, Flag::Loading, Flag::Stale], ..SUBCOMMAND };
