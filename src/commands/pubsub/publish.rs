//! PUBLISH and SPUBLISH: a message to whoever listens.

use crate::engine::command::{Command, Flag, Group, KeySpec};
use crate::engine::pubsub::Space;
use crate::engine::{Call, Failure};

pub(super) const PUBLISH: Command = Command {
    name: "publish",
    arity: 3,
    flags: &[Flag::PubSub, Flag::Loading, Flag::Stale, Flag::Fast],
    group: Group::PubSub,
    since: "2.0.0",
    summary: "Sends a message to a channel; tells how many received it.",
    complexity: "O(N+M) where N is the number of the channel's subscribers and M the number of all patterns",
    syntax: "channel message",
    handler: |call| publish(call, Space::Channels),
    ..Command::DEFAULT
};

pub(super) const SPUBLISH: Command = Command {
    name: "spublish",
    keys: &[KeySpec::one(1, &["not_key"])],
    since: "7.0.0",
    summary: "Sends a message to a shard channel; tells how many received it.",
    complexity: "O(N) where N is the number of the channel's subscribers",
    syntax: "shardchannel message",
    handler: |call| publish(call, Space::Shards),
    ..PUBLISH
};

/// Replicas have subscribers of their own, so they are told as well.
fn publish(call: &mut Call<'_>, space: Space) -> Result<(), Failure> {
    let (channel, message) = (call.arg(1), call.arg(2));
    let received = call.engine.publish(space, channel, message);
    call.propagate_to_replicas(&[call.arg(0), channel, message]);
    call.reply.integer(received as i64);
    Ok(())
}
