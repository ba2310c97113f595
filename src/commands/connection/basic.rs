//! PING, ECHO, SELECT, RESET, QUIT.

use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::{Call, Failure, Flow};
use crate::protocol::reply::Version;

pub(super) const PING: Command = Command {
    name: "ping",
    arity: -1,
    flags: &[Flag::Fast, Flag::Subscriber],
    categories: &[Category::Connection],
    group: Group::Connection,
    summary: "Answers PONG, or repeats the message.",
    syntax: "[message]",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    handler: ping,
    ..Command::DEFAULT
};

fn ping(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.session().is_subscriber() {
        return ping_of_subscriber(call);
    }
    match call.len() {
        1 => call.reply.simple("PONG"),
        2 => call.reply.bulk(call.request.arg(1)),
        _ => return Err(Failure::arity("ping")),
    }
    Ok(())
}

/// Where every reply is a message, PONG is one too.
fn ping_of_subscriber(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() > 2 {
        return Err(Failure::arity("ping"));
    }
    call.reply.array(2);
    call.reply.bulk(b"pong");
    call.reply.bulk(call.request.get(1).unwrap_or_default());
    Ok(())
}

pub(super) const ECHO: Command = Command {
    name: "echo",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
    categories: &[Category::Connection],
    group: Group::Connection,
    summary: "Repeats the message.",
    syntax: "message",
    handler: echo,
    ..Command::DEFAULT
};

fn echo(call: &mut Call<'_>) -> Result<(), Failure> {
    call.reply.bulk(call.request.arg(1));
    Ok(())
}

pub(super) const SELECT: Command = Command {
    name: "select",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
    categories: &[Category::Connection],
    group: Group::Connection,
    summary: "Chooses the database that the connection's next commands use.",
    syntax: "index",
    handler: select,
    ..Command::DEFAULT
};

const INDEX_TOO_LONG: Failure =
    Failure::fixed("ERR value is out of range, value must between -2147483648 and 2147483647");

fn select(call: &mut Call<'_>) -> Result<(), Failure> {
    let index = i32::try_from(call.integer(1)?).map_err(|_| INDEX_TOO_LONG)?;
    let known = |index: &usize| *index < call.engine.keyspace.databases.len();
    let db = usize::try_from(index).ok().filter(known).ok_or(Failure::DB_INDEX)?;
    call.session().db = db;
    call.reply.ok();
    Ok(())
}

pub(super) const QUIT: Command = Command {
    name: "quit",
    arity: -1,
    flags: &[
        Flag::AllowBusy,
        Flag::NoScript,
        Flag::Loading,
        Flag::Stale,
        Flag::Fast,
        Flag::NoAuth,
        Flag::Unqueued,
        Flag::Subscriber,
    ],
    categories: &[Category::Connection],
    group: Group::Connection,
    summary: "Closes the connection once all replies are sent.",
    handler: quit,
    ..Command::DEFAULT
};

fn quit(call: &mut Call<'_>) -> Result<(), Failure> {
    call.reply.ok();
    call.then(Flow::Close);
    Ok(())
}

pub(super) const RESET: Command = Command {
    name: "reset",
    arity: 1,
    flags: &[
        Flag::AllowBusy,
        Flag::NoScript,
        Flag::Loading,
        Flag::Stale,
        Flag::Fast,
        Flag::NoAuth,
        Flag::Unqueued,
        Flag::Subscriber,
    ],
    categories: &[Category::Connection],
    group: Group::Connection,
    since: "6.2.0",
    summary: "Puts the connection back into the state of a new one.",
    handler: reset,
    ..Command::DEFAULT
};

fn reset(call: &mut Call<'_>) -> Result<(), Failure> {
    // Before the session forgets that it is a monitor: the engine counts them.
    call.engine.stop_monitor(call.client);
    call.engine.unsubscribe_all(call.client);
    call.engine.stop_tracking(call.client);
    let open = call.engine.config.requirepass.0.is_empty();
    call.engine.drop_transaction(call.client);
    call.session().reset(open);
    call.reply.set_version(Version::Resp2);
    call.reply.simple("RESET");
    Ok(())
}
