//! Elements taken from either end, at once or as soon as there are some.

use std::ops::Range;

use crate::commands::timeout;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure, Nothing, Wait};
use crate::keyspace::{Key, SortedSet, SortedSetRef, View};
use crate::protocol::reply::{Reply, Version};
use crate::text::number::parse_i64;
use crate::types::Payload;

const BASE: Command = Command {
    group: Group::SortedSet,
    categories: &[Category::SortedSet],
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "access", "delete"])],
    since: "5.0.0",
    complexity: "O(log N) for each element",
    ..Command::DEFAULT
};

pub(super) const ZPOPMIN: Command = Command {
    name: "zpopmin",
    arity: -2,
    summary: "Takes out and returns the elements with the lowest scores.",
    syntax: "key [count]",
    handler: |call| pop(call, End::Min),
    ..BASE
};

pub(super) const ZPOPMAX: Command = Command {
    name: "zpopmax",
    arity: -2,
    summary: "Takes out and returns the elements with the highest scores.",
    syntax: "key [count]",
    handler: |call| pop(call, End::Max),
    ..BASE
};

/// Which end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    /// The ranks of so many elements at this end.
    fn ranks(self, set: SortedSetRef<'_>, count: usize) -> Range<usize> {
        let (len, count) = (set.len(), count.min(set.len()));
        match self {
            End::Min => 0..count,
            End::Max => len - count..len,
        }
    }

    fn event(self) -> &'static str {
        match self {
            End::Min => "zpopmin",
            End::Max => "zpopmax",
        }
    }

    /// The command that takes out so many elements of a key and waits for nobody.
    fn command(self) -> &'static [u8] {
        match self {
            End::Min => b"ZPOPMIN",
            End::Max => b"ZPOPMAX",
        }
    }
}

/// How elements are answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One after the other.
    Flat,
    /// In RESP3 as pairs.
    PairsIfResp3,
    /// As pairs.
    Pairs,
}

const NOT_POSITIVE: Failure = Failure::fixed("ERR value is out of range, must be positive");

fn pop(call: &mut Call<'_>, end: End) -> Result<(), Failure> {
    if call.len() > 3 {
        return Err(Failure::SYNTAX);
    }
    let (mut count, mut form) = (1, Form::Flat);
    if call.len() == 3 {
        count = parse_i64(call.arg(2)).filter(|count| *count >= 0).ok_or(NOT_POSITIVE)? as usize;
        form = Form::PairsIfResp3;
    }
    let key = call.key(1);
    if count == 0 {
        // Nothing is touched; the type counts all the same.
        call.read_as::<SortedSet>(&key)?;
        call.reply.array(0);
    } else if take(call, &key, end, count, form, |_| {})? == 0 {
        call.reply.array(0);
    }
    Ok(())
}

