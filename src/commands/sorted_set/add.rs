//! Scores given and raised: ZADD, ZINCRBY.

use super::{limits, removed};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Around, Call, Class, Failure};
use crate::keyspace::SortedSet;
use crate::text::parse_f64;
use crate::types::sorted_set::{Limits, Update};

const BASE: Command = Command {
    group: Group::SortedSet,
    categories: &[Category::SortedSet],
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    complexity: "O(log N) for each element",
    ..Command::DEFAULT
};

pub(super) const ZADD: Command = Command {
    name: "zadd",
    arity: -4,
    keys: &[KeySpec::one(1, &["RW", "update"])],
    since: "1.2.0",
    summary: "Gives members of a sorted set their scores, and adds those that are not there.",
    syntax: "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]",
    handler: zadd,
    ..BASE
};

pub(super) const ZINCRBY: Command = Command {
    name: "zincrby",
    arity: 4,
    keys: &[KeySpec::one(1, &["RW", "access", "update"])],
    since: "1.2.0",
    summary: "Adds a number to the score of a member, which begins at 0.",
    syntax: "key increment member",
    handler: |call| raise(call, 2, Options::default()),
    ..BASE
};

const NOT_A_NUMBER: Failure = Failure::fixed("ERR resulting score is not a number (NaN)");

/// On what conditions scores are given.
#[derive(Clone, Copy, Default)]
struct Options {
    nx: bool,
    xx: bool,
    gt: bool,
    lt: bool,
    ch: bool,
    incr: bool,
}

impl Options {
    /// The options from argument 2 on, and the argument behind them.
    #[inline]
    fn parse(call: &Call<'_>) -> (Options, usize) {
        let (mut options, mut i) = (Options::default(), 2);
        while i < call.len() && options.take(call.arg(i)) {
            i += 1;
        }
        (options, i)
    }

    /// Takes a word if it is an option.
    #[inline]
    fn take(&mut self, word: &[u8]) -> bool {
        // Most words are scores.
        if !word.first().is_some_and(u8::is_ascii_alphabetic) {
            return false;
        }
        let option = match word.to_ascii_lowercase().as_slice() {
            b"nx" => &mut self.nx,
            b"xx" => &mut self.xx,
            b"gt" => &mut self.gt,
            b"lt" => &mut self.lt,
            b"ch" => &mut self.ch,
            b"incr" => &mut self.incr,
            _ => return false,
        };
        *option = true;
        true
    }

    fn check(self, pairs: usize) -> Result<(), Failure> {
        if self.nx && self.xx {
            return Err(Failure::fixed("ERR XX and NX options at the same time are not compatible"));
        }
        if (self.nx && (self.gt || self.lt)) || (self.gt && self.lt) {
            return Err(Failure::fixed("ERR GT, LT, and/or NX options at the same time are not compatible"));
        }
        if self.incr && pairs > 1 {
            return Err(Failure::fixed("ERR INCR option supports a single increment-element pair"));
        }
        Ok(())
    }

    /// The score that a member gets, if any.
    #[inline]
    fn decide(self, old: Option<f64>, given: f64) -> Option<f64> {
        let Some(old) = old else { return (!self.xx).then_some(given) };
        let new = if self.incr { old + given } else { given };
        let refused = self.nx || (self.gt && new <= old) || (self.lt && new >= old);
        (!refused).then_some(new)
    }
}

fn zadd(call: &mut Call<'_>) -> Result<(), Failure> {
    let (options, first) = Options::parse(call);
    let arguments = call.len() - first;
    if arguments == 0 || !arguments.is_multiple_of(2) {
        return Err(Failure::SYNTAX);
    }
    options.check(arguments / 2)?;
    if options.incr {
        return raise(call, first, options);
    }
    // All scores are numbers, or nothing is done.
    for i in (first..call.len()).step_by(2) {
        score(call.arg(i))?;
    }
    add(call, first, options)
}

fn score(text: &[u8]) -> Result<f64, Failure> {
    parse_f64(text).ok_or(Failure::NOT_FLOAT)
}

/// Gives the members of the pairs from argument `first` on their scores.
fn add(call: &mut Call<'_>, first: usize, options: Options) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    let mut counts = Counts::default();
    call.edit_or_create::<SortedSet, _>(&key, |set, around| {
        let limits = limits(around);
        set.expect((request.len() - first) / 2, &limits);
        for i in (first..request.len()).step_by(2) {
            // Checked by the caller.
            let given = score(request.arg(i)).unwrap_or_default();
            counts.count(set.update(request.arg(i + 1), &limits, |old| options.decide(old, given)));
        }
    })?;
    if counts.added + counts.rescored > 0 {
        call.changed(Class::SortedSet, "zadd", &key);
    }
    let told = if options.ch { counts.added + counts.rescored } else { counts.added };
    call.reply.integer(told);
    Ok(())
}

#[derive(Default)]
struct Counts {
    added: i64,
    rescored: i64,
}

impl Counts {
    #[inline]
    fn count(&mut self, update: Update) {
        self.added += i64::from(update.added());
        self.rescored += i64::from(update.rescored());
    }
}

/// Adds the number in argument `i` to the score of the member behind it, and answers with the sum.
fn raise(call: &mut Call<'_>, i: usize, options: Options) -> Result<(), Failure> {
    let (key, by, member) = (call.key(1), score(call.arg(i))?, call.arg(i + 1));
    let options = Options { incr: true, ..options };
    let edited = call.edit_or_create::<SortedSet, _>(&key, |set, around| {
        let update = update_raised(set, member, by, options, &limits(around))?;
        answer(around, update);
        Ok::<_, Failure>(update)
    })?;
    let update = edited.result?;
    if update.added() || update.rescored() {
        call.changed(Class::SortedSet, "zincr", &key);
    }
    debug_assert!(!edited.removed, "nothing is taken out");
    Ok(())
}

fn update_raised(
    set: &mut SortedSet,
    member: &[u8],
    by: f64,
    options: Options,
    limits: &Limits,
) -> Result<Update, Failure> {
    let mut is_number = true;
    let update = set.update(member, limits, |old| {
        // Whether the sum is a number comes before the conditions.
        is_number = options.nx || !(old.unwrap_or_default() + by).is_nan();
        options.decide(old, by).filter(|_| is_number)
    });
    if is_number { Ok(update) } else { Err(NOT_A_NUMBER) }
}

fn answer(around: &mut Around<'_, '_>, update: Update) {
    match update.new {
        Some(score) => around.reply.double(score),
        None => around.reply.null(),
    }
}

pub(super) const ZREM: Command = Command {
    name: "zrem",
    arity: -3,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "delete"])],
    since: "1.2.0",
    summary: "Takes members out of a sorted set.",
    syntax: "key member [member ...]",
    handler: zrem,
    ..BASE
};

fn zrem(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    let edited = call.edit::<SortedSet, _>(&key, |set, _| {
        request.iter_from(2).filter(|member| set.remove(member).is_some()).count()
    })?;
    let count = edited.map_or(0, |edited| edited.result);
    removed(call, &key, "zrem", edited);
    call.reply.integer(count as i64);
    Ok(())
}
