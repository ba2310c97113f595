//! Deadlines of keys, as several groups give them: the four ways in which a client says when, and what a command that gave or took
//! a deadline leaves behind. Effects name absolute moments only, so that whoever applies them needs no clock.

use crate::engine::{Call, Class};
use crate::keyspace::Key;

/// How a client says when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Term {
    /// So many seconds from now.
    Seconds,
    /// So many milliseconds from now.
    Millis,
    /// At this Unix time in seconds.
    SecondsAt,
    /// At this Unix time in milliseconds.
    MillisAt,
}

impl Term {
    /// The deadline in Unix milliseconds; `None` beyond 64 bits.
    pub(super) fn deadline(self, amount: i64, now_ms: i64) -> Option<i64> {
        let amount_ms = match self {
            Term::Seconds | Term::SecondsAt => amount.checked_mul(1000)?,
            Term::Millis | Term::MillisAt => amount,
        };
        if self.is_absolute() { Some(amount_ms) } else { amount_ms.checked_add(now_ms) }
    }

    /// Whether it names a moment, not a distance from now.
    pub(super) fn is_absolute(self) -> bool {
        matches!(self, Term::SecondsAt | Term::MillisAt)
    }
}

/// Notes that a key was given a deadline (Unix milliseconds).
pub(super) fn was_set(call: &mut Call<'_>, key: &Key<'_>, deadline_ms: i64) {
    call.changed(Class::Generic, "expire", key);
    call.propagate(&[b"PEXPIREAT", key.bytes, itoa::Buffer::new().format(deadline_ms).as_bytes()]);
}

/// Notes that a key has lost its deadline.
pub(super) fn was_cleared(call: &mut Call<'_>, key: &Key<'_>) {
    call.changed(Class::Generic, "persist", key);
    call.propagate(&[b"PERSIST", key.bytes]);
}

/// Notes that a key was removed because it was given a deadline in the past.
pub(super) fn was_past(call: &mut Call<'_>, key: &Key<'_>) {
    call.changed(Class::Generic, "del", key);
    let verb: &[u8] = if call.engine.config.lazyfree_lazy_expire { b"UNLINK" } else { b"DEL" };
    call.propagate(&[verb, key.bytes]);
}
