//! BITOP: strings combined bit by bit.

use crate::commands::string::value::text;
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::bitmap::{Operation, combine};
use crate::keyspace::{Expiry, Key, NewValue, Slot};

pub(super) const BITOP: Command = Command {
    name: "bitop",
    arity: -4,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(2, &["OW", "update"]), KeySpec::range(3, -1, 1, &["RO", "access"])],
    categories: &[Category::Bitmap],
    group: Group::Bitmap,
    since: "2.6.0",
    summary: "Combines strings bit by bit and stores the result; tells its length.",
    complexity: "O(N) with the length of the strings",
    syntax: "<AND | OR | XOR | NOT> destkey key [key ...]",
    handler: bitop,
    ..Command::DEFAULT
};

fn bitop(call: &mut Call<'_>) -> Result<(), Failure> {
    let operation = operation(call)?;
    let keys = keys(call)?;
    let mut digits = vec![itoa::Buffer::new(); keys.len()];
    let database = &call.engine.keyspace.databases[call.db_index()];
    let mut sources: Vec<&[u8]> = Vec::with_capacity(keys.len());
    for (key, digits) in keys.iter().zip(&mut digits) {
        let entry = key.as_ref().and_then(|key| database.get(key));
        sources.push(entry.map_or(Ok(&b""[..]), |entry| text(entry.value(), digits))?);
    }
    let length = sources.iter().map(|source| source.len()).max().unwrap_or(0);
    let result = combine(operation, sources.into_iter(), length);
    store(call, result);
    call.reply.integer(length as i64);
    Ok(())
}

fn operation(call: &Call<'_>) -> Result<Operation, Failure> {
    const NAMES: [(&str, Operation); 4] =
        [("and", Operation::And), ("or", Operation::Or), ("xor", Operation::Xor), ("not", Operation::Not)];
    let named = NAMES.iter().find(|(name, _)| call.arg_is(1, name));
    let (_, operation) = named.ok_or(Failure::SYNTAX)?;
    if *operation == Operation::Not && call.len() != 4 {
        return Err(Failure::fixed("ERR BITOP NOT must be called with a single source key."));
    }
    Ok(*operation)
}

/// The keys of the sources, `None` where there is none; all others hold strings.
fn keys<'a>(call: &mut Call<'a>) -> Result<Vec<Option<Key<'a>>>, Failure> {
    let mut keys = Vec::with_capacity(call.len() - 3);
    for i in 3..call.len() {
        let key = call.key(i);
        let (entry, _) = call.read(&key);
        if let Some(entry) = &entry {
            text(entry.value(), &mut itoa::Buffer::new())?;
        }
        keys.push(entry.map(|_| key));
    }
    Ok(keys)
}

/// Puts the result at the destination; an empty one only takes the old value away.
fn store(call: &mut Call<'_>, result: Vec<u8>) {
    let (target, clock) = (call.key(2), call.new_clock());
    if result.is_empty() {
        if let Some(removed) = call.remove(&target) {
            call.engine.discard(removed);
            call.changed(Class::Generic, "del", &target);
        }
        return;
    }
    let slot = call.slot(&target);
    let created = matches!(slot, Slot::Vacant(_));
    let replaced = match slot {
        Slot::Occupied(mut occupied) => occupied.set(NewValue::Heap(result), Expiry::Clear),
        Slot::Vacant(vacant) => {
            vacant.insert(NewValue::Heap(result), None, clock);
            None
        }
    };
    call.engine.discard_value(replaced);
    call.written(created, Class::String, "set", &target);
}
