//! One member at a time: its score, its rank; and how many there are.

use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::{SortedSet, SortedSetRef, View};
use crate::types::sorted_set::Cut;

const BASE: Command = Command {
    group: Group::SortedSet,
    categories: &[Category::SortedSet],
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    ..Command::DEFAULT
};

pub(super) const ZCARD: Command = Command {
    name: "zcard",
    arity: 2,
    keys: &[KeySpec::one(1, &["RO"])],
    since: "1.2.0",
    summary: "Returns how many members a sorted set has.",
    syntax: "key",
    handler: zcard,
    ..BASE
};

fn zcard(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let (set, reply) = call.read_as::<SortedSet>(&key)?;
    reply.integer(set.map_or(0, |set| set.len()) as i64);
    Ok(())
}

pub(super) const ZSCORE: Command = Command {
    name: "zscore",
    arity: 3,
    since: "1.2.0",
    summary: "Returns the score of a member.",
    syntax: "key member",
    handler: zscore,
    ..BASE
};

fn zscore(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, member) = (call.key(1), call.arg(2));
    let (set, reply) = call.read_as::<SortedSet>(&key)?;
    match set.and_then(|set| set.score(member)) {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
    Ok(())
}

pub(super) const ZMSCORE: Command = Command {
    name: "zmscore",
    arity: -3,
    since: "6.2.0",
    summary: "Returns the scores of several members.",
    complexity: "O(N) with the number of members",
    syntax: "key member [member ...]",
    handler: zmscore,
    ..BASE
};

fn zmscore(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    let (set, reply) = call.read_as::<SortedSet>(&key)?;
    reply.array(request.len() - 2);
    for member in request.iter_from(2) {
        match set.and_then(|set| set.score(member)) {
            Some(score) => reply.double(score),
            None => reply.null(),
        }
    }
    Ok(())
}

pub(super) const ZRANK: Command = Command {
    name: "zrank",
    arity: -3,
    since: "2.0.0",
    summary: "Returns how many elements are before a member, with its score if wanted.",
    complexity: "O(log N)",
    syntax: "key member [WITHSCORE]",
    handler: |call| rank(call, "zrank", false),
    ..BASE
};

pub(super) const ZREVRANK: Command = Command {
    name: "zrevrank",
    arity: -3,
    since: "2.0.0",
    summary: "Returns how many elements are behind a member, with its score if wanted.",
    complexity: "O(log N)",
    syntax: "key member [WITHSCORE]",
    handler: |call| rank(call, "zrevrank", true),
    ..BASE
};

fn rank(call: &mut Call<'_>, command: &str, reverse: bool) -> Result<(), Failure> {
    if call.len() > 4 {
        return Err(Failure::arity(command));
    }
    let with_score = call.len() == 4;
    if with_score && !call.arg_is(3, "withscore") {
        return Err(Failure::SYNTAX);
    }
    let (key, member) = (call.key(1), call.arg(2));
    let (set, reply) = call.read_as::<SortedSet>(&key)?;
    match set.and_then(|set| rank_of(set, member, reverse)) {
        Some((rank, score)) if with_score => {
            reply.array(2);
            reply.integer(rank as i64);
            reply.double(score);
        }
        Some((rank, _)) => reply.integer(rank as i64),
        None if with_score => reply.null_array(),
        None => reply.null(),
    }
    Ok(())
}

/// Rank and score of a member.
fn rank_of(set: SortedSetRef<'_>, member: &[u8], reverse: bool) -> Option<(usize, f64)> {
    let score = set.score(member)?;
    let before = set.rank(Cut::Element { score, member, after: false });
    Some((if reverse { set.len() - 1 - before } else { before }, score))
}
