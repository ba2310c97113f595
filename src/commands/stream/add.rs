//! XADD.

use super::trim::{Options, ThresholdText};
use super::write;
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Around, Call, Class, Failure};
use crate::keyspace::Key;
use crate::protocol::request::Request;
use crate::types::stream::{ENTRY_BYTES_MAX, IdError, IdText, Keep, NodeLimits, Stream, StreamId, WantedId};

pub(super) const XADD: Command = Command {
    name: "xadd",
    arity: -5,
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "update"])],
    summary: "Adds an entry to a stream, and makes the stream if there is none; trims it if wanted.",
    complexity: "O(1) when adding a new entry, O(N) when trimming where N being the number of entries evicted",
    syntax: "key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> field value \
             [field value ...]",
    tips: &["nondeterministic_output"],
    handler: xadd,
    ..super::BASE
};

/// What XADD did.
#[derive(Clone, Copy, Debug)]
struct Added {
    id: StreamId,
    trimmed: usize,
    /// What the trimming left.
    left: Option<Keep>,
}

fn xadd(call: &mut Call<'_>) -> Result<(), Failure> {
    let options = Options::parse(call, true)?;
    let words = options.end + 1;
    let Some(wanted) =
        options.id.filter(|_| call.len() >= words + 2 && (call.len() - words).is_multiple_of(2))
    else {
        return Err(Failure::arity("xadd"));
    };
    check(call, wanted, words)?;
    let (key, request) = (call.key(1), call.request);
    let run =
        |stream: &mut Stream, around: &mut Around<'_, '_>| add(stream, around, request, wanted, &options);
    let added = if options.no_make {
        call.edit(&key, run)?.map(|edited| edited.result)
    } else {
        Some(call.edit_or_create(&key, run)?.result)
    };
    let Some(added) = added else {
        call.reply.null();
        return Ok(());
    };
    let added = added?;
    call.changed(Class::Stream, "xadd", &key);
    if added.trimmed > 0 {
        call.event(Class::Stream, "xtrim", &key);
    }
    if call.engine.effects.wanted() {
        say(call, &key, &options, added);
    }
    Ok(())
}

/// What can be refused before a stream is made.
fn check(call: &Call<'_>, wanted: WantedId, words: usize) -> Result<(), Failure> {
    if wanted == WantedId::Exactly(StreamId::MIN) {
        return Err(Failure::fixed("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let bytes = || call.request.iter_from(words).map(<[u8]>::len).sum::<usize>();
    if call.request.bytes() > ENTRY_BYTES_MAX && bytes() > ENTRY_BYTES_MAX {
        return Err(Failure::fixed("ERR Elements are too large to be stored"));
    }
    Ok(())
}

/// Adds the entry, trims, and answers.
#[inline]
fn add(
    stream: &mut Stream,
    around: &mut Around<'_, '_>,
    request: Request<'_>,
    wanted: WantedId,
    options: &Options,
) -> Result<Added, Failure> {
    let mut log = stream.log_mut();
    let id = log.next_id(wanted, around.now.wall.millis()).map_err(refusal)?;
    let limits = NodeLimits {
        bytes_max: around.config.stream_node_max_bytes,
        entries_max: around.config.stream_node_max_entries,
    };
    log.append(id, request.iter_from(options.end + 1), limits);
    write::id(around.reply, id);
    let trimmed = options.trim.map_or(0, |trim| trim.run(&mut log));
    Ok(Added { id, trimmed, left: options.trim.map(|trim| trim.result(&log)) })
}

fn refusal(error: IdError) -> Failure {
    match error {
        IdError::Exhausted => {
            Failure::fixed("ERR The stream has exhausted the last possible ID, unable to add more items")
        }
        IdError::NotAbove => {
            Failure::fixed("ERR The ID specified in XADD is equal or smaller than the target stream top item")
        }
    }
}

/// Leaves the request in the effects with the id that the entry got and an exact trimming.
fn say(call: &mut Call<'_>, key: &Key<'_>, options: &Options, added: Added) {
    let (mut id, mut threshold) = (IdText::default(), ThresholdText::default());
    let mut words: Vec<&[u8]> = vec![b"XADD", key.bytes];
    words.extend(options.no_make.then_some(&b"NOMKSTREAM"[..]));
    if let Some(left) = added.left {
        words.extend(threshold.words(left));
    }
    words.push(added.id.text(&mut id));
    words.extend(call.request.iter_from(options.end + 1));
    call.propagate(&words);
}
