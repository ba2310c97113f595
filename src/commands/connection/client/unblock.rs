//! CLIENT UNBLOCK: ends another connection's wait.

use super::ADMINISTRATIVE;
use crate::engine::command::Command;
use crate::engine::{Call, Failure, Unblocked};

pub(super) const UNBLOCK: Command = Command {
    name: "client|unblock",
    arity: -3,
    since: "5.0.0",
    summary: "Ends the wait of a connection that waits for a key.",
    complexity: "O(log N) where N is the number of client connections",
    syntax: "client-id [TIMEOUT | ERROR]",
    handler: unblock,
    ..ADMINISTRATIVE
};

fn unblock(call: &mut Call<'_>) -> Result<(), Failure> {
    let how = match call.len() {
        3 => Unblocked::TimedOut,
        4 if call.arg_is(3, "timeout") => Unblocked::TimedOut,
        4 if call.arg_is(3, "error") => Unblocked::Refused,
        4 => return Err(Failure::fixed("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
        _ => return Err(Failure::subcommand("client", call.arg(1))),
    };
    let id = call.integer(2)?;
    let client = call.engine.sessions.find(id as u64);
    let unblocked = client.is_some_and(|client| call.engine.unblock(client, how, call.now));
    call.reply.integer(i64::from(unblocked));
    Ok(())
}
