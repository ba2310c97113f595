//! Ranges of a sorted set: ZRANGE and its kin, counted, answered, stored or taken out.

use std::ops::Range;

use super::bounds::{Bounds, By};
use super::{answer_elements, limits_of, removed, store};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::{SortedSet, SortedSetRef};

const BASE: Command = Command {
    group: Group::SortedSet,
    categories: &[Category::SortedSet],
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    complexity: "O(log N + M) with M elements in the range",
    ..Command::DEFAULT
};

pub(super) const ZRANGE: Command = Command {
    name: "zrange",
    arity: -4,
    since: "1.2.0",
    summary: "Returns a range of a sorted set, by rank, score or member.",
    syntax: "key start:string stop:string [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]",
    handler: |call| range(call, Query { from: 1, ..Query::ANY }),
    ..BASE
};

pub(super) const ZREVRANGE: Command = Command {
    name: "zrevrange",
    arity: -4,
    since: "1.2.0",
    summary: "Returns the elements of some ranks, the highest score first.",
    syntax: "key start stop [WITHSCORES]",
    handler: |call| range(call, Query { by: Some(By::Rank), reverse: Some(true), ..Query::ANY }),
    ..BASE
};

pub(super) const ZRANGEBYSCORE: Command = Command {
    name: "zrangebyscore",
    arity: -4,
    since: "1.0.5",
    summary: "Returns the elements with scores in a range.",
    syntax: "key min:double max:double [WITHSCORES] [LIMIT offset count]",
    handler: |call| range(call, Query { by: Some(By::Score), reverse: Some(false), ..Query::ANY }),
    ..BASE
};

pub(super) const ZREVRANGEBYSCORE: Command = Command {
    name: "zrevrangebyscore",
    arity: -4,
    since: "2.2.0",
    summary: "Returns the elements with scores in a range, the highest score first.",
    syntax: "key max:double min:double [WITHSCORES] [LIMIT offset count]",
    handler: |call| range(call, Query { by: Some(By::Score), reverse: Some(true), ..Query::ANY }),
    ..BASE
};

pub(super) const ZRANGEBYLEX: Command = Command {
    name: "zrangebylex",
    arity: -4,
    since: "2.8.9",
    summary: "Returns the members in a range, where all have the same score.",
    syntax: "key min max [LIMIT offset count]",
    handler: |call| range(call, Query { by: Some(By::Member), reverse: Some(false), ..Query::ANY }),
    ..BASE
};

pub(super) const ZREVRANGEBYLEX: Command = Command {
    name: "zrevrangebylex",
    arity: -4,
    since: "2.8.9",
    summary: "Returns the members in a range, where all have the same score, the last first.",
    syntax: "key max min [LIMIT offset count]",
    handler: |call| range(call, Query { by: Some(By::Member), reverse: Some(true), ..Query::ANY }),
    ..BASE
};

pub(super) const ZRANGESTORE: Command = Command {
    name: "zrangestore",
    arity: -5,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["OW", "update"]), KeySpec::one(2, &["RO", "access"])],
    since: "6.2.0",
    summary: "Stores a range of a sorted set at another key.",
    syntax: "dst:key src:key min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]",
    handler: zrangestore,
    ..BASE
};

/// What a command fixes of a query; `None`: an option decides.
#[derive(Clone, Copy)]
struct Query {
    /// The argument of the key.
    from: usize,
    by: Option<By>,
    reverse: Option<bool>,
}

impl Query {
    const ANY: Query = Query { from: 1, by: None, reverse: None };
}

/// A whole query.
#[derive(Clone, Copy)]
struct Selection<'a> {
    bounds: Bounds<'a>,
    reverse: bool,
    offset: i64,
    /// Negative: no limit.
    count: i64,
    with_scores: bool,
}

/// The options of a query as they are read.
struct Options {
    by: Option<By>,
    reverse: Option<bool>,
    limit: (i64, i64),
    with_scores: bool,
}

impl Options {
    /// Takes the option at argument `i`; tells how many arguments that were.
    fn take(&mut self, call: &Call<'_>, i: usize, query: Query) -> Result<usize, Failure> {
        let left = call.len() - i - 1;
        if query.from == 1 && call.arg_is(i, "withscores") {
            self.with_scores = true;
        } else if call.arg_is(i, "limit") && left >= 2 {
            self.limit = (call.integer(i + 1)?, call.integer(i + 2)?);
            return Ok(3);
        } else if self.reverse.is_none() && call.arg_is(i, "rev") {
            self.reverse = Some(true);
        } else if self.by.is_none() && call.arg_is(i, "bylex") {
            self.by = Some(By::Member);
        } else if self.by.is_none() && call.arg_is(i, "byscore") {
            self.by = Some(By::Score);
        } else {
            return Err(Failure::SYNTAX);
        }
        Ok(1)
    }
}

