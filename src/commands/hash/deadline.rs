//! Deadlines of fields: giving, asking, taking away.
//!
//! In the effects they are absolute: HPEXPIREAT for the fields that were given one, HDEL for those whose deadline was in the past.

use std::ops::Range;

use super::{fields, peek, settle};
use crate::commands::deadline::Term;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{Hash, Key, Payload};

/// The latest deadline, in Unix milliseconds: Redis has 46 bits for one.
const DEADLINE_MAX_MS: i64 = (1 << 46) - 1;

/// No such field, or no such key.
const NO_FIELD: i64 = -2;
/// The field has no deadline.
const NO_DEADLINE: i64 = -1;
/// The condition was not met.
const REFUSED: i64 = 0;
/// The deadline was set, or taken away.
const DONE: i64 = 1;
/// The deadline was in the past, and the field is gone.
const DELETED: i64 = 2;

const BASE: Command = Command {
    group: Group::Hash,
    categories: &[Category::Hash],
    since: "9.0.0",
    complexity: "O(N) with the number of fields named",
    ..Command::DEFAULT
};

const GIVE: Command = Command {
    arity: -6,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "update"])],
    ..BASE
};

pub(super) const HEXPIRE: Command = Command {
    name: "hexpire",
    summary: "Lets fields expire after so many seconds.",
    syntax: "key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
    handler: |call| expire(call, Term::Seconds, "hexpire"),
    ..GIVE
};

pub(super) const HPEXPIRE: Command = Command {
    name: "hpexpire",
    summary: "Lets fields expire after so many milliseconds.",
    syntax: "key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
    handler: |call| expire(call, Term::Millis, "hpexpire"),
    ..GIVE
};

pub(super) const HEXPIREAT: Command = Command {
    name: "hexpireat",
    summary: "Lets fields expire at a Unix time in seconds.",
    syntax: "key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
    handler: |call| expire(call, Term::SecondsAt, "hexpireat"),
    ..GIVE
};

pub(super) const HPEXPIREAT: Command = Command {
    name: "hpexpireat",
    summary: "Lets fields expire at a Unix time in milliseconds.",
    syntax: "key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]",
    handler: |call| expire(call, Term::MillisAt, "hpexpireat"),
    ..GIVE
};

/// Argument `i` as a deadline in Unix milliseconds; `command` is named in the error.
pub(super) fn parse(call: &Call<'_>, i: usize, term: Term, command: &str) -> Result<i64, Failure> {
    let amount = call.integer(i)?;
    if amount < 0 {
        return Err(Failure::fixed("ERR invalid expire time, must be >= 0"));
    }
    let deadline = term.deadline(amount, call.stamp_ms());
    deadline.filter(|at_ms| *at_ms <= DEADLINE_MAX_MS).ok_or_else(|| Failure::expire_time(command))
}

/// On what condition a field is given a deadline.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Condition {
    Always,
    /// NX: it has none.
    Without,
    /// XX: it has one.
    With,
    /// GT: it has one, and the new one is later.
    Later,
    /// LT: the new one is earlier; none counts as never.
    Earlier,
}

