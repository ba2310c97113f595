//! Reading fields and doing something to them at once: HGETDEL, HGETEX.

use super::deadline::{self, say_deleted, were_cleared, were_deleted, were_given};
use super::{fields, peek, settle, write_or_null};
use crate::commands::deadline::Term;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{Hash, Payload};

const BASE: Command = Command {
    arity: -5,
    group: Group::Hash,
    categories: &[Category::Hash],
    flags: &[Flag::Write, Flag::Fast],
    complexity: "O(N) with the number of fields named",
    ..Command::DEFAULT
};

pub(super) const HGETDEL: Command = Command {
    name: "hgetdel",
    keys: &[KeySpec::one(1, &["RW", "access", "delete"])],
    since: "9.1.0",
    summary: "Returns the values of fields and removes them.",
    syntax: "key FIELDS numfields field [field ...]",
    handler: hgetdel,
    ..BASE
};

fn hgetdel(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    peek(call, &key)?;
    let fields = fields::parse(call, 2)?;
    settle(call, &key, fields.clone(), 1);
    call.reply.array(fields.len());
    let mut done = Vec::new();
    let edited = call.edit::<Hash, _>(&key, |hash, around| {
        for field in fields.clone().map(|i| request.arg(i)) {
            write_or_null(around.reply, hash.view().get(field, i64::MIN));
            if hash.remove(field) {
                done.push(field);
            }
        }
    })?;
    let Some(edited) = edited else {
        fields.for_each(|_| call.reply.null());
        return Ok(());
    };
    if !done.is_empty() {
        call.changed(Class::Hash, "hdel", &key);
        say_deleted(call, &key, &done);
    }
    if edited.removed {
        call.event(Class::Generic, "del", &key);
    }
    Ok(())
}

pub(super) const HGETEX: Command = Command {
    name: "hgetex",
    keys: &[KeySpec::one(1, &["RW", "access", "update"]).noted("written where a deadline changes")],
    since: "9.0.0",
    summary: "Returns the values of fields and gives them a deadline or takes it away.",
    syntax: "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | PERSIST] \
             FIELDS numfields field [field ...]",
    handler: hgetex,
    ..BASE
};

/// What becomes of the deadlines.
#[derive(Clone, Copy)]
enum Lifetime {
    Keep,
    Persist,
    Until(i64),
}

const TERMS: [(&str, Term); 4] =
    [("ex", Term::Seconds), ("px", Term::Millis), ("exat", Term::SecondsAt), ("pxat", Term::MillisAt)];

/// The way of giving a deadline that argument `i` names.
pub(super) fn term(call: &Call<'_>, i: usize) -> Option<Term> {
    TERMS.iter().find(|(word, _)| call.arg_is(i, word)).map(|(_, term)| *term)
}

/// The option at argument 2, and the argument behind it.
fn parse(call: &Call<'_>) -> Result<(Lifetime, usize), Failure> {
    if let Some(term) = term(call, 2) {
        return Ok((Lifetime::Until(deadline::parse(call, 3, term, "hgetex")?), 4));
    }
    Ok(if call.arg_is(2, "persist") { (Lifetime::Persist, 3) } else { (Lifetime::Keep, 2) })
}

fn hgetex(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request, now_ms) = (call.key(1), call.request, call.now.wall.millis());
    peek(call, &key)?;
    let (lifetime, word) = parse(call)?;
    if word + 1 >= call.len() {
        return Err(Failure::arity("hgetex"));
    }
    let fields = fields::parse(call, word)?;
    settle(call, &key, fields.clone(), 1);
    call.reply.array(fields.len());
    let mut done = Vec::new();
    let edited = call.edit::<Hash, _>(&key, |hash, around| {
        for field in fields.clone().map(|i| request.arg(i)) {
            write_or_null(around.reply, hash.view().get(field, i64::MIN));
            if turn(hash, field, lifetime, now_ms) {
                done.push(field);
            }
        }
    })?;
    let Some(edited) = edited else {
        fields.for_each(|_| call.reply.null());
        return Ok(());
    };
    match lifetime {
        _ if done.is_empty() => {}
        Lifetime::Keep => {}
        Lifetime::Persist => were_cleared(call, &key, &done),
        Lifetime::Until(at_ms) if at_ms <= now_ms => were_deleted(call, &key, &done, edited.removed),
        Lifetime::Until(at_ms) => were_given(call, &key, &done, at_ms),
    }
    Ok(())
}

/// Does to a field what is to be done; true if that changed anything.
fn turn(hash: &mut Hash, field: &[u8], lifetime: Lifetime, now_ms: i64) -> bool {
    match lifetime {
        Lifetime::Keep => false,
        Lifetime::Until(at_ms) if at_ms <= now_ms => hash.remove(field),
        Lifetime::Until(at_ms) => hash.set_deadline(field, Some(at_ms)),
        Lifetime::Persist => {
            let found = hash.view().find(field, i64::MIN);
            found.is_some_and(|found| found.deadline.is_some()) && hash.set_deadline(field, None)
        }
    }
}
