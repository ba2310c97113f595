//! Subscribing and its end, in the three spaces of names. Each name is answered by a message of its own.

use crate::engine::command::{Command, Flag, Group, KeySpec};
use crate::engine::pubsub::Space;
use crate::engine::session::ReplyMode;
use crate::engine::{Call, Failure};
use crate::protocol::reply::Reply;

const SUBSCRIBES: Command = Command {
    arity: -2,
    flags: &[Flag::PubSub, Flag::NoScript, Flag::Loading, Flag::Stale, Flag::Subscriber],
    group: Group::PubSub,
    since: "2.0.0",
    complexity: "O(N) where N is the number of names given",
    ..Command::DEFAULT
};
const UNSUBSCRIBES: Command = Command { arity: -1, ..SUBSCRIBES };

pub(super) const SUBSCRIBE: Command = Command {
    name: "subscribe",
    summary: "Has the connection receive the messages to channels.",
    syntax: "channel [channel ...]",
    handler: |call| subscribe(call, Space::Channels, b"subscribe"),
    ..SUBSCRIBES
};

pub(super) const PSUBSCRIBE: Command = Command {
    name: "psubscribe",
    summary: "Has the connection receive the messages to all channels that match patterns.",
    syntax: "pattern [pattern ...]",
    handler: |call| subscribe(call, Space::Patterns, b"psubscribe"),
    ..SUBSCRIBES
};

pub(super) const SSUBSCRIBE: Command = Command {
    name: "ssubscribe",
    keys: &[KeySpec::range(1, -1, 1, &["not_key"])],
    since: "7.0.0",
    summary: "Has the connection receive the messages to shard channels.",
    syntax: "shardchannel [shardchannel ...]",
    handler: |call| subscribe(call, Space::Shards, b"ssubscribe"),
    ..SUBSCRIBES
};

pub(super) const UNSUBSCRIBE: Command = Command {
    name: "unsubscribe",
    summary: "Ends subscriptions to channels; all of them if none is named.",
    syntax: "[channel [channel ...]]",
    handler: |call| unsubscribe(call, Space::Channels, b"unsubscribe"),
    ..UNSUBSCRIBES
};

pub(super) const PUNSUBSCRIBE: Command = Command {
    name: "punsubscribe",
    summary: "Ends subscriptions to patterns; all of them if none is named.",
    syntax: "[pattern [pattern ...]]",
    handler: |call| unsubscribe(call, Space::Patterns, b"punsubscribe"),
    ..UNSUBSCRIBES
};

pub(super) const SUNSUBSCRIBE: Command = Command {
    name: "sunsubscribe",
    keys: &[KeySpec::range(1, -1, 1, &["not_key"])],
    since: "7.0.0",
    summary: "Ends subscriptions to shard channels; all of them if none is named.",
    syntax: "[shardchannel [shardchannel ...]]",
    handler: |call| unsubscribe(call, Space::Shards, b"sunsubscribe"),
    ..UNSUBSCRIBES
};

fn subscribe(call: &mut Call<'_>, space: Space, word: &'static [u8]) -> Result<(), Failure> {
    for name in call.request.iter_from(1) {
        call.engine.subscribe(call.client, space, name);
        confirm(call, space, word, Some(name));
    }
    Ok(())
}

fn unsubscribe(call: &mut Call<'_>, space: Space, word: &'static [u8]) -> Result<(), Failure> {
    for name in call.request.iter_from(1) {
        call.engine.unsubscribe(call.client, space, name);
        confirm(call, space, word, Some(name));
    }
    if call.len() == 1 {
        unsubscribe_from_all(call, space, word);
    }
    Ok(())
}

fn unsubscribe_from_all(call: &mut Call<'_>, space: Space, word: &'static [u8]) {
    let names = call.engine.subscriptions(call.client, space);
    for name in &names {
        call.engine.unsubscribe(call.client, space, name);
        confirm(call, space, word, Some(name));
    }
    if names.is_empty() {
        confirm(call, space, word, None);
    }
}

/// Says what was done and how many subscriptions there are now: to shard channels, or to channels and patterns. That is a
/// message, not a reply, so a client that wants no replies gets it too.
fn confirm(call: &mut Call<'_>, space: Space, word: &[u8], name: Option<&[u8]>) {
    let counted: &[Space] =
        if space == Space::Shards { &[Space::Shards] } else { &[Space::Channels, Space::Patterns] };
    let count = call.engine.subscription_count(call.client, counted);
    if call.session().reply_mode == ReplyMode::On {
        return write(&mut call.reply, word, name, count);
    }
    let mut message = Vec::new();
    write(&mut Reply::new(&mut message, call.reply.version()), word, name, count);
    call.engine.send(call.client, &message);
}

fn write(reply: &mut Reply<'_>, word: &[u8], name: Option<&[u8]>, count: usize) {
    reply.push(3);
    reply.bulk(word);
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.integer(count as i64);
}
