//! The commands: one folder for each group of the Redis documentation. A command's entry stands beside its handler; each group
//! ends with its table. Handlers never wait and never see a socket.

pub mod connection;
mod deadline;
pub mod generic;
mod help;
pub mod server;
pub mod string;

use crate::engine::command::Command;
use crate::engine::table::CommandTable;

/// All groups.
pub const GROUPS: &[&[Command]] =
    &[string::COMMANDS, generic::COMMANDS, connection::COMMANDS, server::COMMANDS];

/// The table of a production node.
pub fn table() -> CommandTable {
    CommandTable::new(GROUPS)
}
