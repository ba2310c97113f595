//! HSCAN: walking through the fields in small steps.

use super::{peek, write};
use crate::commands::generic::scan::parse_cursor;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::{Field, Hash};
use crate::protocol::reply::Reply;
use crate::text::pattern::{Case, matches};

pub(super) const HSCAN: Command = Command {
    name: "hscan",
    arity: -3,
    group: Group::Hash,
    categories: &[Category::Hash],
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    since: "2.8.0",
    summary: "Walks through the fields, some at each call; one that is there all the time is shown at least once.",
    complexity: "O(1) for a call, O(N) for a whole walk",
    syntax: "key cursor [MATCH pattern] [COUNT count] [NOVALUES]",
    tips: &["nondeterministic_output"],
    handler: hscan,
    ..Command::DEFAULT
};

/// Buckets visited for each field that was asked for, where fields are few.
const BUCKETS_PER_FIELD: u64 = 10;

/// Which fields are shown, and how many are looked at.
struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: u64,
    values: bool,
}

impl<'a> Options<'a> {
    fn parse(call: &Call<'a>) -> Result<Options<'a>, Failure> {
        let mut options = Options { pattern: None, count: 10, values: true };
        let mut i = 3;
        while i < call.len() {
            let has_argument = i + 1 < call.len();
            if call.arg_is(i, "count") && has_argument {
                let count = call.integer(i + 1)?;
                options.count = u64::try_from(count).ok().filter(|n| *n > 0).ok_or(Failure::SYNTAX)?;
                i += 2;
            } else if call.arg_is(i, "match") && has_argument {
                options.pattern = Some(call.arg(i + 1)).filter(|pattern| *pattern != b"*");
                i += 2;
            } else if call.arg_is(i, "novalues") {
                options.values = false;
                i += 1;
            } else {
                return Err(Failure::SYNTAX);
            }
        }
        Ok(options)
    }
}

/// Fields found, written as they will be answered.
struct Page {
    bulks: Vec<u8>,
    shown: usize,
    visited: u64,
}

impl Page {
    fn visit(&mut self, field: Field<'_>, options: &Options<'_>, reply: &Reply<'_>) {
        self.visited += 1;
        let admitted = options
            .pattern
            .is_none_or(|pattern| matches(pattern, field.name.text(&mut itoa::Buffer::new()), Case::Matters));
        if !admitted {
            return;
        }
        let mut out = Reply::new(&mut self.bulks, reply.version());
        write(&mut out, field.name);
        if options.values {
            write(&mut out, field.value);
        }
        self.shown += 1 + usize::from(options.values);
    }
}

fn hscan(call: &mut Call<'_>) -> Result<(), Failure> {
    let mut cursor = parse_cursor(call.arg(2)).ok_or(Failure::fixed("ERR invalid cursor"))?;
    let (key, now_ms) = (call.key(1), call.now.wall.millis());
    // As in Redis, nobody looks at the options where there is nothing to show.
    let options = match peek(call, &key)? {
        Some(_) => Options::parse(call)?,
        None => Options { pattern: None, count: 1, values: true },
    };
    let (hash, reply) = call.read_as::<Hash>(&key)?;
    let mut page = Page { bulks: Vec::new(), shown: 0, visited: 0 };
    let mut buckets_left = options.count.saturating_mul(BUCKETS_PER_FIELD);
    loop {
        cursor = hash.map_or(0, |hash| hash.scan(cursor, now_ms, |field| page.visit(field, &options, reply)));
        buckets_left -= 1;
        if cursor == 0 || buckets_left == 0 || page.visited >= options.count {
            break;
        }
    }
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    reply.array(page.shown);
    reply.raw(&page.bulks);
    Ok(())
}
