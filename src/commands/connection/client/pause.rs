//! CLIENT PAUSE and UNPAUSE.

use std::time::Duration;

use super::ADMINISTRATIVE;
use crate::engine::command::Command;
use crate::engine::{Call, Failure, PauseScope};
use crate::text::number;

pub(super) const PAUSE: Command = Command {
    name: "client|pause",
    arity: -3,
    since: "3.0.0",
    summary: "Lets clients' commands, or only those that write, wait for a while.",
    syntax: "timeout [WRITE | ALL]",
    handler: pause,
    ..ADMINISTRATIVE
};

fn pause(call: &mut Call<'_>) -> Result<(), Failure> {
    let scope = match call.len() {
        3 => PauseScope::All,
        4 if call.arg_is(3, "write") => PauseScope::Writes,
        4 if call.arg_is(3, "all") => PauseScope::All,
        4 => return Err(Failure::fixed("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(Failure::subcommand("client", call.arg(1))),
    };
    let millis = number::parse_i64(call.arg(2))
        .ok_or(Failure::fixed("ERR timeout is not an integer or out of range"))?;
    let millis = u64::try_from(millis).map_err(|_| Failure::fixed("ERR timeout is negative"))?;
    let now = call.now.mono;
    call.engine.pause.start(scope, now + Duration::from_millis(millis), now);
    call.reply.ok();
    Ok(())
}

pub(super) const UNPAUSE: Command = Command {
    name: "client|unpause",
    arity: 2,
    since: "6.2.0",
    summary: "Ends a pause.",
    complexity: "O(N) where N is the number of connections",
    handler: unpause,
    ..ADMINISTRATIVE
};

fn unpause(call: &mut Call<'_>) -> Result<(), Failure> {
    call.engine.pause.stop();
    // Any of them may hold a request that has waited for this.
    call.engine.wake_all();
    call.reply.ok();
    Ok(())
}
