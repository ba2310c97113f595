//! ROLE: the node's part in replication.

use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::{Call, Failure};
use crate::replication::{Replica, Upstream};

pub(in crate::commands::server) const ROLE: Command = Command {
    name: "role",
    arity: 1,
    flags: &[Flag::NoScript, Flag::Loading, Flag::Stale, Flag::Fast],
    categories: &[Category::Admin, Category::Dangerous],
    group: Group::Server,
    since: "2.8.12",
    summary: "Returns the node's part in replication.",
    handler: role,
    ..Command::DEFAULT
};

fn role(call: &mut Call<'_>) -> Result<(), Failure> {
    let offset = call.engine.replication_offset();
    match call.engine.replication.upstream.clone() {
        Some(upstream) => replica(call, &upstream, offset),
        None => primary(call, offset),
    }
    Ok(())
}

fn primary(call: &mut Call<'_>, offset: u64) {
    let online = call.engine.replication.replicas.values().filter(|replica| replica.is_online);
    let online: Vec<Replica> = online.cloned().collect();
    call.reply.array(3);
    call.reply.bulk(b"master");
    call.reply.integer(offset as i64);
    call.reply.array(online.len());
    for replica in online {
        call.reply.array(3);
        call.reply.bulk(replica.address().as_bytes());
        call.reply.bulk(replica.port.to_string().as_bytes());
        call.reply.bulk(replica.acked.to_string().as_bytes());
    }
}

fn replica(call: &mut Call<'_>, upstream: &Upstream, offset: u64) {
    call.reply.array(5);
    call.reply.bulk(b"slave");
    call.reply.bulk(upstream.host.as_bytes());
    call.reply.integer(upstream.port.into());
    // One that has been refused stays in this state until it is accepted: no word of Redis's says that.
    let word = if upstream.refused.is_some() { "refused" } else { upstream.link.role_word() };
    call.reply.bulk(word.as_bytes());
    call.reply.integer(if upstream.has_history { offset as i64 } else { -1 });
}
