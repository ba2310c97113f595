//! Looking for keys: SCAN in small steps, KEYS in one go, RANDOMKEY by chance.

use super::keys::type_name;
use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::{Call, Failure};
use crate::keyspace::EntryRef;
use crate::protocol::reply::Reply;
use crate::text::pattern::{Case, matches};

const BASE: Command = Command {
    group: Group::Generic,
    categories: &[Category::Keyspace],
    flags: &[Flag::ReadOnly],
    ..Command::DEFAULT
};

pub(super) const SCAN: Command = Command {
    name: "scan",
    arity: -2,
    since: "2.8.0",
    summary: "Walks through the keys, some at each call; a key that is there all the time is shown at least once.",
    complexity: "O(1) for a call, O(N) for a whole walk",
    syntax: "cursor [MATCH pattern] [COUNT count] [TYPE type]",
    tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
    handler: scan,
    ..BASE
};

/// Buckets visited for each key that SCAN was asked for, where keys are few.
const BUCKETS_PER_KEY: u64 = 10;

/// Which keys SCAN shows, and how many it looks at.
struct Filter<'a> {
    pattern: Option<&'a [u8]>,
    type_name: Option<&'a [u8]>,
    count: u64,
}

impl<'a> Filter<'a> {
    fn parse(call: &Call<'a>) -> Result<Filter<'a>, Failure> {
        let mut filter = Filter { pattern: None, type_name: None, count: 10 };
        for i in (2..call.len()).step_by(2) {
            if i + 1 == call.len() {
                return Err(Failure::SYNTAX);
            }
            if call.arg_is(i, "count") {
                filter.count = positive(call.integer(i + 1)?)?;
            } else if call.arg_is(i, "match") {
                filter.pattern = Some(call.arg(i + 1));
            } else if call.arg_is(i, "type") {
                filter.type_name = Some(call.arg(i + 1));
            } else {
                return Err(Failure::SYNTAX);
            }
        }
        Ok(filter)
    }

    fn admits(&self, entry: EntryRef<'_>) -> bool {
        self.pattern.is_none_or(|pattern| pattern == b"*" || matches(pattern, entry.key(), Case::Matters))
            && self
                .type_name
                .is_none_or(|name| name.eq_ignore_ascii_case(type_name(entry.value()).as_bytes()))
    }
}

fn positive(count: i64) -> Result<u64, Failure> {
    u64::try_from(count).ok().filter(|count| *count > 0).ok_or(Failure::SYNTAX)
}

/// Keys found, written as they will be answered.
struct Page<'a> {
    filter: &'a Filter<'a>,
    now_ms: i64,
    /// Elements of the answer's array.
    bulks: Vec<u8>,
    shown: usize,
    visited: u64,
    /// Keys past their deadline, to be removed.
    due: Vec<Vec<u8>>,
}

impl Page<'_> {
    fn visit(&mut self, entry: EntryRef<'_>, reply: &Reply<'_>) {
        self.visited += 1;
        if !self.filter.admits(entry) {
            return;
        }
        if is_due(entry, self.now_ms) {
            return self.due.push(entry.key().to_vec());
        }
        Reply::new(&mut self.bulks, reply.version()).bulk(entry.key());
        self.shown += 1;
    }
}

fn is_due(entry: EntryRef<'_>, now_ms: i64) -> bool {
    entry.expiry().is_some_and(|deadline_ms| deadline_ms < now_ms)
}

