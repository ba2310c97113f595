//! Elements off the ends.

use super::words::{BASE, limits, popped, report_loss, write};
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Around, Call, Failure};
use crate::types::list::End;
use crate::types::{List, Payload, View};

const POP: Command = Command {
    arity: -2,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "access", "delete"])],
    complexity: "O(N) with the number of elements taken",
    syntax: "key [count]",
    ..BASE
};

pub(super) const LPOP: Command = Command {
    name: "lpop",
    summary: "Takes the first element or elements off a list and returns them.",
    handler: |call| pop(call, End::Front, "lpop"),
    ..POP
};

pub(super) const RPOP: Command = Command {
    name: "rpop",
    summary: "Takes the last element or elements off a list and returns them.",
    handler: |call| pop(call, End::Back, "rpop"),
    ..POP
};

fn pop(call: &mut Call<'_>, end: End, name: &str) -> Result<(), Failure> {
    match call.len() {
        2 => pop_one(call, end),
        3 => pop_several(call, end),
        _ => Err(Failure::arity(name)),
    }
}

fn pop_one(call: &mut Call<'_>, end: End) -> Result<(), Failure> {
    let key = call.key(1);
    let edited = call.edit(&key, |list: &mut List, around| {
        list.pop(end, 1, limits(around.config), |item| write(around.reply, item));
    })?;
    match edited {
        Some(edited) => report_loss(call, popped(end), &key, edited.removed),
        None => call.reply.null(),
    }
    Ok(())
}

fn pop_several(call: &mut Call<'_>, end: End) -> Result<(), Failure> {
    let (key, count) = (call.key(1), count(call)?);
    let edited = call.edit(&key, |list: &mut List, around| pop_array(list, end, count, around))?;
    match edited {
        None => call.reply.null_array(),
        Some(_) if count == 0 => {}
        Some(edited) => report_loss(call, popped(end), &key, edited.removed),
    }
    Ok(())
}

fn count(call: &Call<'_>) -> Result<usize, Failure> {
    let count = call.integer(2).ok().and_then(|count| usize::try_from(count).ok());
    count.ok_or(Failure::fixed("ERR value is out of range, must be positive"))
}

/// Takes up to `count` elements off and writes them as an array; how many there were.
pub(super) fn pop_array(list: &mut List, end: End, count: usize, around: &mut Around<'_, '_>) -> usize {
    let count = count.min(list.view().len());
    around.reply.array(count);
    list.pop(end, count, limits(around.config), |item| write(around.reply, item));
    count
}