impl Condition {
    const WORDS: [(&'static str, Condition); 4] = [
        ("nx", Condition::Without),
        ("xx", Condition::With),
        ("gt", Condition::Later),
        ("lt", Condition::Earlier),
    ];

    /// The condition that argument `i` names.
    fn parse(call: &Call<'_>, i: usize) -> Condition {
        let named = Condition::WORDS.iter().find(|(word, _)| call.arg_is(i, word));
        named.map_or(Condition::Always, |(_, condition)| *condition)
    }

    fn admits(self, old: Option<i64>, new: i64) -> bool {
        match self {
            Condition::Always => true,
            Condition::Without => old.is_none(),
            Condition::With => old.is_some(),
            Condition::Later => old.is_some_and(|old| new > old),
            Condition::Earlier => old.is_none_or(|old| new < old),
        }
    }
}

fn expire(call: &mut Call<'_>, term: Term, command: &str) -> Result<(), Failure> {
    let (key, request, now_ms) = (call.key(1), call.request, call.now.wall.millis());
    peek(call, &key)?;
    let deadline_ms = parse(call, 2, term, command)?;
    let condition = Condition::parse(call, 3);
    let word = if condition == Condition::Always { 3 } else { 4 };
    let not_positive = Failure::fixed("ERR Parameter `numFields` should be greater than 0");
    let fields = fields::parse_or(call, word, not_positive)?;
    settle(call, &key, fields.clone(), 1);
    let mut done = Vec::new();
    let edited = call.edit::<Hash, _>(&key, |hash, around| {
        around.reply.array(fields.len());
        for field in fields.clone().map(|i| request.arg(i)) {
            let outcome = give(hash, field, condition, deadline_ms, now_ms);
            around.reply.integer(outcome);
            if outcome > REFUSED {
                done.push(field);
            }
        }
    })?;
    match edited {
        None => answer_each(call, fields.len(), NO_FIELD),
        Some(_) if done.is_empty() => {}
        Some(edited) if deadline_ms <= now_ms => were_deleted(call, &key, &done, edited.removed),
        Some(_) => were_given(call, &key, &done, deadline_ms),
    }
    Ok(())
}

/// Gives a field a deadline; what is answered.
fn give(hash: &mut Hash, field: &[u8], condition: Condition, deadline_ms: i64, now_ms: i64) -> i64 {
    let Some(found) = hash.view().find(field, i64::MIN) else { return NO_FIELD };
    if !condition.admits(found.deadline, deadline_ms) {
        return REFUSED;
    }
    if deadline_ms <= now_ms {
        hash.remove(field);
        return DELETED;
    }
    hash.set_deadline(field, Some(deadline_ms));
    DONE
}

fn answer_each(call: &mut Call<'_>, count: usize, answer: i64) {
    call.reply.array(count);
    (0..count).for_each(|_| call.reply.integer(answer));
}

/// Notes that fields were given a deadline.
pub(super) fn were_given(call: &mut Call<'_>, key: &Key<'_>, fields: &[&[u8]], deadline_ms: i64) {
    call.changed(Class::Hash, "hexpire", key);
    call.db().note_fields(key);
    let mut digits = itoa::Buffer::new();
    say(call, &[b"HPEXPIREAT", key.bytes, digits.format(deadline_ms).as_bytes()], fields);
}

/// Notes that fields were removed because they were given a deadline in the past; `removed`: and the key with them.
pub(super) fn were_deleted(call: &mut Call<'_>, key: &Key<'_>, fields: &[&[u8]], removed: bool) {
    call.changed(Class::Hash, "hdel", key);
    if removed {
        call.event(Class::Generic, "del", key);
    }
    say_deleted(call, key, fields);
}

/// Leaves an HDEL in the effects.
pub(super) fn say_deleted(call: &mut Call<'_>, key: &Key<'_>, fields: &[&[u8]]) {
    let command: Vec<&[u8]> = [b"HDEL", key.bytes].into_iter().chain(fields.iter().copied()).collect();
    call.propagate(&command);
}

/// Notes that fields have lost their deadlines.
pub(super) fn were_cleared(call: &mut Call<'_>, key: &Key<'_>, fields: &[&[u8]]) {
    call.changed(Class::Hash, "hpersist", key);
    say(call, &[b"HPERSIST", key.bytes], fields);
}

/// Leaves a command in the effects that ends with its fields.
fn say(call: &mut Call<'_>, words: &[&[u8]], fields: &[&[u8]]) {
    let mut digits = itoa::Buffer::new();
    let count: [&[u8]; 2] = [b"FIELDS", digits.format(fields.len()).as_bytes()];
    call.propagate(&[words, &count, fields].concat());
}

pub(super) const HPERSIST: Command = Command {
    name: "hpersist",
    arity: -5,
    summary: "Takes the deadlines of fields away.",
    syntax: "key FIELDS numfields field [field ...]",
    handler: persist,
    ..GIVE
};

fn persist(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    peek(call, &key)?;
    let fields = fields::parse(call, 2)?;
    settle(call, &key, fields.clone(), 1);
    let mut done = Vec::new();
    let edited = call.edit::<Hash, _>(&key, |hash, around| {
        around.reply.array(fields.len());
        for field in fields.clone().map(|i| request.arg(i)) {
            let outcome = clear(hash, field);
            around.reply.integer(outcome);
            if outcome == DONE {
                done.push(field);
            }
        }
    })?;
    if edited.is_none() {
        answer_each(call, fields.len(), NO_FIELD);
    }
    if !done.is_empty() {
        were_cleared(call, &key, &done);
    }
    Ok(())
}

/// Takes a field's deadline away; what is answered.
fn clear(hash: &mut Hash, field: &[u8]) -> i64 {
    match hash.view().find(field, i64::MIN) {
        None => NO_FIELD,
        Some(found) if found.deadline.is_none() => NO_DEADLINE,
        Some(_) => {
            hash.set_deadline(field, None);
            DONE
        }
    }
}

const ASK: Command = Command {
    arity: -5,
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    syntax: "key FIELDS numfields field [field ...]",
    ..BASE
};

pub(super) const HTTL: Command = Command {
    name: "httl",
    tips: &["nondeterministic_output"],
    summary: "Returns the seconds until fields expire; -1 for never, -2 for no such field.",
    handler: |call| ask(call, |deadline_ms, now_ms| seconds(deadline_ms - now_ms)),
    ..ASK
};

pub(super) const HPTTL: Command = Command {
    name: "hpttl",
    tips: &["nondeterministic_output"],
    summary: "Returns the milliseconds until fields expire; -1 for never, -2 for no such field.",
    handler: |call| ask(call, |deadline_ms, now_ms| deadline_ms - now_ms),
    ..ASK
};

pub(super) const HEXPIRETIME: Command = Command {
    name: "hexpiretime",
    summary: "Returns the Unix times in seconds at which fields expire; -1 for never, -2 for no such field.",
    handler: |call| ask(call, |deadline_ms, _| seconds(deadline_ms)),
    ..ASK
};

pub(super) const HPEXPIRETIME: Command = Command {
    name: "hpexpiretime",
    summary: "Returns the Unix times in milliseconds at which fields expire; -1 for never, -2 for no such field.",
    handler: |call| ask(call, |deadline_ms, _| deadline_ms),
    ..ASK
};

/// Answers what `figure` makes of each field's deadline and the time.
fn ask(call: &mut Call<'_>, figure: fn(i64, i64) -> i64) -> Result<(), Failure> {
    let (key, request, now_ms) = (call.key(1), call.request, call.now.wall.millis());
    peek(call, &key)?;
    let fields: Range<usize> = fields::parse(call, 2)?;
    let (hash, reply) = call.read_as::<Hash>(&key)?;
    reply.array(fields.len());
    for field in fields.map(|i| request.arg(i)) {
        let found = hash.and_then(|hash| hash.find(field, now_ms)).map(|found| found.deadline);
        reply.integer(match found {
            None => NO_FIELD,
            Some(None) => NO_DEADLINE,
            Some(Some(deadline_ms)) => figure(deadline_ms, now_ms),
        });
    }
    Ok(())
}

/// Rounded up, as Redis does.
fn seconds(ms: i64) -> i64 {
    (ms + 999) / 1000
}
