//! ACL, as far as one user needs it.

use crate::engine::command::{Command, Flag, Group};
use crate::engine::{Call, Failure};

pub(super) const ACL: Command = Command {
    name: "acl",
    arity: -2,
    group: Group::Server,
    since: "6.0.0",
    summary: "Holds the commands about users and their permissions.",
    complexity: "Depends on subcommand.",
    subcommands: &[WHOAMI],
    ..Command::DEFAULT
};

const WHOAMI: Command = Command {
    name: "acl|whoami",
    arity: 2,
    flags: &[Flag::NoScript, Flag::Loading, Flag::Stale],
    group: Group::Server,
    since: "6.0.0",
    summary: "Returns the name of the user that the connection acts for.",
    handler: whoami,
    ..Command::DEFAULT
};

fn whoami(call: &mut Call<'_>) -> Result<(), Failure> {
    call.reply.bulk(b"default");
    Ok(())
}
