//! XREAD: what has come after certain ids, in several streams, now or when it comes.
//!
//! A client that waits is served by running the request again; so `$` becomes the id that it stood for when the client came.

use std::time::Duration;

use super::group::peek;
use super::{ids, write};
use crate::commands::timeout;
use crate::engine::command::{Begin, Category, Command, Find, Flag, KeySpec};
use crate::engine::{Call, Failure, Nothing, Wait};
use crate::protocol::reply::{Mark, Reply, Version};
use crate::protocol::request::OwnedRequest;
use crate::types::stream::{IdText, Log, Stream, StreamId};

/// The keys after STREAMS, of which each has an id: they are half of the rest.
pub(super) const fn keys(from: i32) -> KeySpec {
    KeySpec {
        flags: &["RO", "access"],
        begin: Begin::Keyword("STREAMS", from),
        find: Find::Range { last: -1, step: 1, limit: 2 },
        notes: "",
    }
}

pub(super) const XREAD: Command = Command {
    name: "xread",
    arity: -4,
    flags: &[Flag::ReadOnly, Flag::Blocking, Flag::MovableKeys],
    keys: &[keys(1)],
    categories: &[Category::Stream],
    summary: "Returns the entries of streams that come after certain ids; waits for them if wanted.",
    complexity: "O(log S + N) for each stream, with S its size and N the entries returned",
    syntax: "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
    handler: xread,
    ..super::BASE
};

/// The options of XREAD and XREADGROUP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options {
    /// The most entries of each stream.
    pub(super) count: usize,
    /// Whether to wait, and for how long (`None`: for ever).
    block: Option<Option<Duration>>,
    /// Where the group's name stands, the consumer's behind it.
    pub(super) group: Option<usize>,
    pub(super) no_ack: bool,
    /// Where the first key stands.
    first: usize,
    /// How many keys there are.
    pub(super) streams: usize,
}

impl Options {
    pub(super) fn parse(call: &Call<'_>, of_group: bool) -> Result<Options, Failure> {
        let mut options =
            Options { count: usize::MAX, block: None, group: None, no_ack: false, first: 0, streams: 0 };
        let mut i = 1;
        while options.first == 0 {
            i += options.take(call, i, of_group)?;
        }
        if of_group && options.group.is_none() {
            return Err(Failure::fixed("ERR Missing GROUP option for XREADGROUP"));
        }
        Ok(options)
    }

    /// Takes the option at argument `i`; tells how many arguments that were.
    fn take(&mut self, call: &Call<'_>, i: usize, of_group: bool) -> Result<usize, Failure> {
        // A request that ends before STREAMS is none.
        let more = call.len().checked_sub(i + 1).ok_or(Failure::SYNTAX)?;
        if more > 0 && call.arg_is(i, "block") {
            self.block = Some(timeout::millis(call, i + 1)?);
            Ok(2)
        } else if more > 0 && call.arg_is(i, "count") {
            self.count = Some(ids::count(call, i + 1)?).filter(|count| *count > 0).unwrap_or(usize::MAX);
            Ok(2)
        } else if more > 0 && call.arg_is(i, "streams") {
            (self.first, self.streams) = (i + 1, more / 2);
            if more.is_multiple_of(2) { Ok(1) } else { Err(unbalanced(of_group)) }
        } else if more > 1 && call.arg_is(i, "group") {
            self.group = Some(i + 1);
            if of_group { Ok(3) } else { Err(only_of_group("GROUP")) }
        } else if call.arg_is(i, "noack") {
            self.no_ack = true;
            if of_group { Ok(1) } else { Err(only_of_group("NOACK")) }
        } else {
            Err(Failure::SYNTAX)
        }
    }

    /// The argument that is the key of a stream.
    pub(super) fn key_at(&self, stream: usize) -> usize {
        self.first + stream
    }

    /// The argument that is its id.
    pub(super) fn id_at(&self, stream: usize) -> usize {
        self.first + self.streams + stream
    }

    /// Answers that nothing came, now or when the time is over. `request` is what to try again.
    pub(super) fn nothing(&self, call: &mut Call<'_>, request: Option<OwnedRequest>, wants_loss: bool) {
        let Some(timeout) = self.block else { return call.reply.null_array() };
        let keys = (0..self.streams).map(|stream| call.arg(self.key_at(stream)).to_vec()).collect();
        call.block(Wait { keys, timeout, on_timeout: Nothing::NullArray, request, wants_loss });
    }
}

