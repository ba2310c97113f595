//! Sorted sets, and sets, combined: unions, intersections, differences.
//!
//! A set counts as a sorted one in which all scores are 1. Scores are weighted, then added (or the lowest or highest is taken),
//! the smallest set first, so that sums come out as Redis's to the last bit.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::{answer_elements, limits_of, store};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::{Item, ObjectRef, SetRef, SortedSet, SortedSetRef, Value, View};
use crate::text::number::parse_i64;
use crate::text::parse_f64;
use crate::types::sorted_set::{Element, Limits};

const BASE: Command = Command {
    group: Group::SortedSet,
    categories: &[Category::SortedSet],
    arity: -3,
    flags: &[Flag::ReadOnly, Flag::MovableKeys],
    keys: &[KeySpec::counted(1, 1, &["RO", "access"])],
    since: "6.2.0",
    complexity: "O(N log N) with all elements of the sets",
    ..Command::DEFAULT
};

const STORE: Command = Command {
    arity: -4,
    flags: &[Flag::Write, Flag::DenyOom, Flag::MovableKeys],
    keys: &[KeySpec::one(1, &["OW", "update"]), KeySpec::counted(2, 1, &["RO", "access"])],
    ..BASE
};

pub(super) const ZUNION: Command = Command {
    name: "zunion",
    summary: "Returns the elements of several sorted sets.",
    syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
    handler: |call| answer(call, Operation::Union, "zunion"),
    ..BASE
};

pub(super) const ZINTER: Command = Command {
    name: "zinter",
    summary: "Returns the elements that are in each of several sorted sets.",
    syntax: "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] [WITHSCORES]",
    handler: |call| answer(call, Operation::Intersection, "zinter"),
    ..BASE
};

pub(super) const ZDIFF: Command = Command {
    name: "zdiff",
    summary: "Returns the elements of the first sorted set that are in none of the others.",
    syntax: "numkeys key [key ...] [WITHSCORES]",
    handler: |call| answer(call, Operation::Difference, "zdiff"),
    ..BASE
};

pub(super) const ZUNIONSTORE: Command = Command {
    name: "zunionstore",
    since: "2.0.0",
    summary: "Stores the elements of several sorted sets at a key.",
    syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
    handler: |call| keep(call, Operation::Union, "zunionstore"),
    ..STORE
};

pub(super) const ZINTERSTORE: Command = Command {
    name: "zinterstore",
    since: "2.0.0",
    summary: "Stores the elements that are in each of several sorted sets at a key.",
    syntax: "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>]",
    handler: |call| keep(call, Operation::Intersection, "zinterstore"),
    ..STORE
};

pub(super) const ZDIFFSTORE: Command = Command {
    name: "zdiffstore",
    summary: "Stores the elements of the first sorted set that are in none of the others at a key.",
    syntax: "destination numkeys key [key ...]",
    handler: |call| keep(call, Operation::Difference, "zdiffstore"),
    ..STORE
};

