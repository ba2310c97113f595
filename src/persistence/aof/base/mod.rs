//! A base in log form (`aof-use-rdb-preamble no`): the commands that make what a server holds at one moment.
//!
//! The commands are those of Redis (`rewriteAppendOnlyFileRio` in its `aof.c`), so that each of its versions that knows the values
//! loads them. Two things are not quite so. A stream that no commands make, since an entry that is delivered and not acknowledged has
//! been deleted, is written as RESTORE, where Redis forgets the entry. And what no server's commands can say is lost here as
//! it is there: when a consumer was last seen, and how a value was held.

mod commands;
mod parts;
mod stream;
#[cfg(test)]
mod tests;

use commands::{Commands, Row, expire, expire_field};
use parts::Open;

use super::log::Annotator;
use crate::text::DoubleText;
use crate::types::list::End;
use crate::types::{HashRef, Head, ListRef, ObjectRef, Part, SetRef, SortedSetRef, Value, View};

/// Bytes of room that a new buffer has: more than whoever takes them lets collect, values that are large by themselves aside. A buffer
/// that grows is copied, into memory that nobody has touched yet: that takes milliseconds.
const ROOM_BYTES: usize = (1 << 20) + (256 << 10);

/// A base in the making: collects bytes, which whoever writes the file takes from time to time. It has no end of its own.
#[derive(Default)]
pub struct LogBase {
    commands: Commands,
    database: Option<usize>,
    /// A value of which some parts have come.
    open: Option<Open>,
}

impl LogBase {
    /// An empty one, noted as of this time in seconds since 1970 (`aof-timestamp-enabled`).
    pub fn new(timestamp: Option<i64>) -> LogBase {
        let mut base = LogBase::default();
        base.commands.out.reserve(ROOM_BYTES);
        if let Some(seconds) = timestamp {
            Annotator::default().annotate(seconds, &mut base.commands.out);
        }
        base
    }

    /// Adds a library of functions, by its code.
    pub fn library(&mut self, code: &[u8]) {
        self.commands.whole(&[b"FUNCTION", b"LOAD", code]);
    }

    /// Says of which database the entries to come are; nothing if it is the current one.
    pub fn database(&mut self, db: usize) {
        if self.database.replace(db) != Some(db) {
            self.commands.begin(b"SELECT", 1).number(db);
        }
    }

    /// Adds a key with its value.
    pub fn entry(&mut self, key: &[u8], value: Value<'_>, expiry_ms: Option<i64>) {
        let commands = &mut self.commands;
        match value {
            Value::Int(number) => _ = commands.begin(b"SET", 2).word(key).number(number),
            Value::Bytes(text) => commands.whole(&[b"SET", key, text]),
            Value::Object(object) => match object {
                ObjectRef::List(value) => list(commands, key, value),
                ObjectRef::Set(value) => set(commands, key, value),
                ObjectRef::SortedSet(value) => sorted_set(commands, key, value),
                ObjectRef::Hash(value) => hash(commands, key, value),
                ObjectRef::Stream(value) => stream::write(commands, key, value),
            },
        }
        expire(commands, key, expiry_ms);
    }

    /// Begins a key whose value comes in [parts](Self::part), as many as its head says.
    pub fn begin(&mut self, key: &[u8], head: Head, expiry_ms: Option<i64>) {
        self.open = Some(Open::begin(&mut self.commands, key, head, expiry_ms));
    }

    /// Adds a part of the value that has been begun.
    pub fn part(&mut self, part: Part<'_>) {
        let Some(open) = &mut self.open else { return };
        if open.part(&mut self.commands, part) {
            self.open = None;
        }
    }

    /// Bytes that wait to be [taken](Self::take).
    pub fn buffered(&self) -> usize {
        self.commands.out.len()
    }

    /// The bytes since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::replace(&mut self.commands.out, Vec::with_capacity(ROOM_BYTES))
    }
}

fn list(commands: &mut Commands, key: &[u8], list: ListRef<'_>) {
    let mut row = Row::new(b"RPUSH", 1, list.len());
    list.take(End::Front, 0, list.len(), |item| _ = row.element(commands, key).item(item));
}

fn set(commands: &mut Commands, key: &[u8], set: SetRef<'_>) {
    let mut row = Row::new(b"SADD", 1, set.len());
    set.for_each(|member| _ = row.element(commands, key).item(member));
}

fn sorted_set(commands: &mut Commands, key: &[u8], set: SortedSetRef<'_>) {
    let mut row = Row::new(b"ZADD", 2, set.len());
    for element in set.elements(0..set.len(), false) {
        row.element(commands, key).word(&DoubleText::of(element.score)).item(element.member);
    }
}

/// A field with a deadline takes two commands of its own, as in Redis 8.
fn hash(commands: &mut Commands, key: &[u8], hash: HashRef<'_>) {
    let lasting = hash.len() - if hash.soonest().is_some() { timed_fields(hash) } else { 0 };
    let mut row = Row::new(b"HMSET", 2, lasting);
    hash.each(i64::MIN, |field| {
        if field.deadline.is_none() {
            row.element(commands, key).item(field.name).item(field.value);
        }
    });
    if lasting < hash.len() {
        hash.each(i64::MIN, |field| {
            let Some(at_ms) = field.deadline else { return };
            commands.begin(b"HMSET", 3).word(key).item(field.name).item(field.value);
            expire_field(commands, key, at_ms, field.name);
        });
    }
}

fn timed_fields(hash: HashRef<'_>) -> usize {
    let mut fields = 0;
    hash.each(i64::MIN, |field| fields += usize::from(field.deadline.is_some()));
    fields
}
