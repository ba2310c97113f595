//! Elements at the ends.

use super::words::{BASE, limits, pushed};
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::types::list::End;
use crate::types::{List, Payload, View};

const PUSH: Command = Command {
    arity: -3,
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "insert"])],
    complexity: "O(1) for each element",
    syntax: "key element [element ...]",
    ..BASE
};

pub(super) const LPUSH: Command = Command {
    name: "lpush",
    summary: "Puts elements at the front of a list, or makes it.",
    handler: |call| push(call, End::Front),
    ..PUSH
};

pub(super) const RPUSH: Command = Command {
    name: "rpush",
    summary: "Puts elements at the end of a list, or makes it.",
    handler: |call| push(call, End::Back),
    ..PUSH
};

pub(super) const LPUSHX: Command = Command {
    name: "lpushx",
    since: "2.2.0",
    summary: "Puts elements at the front of a list if it is there.",
    handler: |call| push_if_there(call, End::Front),
    ..PUSH
};

pub(super) const RPUSHX: Command = Command {
    name: "rpushx",
    since: "2.2.0",
    summary: "Puts elements at the end of a list if it is there.",
    handler: |call| push_if_there(call, End::Back),
    ..PUSH
};

fn push(call: &mut Call<'_>, end: End) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    call.edit_or_create(&key, |list: &mut List, around| {
        list.push(end, request.iter_from(2), limits(around.config));
        around.reply.integer(list.view().len() as i64);
    })?;
    call.changed(Class::List, pushed(end), &key);
    Ok(())
}

fn push_if_there(call: &mut Call<'_>, end: End) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    let edited = call.edit(&key, |list: &mut List, around| {
        list.push(end, request.iter_from(2), limits(around.config));
        around.reply.integer(list.view().len() as i64);
    })?;
    match edited {
        Some(_) => call.changed(Class::List, pushed(end), &key),
        None => call.reply.integer(0),
    }
    Ok(())
}