pub(super) const ZINTERCARD: Command = Command {
    name: "zintercard",
    since: "7.0.0",
    summary: "Counts the members that are in each of several sorted sets, up to a limit if wanted.",
    complexity: "O(N K) with N elements of the smallest of K sets",
    syntax: "numkeys key [key ...] [LIMIT limit]",
    handler: zintercard,
    ..BASE
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

#[derive(Clone, Copy, Default)]
enum Aggregate {
    #[default]
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn of(self, one: f64, other: f64) -> f64 {
        match self {
            // Infinities that cancel each other leave 0.
            Aggregate::Sum if (one + other).is_nan() => 0.0,
            Aggregate::Sum => one + other,
            Aggregate::Min => {
                if other < one {
                    other
                } else {
                    one
                }
            }
            Aggregate::Max => {
                if other > one {
                    other
                } else {
                    one
                }
            }
        }
    }
}

/// Something to be combined.
#[derive(Clone, Copy)]
enum Source<'a> {
    Nothing,
    Sorted(SortedSetRef<'a>),
    Set(SetRef<'a>),
}

impl<'a> Source<'a> {
    fn of(value: Option<Value<'a>>) -> Result<Source<'a>, Failure> {
        match value {
            None => Ok(Source::Nothing),
            Some(Value::Object(ObjectRef::SortedSet(set))) => Ok(Source::Sorted(set)),
            Some(Value::Object(ObjectRef::Set(set))) => Ok(Source::Set(set)),
            Some(_) => Err(Failure::WRONG_TYPE),
        }
    }

    fn len(self) -> usize {
        match self {
            Source::Nothing => 0,
            Source::Sorted(set) => set.len(),
            Source::Set(set) => set.len(),
        }
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Source::Nothing => None,
            Source::Sorted(set) => set.score(member),
            Source::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Shows members and scores until `each` answers false.
    fn each(self, mut each: impl FnMut(&[u8], f64) -> bool) {
        match self {
            Source::Nothing => {}
            Source::Sorted(set) => {
                let mut digits = itoa::Buffer::new();
                for element in set.elements(0..set.len(), false) {
                    if !each(element.member.text(&mut digits), element.score) {
                        return;
                    }
                }
            }
            Source::Set(set) => {
                let mut digits = itoa::Buffer::new();
                // Whether it was shown to the end is nobody's question.
                let _ = set.try_for_each(|member| match each(member.text(&mut digits), 1.0) {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                });
            }
        }
    }
}

/// A source with its weight.
#[derive(Clone, Copy)]
struct Weighted<'a> {
    source: Source<'a>,
    weight: f64,
}

impl Weighted<'_> {
    /// A weighted score: 0 where it would not be a number.
    fn weigh(self, score: f64) -> f64 {
        let weighted = self.weight * score;
        if weighted.is_nan() { 0.0 } else { weighted }
    }
}

/// What a request wants.
struct Request {
    /// The arguments that are keys.
    keys: std::ops::Range<usize>,
    weights: Vec<f64>,
    aggregate: Aggregate,
    with_scores: bool,
}

/// The arguments that are keys; their number stands at argument `at`.
fn keys(call: &Call<'_>, at: usize, command: &str) -> Result<std::ops::Range<usize>, Failure> {
    let count = call.integer(at)?;
    if count < 1 {
        return Err(Failure::new(format!("ERR at least 1 input key is needed for '{command}' command")));
    }
    let first = at + 1;
    if count > (call.len() - first) as i64 {
        return Err(Failure::SYNTAX);
    }
    Ok(first..first + count as usize)
}

impl Request {
    /// Reads the options behind the keys.
    fn parse(
        call: &Call<'_>,
        keys: std::ops::Range<usize>,
        operation: Operation,
        stores: bool,
    ) -> Result<Request, Failure> {
        let mut i = keys.end;
        let mut request =
            Request { keys, weights: Vec::new(), aggregate: Aggregate::default(), with_scores: false };
        while i < call.len() {
            i += request.take(call, i, operation, stores)?;
        }
        Ok(request)
    }

    /// Takes the option at argument `i`; tells how many arguments that were.
    fn take(
        &mut self,
        call: &Call<'_>,
        i: usize,
        operation: Operation,
        stores: bool,
    ) -> Result<usize, Failure> {
        let (left, combines) = (call.len() - i - 1, operation != Operation::Difference);
        if combines && left >= self.keys.len() && call.arg_is(i, "weights") {
            let weight = |i| parse_f64(call.arg(i)).ok_or(Failure::fixed("ERR weight value is not a float"));
            self.weights = (i + 1..=i + self.keys.len()).map(weight).collect::<Result<_, _>>()?;
            return Ok(1 + self.keys.len());
        }
        if combines && left >= 1 && call.arg_is(i, "aggregate") {
            self.aggregate = match () {
                () if call.arg_is(i + 1, "sum") => Aggregate::Sum,
                () if call.arg_is(i + 1, "min") => Aggregate::Min,
                () if call.arg_is(i + 1, "max") => Aggregate::Max,
                () => return Err(Failure::SYNTAX),
            };
            return Ok(2);
        }
        if !stores && call.arg_is(i, "withscores") {
            self.with_scores = true;
            return Ok(1);
        }
        Err(Failure::SYNTAX)
    }
}

/// Looks all keys up: counts the accesses, drops what has expired, refuses other types.
fn look(call: &mut Call<'_>, keys: std::ops::Range<usize>) -> Result<(), Failure> {
    for i in keys {
        let key = call.key(i);
        let (entry, _) = call.read(&key);
        Source::of(entry.map(|entry| entry.value()))?;
    }
    Ok(())
}

/// What stands at the keys, after [`look`].
fn sources<'c>(call: &'c Call<'_>, keys: std::ops::Range<usize>) -> Vec<Source<'c>> {
    let database = &call.engine.keyspace.databases[call.db_index()];
    let source = |i| {
        let entry = database.get(&call.key(i));
        Source::of(entry.map(|entry| entry.value())).unwrap_or(Source::Nothing)
    };
    keys.map(source).collect()
}

/// Members and scores, in order.
type Combined = Vec<(Vec<u8>, f64)>;

fn combine(call: &Call<'_>, request: &Request, operation: Operation) -> Combined {
    let sources = sources(call, request.keys.clone());
    let weight = |i: usize| request.weights.get(i).copied().unwrap_or(1.0);
    let weighted = sources.into_iter().enumerate();
    let mut sources: Vec<_> = weighted.map(|(i, source)| Weighted { source, weight: weight(i) }).collect();
    let mut combined = match operation {
        Operation::Difference => difference(&sources),
        Operation::Union => {
            sources.sort_by_key(|weighted| weighted.source.len());
            union(&sources, request.aggregate)
        }
        Operation::Intersection => {
            sources.sort_by_key(|weighted| weighted.source.len());
            intersection(&sources, request.aggregate)
        }
    };
    // No score is NaN.
    combined.sort_by(|a, b| {
        a.1.partial_cmp(&b.1).unwrap_or(std::cmp::Ordering::Equal).then_with(|| a.0.cmp(&b.0))
    });
    combined
}

fn union(sources: &[Weighted<'_>], aggregate: Aggregate) -> Combined {
    let mut all: BTreeMap<Vec<u8>, f64> = BTreeMap::new();
    for weighted in sources {
        weighted.source.each(|member, score| {
            let score = weighted.weigh(score);
            match all.get_mut(member) {
                Some(sum) => *sum = aggregate.of(*sum, score),
                None => drop(all.insert(member.to_vec(), score)),
            }
            true
        });
    }
    all.into_iter().collect()
}

fn intersection(sources: &[Weighted<'_>], aggregate: Aggregate) -> Combined {
    let (mut all, Some((first, others))) = (Vec::new(), sources.split_first()) else { return Vec::new() };
    first.source.each(|member, score| {
        let sum = others.iter().try_fold(first.weigh(score), |sum, other| {
            Some(aggregate.of(sum, other.weigh(other.source.score(member)?)))
        });
        all.extend(sum.map(|sum| (member.to_vec(), sum)));
        true
    });
    all
}

fn difference(sources: &[Weighted<'_>]) -> Combined {
    let (mut all, Some((first, others))) = (Vec::new(), sources.split_first()) else { return Vec::new() };
    first.source.each(|member, score| {
        if others.iter().all(|other| other.source.score(member).is_none()) {
            all.push((member.to_vec(), score));
        }
        true
    });
    all
}

fn answer(call: &mut Call<'_>, operation: Operation, command: &str) -> Result<(), Failure> {
    let keys = keys(call, 1, command)?;
    look(call, keys.clone())?;
    let request = Request::parse(call, keys, operation, false)?;
    let combined = combine(call, &request, operation);
    let elements =
        combined.iter().map(|(member, score)| Element { member: Item::Bytes(member), score: *score });
    answer_elements(&mut call.reply, elements, request.with_scores);
    Ok(())
}

fn keep(call: &mut Call<'_>, operation: Operation, command: &'static str) -> Result<(), Failure> {
    let keys = keys(call, 2, command)?;
    look(call, keys.clone())?;
    let request = Request::parse(call, keys, operation, true)?;
    let combined = combine(call, &request, operation);
    let stored = build(&combined, &limits_of(call));
    let key = call.key(1);
    store(call, &key, stored, command);
    Ok(())
}

/// A sorted set of elements in order.
fn build(elements: &Combined, limits: &Limits) -> SortedSet {
    let mut set = SortedSet::default();
    set.expect(elements.len(), limits);
    for (member, score) in elements {
        set.set(member, *score, limits);
    }
    set
}

fn zintercard(call: &mut Call<'_>) -> Result<(), Failure> {
    let keys = keys(call, 1, "zintercard")?;
    look(call, keys.clone())?;
    let limit = intercard_limit(call, keys.end)?;
    let mut sources = sources(call, keys);
    sources.sort_by_key(|source| source.len());
    let Some((first, others)) = sources.split_first() else { return Err(Failure::SYNTAX) };
    let mut count = 0;
    first.each(|member, _| {
        count += usize::from(others.iter().all(|other| other.score(member).is_some()));
        count < limit
    });
    call.reply.integer(count as i64);
    Ok(())
}

/// Where counting ends.
fn intercard_limit(call: &Call<'_>, mut i: usize) -> Result<usize, Failure> {
    let mut limit = 0;
    while i < call.len() {
        if !call.arg_is(i, "limit") || i + 1 == call.len() {
            return Err(Failure::SYNTAX);
        }
        let number = parse_i64(call.arg(i + 1)).filter(|number| *number >= 0);
        limit = number.ok_or(Failure::fixed("ERR LIMIT can't be negative"))?;
        i += 2;
    }
    Ok(if limit == 0 { usize::MAX } else { usize::try_from(limit).unwrap_or(usize::MAX) })
}
