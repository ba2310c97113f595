//! XREADGROUP: entries for a consumer of a group, new ones or those that it has not acknowledged.
//!
//! New entries are delivered once; by that they are pending until they are acknowledged, unless NOACK is given. All is checked
//! before the first stream is read, so a request is served whole or not at all.

use super::effects::{Delivery, Party};
use super::read::{Answer, Options, keys};
use super::{ids, write};
use crate::engine::command::{Command, Flag};
use crate::engine::{Around, Call, Class, Failure};
use crate::types::stream::{ConsumerId, Group, Log, Pending, Stream, StreamId};

pub(super) const XREADGROUP: Command = Command {
    name: "xreadgroup",
    arity: -7,
    flags: &[Flag::Write, Flag::Blocking, Flag::MovableKeys],
    keys: &[keys(4)],
    summary: "Returns entries of streams to a consumer of a group: new ones, or those that it has not acknowledged.",
    complexity: "O(log S + N log P) for each stream, with S its size, N the entries returned and P those pending",
    syntax: "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] id [id ...]",
    handler: xreadgroup,
    ..super::BASE
};

fn xreadgroup(call: &mut Call<'_>) -> Result<(), Failure> {
    let options = Options::parse(call, true)?;
    // Parsing has refused a request without a group.
    let Some(group) = options.group.map(|at| call.arg(at)) else { return Err(Failure::SYNTAX) };
    for stream in 0..options.streams {
        check(call, &options, group, stream)?;
    }
    call.propagate_nothing();
    let mut answer = Answer::open(&mut call.reply);
    for stream in 0..options.streams {
        if serve(call, &options, group, stream)? {
            answer.count_stream();
        }
    }
    if !answer.close(&mut call.reply) {
        options.nothing(call, None, true);
    }
    Ok(())
}

fn check(call: &mut Call<'_>, options: &Options, group: &[u8], stream: usize) -> Result<(), Failure> {
    let (key, text) = (call.key(options.key_at(stream)), call.arg(options.id_at(stream)));
    let (found, _) = call.read_as::<Stream>(&key)?;
    if found.is_none_or(|stream| stream.groups().get(group).is_none()) {
        return Err(no_group(key.bytes, group));
    }
    match text {
        b">" => Ok(()),
        b"$" | b"+" => Err(meaningless(char::from(text[0]))),
        _ => ids::id(text).map(drop),
    }
}

fn no_group(key: &[u8], group: &[u8]) -> Failure {
    let failure = ids::no_group(key, group);
    Failure::new([failure.text(), b" in XREADGROUP with GROUP option"].concat())
}

fn meaningless(symbol: char) -> Failure {
    Failure::new(format!(
        "ERR The {symbol} ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by \
         specifying a proper ID, or use the > ID to get new messages. The {symbol} ID would just return an empty result set."
    ))
}

/// What happened at one stream.
#[derive(Default)]
struct Served {
    /// Whether there was something to answer.
    answered: bool,
    /// Whether the consumer was made.
    created: bool,
    /// How many entries were delivered or delivered again.
    delivered: usize,
    /// These, if somebody wants the effects.
    deliveries: Vec<Delivery>,
    /// How far the group has come, if it has come further.
    progress: Option<(StreamId, Option<i64>)>,
    last_id: StreamId,
}

/// Serves the consumer from one stream; false if it has nothing.
fn serve(call: &mut Call<'_>, options: &Options, group_name: &[u8], stream: usize) -> Result<bool, Failure> {
    let (key, text) = (call.key(options.key_at(stream)), call.arg(options.id_at(stream)));
    let consumer = call.arg(options.group.unwrap_or_default() + 1);
    let wanted = call.engine.effects.wanted();
    let edited = call.edit(&key, |stream: &mut Stream, around| {
        let now_ms = around.now.wall.millis();
        let mut served = Served::default();
        let Some((mut group, log)) = stream.group_with_log(group_name) else { return served };
        let (id, created) = group.consumer_or_new(consumer, now_ms);
        group.consumer_mut(id).seen_ms = now_ms;
        served.created = created;
        let mut reader = Reader { group: &mut group, log, consumer: id, options, wanted };
        match history(text) {
            Some(after) => reader.read_again(after, key.bytes, around, &mut served),
            None => reader.read_new(key.bytes, around, &mut served),
        }
        served.last_id = group.last_id;
        served
    })?;
    let served = edited.map(|edited| edited.result).unwrap_or_default();
    say(call, Party { key, group: group_name, consumer }, &served);
    Ok(served.answered)
}

