//! PUBSUB: who listens to what.

use crate::commands::help;
use crate::engine::command::{Command, Flag, Group};
use crate::engine::pubsub::Space;
use crate::engine::{Call, Failure};
use crate::text::pattern::{Case, matches};

pub(super) const PUBSUB: Command = Command {
    name: "pubsub",
    arity: -2,
    group: Group::PubSub,
    since: "2.8.0",
    summary: "Holds the commands about subscriptions.",
    complexity: "Depends on subcommand.",
    subcommands: &[CHANNELS, HELP, NUMPAT, NUMSUB, SHARDCHANNELS, SHARDNUMSUB],
    ..Command::DEFAULT
};

const SUBCOMMAND: Command = Command {
    arity: -2,
    flags: &[Flag::PubSub, Flag::Loading, Flag::Stale],
    group: Group::PubSub,
    since: "2.8.0",
    ..Command::DEFAULT
};

const CHANNELS: Command = Command {
    name: "pubsub|channels",
    summary: "Returns the channels that have subscribers, all or those that match a pattern.",
    complexity: "O(N) where N is the number of channels",
    syntax: "[pattern]",
    handler: |call| names(call, Space::Channels),
    ..SUBCOMMAND
};

const SHARDCHANNELS: Command = Command {
    name: "pubsub|shardchannels",
    since: "7.0.0",
    summary: "Returns the shard channels that have subscribers, all or those that match a pattern.",
    complexity: "O(N) where N is the number of shard channels",
    syntax: "[pattern]",
    handler: |call| names(call, Space::Shards),
    ..SUBCOMMAND
};

fn names(call: &mut Call<'_>, space: Space) -> Result<(), Failure> {
    if call.len() > 3 {
        return Err(Failure::subcommand("pubsub", call.arg(1)));
    }
    let pattern = call.request.get(2);
    let (mark, mut shown) = (call.reply.deferred_array(), 0);
    for (name, _) in call.engine.pubsub.names(space) {
        if pattern.is_none_or(|pattern| matches(pattern, name, Case::Matters)) {
            call.reply.bulk(name);
            shown += 1;
        }
    }
    call.reply.close(mark, shown);
    Ok(())
}

const NUMSUB: Command = Command {
    name: "pubsub|numsub",
    summary: "Returns how many have subscribed to each of these channels, patterns not counted.",
    complexity: "O(N) where N is the number of channels given",
    syntax: "[channel [channel ...]]",
    handler: |call| counts(call, Space::Channels),
    ..SUBCOMMAND
};

const SHARDNUMSUB: Command = Command {
    name: "pubsub|shardnumsub",
    since: "7.0.0",
    summary: "Returns how many have subscribed to each of these shard channels.",
    complexity: "O(N) where N is the number of shard channels given",
    syntax: "[shardchannel [shardchannel ...]]",
    handler: |call| counts(call, Space::Shards),
    ..SUBCOMMAND
};

fn counts(call: &mut Call<'_>, space: Space) -> Result<(), Failure> {
    call.reply.array(2 * (call.len() - 2));
    for name in call.request.iter_from(2) {
        call.reply.bulk(name);
        call.reply.integer(call.engine.pubsub.subscribers(space, name) as i64);
    }
    Ok(())
}

const NUMPAT: Command = Command {
    name: "pubsub|numpat",
    arity: 2,
    summary: "Returns how many different patterns have subscribers.",
    handler: numpat,
    ..SUBCOMMAND
};

fn numpat(call: &mut Call<'_>) -> Result<(), Failure> {
    let patterns = call.engine.pubsub.len(Space::Patterns);
    call.reply.integer(patterns as i64);
    Ok(())
}

const HELP: Command = Command {
    name: "pubsub|help",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale],
    since: "6.2.0",
    summary: "Prints this help.",
    handler: help::of_container,
    ..SUBCOMMAND
};
