//! Several sets together: SINTER, SUNION, SDIFF, answered, stored, or counted.

use std::ops::{ControlFlow, Range};

use super::value::{answer, limits};
use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::set::combine::{difference, intersection};
use crate::keyspace::{Database, Item, Key, Kind, Payload, Set, SetRef, Value, View};

const BASE: Command = Command { group: Group::Set, categories: &[Category::Set], ..Command::DEFAULT };
const ANSWERS: Command = Command {
    arity: -2,
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::range(1, -1, 1, &["RO", "access"])],
    syntax: "key [key ...]",
    tips: &["nondeterministic_output_order"],
    ..BASE
};
const STORES: Command = Command {
    arity: -3,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["OW", "update"]), KeySpec::range(2, -1, 1, &["RO", "access"])],
    syntax: "destination key [key ...]",
    ..BASE
};
const OF_SMALLEST: &str = "O(N*M) with the size of the smallest set and the number of sets";
const OF_ALL: &str = "O(N) with the number of members of all sets together";

pub(super) const SINTER: Command = Command {
    name: "sinter",
    summary: "Returns the members that all of the sets have.",
    complexity: OF_SMALLEST,
    handler: |call| show(call, Operation::Intersection),
    ..ANSWERS
};

pub(super) const SUNION: Command = Command {
    name: "sunion",
    summary: "Returns the members that any of the sets has.",
    complexity: OF_ALL,
    handler: |call| show(call, Operation::Union),
    ..ANSWERS
};

pub(super) const SDIFF: Command = Command {
    name: "sdiff",
    summary: "Returns the members that the first set has and none of the others.",
    complexity: OF_ALL,
    handler: |call| show(call, Operation::Difference),
    ..ANSWERS
};

pub(super) const SINTERSTORE: Command = Command {
    name: "sinterstore",
    summary: "Stores the members that all of the sets have as a set; tells how many they are.",
    complexity: OF_SMALLEST,
    handler: |call| store(call, Operation::Intersection, "sinterstore"),
    ..STORES
};

pub(super) const SUNIONSTORE: Command = Command {
    name: "sunionstore",
    summary: "Stores the members that any of the sets has as a set; tells how many they are.",
    complexity: OF_ALL,
    handler: |call| store(call, Operation::Union, "sunionstore"),
    ..STORES
};

pub(super) const SDIFFSTORE: Command = Command {
    name: "sdiffstore",
    summary: "Stores the members that the first set has and none of the others as a set; tells how many they are.",
    complexity: OF_ALL,
    handler: |call| store(call, Operation::Difference, "sdiffstore"),
    ..STORES
};

pub(super) const SINTERCARD: Command = Command {
    name: "sintercard",
    arity: -3,
    flags: &[Flag::ReadOnly, Flag::MovableKeys],
    keys: &[KeySpec::counted(1, 1, &["RO", "access"])],
    since: "7.0.0",
    summary: "Tells how many members all of the sets have, counting up to a limit if wanted.",
    complexity: OF_SMALLEST,
    syntax: "numkeys key [key ...] [LIMIT limit]",
    handler: sintercard,
    ..BASE
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    Intersection,
    Union,
    Difference,
}

impl Operation {
    /// Shows the result's members; those of a union may come more than once.
    fn run(self, sets: &[Option<SetRef<'_>>], mut each: impl FnMut(Item<'_>)) {
        let mut there: Vec<SetRef<'_>> = sets.iter().flatten().copied().collect();
        match (self, sets.first()) {
            (Operation::Intersection, _) if there.len() < sets.len() => {}
            (Operation::Intersection, _) => intersection(&mut there, |member| {
                each(member);
                ControlFlow::Continue(())
            }),
            (Operation::Union, _) => there.iter().for_each(|set| set.for_each(&mut each)),
            (Operation::Difference, Some(Some(first))) => difference(*first, &mut there[1..], each),
            (Operation::Difference, _) => {}
        }
    }
}

