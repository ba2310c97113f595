//! XTRIM, and the options that it shares with XADD.
//!
//! Trimming with `~` removes what is easy to remove, which depends on how entries lie in nodes. So the effects say what came of
//! it: an exact trimming to the length, or the first id, that was left.

use super::ids;
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::Key;
use crate::types::stream::{IdText, Keep, Log, Stream, WantedId};

/// Entries that a trimming with `~` removes at most if nobody says otherwise: those of a hundred full nodes, within bounds.
const LIMIT_NODES: u64 = 100;
const LIMIT_UNKNOWN: u64 = 10_000;
const LIMIT_MAX: u64 = 1_000_000;

pub(super) const XTRIM: Command = Command {
    name: "xtrim",
    arity: -4,
    flags: &[Flag::Write],
    keys: &[KeySpec::one(1, &["RW", "delete"])],
    summary: "Removes the oldest entries of a stream, down to a length or up to an id.",
    complexity: "O(N), with N being the number of evicted entries",
    syntax: "key <<MAXLEN | MINID> [= | ~] threshold [LIMIT count]>",
    tips: &["nondeterministic_output"],
    handler: xtrim,
    ..super::BASE
};

fn xtrim(call: &mut Call<'_>) -> Result<(), Failure> {
    let options = Options::parse(call, false)?;
    // Parsing has refused a request without one.
    let Some(trim) = options.trim else { return Err(Failure::SYNTAX) };
    let key = call.key(1);
    let edited = call.edit(&key, |stream: &mut Stream, _| {
        let mut log = stream.log_mut();
        let trimmed = trim.run(&mut log);
        (trimmed, trim.result(&log))
    })?;
    let (trimmed, left) = edited.map_or((0, trim.keep), |edited| edited.result);
    if trimmed > 0 {
        call.changed(Class::Stream, "xtrim", &key);
        call.engine.changes += trimmed as u64 - 1;
        if trim.approximate {
            say(call, &key, left);
        }
    }
    call.reply.integer(trimmed as i64);
    Ok(())
}

fn say(call: &mut Call<'_>, key: &Key<'_>, left: Keep) {
    let mut text = ThresholdText::default();
    let words = text.words(left);
    call.propagate(&[b"XTRIM", key.bytes, words[0], words[1], words[2]]);
}

/// How a stream is to be trimmed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trim {
    pub(super) keep: Keep,
    /// `~`.
    pub(super) approximate: bool,
    /// The most entries to remove, 0 for any number.
    limit: u64,
}

impl Trim {
    /// Trims; tells how many entries went.
    pub(super) fn run(&self, log: &mut Log) -> usize {
        log.trim(self.keep, self.approximate, self.limit)
    }

    /// The exact trimming that has the same result as this one had.
    pub(super) fn result(&self, log: &Log) -> Keep {
        match self.keep {
            Keep::Newest(_) => Keep::Newest(log.len() as u64),
            Keep::From(_) => Keep::From(log.first_kept_id()),
        }
    }
}

/// Room for the words of an exact trimming.
#[derive(Default)]
pub(super) struct ThresholdText {
    number: itoa::Buffer,
    id: IdText,
}

impl ThresholdText {
    /// `MAXLEN = count` or `MINID = id`.
    pub(super) fn words(&mut self, keep: Keep) -> [&[u8]; 3] {
        match keep {
            Keep::Newest(count) => [b"MAXLEN", b"=", self.number.format(count).as_bytes()],
            Keep::From(id) => [b"MINID", b"=", id.text(&mut self.id)],
        }
    }
}

/// The options of XADD and XTRIM.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Options {
    pub(super) trim: Option<Trim>,
    pub(super) no_make: bool,
    /// XADD's id, and the argument that it is; there is none if the request ends before it.
    pub(super) id: Option<WantedId>,
    pub(super) end: usize,
    limit: Option<u64>,
}

impl Options {
    /// Reads arguments from the second on; for XADD up to the id.
    pub(super) fn parse(call: &Call<'_>, adds: bool) -> Result<Options, Failure> {
        let mut options = Options { end: 2, ..Options::default() };
        while options.end < call.len() && options.id.is_none() {
            options.take(call, adds)?;
        }
        options.settle_limit(call, adds)?;
        Ok(options)
    }

    fn take(&mut self, call: &Call<'_>, adds: bool) -> Result<(), Failure> {
        let (i, more) = (self.end, self.end + 1 < call.len());
        if adds && call.arg(i) == b"*" {
            self.id = Some(WantedId::Any);
            return Ok(());
        } else if more && (call.arg_is(i, "maxlen") || call.arg_is(i, "minid")) {
            return self.take_strategy(call);
        } else if more && call.arg_is(i, "limit") {
            let limit = u64::try_from(call.integer(i + 1)?);
            self.limit = Some(limit.map_err(|_| Failure::fixed("ERR The LIMIT argument must be >= 0."))?);
            self.end += 2;
        } else if adds && call.arg_is(i, "nomkstream") {
            self.no_make = true;
            self.end += 1;
        } else if adds {
            self.id = Some(WantedId::parse(call.arg(i)).ok_or(ids::INVALID)?);
        } else {
            return Err(Failure::SYNTAX);
        }
        Ok(())
    }

    fn take_strategy(&mut self, call: &Call<'_>) -> Result<(), Failure> {
        if self.trim.is_some() {
            return Err(Failure::fixed(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let mut at = self.end + 1;
        let approximate = at + 1 < call.len() && call.arg(at) == b"~";
        at += usize::from(approximate || at + 1 < call.len() && call.arg(at) == b"=");
        let keep = if call.arg_is(self.end, "maxlen") {
            let count = u64::try_from(call.integer(at)?);
            Keep::Newest(count.map_err(|_| Failure::fixed("ERR The MAXLEN argument must be >= 0."))?)
        } else {
            Keep::From(ids::id(call.arg(at))?)
        };
        self.trim = Some(Trim { keep, approximate, limit: 0 });
        self.end = at + 1;
        Ok(())
    }

    fn settle_limit(&mut self, call: &Call<'_>, adds: bool) -> Result<(), Failure> {
        let Some(trim) = &mut self.trim else {
            return match (self.limit, adds) {
                (Some(1..), _) => Err(Failure::fixed(
                    "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
                )),
                (_, false) => {
                    Err(Failure::fixed("ERR syntax error, XTRIM must be called with a trimming strategy"))
                }
                (Some(0), true) => Err(LIMIT_EXACT),
                (None, true) => Ok(()),
            };
        };
        if self.limit.is_some() && !trim.approximate {
            return Err(LIMIT_EXACT);
        }
        if trim.approximate {
            trim.limit = self.limit.unwrap_or(match call.engine.config.stream_node_max_entries {
                0 => LIMIT_UNKNOWN,
                entries => entries.saturating_mul(LIMIT_NODES).min(LIMIT_MAX),
            });
        }
        Ok(())
    }
}

const LIMIT_EXACT: Failure =
    Failure::fixed("ERR syntax error, LIMIT cannot be used without the special ~ option");
