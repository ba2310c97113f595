//! The options of SET, GETEX and MSETEX: on what condition, for how long, and whether the old value is wanted.

use super::value::equals;
use crate::commands::deadline::Term;
use crate::engine::{Call, Failure};
use crate::keyspace::{Expiry, Value};

/// When SET sets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Condition<'a> {
    /// In any case.
    #[default]
    Always,
    /// NX: if there is no such key.
    Absent,
    /// XX: if there is one.
    Present,
    /// IFEQ: if there is one with this value.
    Equal(&'a [u8]),
}

impl Condition<'_> {
    /// Whether it allows to overwrite `old` (`None`: to make the key).
    #[inline]
    pub(super) fn admits(self, old: Option<Value<'_>>) -> Result<bool, Failure> {
        match (self, old) {
            (Condition::Always, _) | (Condition::Absent, None) | (Condition::Present, Some(_)) => Ok(true),
            (Condition::Equal(wanted), Some(old)) => equals(old, wanted),
            _ => Ok(false),
        }
    }
}

/// What becomes of the deadline.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Lifetime {
    /// Nothing was said.
    #[default]
    Unsaid,
    /// KEEPTTL.
    Keep,
    /// PERSIST.
    Persist,
    /// EX, PX, EXAT or PXAT, and the argument that says how much.
    Until(Term, usize),
}

const TERMS: [(&str, Term); 4] =
    [("ex", Term::Seconds), ("px", Term::Millis), ("exat", Term::SecondsAt), ("pxat", Term::MillisAt)];

impl Lifetime {
    /// The options of GETEX, from argument `i` on.
    pub(super) fn parse(call: &Call<'_>, mut i: usize) -> Result<Lifetime, Failure> {
        let mut lifetime = Lifetime::Unsaid;
        while i < call.len() {
            i += match lifetime.take_term(call, i) {
                0 if call.arg_is(i, "persist") && lifetime.agree(Lifetime::Persist) => 1,
                0 => return Err(Failure::SYNTAX),
                taken => taken,
            };
        }
        Ok(lifetime)
    }

    /// Takes EX, PX, EXAT or PXAT at argument `i` with its amount, unless something else was said before. Tells how many
    /// arguments that were, 0 if none. The same word may come again; the last one counts.
    fn take_term(&mut self, call: &Call<'_>, i: usize) -> usize {
        let Some((_, term)) = TERMS.iter().find(|(word, _)| call.arg_is(i, word)) else { return 0 };
        let agrees = match self {
            Lifetime::Unsaid => true,
            Lifetime::Until(said, _) => said == term,
            Lifetime::Keep | Lifetime::Persist => false,
        };
        if !agrees || i + 1 == call.len() {
            return 0;
        }
        *self = Lifetime::Until(*term, i + 1);
        2
    }

    /// Takes KEEPTTL or PERSIST, unless something else was said before.
    fn agree(&mut self, word: Lifetime) -> bool {
        let agrees = *self == Lifetime::Unsaid || *self == word;
        if agrees {
            *self = word;
        }
        agrees
    }

    /// The deadline in Unix milliseconds, if one is given; `command` is named in the error.
    #[inline]
    pub(super) fn deadline(self, call: &Call<'_>, command: &'static str) -> Result<Option<i64>, Failure> {
        let Lifetime::Until(term, argument) = self else { return Ok(None) };
        let amount = call.integer(argument)?;
        let deadline = term.deadline(amount, call.stamp_ms()).filter(|_| amount > 0);
        deadline.map(Some).ok_or_else(|| Failure::expire_time(command))
    }

    /// What becomes of an entry's deadline when its value is overwritten.
    #[inline]
    pub(super) fn expiry(self, deadline_ms: Option<i64>) -> Expiry {
        match (deadline_ms, self) {
            (Some(at_ms), _) => Expiry::At(at_ms),
            (None, Lifetime::Keep) => Expiry::Keep,
            (None, _) => Expiry::Clear,
        }
    }
}

/// All options of SET.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Options<'a> {
    pub(super) condition: Condition<'a>,
    pub(super) lifetime: Lifetime,
    /// GET: the reply is the old value.
    pub(super) get: bool,
}

impl<'a> Options<'a> {
    /// The options of SET, from argument `i` on.
    #[inline]
    pub(super) fn parse(call: &Call<'a>, mut i: usize) -> Result<Options<'a>, Failure> {
        let mut options = Options::default();
        while i < call.len() {
            i += options.take(call, i)?;
        }
        Ok(options)
    }

    /// Takes the option at argument `i`; tells how many arguments that were.
    fn take(&mut self, call: &Call<'a>, i: usize) -> Result<usize, Failure> {
        let taken = if call.arg_is(i, "get") {
            self.get = true;
            1
        } else if call.arg_is(i, "nx") {
            self.demand(Condition::Absent)
        } else if call.arg_is(i, "xx") {
            self.demand(Condition::Present)
        } else if call.arg_is(i, "ifeq") && i + 1 < call.len() && self.condition == Condition::Always {
            2 * self.demand(Condition::Equal(call.arg(i + 1)))
        } else if call.arg_is(i, "keepttl") {
            usize::from(self.lifetime.agree(Lifetime::Keep))
        } else {
            self.lifetime.take_term(call, i)
        };
        if taken == 0 { Err(Failure::SYNTAX) } else { Ok(taken) }
    }

    /// Takes a condition, unless another one was given before: 1 if so, else 0.
    fn demand(&mut self, condition: Condition<'a>) -> usize {
        let agrees = self.condition == Condition::Always || self.condition == condition;
        if agrees {
            self.condition = condition;
        }
        usize::from(agrees)
    }
}
