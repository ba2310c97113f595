//! Members by chance: SPOP takes them out, SRANDMEMBER leaves them in.
//!
//! What was drawn is random, so SPOP leaves in the effects which members went.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use super::value::{answer, limits};
use crate::commands::chance::{check_repeats, count_by_chance};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{Key, Payload, Set, SetRef, View};

const BASE: Command = Command { group: Group::Set, categories: &[Category::Set], ..Command::DEFAULT };

pub(super) const SPOP: Command = Command {
    name: "spop",
    arity: -2,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "access", "delete"])],
    summary: "Takes members out of a set by chance and returns them.",
    complexity: "O(1), or O(N) with the number of members wanted",
    syntax: "key [count]",
    tips: &["nondeterministic_output"],
    handler: spop,
    ..BASE
};

fn spop(call: &mut Call<'_>) -> Result<(), Failure> {
    match call.len() {
        2 => spop_one(call),
        3 => spop_many(call),
        _ => Err(Failure::SYNTAX),
    }
}

fn spop_one(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let edited = call.edit::<Set, _>(&key, |set, around| {
        let popped = set.pop(&mut || around.random.next_u64());
        match &popped {
            Some(popped) => around.reply.bulk(popped.text(&mut itoa::Buffer::new())),
            None => around.reply.null(),
        }
        popped
    })?;
    let Some(edited) = edited else {
        call.reply.null();
        return Ok(());
    };
    if let Some(popped) = edited.result {
        call.propagate(&[b"SREM", key.bytes, popped.text(&mut itoa::Buffer::new())]);
        call.changed(Class::Set, "spop", &key);
        if edited.removed {
            call.event(Class::Generic, "del", &key);
        }
    }
    Ok(())
}

fn spop_many(call: &mut Call<'_>) -> Result<(), Failure> {
    const BAD_COUNT: Failure = Failure::fixed("ERR value is out of range, must be positive");
    let count = usize::try_from(call.integer(2).map_err(|_| BAD_COUNT)?).map_err(|_| BAD_COUNT)?;
    let (key, wanted) = (call.key(1), call.engine.effects.wanted());
    let mut gone: Vec<Vec<u8>> = Vec::new();
    let edited = call.edit::<Set, _>(&key, |set, around| {
        let size = set.view().len();
        around.reply.set(count.min(size));
        if count >= size {
            set.view().for_each(|member| answer(around.reply, member));
        } else if count > 0 {
            let limits = limits(around.config);
            let (reply, random) = (&mut *around.reply, &mut *around.random);
            set.pop_many(count, &limits, around.hash_key, &mut || random.next_u64(), |text| {
                reply.bulk(text);
                if wanted {
                    gone.push(text.to_vec());
                }
            });
        }
        count >= size
    })?;
    match edited {
        None => call.reply.set(0),
        Some(edited) if edited.result => spopped_all(call, &key),
        Some(_) if count > 0 => spopped_some(call, &key, &gone),
        Some(_) => {}
    }
    Ok(())
}

/// All members are answered: the key goes.
fn spopped_all(call: &mut Call<'_>, key: &Key<'_>) {
    if let Some(removed) = call.remove(key) {
        call.engine.discard(removed);
    }
    call.propagate(&[b"DEL", key.bytes]);
    call.changed(Class::Set, "spop", key);
    call.event(Class::Generic, "del", key);
}

fn spopped_some(call: &mut Call<'_>, key: &Key<'_>, gone: &[Vec<u8>]) {
    let mut words: Vec<&[u8]> = vec![b"SREM", key.bytes];
    words.extend(gone.iter().map(Vec::as_slice));
    call.propagate(&words);
    call.changed(Class::Set, "spop", key);
}

pub(super) const SRANDMEMBER: Command = Command {
    name: "srandmember",
    arity: -2,
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    summary: "Returns members of a set by chance; a negative count allows the same one again.",
    complexity: "O(N) with the number of members wanted",
    syntax: "key [count]",
    tips: &["nondeterministic_output"],
    handler: srandmember,
    ..BASE
};

fn srandmember(call: &mut Call<'_>) -> Result<(), Failure> {
    match call.len() {
        2 => srandmember_one(call),
        3 => srandmember_many(call),
        _ => Err(Failure::SYNTAX),
    }
}

/// A generator of its own, since the keyspace is lent for as long as members are drawn.
fn words(call: &mut Call<'_>) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(call.engine.random())
}

fn srandmember_one(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let mut words = words(call);
    let (set, reply) = call.read_as::<Set>(&key)?;
    match set.and_then(|set| set.random(&mut || words.next_u64())) {
        Some(member) => answer(reply, member),
        None => reply.null(),
    }
    Ok(())
}

fn srandmember_many(call: &mut Call<'_>) -> Result<(), Failure> {
    let count = count_by_chance(call, 2, 1)?;
    let (key, mut words) = (call.key(1), words(call));
    let mut random = || words.next_u64();
    let (set, reply) = call.read_as::<Set>(&key)?;
    let (set, size) = (set.unwrap_or(SetRef::EMPTY), count.unsigned_abs() as usize);
    if count >= 0 || set.is_empty() {
        let size = size.min(set.len());
        reply.array(size);
        set.random_distinct(size, &mut random, |member| answer(reply, member));
    } else {
        check_repeats(count)?;
        reply.array(size);
        for member in (0..size).map_while(|_| set.random(&mut random)) {
            answer(reply, member);
        }
    }
    Ok(())
}
