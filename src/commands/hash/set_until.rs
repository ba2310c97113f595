//! HSETEX: setting fields that expire.

use std::ops::Range;

use super::deadline::{self, say_deleted};
use super::take::term;
use super::{growth, peek, settle};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{Expiry, Hash, Key};
use crate::text::number::parse_i64;

pub(super) const HSETEX: Command = Command {
    name: "hsetex",
    arity: -6,
    group: Group::Hash,
    categories: &[Category::Hash],
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "update"])],
    since: "9.0.0",
    summary: "Sets fields to values, on a condition if wanted, and lets them expire.",
    complexity: "O(N) with the number of fields set",
    syntax: "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | \
             KEEPTTL] FIELDS numfields field value [field value ...]",
    handler: hsetex,
    ..Command::DEFAULT
};

const TWO_CONDITIONS: Failure = Failure::fixed("ERR Only one of FXX or FNX arguments can be specified");
const TWO_LIFETIMES: Failure =
    Failure::fixed("ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");

/// What is asked for.
struct Options {
    /// FNX: none of the fields may be there (false); FXX: all must be (true).
    condition: Option<bool>,
    expiry: Option<Expiry>,
    /// The arguments with fields and values.
    pairs: Range<usize>,
}

impl Options {
    fn parse(call: &Call<'_>) -> Result<Options, Failure> {
        let mut options = Options { condition: None, expiry: None, pairs: 0..0 };
        let mut i = 2;
        while i < call.len() {
            if call.arg_is(i, "fields") {
                options.pairs = pairs(call, i)?;
                return Ok(options);
            }
            i += options.take(call, i)?;
        }
        Err(Failure::arity("hsetex"))
    }

    /// Takes the option at argument `i`; tells how many arguments that were.
    fn take(&mut self, call: &Call<'_>, i: usize) -> Result<usize, Failure> {
        if call.arg_is(i, "fnx") || call.arg_is(i, "fxx") {
            let other = self.condition.replace(call.arg_is(i, "fxx"));
            return if other.is_none() { Ok(1) } else { Err(TWO_CONDITIONS) };
        }
        let (keep, term) = (call.arg_is(i, "keepttl"), term(call, i));
        if (keep || term.is_some()) && self.expiry.is_some() {
            return Err(TWO_LIFETIMES);
        }
        match term {
            Some(_) if i + 1 == call.len() => return Err(Failure::arity("hsetex")),
            Some(term) => self.expiry = Some(Expiry::At(deadline::parse(call, i + 1, term, "hsetex")?)),
            None if keep => self.expiry = Some(Expiry::Keep),
            None => return Err(unknown(call.arg(i))),
        }
        Ok(if keep { 1 } else { 2 })
    }
}

fn unknown(word: &[u8]) -> Failure {
    Failure::new([b"ERR unknown argument: ", word].concat())
}

/// The arguments with fields and values, behind FIELDS at argument `i`.
fn pairs(call: &Call<'_>, i: usize) -> Result<Range<usize>, Failure> {
    let pairs = i + 2..call.len();
    if pairs.len() < 2 {
        return Err(Failure::arity("hsetex"));
    }
    let count = parse_i64(call.arg(i + 1)).filter(|count| (1..=i64::from(i32::MAX)).contains(count));
    let count = count.ok_or(Failure::fixed("ERR invalid number of fields"))?;
    if count * 2 == pairs.len() as i64 { Ok(pairs) } else { Err(Failure::arity("hsetex")) }
}

fn hsetex(call: &mut Call<'_>) -> Result<(), Failure> {
    let options = Options::parse(call)?;
    let key = call.key(1);
    settle(call, &key, options.pairs.clone(), 2);
    let admitted = admits(call, &key, &options)?;
    call.reply.integer(i64::from(admitted));
    match options.expiry.unwrap_or(Expiry::Clear) {
        _ if !admitted => Ok(()),
        Expiry::At(at_ms) if at_ms <= call.now.wall.millis() => delete(call, &key, options.pairs),
        expiry => set(call, &key, options.pairs, expiry),
    }
}

/// Whether the condition is met. Fails if the key holds something else than a hash.
fn admits(call: &mut Call<'_>, key: &Key<'_>, options: &Options) -> Result<bool, Failure> {
    let request = call.request;
    let hash = peek(call, key)?;
    let has = |i: usize| hash.is_some_and(|hash| hash.get(request.arg(i), i64::MIN).is_some());
    let mut fields = options.pairs.clone().step_by(2);
    Ok(match options.condition {
        None => true,
        Some(wanted) => fields.all(|i| has(i) == wanted),
    })
}

fn set(call: &mut Call<'_>, key: &Key<'_>, pairs: Range<usize>, expiry: Expiry) -> Result<(), Failure> {
    let request = call.request;
    call.edit_or_create::<Hash, _>(key, |hash, around| {
        let growth = growth(around);
        for i in pairs.clone().step_by(2) {
            hash.set(request.arg(i), request.arg(i + 1), expiry, growth);
        }
    })?;
    call.changed(Class::Hash, "hset", key);
    if let Expiry::At(at_ms) = expiry {
        call.event(Class::Hash, "hexpire", key);
        call.db().note_fields(key);
        say_set(call, key, pairs, at_ms);
    }
    Ok(())
}

/// The deadline in the effects is absolute.
fn say_set(call: &mut Call<'_>, key: &Key<'_>, pairs: Range<usize>, at_ms: i64) {
    let request = call.request;
    let (mut moment, mut count) = (itoa::Buffer::new(), itoa::Buffer::new());
    let (moment, count) = (moment.format(at_ms).as_bytes(), count.format(pairs.len() / 2).as_bytes());
    let mut command: Vec<&[u8]> = vec![b"HSETEX", key.bytes, b"PXAT", moment, b"FIELDS", count];
    command.extend(pairs.map(|i| request.arg(i)));
    call.propagate(&command);
}

/// Fields whose deadline is in the past are not set, but removed.
fn delete(call: &mut Call<'_>, key: &Key<'_>, pairs: Range<usize>) -> Result<(), Failure> {
    let request = call.request;
    let fields: Vec<&[u8]> = pairs.step_by(2).map(|i| request.arg(i)).collect();
    let edited = call.edit::<Hash, _>(key, |hash, _| {
        for field in &fields {
            hash.remove(field);
        }
    })?;
    // As in Redis, listeners hear of fields that came and went, be it with their key.
    call.changed(Class::Hash, "hset", key);
    call.event(Class::Hash, "hdel", key);
    if edited.is_none_or(|edited| edited.removed) {
        call.event(Class::Generic, "del", key);
    }
    say_deleted(call, key, &fields);
    Ok(())
}