/// Takes so many elements of a key out and answers with them, after what `begin` writes; tells how many. Nothing is answered
/// if there are none.
fn take(
    call: &mut Call<'_>,
    key: &Key<'_>,
    end: End,
    count: usize,
    form: Form,
    begin: impl FnOnce(&mut Reply<'_>),
) -> Result<usize, Failure> {
    let edited = call.edit::<SortedSet, _>(key, |set, around| {
        let ranks = end.ranks(set.view(), count);
        begin(around.reply);
        answer(around.reply, set.view(), ranks.clone(), end, form);
        let taken = ranks.len();
        set.remove_ranks(ranks);
        taken
    })?;
    let taken = edited.map_or(0, |edited| edited.result);
    super::removed(call, key, end.event(), edited);
    Ok(taken)
}

fn answer(reply: &mut Reply<'_>, set: SortedSetRef<'_>, ranks: Range<usize>, end: End, form: Form) {
    let pairs = form == Form::Pairs || (form == Form::PairsIfResp3 && reply.version() == Version::Resp3);
    reply.array(ranks.len() * if pairs { 1 } else { 2 });
    let mut digits = itoa::Buffer::new();
    for element in set.elements(ranks, end == End::Max) {
        if pairs {
            reply.array(2);
        }
        reply.bulk(element.member.text(&mut digits));
        reply.double(element.score);
    }
}

const BLOCKING: Command = Command {
    arity: -3,
    flags: &[Flag::Write, Flag::Blocking, Flag::Fast],
    keys: &[KeySpec::range(1, -2, 1, &["RW", "access", "delete"])],
    syntax: "key [key ...] timeout:double",
    ..BASE
};

pub(super) const BZPOPMIN: Command = Command {
    name: "bzpopmin",
    summary: "Takes out the element with the lowest score of the first set that has any; waits for one if need be.",
    handler: |call| bzpop(call, End::Min),
    ..BLOCKING
};

pub(super) const BZPOPMAX: Command = Command {
    name: "bzpopmax",
    summary: "Takes out the element with the highest score of the first set that has any; waits for one if need be.",
    handler: |call| bzpop(call, End::Max),
    ..BLOCKING
};

fn bzpop(call: &mut Call<'_>, end: End) -> Result<(), Failure> {
    let last = call.len() - 1;
    let timeout = timeout::seconds(call, last)?;
    for i in 1..last {
        let key = call.key(i);
        if is_there(call, &key)? {
            take_alone(call, &key, end)?;
            call.propagate(&[end.command(), key.bytes]);
            return Ok(());
        }
    }
    wait(call, 1..last, timeout);
    Ok(())
}

/// Whether there is a sorted set at a key.
fn is_there(call: &mut Call<'_>, key: &Key<'_>) -> Result<bool, Failure> {
    Ok(call.read_as::<SortedSet>(key)?.0.is_some())
}

/// Takes one element out and answers with key, member and score.
fn take_alone(call: &mut Call<'_>, key: &Key<'_>, end: End) -> Result<(), Failure> {
    let edited = call.edit::<SortedSet, _>(key, |set, around| {
        let ranks = end.ranks(set.view(), 1);
        let mut digits = itoa::Buffer::new();
        for element in set.view().elements(ranks.clone(), false) {
            around.reply.array(3);
            around.reply.bulk(key.bytes);
            around.reply.bulk(element.member.text(&mut digits));
            around.reply.double(element.score);
        }
        set.remove_ranks(ranks);
        1
    })?;
    super::removed(call, key, end.event(), edited);
    Ok(())
}

fn wait(call: &mut Call<'_>, keys: Range<usize>, timeout: Option<std::time::Duration>) {
    let keys = keys.map(|i| call.arg(i).to_vec()).collect();
    let on_timeout = Nothing::NullArray;
    call.block(Wait { keys, timeout, on_timeout, request: None, wants_loss: false });
}

pub(super) const ZMPOP: Command = Command {
    name: "zmpop",
    arity: -4,
    flags: &[Flag::Write, Flag::MovableKeys],
    keys: &[KeySpec::counted(1, 1, &["RW", "access", "delete"])],
    since: "7.0.0",
    summary: "Takes elements out of the first set that has any.",
    syntax: "numkeys key [key ...] <MIN | MAX> [COUNT count]",
    handler: |call| {
        if !zmpop(call, 1)?.0 {
            call.reply.null_array();
        }
        Ok(())
    },
    ..BASE
};

pub(super) const BZMPOP: Command = Command {
    name: "bzmpop",
    arity: -5,
    flags: &[Flag::Write, Flag::Blocking, Flag::MovableKeys],
    keys: &[KeySpec::counted(2, 1, &["RW", "access", "delete"])],
    since: "7.0.0",
    summary: "Takes elements out of the first set that has any; waits for one if need be.",
    syntax: "timeout:double numkeys key [key ...] <MIN | MAX> [COUNT count]",
    handler: bzmpop,
    ..BASE
};

fn bzmpop(call: &mut Call<'_>) -> Result<(), Failure> {
    // In Redis's order: what is wrong behind the timeout is said first.
    parse_zmpop(call, 2)?;
    let timeout = timeout::seconds(call, 1)?;
    let (served, keys) = zmpop(call, 2)?;
    if !served {
        wait(call, keys, timeout);
    }
    Ok(())
}

/// A range of arguments that are keys, an end, and a count.
fn parse_zmpop(call: &Call<'_>, at: usize) -> Result<(Range<usize>, End, usize), Failure> {
    let positive = |i: usize| parse_i64(call.arg(i)).filter(|number| *number > 0);
    let count = positive(at).ok_or(Failure::fixed("ERR numkeys should be greater than 0"))?;
    let end = usize::try_from(count).ok().and_then(|count| count.checked_add(at + 1));
    let end = end.filter(|end| *end < call.len()).ok_or(Failure::SYNTAX)?;
    let side = match () {
        () if call.arg_is(end, "min") => End::Min,
        () if call.arg_is(end, "max") => End::Max,
        () => return Err(Failure::SYNTAX),
    };
    let count = match call.len() - end - 1 {
        0 => 1,
        2 if call.arg_is(end + 1, "count") => {
            positive(end + 2).ok_or(Failure::fixed("ERR count should be greater than 0"))?
        }
        _ => return Err(Failure::SYNTAX),
    };
    Ok((at + 1..end, side, count as usize))
}

/// Serves the request whose number of keys stands at argument `at`, if there is anything; tells whether, and the keys.
fn zmpop(call: &mut Call<'_>, at: usize) -> Result<(bool, Range<usize>), Failure> {
    let (keys, end, count) = parse_zmpop(call, at)?;
    for i in keys.clone() {
        let key = call.key(i);
        if !is_there(call, &key)? {
            continue;
        }
        let taken = take(call, &key, end, count, Form::Pairs, |reply| {
            reply.array(2);
            reply.bulk(key.bytes);
        })?;
        let mut digits = itoa::Buffer::new();
        call.propagate(&[end.command(), key.bytes, digits.format(taken).as_bytes()]);
        return Ok((true, keys));
    }
    Ok((false, keys))
}
