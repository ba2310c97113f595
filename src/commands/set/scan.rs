//! SSCAN: a walk through a set, some members at each call.

use super::value::answer;
use crate::commands::generic::scan::parse_cursor;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::{Item, Set, SetRef};
use crate::protocol::reply::Reply;
use crate::text::number::parse_i64;
use crate::text::pattern::{Case, matches};

pub(super) const SSCAN: Command = Command {
    name: "sscan",
    arity: -3,
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    categories: &[Category::Set],
    group: Group::Set,
    since: "2.8.0",
    summary: "Walks through a set, some members at each call; one that is there all the time is shown at least once.",
    complexity: "O(1) for a call, O(N) for a whole walk",
    syntax: "key cursor [MATCH pattern] [COUNT count]",
    tips: &["nondeterministic_output"],
    handler: sscan,
    ..Command::DEFAULT
};

/// Buckets visited for each member that SSCAN was asked for, where members are few.
const BUCKETS_PER_MEMBER: u64 = 10;

/// What SSCAN was asked for.
struct Wish<'a> {
    pattern: Option<&'a [u8]>,
    count: u64,
}

impl<'a> Wish<'a> {
    fn parse(request: crate::protocol::request::Request<'a>) -> Result<Wish<'a>, Failure> {
        let mut wish = Wish { pattern: None, count: 10 };
        let mut i = 3;
        while i < request.len() {
            let (word, value) = (request.arg(i), request.get(i + 1));
            match value {
                Some(count) if word.eq_ignore_ascii_case(b"count") => {
                    let count = parse_i64(count).ok_or(Failure::NOT_INTEGER)?;
                    wish.count =
                        u64::try_from(count).ok().filter(|count| *count > 0).ok_or(Failure::SYNTAX)?;
                }
                Some(pattern) if word.eq_ignore_ascii_case(b"match") => wish.pattern = Some(pattern),
                _ if word.eq_ignore_ascii_case(b"novalues") => {
                    return Err(Failure::fixed("ERR NOVALUES option can only be used in HSCAN"));
                }
                _ => return Err(Failure::SYNTAX),
            }
            i += 2;
        }
        Ok(wish)
    }

    fn admits(&self, member: Item<'_>) -> bool {
        let fits = |pattern| matches(pattern, member.text(&mut itoa::Buffer::new()), Case::Matters);
        self.pattern.is_none_or(|pattern| pattern == b"*" || fits(pattern))
    }
}

fn sscan(call: &mut Call<'_>) -> Result<(), Failure> {
    let cursor = parse_cursor(call.arg(2)).ok_or(Failure::fixed("ERR invalid cursor"))?;
    let (key, request) = (call.key(1), call.request);
    let (set, reply) = call.read_as::<Set>(&key)?;
    // As in Redis, options are looked at only where there is a set.
    let Some(set) = set else {
        reply.array(2);
        reply.bulk(b"0");
        reply.array(0);
        return Ok(());
    };
    show(reply, set, cursor, &Wish::parse(request)?);
    Ok(())
}

/// Answers with the next cursor and the members found up to it.
fn show(reply: &mut Reply<'_>, set: SetRef<'_>, mut cursor: u64, wish: &Wish<'_>) {
    let (mut bulks, mut shown, mut visited) = (Vec::new(), 0, 0);
    let mut buckets_left = wish.count.saturating_mul(BUCKETS_PER_MEMBER);
    loop {
        cursor = set.scan(cursor, |member| {
            visited += 1;
            if wish.admits(member) {
                answer(&mut Reply::new(&mut bulks, reply.version()), member);
                shown += 1;
            }
        });
        buckets_left -= 1;
        if cursor == 0 || buckets_left == 0 || visited >= wish.count {
            break;
        }
    }
    reply.array(2);
    reply.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    reply.array(shown);
    reply.raw(&bulks);
}
