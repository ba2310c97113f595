//! Changes in the middle: LSET, LINSERT, LREM, LTRIM.

use super::search::OUT_OF_RANGE;
use super::words::{BASE, limits, report_loss};
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::types::{List, Payload, View};

pub(super) const LSET: Command = Command {
    name: "lset",
    arity: 4,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["RW", "update"])],
    summary: "Replaces the element of a list at a position; a negative one counts from the end.",
    complexity: "O(N) with the distance to the nearer end",
    syntax: "key index element",
    handler: lset,
    ..BASE
};

fn lset(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, index, text) = (call.key(1), call.integer(2), call.arg(3));
    let edited = call.edit(&key, |list: &mut List, around| match index {
        Ok(index) if list.set(index, text, limits(around.config)) => Ok(()),
        Ok(_) => Err(Failure::fixed("ERR index out of range")),
        Err(failure) => Err(failure),
    })?;
    edited.ok_or(Failure::NO_SUCH_KEY)?.result?;
    call.changed(Class::List, "lset", &key);
    call.reply.ok();
    Ok(())
}

pub(super) const LINSERT: Command = Command {
    name: "linsert",
    arity: 5,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["RW", "insert"])],
    since: "2.2.0",
    summary: "Puts an element before or after another one of a list.",
    complexity: "O(N) with the number of elements before that one",
    syntax: "key <BEFORE | AFTER> pivot element",
    handler: linsert,
    ..BASE
};

fn linsert(call: &mut Call<'_>) -> Result<(), Failure> {
    let after = call.arg_is(2, "after");
    if !after && !call.arg_is(2, "before") {
        return Err(Failure::SYNTAX);
    }
    let (key, pivot, text) = (call.key(1), call.arg(3), call.arg(4));
    let edited = call.edit(&key, |list: &mut List, around| {
        let inserted = list.insert(pivot, after, text, limits(around.config));
        around.reply.integer(if inserted { list.view().len() as i64 } else { -1 });
        inserted
    })?;
    match edited {
        None => call.reply.integer(0),
        Some(edited) if edited.result => call.changed(Class::List, "linsert", &key),
        Some(_) => {}
    }
    Ok(())
}

pub(super) const LREM: Command = Command {
    name: "lrem",
    arity: 4,
    flags: &[Flag::Write],
    keys: &[KeySpec::one(1, &["RW", "delete"])],
    summary: "Takes elements with a given text out of a list.",
    complexity: "O(N+M) with the length N of the list and the number M of elements taken out",
    syntax: "key count element",
    handler: lrem,
    ..BASE
};

fn lrem(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, count, text) = (call.key(1), call.integer(2)?, call.arg(3));
    if count == i64::MIN {
        return Err(OUT_OF_RANGE);
    }
    let edited = call.edit(&key, |list: &mut List, around| {
        let removed = list.remove_equal(text, count, limits(around.config));
        around.reply.integer(removed as i64);
        removed
    })?;
    match edited {
        None => call.reply.integer(0),
        Some(edited) if edited.result > 0 => report_loss(call, "lrem", &key, edited.removed),
        Some(_) => {}
    }
    Ok(())
}

pub(super) const LTRIM: Command = Command {
    name: "ltrim",
    arity: 4,
    flags: &[Flag::Write],
    keys: &[KeySpec::one(1, &["RW", "delete"])],
    summary: "Takes all elements out of a list but those between two positions.",
    complexity: "O(N) with the number of elements taken out",
    syntax: "key start stop",
    handler: ltrim,
    ..BASE
};

fn ltrim(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, start, stop) = (call.key(1), call.integer(2)?, call.integer(3)?);
    let edited = call.edit(&key, |list: &mut List, around| {
        let range = list.view().range(start, stop);
        list.trim(range, limits(around.config))
    })?;
    match edited {
        Some(edited) if edited.result => report_loss(call, "ltrim", &key, edited.removed),
        // Listeners and watchers hear of it all the same, as in Redis.
        Some(_) => {
            call.touched(&key);
            call.event(Class::List, "ltrim", &key);
        }
        None => {}
    }
    call.reply.ok();
    Ok(())
}
