//! The commands: one folder for each group of the Redis documentation. A command's entry stands beside its handler; each group
//! ends with its table. Handlers never wait and never see a socket.

pub mod bitmap;
mod chance;
pub mod connection;
mod deadline;
pub mod generic;
pub mod geo;
pub mod hash;
mod help;
pub mod hyperloglog;
pub mod list;
pub mod pubsub;
pub mod scripting;
pub mod server;
pub mod set;
pub mod sorted_set;
pub mod stream;
pub mod string;
mod timeout;
pub mod transaction;

use crate::engine::command::Command;
use crate::engine::table::CommandTable;

/// All groups.
pub const GROUPS: &[&[Command]] = &[
    string::COMMANDS,
    generic::COMMANDS,
    list::COMMANDS,
    set::COMMANDS,
    hash::COMMANDS,
    sorted_set::COMMANDS,
    stream::COMMANDS,
    bitmap::COMMANDS,
    hyperloglog::COMMANDS,
    geo::COMMANDS,
    pubsub::COMMANDS,
    transaction::COMMANDS,
    scripting::COMMANDS,
    connection::COMMANDS,
    server::COMMANDS,
];

/// The table of a production node.
pub fn table() -> CommandTable {
    CommandTable::new(GROUPS)
}
