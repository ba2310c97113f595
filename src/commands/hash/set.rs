//! Setting and removing fields.

use super::{growth, settle};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{Expiry, Hash, Key};

const BASE: Command = Command {
    group: Group::Hash,
    categories: &[Category::Hash],
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "update"])],
    since: "2.0.0",
    ..Command::DEFAULT
};

pub(super) const HSET: Command = Command {
    name: "hset",
    arity: -4,
    summary: "Sets fields to values; tells how many fields are new.",
    complexity: "O(N) with the number of fields set",
    syntax: "key field value [field value ...]",
    handler: hset,
    ..BASE
};

fn hset(call: &mut Call<'_>) -> Result<(), Failure> {
    let created = set_all(call, "hset")?;
    call.reply.integer(created);
    Ok(())
}

pub(super) const HMSET: Command = Command {
    name: "hmset",
    arity: -4,
    summary: "Sets fields to values.",
    complexity: "O(N) with the number of fields set",
    syntax: "key field value [field value ...]",
    handler: hmset,
    ..BASE
};

fn hmset(call: &mut Call<'_>) -> Result<(), Failure> {
    set_all(call, "hmset")?;
    call.reply.ok();
    Ok(())
}

/// Sets all fields of the request; how many are new.
#[inline]
fn set_all(call: &mut Call<'_>, command: &str) -> Result<i64, Failure> {
    let (key, request) = (call.key(1), call.request);
    if !request.len().is_multiple_of(2) {
        return Err(Failure::arity(command));
    }
    settle(call, &key, 2..request.len(), 2);
    let edited = call.edit_or_create::<Hash, _>(&key, |hash, around| {
        let growth = growth(around);
        let pairs = (2..request.len()).step_by(2).map(|i| (request.arg(i), request.arg(i + 1)));
        pairs.map(|(field, value)| i64::from(hash.set(field, value, Expiry::Clear, growth))).sum()
    })?;
    call.changed(Class::Hash, "hset", &key);
    Ok(edited.result)
}

pub(super) const HSETNX: Command = Command {
    name: "hsetnx",
    arity: 4,
    keys: &[KeySpec::one(1, &["RW", "insert"])],
    summary: "Sets a field to a value if there is no such field.",
    syntax: "key field value",
    handler: hsetnx,
    ..BASE
};

fn hsetnx(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, field, value) = (call.key(1), call.arg(2), call.arg(3));
    settle(call, &key, 2..3, 1);
    if holds(call, &key, field)? {
        call.reply.integer(0);
        return Ok(());
    }
    call.edit_or_create::<Hash, _>(&key, |hash, around| {
        hash.set(field, value, Expiry::Clear, growth(around));
    })?;
    call.changed(Class::Hash, "hset", &key);
    call.reply.integer(1);
    Ok(())
}

/// Whether a key holds a hash with this field.
fn holds(call: &mut Call<'_>, key: &Key<'_>, field: &[u8]) -> Result<bool, Failure> {
    let now_ms = call.now.wall.millis();
    let hash = super::peek(call, key)?;
    Ok(hash.is_some_and(|hash| hash.get(field, now_ms).is_some()))
}

pub(super) const HDEL: Command = Command {
    name: "hdel",
    arity: -3,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "delete"])],
    summary: "Removes fields; tells how many there were.",
    complexity: "O(N) with the number of fields removed",
    syntax: "key field [field ...]",
    handler: hdel,
    ..BASE
};

fn hdel(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request) = (call.key(1), call.request);
    settle(call, &key, 2..request.len(), 1);
    let edited = call.edit::<Hash, _>(&key, |hash, _| {
        (2..request.len()).map(|i| i64::from(hash.remove(request.arg(i)))).sum::<i64>()
    })?;
    let removed = edited.map_or(0, |edited| edited.result);
    if removed > 0 {
        call.changed(Class::Hash, "hdel", &key);
    }
    if edited.is_some_and(|edited| edited.removed) {
        call.event(Class::Generic, "del", &key);
    }
    call.reply.integer(removed);
    Ok(())
}