fn scan(call: &mut Call<'_>) -> Result<(), Failure> {
    let mut cursor = parse_cursor(call.arg(1)).ok_or(Failure::fixed("ERR invalid cursor"))?;
    let filter = Filter::parse(call)?;
    let now_ms = call.now.wall.millis();
    let mut page = Page { filter: &filter, now_ms, bulks: Vec::new(), shown: 0, visited: 0, due: Vec::new() };
    let database = &call.engine.keyspace.databases[call.db_index()];
    let mut buckets_left = filter.count.saturating_mul(BUCKETS_PER_KEY);
    loop {
        cursor = database.scan(cursor, |entry| page.visit(entry, &call.reply));
        buckets_left -= 1;
        if cursor == 0 || buckets_left == 0 || page.visited >= filter.count {
            break;
        }
    }
    remove_due(call, &page.due);
    call.reply.array(2);
    call.reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    call.reply.array(page.shown);
    call.reply.raw(&page.bulks);
    Ok(())
}

fn remove_due(call: &mut Call<'_>, due: &[Vec<u8>]) {
    let (db, now) = (call.db_index(), call.now);
    for key in due {
        let key = call.engine.keyspace.hasher().key(key);
        call.engine.expire_if_due(db, &key, now);
    }
}

/// Reads a cursor as newer servers do, which use C's `strtoull`: blanks and a sign may stand before it, nothing behind it.
pub(in crate::commands) fn parse_cursor(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u64::from(byte - b'0'));
    let value =
        digits.iter().try_fold(0u64, |value, byte| value.checked_mul(10)?.checked_add(digit(byte)?))?;
    (!negative || value == 0).then_some(value)
}

pub(super) const KEYS: Command = Command {
    name: "keys",
    arity: 2,
    categories: &[Category::Keyspace, Category::Dangerous],
    summary: "Returns all keys that match a pattern.",
    complexity: "O(N) with the number of keys",
    syntax: "pattern",
    tips: &["request_policy:all_shards", "nondeterministic_output_order"],
    handler: keys,
    ..BASE
};

fn keys(call: &mut Call<'_>) -> Result<(), Failure> {
    let filter = Filter { pattern: Some(call.arg(1)), type_name: None, count: u64::MAX };
    let now_ms = call.now.wall.millis();
    let database = &call.engine.keyspace.databases[call.db_index()];
    let (mark, mut shown, mut cursor) = (call.reply.deferred_array(), 0, 0);
    loop {
        cursor = database.scan(cursor, |entry| {
            if filter.admits(entry) && !is_due(entry, now_ms) {
                call.reply.bulk(entry.key());
                shown += 1;
            }
        });
        if cursor == 0 {
            break;
        }
    }
    call.reply.close(mark, shown);
    Ok(())
}

pub(super) const RANDOMKEY: Command = Command {
    name: "randomkey",
    arity: 1,
    summary: "Returns a key by chance.",
    tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
    handler: randomkey,
    ..BASE
};

/// How often RANDOMKEY draws while a pause keeps expired keys, hidden, in the database.
const HIDDEN_DRAWS_MAX: usize = 100;

fn randomkey(call: &mut Call<'_>) -> Result<(), Failure> {
    let paused = call.engine.pause.active(call.now.mono).is_some();
    let mut draws_left = if paused { HIDDEN_DRAWS_MAX } else { usize::MAX };
    // Each draw either succeeds or removes an expired key, unless they are hidden: then the draws are counted.
    while let Some(key) = call.random_key().filter(|_| draws_left > 0) {
        let key = call.engine.keyspace.hasher().key(&key);
        if call.peek(&key).0.is_some() {
            call.reply.bulk(key.bytes);
            return Ok(());
        }
        draws_left -= 1;
    }
    call.reply.null();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parse_cursor;

    #[test]
    fn cursors_are_read_as_newer_servers_do() {
        for (text, cursor) in [("17", 17), ("+5", 5), ("05", 5), (" 1", 1), ("-0", 0)] {
            assert_eq!(parse_cursor(text.as_bytes()), Some(cursor), "{text:?}");
        }
        assert_eq!(parse_cursor(b"18446744073709551615"), Some(u64::MAX));
        for text in ["", "-1", "18446744073709551616", "1 ", "1x", "-", "+", "--1"] {
            assert_eq!(parse_cursor(text.as_bytes()), None, "{text:?}");
        }
    }
}
