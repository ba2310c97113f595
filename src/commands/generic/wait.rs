//! WAIT and WAITAOF: how many copies there are of what the client wrote last.

use crate::commands::timeout;
use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::{Call, Failure, Goal};
use crate::replication::Copies;

const BASE: Command = Command {
    flags: &[Flag::Blocking],
    categories: &[Category::Connection],
    group: Group::Generic,
    complexity: "O(1)",
    tips: &["request_policy:all_shards", "response_policy:agg_min"],
    ..Command::DEFAULT
};

pub(super) const WAIT: Command = Command {
    name: "wait",
    arity: 3,
    since: "3.0.0",
    summary: "Waits until so many replicas have what this connection wrote last.",
    syntax: "numreplicas timeout",
    handler: wait,
    ..BASE
};

pub(super) const WAITAOF: Command = Command {
    name: "waitaof",
    arity: 4,
    since: "7.2.0",
    summary: "Waits until what this connection wrote last is on disk, here and on so many replicas.",
    syntax: "numlocal numreplicas timeout",
    handler: wait_for_disk,
    ..BASE
};

fn wait(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.engine.replication.is_replica() {
        return Err(Failure::fixed(
            "ERR WAIT cannot be used with replica instances. Please also note that since Redis 4.0 if a replica is \
             configured to be writable (which is not the default) writes to replicas are just local and are not propagated.",
        ));
    }
    // As Redis: a negative number is reached before anything has been done.
    let replicas = call.integer(1)?.max(0) as usize;
    let timeout = timeout::millis(call, 2)?;
    call.wait_for_copies(Goal { replicas, copies: Copies::Received, local: false }, timeout);
    Ok(())
}

fn wait_for_disk(call: &mut Call<'_>) -> Result<(), Failure> {
    let local = match call.integer(1)? {
        number @ 0..=1 => number == 1,
        _ => return Err(Failure::fixed("ERR value is out of range, value must between 0 and 1")),
    };
    let replicas = call.integer(2).ok().and_then(|number| usize::try_from(number).ok());
    let replicas = replicas.ok_or(Failure::fixed("ERR value is out of range, must be positive"))?;
    let timeout = timeout::millis(call, 3)?;
    if call.engine.replication.is_replica() {
        return Err(Failure::fixed(
            "ERR WAITAOF cannot be used with replica instances. Please also note that writes to replicas are just local \
             and are not propagated.",
        ));
    }
    if local && !call.engine.config.appendonly {
        return Err(Failure::fixed(
            "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.",
        ));
    }
    call.wait_for_copies(Goal { replicas, copies: Copies::Synced, local }, timeout);
    Ok(())
}
