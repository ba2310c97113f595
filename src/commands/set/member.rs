//! Members one by one: add, remove, look for, move; and all of a set.

use super::value::{answer, limits};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{EntryRef, Key, Kind, Set, SetRef, Value, View};

const BASE: Command = Command { group: Group::Set, categories: &[Category::Set], ..Command::DEFAULT };

pub(super) const SADD: Command = Command {
    name: "sadd",
    arity: -3,
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "insert"])],
    summary: "Adds members to a set, which is made if there is none; tells how many are new.",
    complexity: "O(N) with the number of members given",
    syntax: "key member [member ...]",
    handler: sadd,
    ..BASE
};

fn sadd(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    let edited = call.edit_or_create::<Set, _>(&key, |set, around| {
        let (limits, secret) = (limits(around.config), around.hash_key);
        set.expect(request.arg(2), request.len() - 2, &limits, secret);
        (2..request.len()).filter(|i| set.add(request.arg(*i), &limits, secret)).count()
    })?;
    if edited.result > 0 {
        call.changed(Class::Set, "sadd", &key);
    }
    call.reply.integer(edited.result as i64);
    Ok(())
}

pub(super) const SREM: Command = Command {
    name: "srem",
    arity: -3,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "delete"])],
    summary: "Removes members from a set; tells how many were there.",
    complexity: "O(N) with the number of members given",
    syntax: "key member [member ...]",
    handler: srem,
    ..BASE
};

fn srem(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    let edited = call
        .edit::<Set, _>(&key, |set, _| (2..request.len()).filter(|i| set.remove(request.arg(*i))).count())?;
    let removed = edited.map_or(0, |edited| edited.result);
    if removed > 0 {
        call.changed(Class::Set, "srem", &key);
        if edited.is_some_and(|edited| edited.removed) {
            call.event(Class::Generic, "del", &key);
        }
    }
    call.reply.integer(removed as i64);
    Ok(())
}

pub(super) const SISMEMBER: Command = Command {
    name: "sismember",
    arity: 3,
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO"])],
    summary: "Tells whether a text is a member of a set.",
    syntax: "key member",
    handler: sismember,
    ..BASE
};

fn sismember(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, text) = (call.key(1), call.arg(2));
    let (set, reply) = call.read_as::<Set>(&key)?;
    reply.integer(i64::from(set.is_some_and(|set| set.contains(text))));
    Ok(())
}

pub(super) const SMISMEMBER: Command = Command {
    name: "smismember",
    arity: -3,
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    since: "6.2.0",
    summary: "Tells of each of several texts whether it is a member of a set.",
    complexity: "O(N) with the number of texts given",
    syntax: "key member [member ...]",
    handler: smismember,
    ..BASE
};

fn smismember(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    let (set, reply) = call.read_as::<Set>(&key)?;
    reply.array(request.len() - 2);
    for i in 2..request.len() {
        reply.integer(i64::from(set.is_some_and(|set| set.contains(request.arg(i)))));
    }
    Ok(())
}

pub(super) const SCARD: Command = Command {
    name: "scard",
    arity: 2,
    flags: &[Flag::ReadOnly, Flag::Fast],
    keys: &[KeySpec::one(1, &["RO"])],
    summary: "Tells how many members a set has.",
    syntax: "key",
    handler: scard,
    ..BASE
};

fn scard(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let (set, reply) = call.read_as::<Set>(&key)?;
    reply.integer(set.map_or(0, |set| set.len() as i64));
    Ok(())
}

pub(super) const SMEMBERS: Command = Command {
    name: "smembers",
    arity: 2,
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    summary: "Returns all members of a set.",
    complexity: "O(N) with the number of members",
    syntax: "key",
    tips: &["nondeterministic_output_order"],
    handler: smembers,
    ..BASE
};

fn smembers(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let (set, reply) = call.read_as::<Set>(&key)?;
    let set = set.unwrap_or(SetRef::EMPTY);
    reply.set(set.len());
    set.for_each(|member| answer(reply, member));
    Ok(())
}

pub(super) const SMOVE: Command = Command {
    name: "smove",
    arity: 4,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "access", "delete"]), KeySpec::one(2, &["RW", "insert"])],
    summary: "Moves a member from one set to another, which is made if there is none.",
    syntax: "source destination member",
    handler: smove,
    ..BASE
};

fn smove(call: &mut Call<'_>) -> Result<(), Failure> {
    let (source, target, text) = (call.key(1), call.key(2), call.arg(3));
    let there = match held(call.peek(&source).0)? {
        Some(set) => set.contains(text),
        None => {
            call.reply.integer(0);
            return Ok(());
        }
    };
    held(call.peek(&target).0)?;
    if there && source.bytes != target.bytes {
        carry(call, &source, &target, text)?;
    }
    call.reply.integer(i64::from(there));
    Ok(())
}

/// Moves a member that is there.
fn carry(call: &mut Call<'_>, source: &Key<'_>, target: &Key<'_>, text: &[u8]) -> Result<(), Failure> {
    let taken = call.edit::<Set, _>(source, |set, _| set.remove(text))?;
    call.changed(Class::Set, "srem", source);
    if taken.is_some_and(|taken| taken.removed) {
        call.event(Class::Generic, "del", source);
    }
    let given = call.edit_or_create::<Set, _>(target, |set, around| {
        let (limits, secret) = (limits(around.config), around.hash_key);
        set.expect(text, 1, &limits, secret);
        set.add(text, &limits, secret)
    })?;
    if given.result {
        call.changed(Class::Set, "sadd", target);
    }
    Ok(())
}

/// The set in an entry; an error if it holds anything else.
fn held(entry: Option<EntryRef<'_>>) -> Result<Option<SetRef<'_>>, Failure> {
    let Some(entry) = entry else { return Ok(None) };
    match entry.value() {
        Value::Object(object) => Set::of(object).map(Some).ok_or(Failure::WRONG_TYPE),
        _ => Err(Failure::WRONG_TYPE),
    }
}