/// The id after which pending entries are wanted; `None` for new entries. The greatest id stands for `>`, as in Redis.
fn history(text: &[u8]) -> Option<StreamId> {
    StreamId::parse(text, 0).filter(|id| *id != StreamId::MAX)
}

/// A consumer reading.
struct Reader<'r> {
    group: &'r mut Group,
    log: &'r Log,
    consumer: ConsumerId,
    options: &'r Options,
    wanted: bool,
}

impl Reader<'_> {
    /// Entries that no consumer has seen.
    fn read_new(&mut self, key: &[u8], around: &mut Around<'_, '_>, served: &mut Served) {
        let Some(start) = self.group.last_id.next() else { return };
        let mut entries = self.log.entries(start, StreamId::MAX).peekable();
        if entries.peek().is_none() {
            return;
        }
        served.answered = true;
        Answer::begin_stream(around.reply, key);
        let (mark, now_ms) = (around.reply.deferred_array(), around.now.wall.millis());
        let mut count = 0;
        for entry in entries.take(self.options.count) {
            write::entry(around.reply, &entry);
            self.advance(entry.id);
            if !self.options.no_ack {
                self.deliver(entry.id, now_ms, 1, served);
            }
            count += 1;
        }
        around.reply.close(mark, count);
        // Only what it has to acknowledge makes a consumer active.
        if !self.options.no_ack {
            self.group.consumer_mut(self.consumer).active_ms = Some(now_ms);
        }
        served.progress = Some((self.group.last_id, self.group.entries_read));
    }

    /// The group has come to an entry.
    fn advance(&mut self, id: StreamId) {
        let group = &mut *self.group;
        group.entries_read = self.log.entries_read_at(group.last_id, group.entries_read, id);
        group.last_id = id;
    }

    fn deliver(&mut self, id: StreamId, now_ms: i64, deliveries: i64, served: &mut Served) {
        let pending = Pending { consumer: self.consumer, delivered_ms: now_ms, deliveries };
        self.group.assign(id, pending);
        served.delivered += 1;
        if self.wanted {
            served.deliveries.push((id, now_ms, deliveries));
        }
    }

    /// Entries that the consumer has not acknowledged; those that were deleted meanwhile come without fields.
    fn read_again(&mut self, after: StreamId, key: &[u8], around: &mut Around<'_, '_>, served: &mut Served) {
        served.answered = true;
        let Some(start) = after.next() else { return };
        let pending = self.group.consumer(self.consumer).pending_from(start);
        let found: Vec<StreamId> = pending.take(self.options.count).collect();
        Answer::begin_stream(around.reply, key);
        around.reply.array(found.len());
        for id in found {
            match (self.log.get(id), self.group.pending(id).copied()) {
                (Some(entry), Some(before)) => {
                    write::entry(around.reply, &entry);
                    let deliveries = before.deliveries.wrapping_add(1);
                    self.deliver(id, around.now.wall.millis(), deliveries, served);
                }
                _ => {
                    around.reply.array(2);
                    write::id(around.reply, id);
                    around.reply.null_array();
                }
            }
        }
    }
}

/// Reports what happened. Watchers and waiting clients do not hear of it: the entries are as they were.
fn say(call: &mut Call<'_>, party: Party<'_>, served: &Served) {
    if served.created {
        call.engine.changes += 1;
        call.event(Class::Stream, "xgroup-createconsumer", &party.key);
        party.say_created(call);
    }
    if served.delivered == 0 && served.progress.is_none() {
        return;
    }
    call.engine.changes += 1;
    party.say_delivered(call, &served.deliveries, served.last_id);
    if let Some((last_id, entries_read)) = served.progress {
        party.say_progress(call, last_id, entries_read);
    }
}
