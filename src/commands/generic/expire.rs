//! Deadlines of keys: giving, asking, taking away.

use crate::commands::deadline::{self, Term};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::Slot;

const GIVE: Command = Command {
    arity: -3,
    group: Group::Generic,
    categories: &[Category::Keyspace],
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "update"])],
    ..Command::DEFAULT
};

pub(super) const EXPIRE: Command = Command {
    name: "expire",
    summary: "Lets a key expire after so many seconds.",
    syntax: "key seconds [NX | XX | GT | LT]",
    handler: |call| expire(call, Term::Seconds, "expire"),
    ..GIVE
};

pub(super) const PEXPIRE: Command = Command {
    name: "pexpire",
    since: "2.6.0",
    summary: "Lets a key expire after so many milliseconds.",
    syntax: "key milliseconds [NX | XX | GT | LT]",
    handler: |call| expire(call, Term::Millis, "pexpire"),
    ..GIVE
};

pub(super) const EXPIREAT: Command = Command {
    name: "expireat",
    since: "1.2.0",
    summary: "Lets a key expire at a Unix time in seconds.",
    syntax: "key unix-time-seconds [NX | XX | GT | LT]",
    handler: |call| expire(call, Term::SecondsAt, "expireat"),
    ..GIVE
};

pub(super) const PEXPIREAT: Command = Command {
    name: "pexpireat",
    since: "2.6.0",
    summary: "Lets a key expire at a Unix time in milliseconds.",
    syntax: "key unix-time-milliseconds [NX | XX | GT | LT]",
    handler: |call| expire(call, Term::MillisAt, "pexpireat"),
    ..GIVE
};

/// On what condition a deadline is given.
#[derive(Clone, Copy, Default)]
struct Conditions {
    /// NX: only where there is none.
    none: bool,
    /// XX: only where there is one.
    some: bool,
    /// GT: only if it is later; no deadline counts as never.
    later: bool,
    /// LT: only if it is earlier.
    earlier: bool,
}

impl Conditions {
    fn parse(call: &Call<'_>) -> Result<Conditions, Failure> {
        let mut conditions = Conditions::default();
        for word in call.request.iter_from(3) {
            *match &*word.to_ascii_lowercase() {
                b"nx" => &mut conditions.none,
                b"xx" => &mut conditions.some,
                b"gt" => &mut conditions.later,
                b"lt" => &mut conditions.earlier,
                _ => return Err(unsupported(word)),
            } = true;
        }
        let Conditions { none, some, later, earlier } = conditions;
        if none && (some || later || earlier) {
            return Err(Failure::fixed(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if later && earlier {
            return Err(Failure::fixed("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(conditions)
    }

    fn admit(self, current: Option<i64>, deadline: i64) -> bool {
        let refused = self.none && current.is_some()
            || self.some && current.is_none()
            || self.later && current.is_none_or(|current| deadline <= current)
            || self.earlier && current.is_some_and(|current| deadline >= current);
        !refused
    }
}

fn unsupported(word: &[u8]) -> Failure {
    Failure::new(format!("ERR Unsupported option {}", String::from_utf8_lossy(word)))
}

fn expire(call: &mut Call<'_>, term: Term, command: &str) -> Result<(), Failure> {
    let conditions = Conditions::parse(call)?;
    let (amount, now_ms) = (call.integer(2)?, call.now.wall.millis());
    let deadline = term.deadline(amount, call.stamp_ms()).ok_or_else(|| Failure::expire_time(command))?;
    let key = call.key(1);
    let given = match call.slot(&key) {
        Slot::Occupied(mut entry) if conditions.admit(entry.entry().expiry(), deadline) => {
            if deadline <= now_ms {
                drop(entry.remove());
            } else {
                entry.set_expiry(Some(deadline));
            }
            true
        }
        _ => false,
    };
    call.reply.integer(i64::from(given));
    if given && deadline <= now_ms {
        deadline::was_past(call, &key);
    } else if given {
        deadline::was_set(call, &key, deadline);
    }
    Ok(())
}

pub(super) const PERSIST: Command = Command {
    name: "persist",
    arity: 2,
    since: "2.2.0",
    summary: "Takes a key's deadline away.",
    syntax: "key",
    handler: persist,
    ..GIVE
};

fn persist(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let cleared = match call.slot(&key) {
        Slot::Occupied(mut entry) if entry.entry().expiry().is_some() => {
            entry.set_expiry(None);
            true
        }
        _ => false,
    };
    call.reply.integer(i64::from(cleared));
    if cleared {
        call.changed(Class::Generic, "persist", &key);
    }
    Ok(())
}

const ASK: Command = Command {
    arity: 2,
    group: Group::Generic,
    categories: &[Category::Keyspace],
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    syntax: "key",
    ..Command::DEFAULT
};

pub(super) const TTL: Command = Command {
    name: "ttl",
    summary: "Returns the seconds until a key expires; -1 if never, -2 if there is no such key.",
    tips: &["nondeterministic_output"],
    handler: |call| ask(call, |deadline_ms, now_ms| rounded_seconds((deadline_ms - now_ms).max(0))),
    ..ASK
};

pub(super) const PTTL: Command = Command {
    name: "pttl",
    since: "2.6.0",
    summary: "Returns the milliseconds until a key expires; -1 if never, -2 if there is no such key.",
    tips: &["nondeterministic_output"],
    handler: |call| ask(call, |deadline_ms, now_ms| (deadline_ms - now_ms).max(0)),
    ..ASK
};

pub(super) const EXPIRETIME: Command = Command {
    name: "expiretime",
    since: "7.0.0",
    summary: "Returns the Unix time in seconds at which a key expires; -1 if never, -2 if there is no such key.",
    handler: |call| ask(call, |deadline_ms, _| rounded_seconds(deadline_ms)),
    ..ASK
};

pub(super) const PEXPIRETIME: Command = Command {
    name: "pexpiretime",
    since: "7.0.0",
    summary: "Returns the Unix time in milliseconds at which a key expires; -1 if never, -2 if there is no such key.",
    handler: |call| ask(call, |deadline_ms, _| deadline_ms),
    ..ASK
};

/// Answers what `figure` makes of the key's deadline and the time.
fn ask(call: &mut Call<'_>, figure: fn(i64, i64) -> i64) -> Result<(), Failure> {
    let (key, now_ms) = (call.key(1), call.now.wall.millis());
    let (entry, reply) = call.inspect(&key);
    reply.integer(match entry.map(|entry| entry.expiry()) {
        None => -2,
        Some(None) => -1,
        Some(Some(deadline_ms)) => figure(deadline_ms, now_ms),
    });
    Ok(())
}

fn rounded_seconds(ms: i64) -> i64 {
    ms.saturating_add(500) / 1000
}
