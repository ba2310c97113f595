//! CLIENT KILL: closes connections that fit all of some filters.

use super::ADMINISTRATIVE;
use super::filter::Filter;
use crate::engine::command::Command;
use crate::engine::session::Closing;
use crate::engine::{Call, Failure, Flow};

pub(super) const KILL: Command = Command {
    name: "client|kill",
    arity: -3,
    since: "2.4.0",
    summary: "Closes connections.",
    complexity: "O(N) where N is the number of connections",
    syntax: "<ip:port | <[ID client-id [client-id ...]] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | \
             [ADDR ip:port] | [LADDR ip:port] | [SKIPME <YES | NO>] | [MAXAGE maxage] ...>>",
    handler: kill,
    ..ADMINISTRATIVE
};

fn kill(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() == 3 {
        return match close_all(call, &Filter::address(call.arg(2))) {
            0 => Err(Failure::fixed("ERR No such client")),
            _ => {
                call.reply.ok();
                Ok(())
            }
        };
    }
    let filter = Filter::parse(call, 2)?;
    let closed = close_all(call, &filter);
    call.reply.integer(closed as i64);
    Ok(())
}

/// Closes the connections that fit; how many. The one that asks still gets its answer.
fn close_all(call: &mut Call<'_>, filter: &Filter<'_>) -> usize {
    let mut found = filter.select(call, true);
    found.retain(|client| call.engine.sessions[*client].closing.is_none());
    for client in &found {
        if *client == call.client {
            call.then(Flow::Close);
        } else {
            call.engine.close_session(*client, Closing::Now);
        }
    }
    found.len()
}
