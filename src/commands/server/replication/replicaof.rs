//! REPLICAOF and SLAVEOF: whose data this node repeats.

use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::{Call, Failure, Flow, Job};
use crate::text::number::parse_i64;

pub(in crate::commands::server) const REPLICAOF: Command = Command {
    name: "replicaof",
    arity: 3,
    flags: &[Flag::Admin, Flag::NoScript, Flag::Stale, Flag::NoAsyncLoading],
    categories: &[Category::Admin, Category::Dangerous],
    group: Group::Server,
    since: "5.0.0",
    summary: "Makes the node a replica of another, or a primary.",
    syntax: "<<host port> | <NO ONE>>",
    handler: replicaof,
    ..Command::DEFAULT
};

pub(in crate::commands::server) const SLAVEOF: Command = Command {
    name: "slaveof",
    since: "1.0.0",
    summary: "Makes the node a replica of another, or a primary: the old name of REPLICAOF.",
    ..REPLICAOF
};

fn replicaof(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.arg_is(1, "no") && call.arg_is(2, "one") {
        call.then(Flow::Job(Job::Follow(None)));
        return Ok(());
    }
    let port = parse_i64(call.arg(2)).ok_or(Failure::NOT_INTEGER)?;
    let port = u16::try_from(port).map_err(|_| Failure::fixed("ERR Invalid master port"))?;
    let host = String::from_utf8_lossy(call.arg(1)).into_owned();
    if let Some(upstream) = &call.engine.replication.upstream
        && upstream.host.eq_ignore_ascii_case(&host)
        && upstream.port == port
    {
        call.reply.simple("OK Already connected to specified master");
        return Ok(());
    }
    call.then(Flow::Job(Job::Follow(Some((host, port)))));
    Ok(())
}
