//! CLIENT LIST and INFO: one line for each connection.

use std::io::Write;

use super::filter::Filter;
use super::{ADMINISTRATIVE, SUBCOMMAND};
use crate::config::ClientClass;
use crate::engine::command::{Command, Flag};
use crate::engine::pubsub::Space;
use crate::engine::session::{ClientRole, Closing, Session, SessionHandle};
use crate::engine::{Call, Failure, address_text};
use crate::protocol::reply::Version;
use crate::runtime::{Address, Now};
use crate::text::number;

pub(super) const LIST: Command = Command {
    name: "client|list",
    arity: -2,
    summary: "Returns a line for each connection.",
    complexity: "O(N) where N is the number of connections",
    syntax: "[TYPE <NORMAL | MASTER | REPLICA | PUBSUB>] [ID client-id [client-id ...]]",
    tips: &["nondeterministic_output"],
    since: "2.4.0",
    handler: list,
    ..ADMINISTRATIVE
};

fn list(call: &mut Call<'_>) -> Result<(), Failure> {
    let clients = match call.len() {
        3 => return Err(Failure::SYNTAX),
        4.. if call.arg_is(2, "id") => listed(call)?,
        _ => Filter::parse(call, 2)?.select(call, false),
    };
    let mut text = Vec::new();
    for client in clients {
        write_line(&mut text, &call.engine.sessions[client], 0, call.now);
    }
    call.reply.verbatim("txt", &text);
    Ok(())
}

/// The connections of these ids, in the order in which they are named; with further options, those that pass all tests.
fn listed(call: &Call<'_>) -> Result<Vec<SessionHandle>, Failure> {
    const NOT_AN_ID: Failure = Failure::fixed("ERR Invalid client ID");
    if number::parse_i64(call.arg(3)).is_none() {
        return Err(NOT_AN_ID);
    }
    let ids: Option<Vec<i64>> = call.request.iter_from(3).map(number::parse_i64).collect();
    match ids {
        Some(ids) => Ok(ids.into_iter().filter_map(|id| call.engine.sessions.find(id as u64)).collect()),
        None => Ok(Filter::parse(call, 2).map_err(|_| NOT_AN_ID)?.select(call, false)),
    }
}

pub(super) const INFO: Command = Command {
    name: "client|info",
    arity: 2,
    flags: &[Flag::NoScript, Flag::Loading, Flag::Stale],
    since: "6.2.0",
    summary: "Returns the line of CLIENT LIST that is about this connection.",
    tips: &["nondeterministic_output"],
    handler: info,
    ..SUBCOMMAND
};

fn info(call: &mut Call<'_>) -> Result<(), Failure> {
    let mut text = Vec::new();
    let request_bytes = call.request.bytes();
    write_line(&mut text, &call.engine.sessions[call.client], request_bytes, call.now);
    call.reply.verbatim("txt", &text);
    Ok(())
}

/// Kinds of clients that commands tell apart.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Normal,
    Primary,
    Replica,
    PubSub,
}

impl Kind {
    pub(super) fn of(session: &Session) -> Kind {
        if session.role == ClientRole::Primary {
            return Kind::Primary;
        }
        match session.class() {
            ClientClass::Normal => Kind::Normal,
            ClientClass::Replica => Kind::Replica,
            ClientClass::PubSub => Kind::PubSub,
        }
    }

    pub(super) fn parse(word: &[u8]) -> Result<Kind, Failure> {
        match word.to_ascii_lowercase().as_slice() {
            b"normal" => Ok(Kind::Normal),
            b"master" => Ok(Kind::Primary),
            b"slave" | b"replica" => Ok(Kind::Replica),
            b"pubsub" => Ok(Kind::PubSub),
            _ => Err(Failure::new(format!("ERR Unknown client type '{}'", String::from_utf8_lossy(word)))),
        }
    }
}

/// The fields of Redis 7.0 in its order, then those that came with 7.2. What does not exist here yet (transactions) has the value that Redis shows for a client that does not use it; descriptors are the
/// runtime's, so `fd` is unknown.
fn write_line(out: &mut Vec<u8>, session: &Session, request_bytes: usize, now: Now) {
    let traffic = &session.traffic;
    let (age, idle) = (now.mono - session.connected.mono, now.mono - session.active.mono);
    let waiting = traffic.output_bytes + session.outbox.len();
    let mut line = Line { out };
    line.field("id", session.id);
    line.field("addr", address_text(&session.peer));
    line.field("laddr", address_text(&session.local));
    line.field("fd", -1);
    line.text("name", &session.name);
    line.field("age", age.as_secs());
    line.field("idle", idle.as_secs());
    line.field("flags", flags(session));
    line.field("db", session.db);
    for (name, space) in [("sub", Space::Channels), ("psub", Space::Patterns), ("ssub", Space::Shards)] {
        line.field(name, session.subscriptions.as_ref().map_or(0, |subscriptions| subscriptions.len(space)));
    }
    let transaction = session.transaction.as_deref();
    line.field("multi", transaction.map_or(-1, |transaction| transaction.len() as i64));
    line.field("watch", session.watch.len());
    line.field("qbuf", traffic.query_bytes);
    line.field("qbuf-free", traffic.query_free_bytes);
    line.field("argv-mem", request_bytes);
    line.field("multi-mem", transaction.map_or(0, |transaction| transaction.memory_bytes()));
    line.field("rbs", traffic.output_bytes);
    line.field("rbp", traffic.output_bytes);
    line.field("obl", traffic.output_bytes);
    line.field("oll", usize::from(!session.outbox.is_empty()));
    line.field("omem", session.outbox.capacity());
    line.field("tot-mem", session.memory_bytes());
    line.field("events", if waiting > 0 { "rw" } else { "r" });
    line.field("cmd", session.last_command);
    line.field("user", "default");
    line.field("redir", session.redirect_id());
    line.field("resp", if session.version == Version::Resp3 { 3 } else { 2 });
    line.text("lib-name", &session.library_name);
    line.text("lib-ver", &session.library_version);
    line.end();
}

pub(super) fn flags(session: &Session) -> String {
    let flags = [
        ('O', session.monitor),
        ('S', session.role == ClientRole::Replica),
        ('M', session.role == ClientRole::Primary),
        ('x', session.transaction.is_some()),
        ('P', session.subscriptions.is_some()),
        ('b', session.waiting || session.blocked.is_some()),
        ('d', session.watch.changed),
        ('c', session.closing == Some(Closing::AfterReply)),
        ('A', session.closing == Some(Closing::Now)),
        ('t', session.tracking.is_some()),
        ('R', session.tracking.as_ref().is_some_and(|tracking| tracking.broken)),
        ('B', session.tracking.as_ref().is_some_and(|tracking| tracking.broadcast)),
        ('U', matches!(session.peer, Address::Unix(_))),
        ('e', session.no_evict),
        ('T', session.no_touch),
    ];
    let set: String = flags.into_iter().filter(|(_, set)| *set).map(|(flag, _)| flag).collect();
    if set.is_empty() { "N".to_owned() } else { set }
}

/// Writes `name=value` pairs.
struct Line<'a> {
    out: &'a mut Vec<u8>,
}

impl Line<'_> {
    fn field(&mut self, name: &str, value: impl std::fmt::Display) {
        // Writing to memory does not fail.
        let _ = write!(self.out, "{name}={value} ");
    }

    fn text(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), b"=", value, b" "] {
            self.out.extend_from_slice(part);
        }
    }

    fn end(self) {
        self.out.pop();
        self.out.push(b'\n');
    }
}
