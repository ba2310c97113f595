//! HRANDFIELD: fields by chance.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::write;
use crate::commands::chance::{check_repeats, count_by_chance};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure};
use crate::keyspace::{Field, Hash, HashRef};
use crate::protocol::reply::{Reply, Version};

pub(super) const HRANDFIELD: Command = Command {
    name: "hrandfield",
    arity: -2,
    group: Group::Hash,
    categories: &[Category::Hash],
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    since: "6.2.0",
    summary: "Returns fields by chance: all different, or with a negative count each drawn from all.",
    complexity: "O(N) with the number of fields returned",
    syntax: "key [count [WITHVALUES]]",
    tips: &["nondeterministic_output"],
    handler: hrandfield,
    ..Command::DEFAULT
};

fn hrandfield(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() == 2 {
        return one(call);
    }
    // The number is looked at first.
    count_by_chance(call, 2, 1)?;
    if call.len() > 4 || call.len() == 4 && !call.arg_is(3, "withvalues") {
        return Err(Failure::SYNTAX);
    }
    let with_values = call.len() == 4;
    many(call, count_by_chance(call, 2, if with_values { 2 } else { 1 })?, with_values)
}

/// Random words, drawn from the engine's own stream once.
fn words(call: &mut Call<'_>) -> impl FnMut() -> u64 + use<> {
    let mut words = ChaCha8Rng::seed_from_u64(call.engine.random());
    move || words.next_u64()
}

fn one(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, now_ms, mut random) = (call.key(1), call.now.wall.millis(), words(call));
    let (hash, reply) = call.read_as::<Hash>(&key)?;
    let start = reply.position();
    if let Some(hash) = hash {
        hash.draw(1, now_ms, &mut random, |field| write(reply, field.name));
    }
    if reply.position() == start {
        reply.null();
    }
    Ok(())
}

fn many(call: &mut Call<'_>, count: i64, with_values: bool) -> Result<(), Failure> {
    let (key, now_ms, mut random) = (call.key(1), call.now.wall.millis(), words(call));
    let (hash, reply) = call.read_as::<Hash>(&key)?;
    let live = hash.map_or(0, |hash: HashRef<'_>| hash.live_len(now_ms));
    let (Some(hash), true) = (hash, live > 0) else {
        reply.array(0);
        return Ok(());
    };
    check_repeats(count)?;
    let shown = if count < 0 { count.unsigned_abs() } else { (live as u64).min(count.unsigned_abs()) };
    let pairs = with_values && reply.version() == Version::Resp3;
    let flat = if with_values && !pairs { 2 } else { 1 };
    reply.array((shown * flat) as usize);
    let each = |field: Field<'_>| show(reply, field, with_values, pairs);
    if count < 0 {
        hash.draw(shown, now_ms, &mut random, each);
    } else {
        hash.choose(shown as usize, now_ms, &mut random, each);
    }
    Ok(())
}

fn show(reply: &mut Reply<'_>, field: Field<'_>, with_values: bool, pairs: bool) {
    if pairs {
        reply.array(2);
    }
    write(reply, field.name);
    if with_values {
        write(reply, field.value);
    }
}
