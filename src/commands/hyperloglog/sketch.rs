//! PFADD, PFCOUNT, PFMERGE.

use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::hyperloglog::{self as sketches, Corrupted, Registers};
use crate::keyspace::{Key, NewValue, Slot, Value};

const BASE: Command = Command {
    arity: -2,
    group: Group::HyperLogLog,
    categories: &[Category::HyperLogLog],
    since: "2.8.9",
    ..Command::DEFAULT
};

/// The answer to bytes that are no sketch.
pub(super) fn corrupted(_: Corrupted) -> Failure {
    Failure::fixed("INVALIDOBJ Corrupted HLL object detected")
}

/// The bytes of a sketch.
pub(super) fn bytes_of(value: Value<'_>) -> Result<&[u8], Failure> {
    match value {
        Value::Bytes(bytes) if sketches::is_sketch(bytes) => Ok(bytes),
        Value::Object(_) => Err(Failure::WRONG_TYPE),
        _ => Err(Failure::fixed("WRONGTYPE Key is not a valid HyperLogLog string value.")),
    }
}

fn sparse_max(call: &Call<'_>) -> usize {
    usize::try_from(call.engine.config.hll_sparse_max_bytes).unwrap_or(usize::MAX)
}

/// Changes the sketch at a key, which is made if there is none; tells also whether it was made.
fn edit<R>(
    call: &mut Call<'_>,
    key: &Key<'_>,
    change: impl FnOnce(&mut Vec<u8>) -> R,
) -> Result<(R, bool), Failure> {
    let clock = call.new_clock();
    match call.slot(key) {
        Slot::Occupied(mut occupied) => {
            bytes_of(occupied.entry().value())?;
            Ok((occupied.with_bytes(change), false))
        }
        Slot::Vacant(vacant) => {
            let mut sketch = sketches::create();
            let result = change(&mut sketch);
            // As in Redis, even one that nothing was counted in has no count yet.
            sketches::outdate(&mut sketch);
            vacant.insert(NewValue::Heap(sketch), None, clock);
            Ok((result, true))
        }
    }
}

pub(super) const PFADD: Command = Command {
    name: "pfadd",
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "insert"])],
    summary: "Counts texts in, and makes the sketch if there is none; tells whether the count may have changed.",
    complexity: "O(1) for each text",
    syntax: "key [element [element ...]]",
    handler: pfadd,
    ..BASE
};

fn pfadd(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, request, sparse_max) = (call.key(1), call.request, sparse_max(call));
    let ((changed, outcome), made) = edit(call, &key, |sketch| {
        let mut changed = false;
        let outcome = (2..request.len()).try_for_each(|i| {
            changed |= sketches::add(sketch, request.arg(i), sparse_max)?;
            Ok(())
        });
        if changed {
            sketches::outdate(sketch);
        }
        (changed, outcome)
    })?;
    if changed || made {
        call.changed(Class::String, "pfadd", &key);
    }
    // What came before a malformed part was found has been counted in.
    outcome.map_err(corrupted)?;
    call.reply.integer(i64::from(changed || made));
    Ok(())
}

pub(super) const PFCOUNT: Command = Command {
    name: "pfcount",
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::range(1, -1, 1, &["RW", "access"])],
    summary: "Tells about how many different texts a sketch, or several together, have counted in.",
    complexity: "O(1) for one sketch, O(N) with the number of several; the constant is large",
    syntax: "key [key ...]",
    handler: pfcount,
    ..BASE
};

fn pfcount(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() == 2 { pfcount_one(call) } else { pfcount_many(call) }
}

/// The count is kept in the sketch, which changes it.
fn pfcount_one(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let (entry, reply) = call.read(&key);
    let Some(entry) = entry else {
        reply.integer(0);
        return Ok(());
    };
    let sketch = bytes_of(entry.value())?;
    if let Some(count) = sketches::last_count(sketch) {
        reply.integer(count as i64);
        return Ok(());
    }
    let count = sketches::count(sketch).map_err(corrupted)?;
    reply.integer(count as i64);
    if let Slot::Occupied(mut occupied) = call.slot(&key) {
        occupied.with_bytes(|sketch| sketches::set_last_count(sketch, count));
    }
    call.changed_quietly(&key);
    Ok(())
}

fn pfcount_many(call: &mut Call<'_>) -> Result<(), Failure> {
    let count = merged(call)?.0.count();
    call.reply.integer(count as i64);
    Ok(())
}

/// The registers of all keys' sketches together, and whether any of these is dense.
fn merged(call: &mut Call<'_>) -> Result<(Registers, bool), Failure> {
    let (mut registers, mut dense) = (Registers::default(), false);
    for i in 1..call.len() {
        let key = call.key(i);
        let Some(entry) = call.read(&key).0 else { continue };
        let sketch = bytes_of(entry.value())?;
        registers.merge(sketch).map_err(corrupted)?;
        dense |= sketches::is_dense(sketch);
    }
    Ok((registers, dense))
}

pub(super) const PFMERGE: Command = Command {
    name: "pfmerge",
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["RW", "access", "insert"]), KeySpec::range(2, -1, 1, &["RO", "access"])],
    summary: "Counts into a sketch all that others have counted in.",
    complexity: "O(N) with the number of sketches; the constant is large",
    syntax: "destkey [sourcekey [sourcekey ...]]",
    handler: pfmerge,
    ..BASE
};

fn pfmerge(call: &mut Call<'_>) -> Result<(), Failure> {
    let (registers, dense) = merged(call)?;
    let (key, sparse_max) = (call.key(1), sparse_max(call));
    // Whatever stands at the destination was merged, so it is well formed.
    edit(call, &key, |sketch| sketches::store(sketch, &registers, dense, sparse_max))?
        .0
        .map_err(corrupted)?;
    call.changed(Class::String, "pfadd", &key);
    call.reply.ok();
    Ok(())
}