/// The keys in these arguments, `None` where there is none; all others hold sets.
fn keys<'a>(call: &mut Call<'a>, arguments: Range<usize>) -> Result<Vec<Option<Key<'a>>>, Failure> {
    let mut keys = Vec::with_capacity(arguments.len());
    for i in arguments {
        let key = call.key(i);
        let (set, _) = call.read_as::<Set>(&key)?;
        keys.push(set.map(|_| key));
    }
    Ok(keys)
}

/// The sets at these keys.
fn sets<'e>(database: &'e Database, keys: &[Option<Key<'_>>]) -> Vec<Option<SetRef<'e>>> {
    let set = |key: &Option<Key<'_>>| match database.get(key.as_ref()?)?.value() {
        Value::Object(object) => Set::of(object),
        _ => None,
    };
    keys.iter().map(set).collect()
}

fn show(call: &mut Call<'_>, operation: Operation) -> Result<(), Failure> {
    let arguments = 1..call.len();
    let (keys, db) = (keys(call, arguments)?, call.db_index());
    let sets = sets(&call.engine.keyspace.databases[db], &keys);
    let (limits, secret) = (limits(&call.engine.config), call.engine.keyspace.hasher().hash_key());
    let repeats = operation == Operation::Union && sets.iter().flatten().count() > 1;
    let (mark, mut shown, mut seen) = (call.reply.deferred_set(), 0, Set::default());
    operation.run(&sets, |member| {
        if !repeats || seen.add_item(member, &limits, secret) {
            answer(&mut call.reply, member);
            shown += 1;
        }
    });
    call.reply.close(mark, shown);
    Ok(())
}

fn store(call: &mut Call<'_>, operation: Operation, event: &'static str) -> Result<(), Failure> {
    let arguments = 2..call.len();
    let (keys, db, target) = (keys(call, arguments)?, call.db_index(), call.key(1));
    let sets = sets(&call.engine.keyspace.databases[db], &keys);
    let (limits, secret) = (limits(&call.engine.config), call.engine.keyspace.hasher().hash_key());
    let mut result = Set::default();
    operation.run(&sets, |member| {
        result.add_item(member, &limits, secret);
    });
    result.settle(&limits);
    let size = result.view().len();
    let existed = call.put(&target, result);
    if size > 0 {
        call.changed(Class::Set, event, &target);
    } else if existed {
        call.changed(Class::Generic, "del", &target);
    }
    call.reply.integer(size as i64);
    Ok(())
}

fn sintercard(call: &mut Call<'_>) -> Result<(), Failure> {
    let count = call.integer(1).ok().filter(|count| *count > 0);
    let count = count.ok_or(Failure::fixed("ERR numkeys should be greater than 0"))? as usize;
    if count > call.len() - 2 {
        return Err(Failure::fixed("ERR Number of keys can't be greater than number of args"));
    }
    let limit = limit(call, 2 + count)?;
    let (keys, db) = (keys(call, 2..2 + count)?, call.db_index());
    let mut sets: Vec<SetRef<'_>> =
        sets(&call.engine.keyspace.databases[db], &keys).into_iter().flatten().collect();
    let mut found = 0;
    if sets.len() == count {
        intersection(&mut sets, |_| {
            found += 1;
            if found == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
    call.reply.integer(found);
    Ok(())
}

/// SINTERCARD's limit, from argument `i` on; 0 is none.
fn limit(call: &Call<'_>, mut i: usize) -> Result<i64, Failure> {
    const NEGATIVE: Failure = Failure::fixed("ERR LIMIT can't be negative");
    let mut limit = 0;
    while i < call.len() {
        if !call.arg_is(i, "limit") || i + 1 == call.len() {
            return Err(Failure::SYNTAX);
        }
        limit = call.integer(i + 1).ok().filter(|limit| *limit >= 0).ok_or(NEGATIVE)?;
        i += 2;
    }
    Ok(limit)
}
