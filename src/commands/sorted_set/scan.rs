//! Walking through a sorted set in small steps.

use crate::commands::generic::parse_cursor;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::{SortedSet, SortedSetRef};
use crate::protocol::reply::Reply;
use crate::text::DoubleText;
use crate::text::pattern::{Case, matches};
use crate::types::sorted_set::Element;

pub(super) const ZSCAN: Command = Command {
    name: "zscan",
    arity: -3,
    group: Group::SortedSet,
    categories: &[Category::SortedSet],
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    since: "2.8.0",
    summary: "Walks through a sorted set, some elements at each call; one that is there all the time is shown at least once.",
    complexity: "O(1) for a call, O(N) for a whole walk",
    syntax: "key cursor [MATCH pattern] [COUNT count] [NOSCORES]",
    tips: &["nondeterministic_output"],
    handler: zscan,
    ..Command::DEFAULT
};

/// Buckets visited for each element that was asked for, where elements are few.
const BUCKETS_PER_ELEMENT: u64 = 10;

/// What is shown, and how much is looked at.
struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: u64,
    scores: bool,
}

impl<'a> Options<'a> {
    fn parse(call: &Call<'a>) -> Result<Options<'a>, Failure> {
        let mut options = Options { pattern: None, count: 10, scores: true };
        let mut i = 3;
        while i < call.len() {
            let has_value = i + 1 < call.len();
            if call.arg_is(i, "count") && has_value {
                let count = call.integer(i + 1)?;
                options.count =
                    u64::try_from(count).ok().filter(|count| *count > 0).ok_or(Failure::SYNTAX)?;
                i += 2;
            } else if call.arg_is(i, "match") && has_value {
                options.pattern = Some(call.arg(i + 1)).filter(|pattern| *pattern != b"*");
                i += 2;
            } else if call.arg_is(i, "noscores") {
                options.scores = false;
                i += 1;
            } else if call.arg_is(i, "novalues") {
                return Err(Failure::fixed("ERR NOVALUES option can only be used in HSCAN"));
            } else {
                return Err(Failure::SYNTAX);
            }
        }
        Ok(options)
    }
}

fn zscan(call: &mut Call<'_>) -> Result<(), Failure> {
    let cursor = parse_cursor(call.arg(2)).ok_or(Failure::fixed("ERR invalid cursor"))?;
    let key = call.key(1);
    // Options count only where there is something to show, but they are read first: afterwards the call is lent out.
    let options = Options::parse(call);
    let (set, reply) = call.read_as::<SortedSet>(&key)?;
    let Some(set) = set else {
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    let mut page = Page { options: options?, bulks: Vec::new(), shown: 0, visited: 0 };
    let cursor = page.fill(set, cursor);
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    reply.array(page.shown);
    reply.raw(&page.bulks);
    Ok(())
}

/// Elements found, written as they will be answered.
struct Page<'a> {
    options: Options<'a>,
    bulks: Vec<u8>,
    /// Texts in `bulks`.
    shown: usize,
    visited: u64,
}

impl Page<'_> {
    /// Looks at about as many elements as were asked for; tells the next cursor.
    fn fill(&mut self, set: SortedSetRef<'_>, mut cursor: u64) -> u64 {
        let mut buckets_left = self.options.count.saturating_mul(BUCKETS_PER_ELEMENT);
        loop {
            cursor = set.scan(cursor, |element| self.visit(element));
            buckets_left -= 1;
            if cursor == 0 || buckets_left == 0 || self.visited >= self.options.count {
                return cursor;
            }
        }
    }

    fn visit(&mut self, element: Element<'_>) {
        self.visited += 1;
        let mut digits = itoa::Buffer::new();
        let member = element.member.text(&mut digits);
        if self.options.pattern.is_some_and(|pattern| !matches(pattern, member, Case::Matters)) {
            return;
        }
        // Scores are texts here in both versions.
        let mut reply = Reply::new(&mut self.bulks, Default::default());
        reply.bulk(member);
        self.shown += 1;
        if self.options.scores {
            reply.bulk(&DoubleText::of(element.score));
            self.shown += 1;
        }
    }
}
