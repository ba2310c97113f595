//! Elements by chance.

use std::collections::BTreeSet;

use super::answer_elements;
use crate::commands::chance::{check_repeats, count_by_chance};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::{SortedSet, SortedSetRef, View};
use crate::protocol::reply::{Reply, Version};
use crate::types::sorted_set::Element;
use crate::types::table::below;

pub(super) const ZRANDMEMBER: Command = Command {
    name: "zrandmember",
    arity: -2,
    group: Group::SortedSet,
    categories: &[Category::SortedSet],
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    since: "6.2.0",
    summary: "Returns members by chance, with their scores if wanted.",
    complexity: "O(N log M) for N of M members",
    syntax: "key [count [WITHSCORES]]",
    tips: &["nondeterministic_output"],
    handler: zrandmember,
    ..Command::DEFAULT
};

fn zrandmember(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() == 2 {
        return one(call);
    }
    if call.len() > 4 || (call.len() == 4 && !call.arg_is(3, "withscores")) {
        // The number is looked at first.
        call.integer(2)?;
        return Err(Failure::SYNTAX);
    }
    let with_scores = call.len() == 4;
    let count = count_by_chance(call, 2, if with_scores { 2 } else { 1 })?;
    let seed = call.engine.random();
    let key = call.key(1);
    let (set, reply) = call.read_as::<SortedSet>(&key)?;
    let Some(set) = set.filter(|_| count != 0) else {
        reply.array(0);
        return Ok(());
    };
    if count > 0 {
        distinct(reply, set, usize::try_from(count).unwrap_or(usize::MAX), with_scores, seed);
    } else {
        check_repeats(count)?;
        repeated(reply, set, count.unsigned_abs() as usize, with_scores, seed);
    }
    Ok(())
}

fn one(call: &mut Call<'_>) -> Result<(), Failure> {
    let (word, key) = (call.engine.random(), call.key(1));
    let (set, reply) = call.read_as::<SortedSet>(&key)?;
    match set {
        Some(set) => show(reply, at(set, below(word, set.len())), false),
        None => reply.null(),
    }
    Ok(())
}

/// The element of a rank that is there.
fn at(set: SortedSetRef<'_>, rank: usize) -> Element<'_> {
    set.elements(rank..rank + 1, false).next().expect("the rank is below the length")
}

fn show(reply: &mut Reply<'_>, element: Element<'_>, with_score: bool) {
    reply.bulk(element.member.text(&mut itoa::Buffer::new()));
    if with_score {
        reply.double(element.score);
    }
}

/// Random words from one (Steele, Lea and Flood's SplitMix).
fn words(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        word ^ (word >> 31)
    }
}

/// Elements that may come several times.
fn repeated(reply: &mut Reply<'_>, set: SortedSetRef<'_>, count: usize, with_scores: bool, seed: u64) {
    let pairs = with_scores && reply.version() == Version::Resp3;
    reply.array(count * if with_scores && !pairs { 2 } else { 1 });
    let mut random = words(seed);
    for _ in 0..count {
        if pairs {
            reply.array(2);
        }
        show(reply, at(set, below(random(), set.len())), with_scores);
    }
}

/// Elements each of which comes once.
fn distinct(reply: &mut Reply<'_>, set: SortedSetRef<'_>, count: usize, with_scores: bool, seed: u64) {
    let len = set.len();
    if count >= len {
        return answer_elements(reply, set.elements(0..len, false), with_scores);
    }
    let ranks = sample(len, count, words(seed));
    answer_elements(reply, ranks.into_iter().map(|rank| at(set, rank)), with_scores);
}

/// So many different numbers below `len`, every choice as likely as any other (Floyd's algorithm, by way of Bentley,
/// "Programming Pearls").
fn sample(len: usize, count: usize, mut random: impl FnMut() -> u64) -> BTreeSet<usize> {
    let mut chosen = BTreeSet::new();
    for highest in len - count..len {
        if !chosen.insert(below(random(), highest + 1)) {
            chosen.insert(highest);
        }
    }
    chosen
}