fn unbalanced(of_group: bool) -> Failure {
    Failure::fixed(if of_group {
        "ERR Unbalanced 'xreadgroup' list of streams: for each stream key an ID or '>' must be specified."
    } else {
        "ERR Unbalanced 'xread' list of streams: for each stream key an ID, '+', or '$' must be specified."
    })
}

fn only_of_group(option: &str) -> Failure {
    Failure::new(format!(
        "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
    ))
}

/// Streams with their entries, as they are found to have some: a map in RESP3, an array of pairs in RESP2.
pub(super) struct Answer {
    mark: Mark,
    streams: usize,
}

impl Answer {
    pub(super) fn open(reply: &mut Reply<'_>) -> Answer {
        let mark = match reply.version() {
            Version::Resp2 => reply.deferred_array(),
            Version::Resp3 => reply.deferred_map(),
        };
        Answer { mark, streams: 0 }
    }

    /// What stands before the entries of a stream.
    pub(super) fn begin_stream(reply: &mut Reply<'_>, key: &[u8]) {
        if reply.version() == Version::Resp2 {
            reply.array(2);
        }
        reply.bulk(key);
    }

    /// Counts a stream whose entries have been written.
    pub(super) fn count_stream(&mut self) {
        self.streams += 1;
    }

    /// Ends the answer; false if there is none, for no stream had anything.
    pub(super) fn close(self, reply: &mut Reply<'_>) -> bool {
        if self.streams > 0 {
            reply.close(self.mark, self.streams);
        }
        self.streams > 0
    }
}

fn xread(call: &mut Call<'_>) -> Result<(), Failure> {
    let options = Options::parse(call, false)?;
    let mut answer = Answer::open(&mut call.reply);
    // What is written before a later stream turns out to be an error is taken back.
    for stream in 0..options.streams {
        if serve(call, &options, stream)? {
            answer.count_stream();
        }
    }
    if !answer.close(&mut call.reply) {
        let request = resolved(call, &options);
        options.nothing(call, request, false);
    }
    Ok(())
}

/// Writes what one stream has; false if that is nothing.
fn serve(call: &mut Call<'_>, options: &Options, stream: usize) -> Result<bool, Failure> {
    let (key, text) = (call.key(options.key_at(stream)), call.arg(options.id_at(stream)));
    let (found, reply) = call.read_as::<Stream>(&key)?;
    let log = found.map(Stream::log);
    let after = after(text, log)?;
    let Some(log) = log else { return Ok(false) };
    let Some(start) = after.next().filter(|start| *start <= log.figures().last_id) else { return Ok(false) };
    let mut entries = log.entries(start, StreamId::MAX).peekable();
    let any = entries.peek().is_some();
    if any {
        Answer::begin_stream(reply, key.bytes);
        write::entries(reply, entries, options.count);
    }
    Ok(any)
}

/// The id after which entries are wanted.
fn after(text: &[u8], log: Option<&Log>) -> Result<StreamId, Failure> {
    match text {
        b"$" => Ok(log.map_or(StreamId::MIN, |log| log.figures().last_id)),
        // The last entry itself is wanted.
        b"+" => Ok(log.and_then(|log| log.last_live_id().prev()).unwrap_or_default()),
        b">" => Err(Failure::fixed(
            "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.",
        )),
        _ => ids::id(text),
    }
}

/// The request with each `$` replaced by what it stands for now; `None` if there is none.
fn resolved(call: &mut Call<'_>, options: &Options) -> Option<OwnedRequest> {
    let is_end = |call: &Call<'_>, i: usize| i >= options.id_at(0) && call.arg(i) == b"$";
    if !(0..call.len()).any(|i| is_end(call, i)) {
        return None;
    }
    let words = (0..call.len()).map(|i| {
        if !is_end(call, i) {
            return call.arg(i).to_vec();
        }
        let key = call.key(i - options.streams);
        // The key was seen to hold a stream, or nothing.
        let found = peek(call, &key).ok().flatten();
        let last = found.map_or(StreamId::MIN, |stream| stream.log().figures().last_id);
        last.text(&mut IdText::default()).to_vec()
    });
    Some(words.collect())
}