impl<'a> Selection<'a> {
    fn parse(call: &Call<'a>, query: Query) -> Result<Selection<'a>, Failure> {
        let mut options =
            Options { by: query.by, reverse: query.reverse, limit: (0, -1), with_scores: false };
        let (first, mut i) = (query.from + 1, query.from + 3);
        while i < call.len() {
            i += options.take(call, i, query)?;
        }
        let by = options.by.unwrap_or(By::Rank);
        // As Redis has it, a LIMIT of -1 elements passes: it limits nothing.
        if by == By::Rank && options.limit.1 != -1 {
            return Err(Failure::fixed(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if by == By::Member && options.with_scores {
            return Err(Failure::fixed(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let reverse = options.reverse.unwrap_or(false);
        let (low, high) = if reverse && by != By::Rank { (first + 1, first) } else { (first, first + 1) };
        let bounds = Bounds::parse(call, by, low, high)?;
        let (offset, count) = options.limit;
        Ok(Selection { bounds, reverse, offset, count, with_scores: options.with_scores })
    }

    /// The ranks of what is selected.
    fn ranks(&self, set: SortedSetRef<'_>) -> Range<usize> {
        let range = self.bounds.ranks_directed(set, self.reverse);
        // A negative offset is beyond every element.
        let skipped = usize::try_from(self.offset).unwrap_or(usize::MAX).min(range.len());
        let count = usize::try_from(self.count).unwrap_or(usize::MAX).min(range.len() - skipped);
        if self.reverse {
            let end = range.end - skipped;
            end - count..end
        } else {
            let start = range.start + skipped;
            start..start + count
        }
    }
}

fn range(call: &mut Call<'_>, query: Query) -> Result<(), Failure> {
    let selection = Selection::parse(call, query)?;
    let key = call.key(query.from);
    let (set, reply) = call.read_as::<SortedSet>(&key)?;
    match set {
        Some(set) => {
            let elements = set.elements(selection.ranks(set), selection.reverse);
            answer_elements(reply, elements, selection.with_scores);
        }
        None => reply.array(0),
    }
    Ok(())
}

fn zrangestore(call: &mut Call<'_>) -> Result<(), Failure> {
    let selection = Selection::parse(call, Query { from: 2, ..Query::ANY })?;
    let (key, limits) = (call.key(2), limits_of(call));
    let (set, _) = call.read_as::<SortedSet>(&key)?;
    let mut stored = SortedSet::default();
    if let Some(set) = set {
        let elements = set.elements(selection.ranks(set), selection.reverse);
        stored.expect(elements.len(), &limits);
        let mut digits = itoa::Buffer::new();
        for element in elements {
            stored.set(element.member.text(&mut digits), element.score, &limits);
        }
    }
    let key = call.key(1);
    store(call, &key, stored, "zrangestore");
    Ok(())
}

pub(super) const ZCOUNT: Command = Command {
    name: "zcount",
    arity: 4,
    flags: &[Flag::ReadOnly, Flag::Fast],
    since: "2.0.0",
    summary: "Counts the elements with scores in a range.",
    complexity: "O(log N)",
    syntax: "key min:double max:double",
    handler: |call| count(call, By::Score),
    ..BASE
};

pub(super) const ZLEXCOUNT: Command = Command {
    name: "zlexcount",
    arity: 4,
    flags: &[Flag::ReadOnly, Flag::Fast],
    since: "2.8.9",
    summary: "Counts the members in a range, where all have the same score.",
    complexity: "O(log N)",
    syntax: "key min max",
    handler: |call| count(call, By::Member),
    ..BASE
};

fn count(call: &mut Call<'_>, by: By) -> Result<(), Failure> {
    let (bounds, key) = (Bounds::parse(call, by, 2, 3)?, call.key(1));
    let (set, reply) = call.read_as::<SortedSet>(&key)?;
    reply.integer(set.map_or(0, |set| bounds.ranks(set).len()) as i64);
    Ok(())
}

const REMOVE: Command = Command {
    arity: 4,
    flags: &[Flag::Write],
    keys: &[KeySpec::one(1, &["RW", "delete"])],
    complexity: "O(M log N) with M elements taken out",
    ..BASE
};

pub(super) const ZREMRANGEBYRANK: Command = Command {
    name: "zremrangebyrank",
    since: "2.0.0",
    summary: "Takes the elements of some ranks out of a sorted set.",
    syntax: "key start stop",
    handler: |call| remove(call, By::Rank, "zremrangebyrank"),
    ..REMOVE
};

pub(super) const ZREMRANGEBYSCORE: Command = Command {
    name: "zremrangebyscore",
    since: "1.2.0",
    summary: "Takes the elements with scores in a range out of a sorted set.",
    syntax: "key min:double max:double",
    handler: |call| remove(call, By::Score, "zremrangebyscore"),
    ..REMOVE
};

pub(super) const ZREMRANGEBYLEX: Command = Command {
    name: "zremrangebylex",
    since: "2.8.9",
    summary: "Takes the members in a range out of a sorted set, where all have the same score.",
    syntax: "key min max",
    handler: |call| remove(call, By::Member, "zremrangebylex"),
    ..REMOVE
};

fn remove(call: &mut Call<'_>, by: By, event: &'static str) -> Result<(), Failure> {
    let (bounds, key) = (Bounds::parse(call, by, 2, 3)?, call.key(1));
    let edited = call.edit::<SortedSet, _>(&key, |set, _| {
        let ranks = bounds.ranks(crate::types::Payload::view(set));
        let count = ranks.len();
        set.remove_ranks(ranks);
        count
    })?;
    let count = edited.map_or(0, |edited| edited.result);
    removed(call, &key, event, edited);
    call.reply.integer(count as i64);
    Ok(())
}
