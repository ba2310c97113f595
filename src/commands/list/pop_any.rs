//! Elements off the first of several lists that has any: LMPOP, and BLPOP, BRPOP and BLMPOP, which wait for one.

use std::ops::Range;
use std::time::Duration;

use super::pop::pop_array;
use super::words::{BASE, end, limits, pop_command, popped, report_loss, write};
use crate::commands::timeout;
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Failure, Nothing, Wait};
use crate::types::List;
use crate::types::list::End;

pub(super) const LMPOP: Command = Command {
    name: "lmpop",
    arity: -4,
    flags: &[Flag::Write, Flag::MovableKeys],
    keys: &[KeySpec::counted(1, 1, &["RW", "access", "delete"])],
    since: "7.0.0",
    summary: "Takes elements off the first of several lists that is there and returns them.",
    complexity: "O(N+M) with the number N of keys and the number M of elements taken",
    syntax: "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
    handler: lmpop,
    ..BASE
};

fn lmpop(call: &mut Call<'_>) -> Result<(), Failure> {
    let wanted = Several::parse(call, 1)?;
    if !wanted.pop(call)? {
        call.reply.null_array();
    }
    Ok(())
}

pub(super) const BLMPOP: Command = Command {
    name: "blmpop",
    arity: -5,
    flags: &[Flag::Write, Flag::Blocking, Flag::MovableKeys],
    keys: &[KeySpec::counted(2, 1, &["RW", "access", "delete"])],
    since: "7.0.0",
    summary: "Takes elements off the first of several lists that is there, or waits until one is.",
    complexity: "O(N+M) with the number N of keys and the number M of elements taken",
    syntax: "timeout:double numkeys key [key ...] <LEFT | RIGHT> [COUNT count]",
    handler: blmpop,
    ..BASE
};

fn blmpop(call: &mut Call<'_>) -> Result<(), Failure> {
    let wanted = Several::parse(call, 2)?;
    let timeout = timeout::seconds(call, 1)?;
    if !wanted.pop(call)? {
        wait(call, wanted.keys, timeout);
    }
    Ok(())
}

const BPOP: Command = Command {
    arity: -3,
    flags: &[Flag::Write, Flag::Blocking],
    keys: &[KeySpec::range(1, -2, 1, &["RW", "access", "delete"])],
    since: "2.0.0",
    complexity: "O(N) with the number of keys",
    syntax: "key [key ...] timeout:double",
    ..BASE
};

pub(super) const BLPOP: Command = Command {
    name: "blpop",
    summary: "Takes the first element off the first of several lists that is there, or waits until one is.",
    handler: |call| bpop(call, End::Front),
    ..BPOP
};

pub(super) const BRPOP: Command = Command {
    name: "brpop",
    summary: "Takes the last element off the first of several lists that is there, or waits until one is.",
    handler: |call| bpop(call, End::Back),
    ..BPOP
};

fn bpop(call: &mut Call<'_>, end: End) -> Result<(), Failure> {
    let last = call.len() - 1;
    let timeout = timeout::seconds(call, last)?;
    for i in 1..last {
        if pop_with_key(call, i, end)? {
            return Ok(());
        }
    }
    wait(call, 1..last, timeout);
    Ok(())
}

/// Pops from the list at argument `i`, if it is there, and answers with its key and the element.
fn pop_with_key(call: &mut Call<'_>, i: usize, end: End) -> Result<bool, Failure> {
    let key = call.key(i);
    let edited = call.edit(&key, |list: &mut List, around| {
        around.reply.array(2);
        around.reply.bulk(key.bytes);
        list.pop(end, 1, limits(around.config), |item| write(around.reply, item));
    })?;
    let Some(edited) = edited else { return Ok(false) };
    report_loss(call, popped(end), &key, edited.removed);
    call.propagate(&[pop_command(end), key.bytes]);
    Ok(true)
}

/// Waits until one of the keys at these arguments may be a list.
fn wait(call: &mut Call<'_>, keys: Range<usize>, timeout: Option<Duration>) {
    let keys = keys.map(|i| call.arg(i).to_vec()).collect();
    let on_timeout = Nothing::NullArray;
    call.block(Wait { keys, timeout, on_timeout, request: None, wants_loss: false });
}

/// `numkeys key [key ...] LEFT|RIGHT [COUNT count]`.
struct Several {
    /// The arguments that are keys.
    keys: Range<usize>,
    end: End,
    count: usize,
}

impl Several {
    /// From argument `i` on.
    fn parse(call: &Call<'_>, i: usize) -> Result<Several, Failure> {
        let numkeys = positive(call, i, "ERR numkeys should be greater than 0")?;
        let keys = i + 1..(i + 1).saturating_add(numkeys);
        if keys.end >= call.len() {
            return Err(Failure::SYNTAX);
        }
        let (end, options) = (end(call, keys.end)?, keys.end + 1);
        let count = match call.len() - options {
            0 => 1,
            2 if call.arg_is(options, "count") => {
                positive(call, options + 1, "ERR count should be greater than 0")?
            }
            _ => return Err(Failure::SYNTAX),
        };
        Ok(Several { keys, end, count })
    }

    /// Pops from the first list that is there and answers; false if there is none.
    fn pop(&self, call: &mut Call<'_>) -> Result<bool, Failure> {
        for i in self.keys.clone() {
            let key = call.key(i);
            let edited = call.edit(&key, |list: &mut List, around| {
                around.reply.array(2);
                around.reply.bulk(key.bytes);
                pop_array(list, self.end, self.count, around)
            })?;
            if let Some(edited) = edited {
                report_loss(call, popped(self.end), &key, edited.removed);
                let count = itoa::Buffer::new().format(edited.result).as_bytes().to_vec();
                call.propagate(&[pop_command(self.end), key.bytes, &count]);
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Argument `i` as a number from 1.
fn positive(call: &Call<'_>, i: usize, otherwise: &'static str) -> Result<usize, Failure> {
    let number = call.integer(i).ok().and_then(|number| usize::try_from(number).ok());
    number.filter(|number| *number > 0).ok_or(Failure::fixed(otherwise))
}
