//! From one list to another: LMOVE and RPOPLPUSH, and BLMOVE and BRPOPLPUSH, which wait for an element.

use std::time::Duration;

use super::words::{BASE, end, limits, popped, pushed, report_loss, write};
use crate::commands::timeout;
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Class, Failure, Nothing, Wait};
use crate::keyspace::{Key, Kind, Value};
use crate::types::List;
use crate::types::list::End;

const TRANSFER: Command = Command {
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["RW", "access", "delete"]), KeySpec::one(2, &["RW", "insert"])],
    ..BASE
};

const WAITING: Command = Command { flags: &[Flag::Write, Flag::DenyOom, Flag::Blocking], ..TRANSFER };

pub(super) const LMOVE: Command = Command {
    name: "lmove",
    arity: 5,
    since: "6.2.0",
    summary: "Takes an element off one end of a list, puts it at one end of another and returns it.",
    syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT>",
    handler: lmove,
    ..TRANSFER
};

fn lmove(call: &mut Call<'_>) -> Result<(), Failure> {
    let ends = (end(call, 3)?, end(call, 4)?);
    transfer_or_null(call, ends)
}

pub(super) const RPOPLPUSH: Command = Command {
    name: "rpoplpush",
    arity: 3,
    since: "1.2.0",
    summary: "Takes the last element off a list, puts it at the front of another and returns it.",
    syntax: "source destination",
    handler: |call| transfer_or_null(call, (End::Back, End::Front)),
    ..TRANSFER
};

fn transfer_or_null(call: &mut Call<'_>, ends: (End, End)) -> Result<(), Failure> {
    if !transfer(call, ends)? {
        call.reply.null();
    }
    Ok(())
}

pub(super) const BLMOVE: Command = Command {
    name: "blmove",
    arity: 6,
    since: "6.2.0",
    summary: "Takes an element off one end of a list, or waits for one, puts it at one end of another and returns it.",
    syntax: "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout:double",
    handler: blmove,
    ..WAITING
};

fn blmove(call: &mut Call<'_>) -> Result<(), Failure> {
    let ends = (end(call, 3)?, end(call, 4)?);
    let timeout = timeout::seconds(call, 5)?;
    if transfer(call, ends)? {
        call.propagate(&[b"LMOVE", call.arg(1), call.arg(2), call.arg(3), call.arg(4)]);
    } else {
        wait(call, timeout);
    }
    Ok(())
}

pub(super) const BRPOPLPUSH: Command = Command {
    name: "brpoplpush",
    arity: 4,
    since: "2.2.0",
    summary: "Takes the last element off a list, or waits for one, puts it at the front of another and returns it.",
    syntax: "source destination timeout:double",
    handler: brpoplpush,
    ..WAITING
};

fn brpoplpush(call: &mut Call<'_>) -> Result<(), Failure> {
    let timeout = timeout::seconds(call, 3)?;
    if transfer(call, (End::Back, End::Front))? {
        call.propagate(&[b"RPOPLPUSH", call.arg(1), call.arg(2)]);
    } else {
        wait(call, timeout);
    }
    Ok(())
}

/// Waits until the source may be a list. Where nobody may wait, the answer is another null than when the time is over.
fn wait(call: &mut Call<'_>, timeout: Option<Duration>) {
    let (keys, on_timeout) = (vec![call.arg(1).to_vec()], Nothing::NullArray);
    if call.may_block() {
        call.block(Wait { keys, timeout, on_timeout, request: None, wants_loss: false });
    } else {
        call.reply.null();
    }
}

/// Moves an element between the lists at arguments 1 and 2 and answers with it; false if there is none.
fn transfer(call: &mut Call<'_>, (from, to): (End, End)) -> Result<bool, Failure> {
    let (source, destination) = (call.key(1), call.key(2));
    if source.bytes == destination.bytes {
        return rotate(call, &source, (from, to));
    }
    if !has_list(call, &source)? {
        return Ok(false);
    }
    // Nothing may be taken unless it can be put.
    has_list(call, &destination)?;
    let mut text = Vec::new();
    let edited = call.edit(&source, |list: &mut List, around| {
        list.pop(from, 1, limits(around.config), |item| text = item.to_vec());
    })?;
    let removed = edited.is_some_and(|edited| edited.removed);
    push(call, &destination, to, &text)?;
    report_loss(call, popped(from), &source, removed);
    Ok(true)
}

/// Whether a key is there; `Err` if it is no list.
fn has_list(call: &mut Call<'_>, key: &Key<'_>) -> Result<bool, Failure> {
    match call.peek(key).0.map(|entry| entry.value()) {
        None => Ok(false),
        Some(Value::Object(object)) if List::of(object).is_some() => Ok(true),
        Some(_) => Err(Failure::WRONG_TYPE),
    }
}

/// Moves an element of a list to one of its own ends.
fn rotate(call: &mut Call<'_>, key: &Key<'_>, (from, to): (End, End)) -> Result<bool, Failure> {
    let edited = call.edit(key, |list: &mut List, around| {
        list.rotate(from, to, limits(around.config), |item| write(around.reply, item));
    })?;
    if edited.is_none() {
        return Ok(false);
    }
    call.changed(Class::List, pushed(to), key);
    call.event(Class::List, popped(from), key);
    Ok(true)
}

fn push(call: &mut Call<'_>, key: &Key<'_>, end: End, text: &[u8]) -> Result<(), Failure> {
    call.edit_or_create(key, |list: &mut List, around| {
        list.push(end, std::iter::once(text), limits(around.config));
        around.reply.bulk(text);
    })?;
    call.changed(Class::List, pushed(end), key);
    Ok(())
}
