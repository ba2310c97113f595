//! What a connection asks about itself and chooses for itself.

use super::{ADMINISTRATIVE, SUBCOMMAND};
use crate::engine::command::Command;
use crate::engine::session::ReplyMode;
use crate::engine::{Call, Failure};

/// A connection's name has characters that would break CLIENT LIST.
pub(in crate::commands::connection) const NAME_REFUSED: Failure =
    Failure::fixed("ERR Client names cannot contain spaces, newlines or special characters.");

/// Whether a text can stand in CLIENT LIST: printable ASCII without blanks.
pub(in crate::commands::connection) fn is_plain(text: &[u8]) -> bool {
    text.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

pub(super) const ID: Command = Command {
    name: "client|id",
    arity: 2,
    since: "5.0.0",
    summary: "Returns the connection's id.",
    handler: id,
    ..SUBCOMMAND
};

fn id(call: &mut Call<'_>) -> Result<(), Failure> {
    let id = call.session().id;
    call.reply.integer(id as i64);
    Ok(())
}

pub(super) const GETNAME: Command = Command {
    name: "client|getname",
    arity: 2,
    since: "2.6.9",
    summary: "Returns the connection's name.",
    handler: getname,
    ..SUBCOMMAND
};

fn getname(call: &mut Call<'_>) -> Result<(), Failure> {
    let name = &call.engine.sessions[call.client].name;
    if name.is_empty() {
        call.reply.null()
    } else {
        call.reply.bulk(name)
    }
    Ok(())
}

pub(super) const SETNAME: Command = Command {
    name: "client|setname",
    arity: 3,
    since: "2.6.9",
    summary: "Names the connection.",
    syntax: "connection-name",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    handler: setname,
    ..SUBCOMMAND
};

fn setname(call: &mut Call<'_>) -> Result<(), Failure> {
    let name = call.arg(2);
    if !is_plain(name) {
        return Err(NAME_REFUSED);
    }
    call.session().name = name.to_vec();
    call.reply.ok();
    Ok(())
}

pub(super) const SETINFO: Command = Command {
    name: "client|setinfo",
    arity: 4,
    since: "7.2.0",
    summary: "Tells which library the client uses.",
    syntax: "<LIB-NAME libname | LIB-VER libver>",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    handler: setinfo,
    ..SUBCOMMAND
};

fn setinfo(call: &mut Call<'_>) -> Result<(), Failure> {
    let (option, value) = (call.arg(2), call.arg(3));
    let (is_name, shown) = (call.arg_is(2, "lib-name"), String::from_utf8_lossy(option));
    if !is_name && !call.arg_is(2, "lib-ver") {
        return Err(Failure::new(format!("ERR Unrecognized option '{shown}'")));
    }
    if !is_plain(value) {
        let text = format!("ERR {shown} cannot contain spaces, newlines or special characters.");
        return Err(Failure::new(text));
    }
    let session = call.session();
    let field = if is_name { &mut session.library_name } else { &mut session.library_version };
    *field = value.to_vec();
    call.reply.ok();
    Ok(())
}

pub(super) const NO_EVICT: Command = Command {
    name: "client|no-evict",
    arity: 3,
    since: "7.0.0",
    summary: "Chooses whether the connection may be closed to save memory.",
    syntax: "<ON | OFF>",
    handler: no_evict,
    ..ADMINISTRATIVE
};

fn no_evict(call: &mut Call<'_>) -> Result<(), Failure> {
    call.session().no_evict = on_or_off(call)?;
    call.reply.ok();
    Ok(())
}

pub(super) const NO_TOUCH: Command = Command {
    name: "client|no-touch",
    arity: 3,
    since: "7.2.0",
    summary: "Chooses whether the connection's reads count as use of the keys.",
    syntax: "<ON | OFF>",
    handler: no_touch,
    ..SUBCOMMAND
};

fn no_touch(call: &mut Call<'_>) -> Result<(), Failure> {
    call.session().no_touch = on_or_off(call)?;
    call.reply.ok();
    Ok(())
}

fn on_or_off(call: &Call<'_>) -> Result<bool, Failure> {
    match () {
        () if call.arg_is(2, "on") => Ok(true),
        () if call.arg_is(2, "off") => Ok(false),
        () => Err(Failure::SYNTAX),
    }
}

pub(super) const REPLY: Command = Command {
    name: "client|reply",
    arity: 3,
    since: "3.2.0",
    summary: "Chooses whether commands are answered.",
    syntax: "<ON | OFF | SKIP>",
    handler: reply,
    ..SUBCOMMAND
};

/// The engine takes back what a silent connection was answered, so OK is seen only after ON.
fn reply(call: &mut Call<'_>) -> Result<(), Failure> {
    let mode = if call.arg_is(2, "on") {
        ReplyMode::On
    } else if call.arg_is(2, "off") {
        ReplyMode::Off
    } else if call.arg_is(2, "skip") {
        ReplyMode::SkipNext
    } else {
        return Err(Failure::SYNTAX);
    };
    let session = call.session();
    if !(mode == ReplyMode::SkipNext && session.reply_mode == ReplyMode::Off) {
        session.reply_mode = mode;
    }
    call.reply.ok();
    Ok(())
}
