//! SORT: elements of a list, set or sorted set in the order of their own or of other keys' values, and in place of each, if
//! wanted, what other keys hold.
//!
//! [`options`] reads what is asked; [`load`] takes the elements; [`order`] sorts them; [`lookup`] reads other keys. Source:
//! <https://redis.io/docs/latest/commands/sort/>, and the answers of real servers.

mod load;
mod lookup;
mod options;
mod order;

use crate::engine::command::{Begin, Category, Command, Find, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::List;
use crate::types::list::{End, Limits};
use options::Options;

/// Keys whose names only the run shows.
const HIDDEN: KeySpec =
    KeySpec { flags: &["RO", "access"], begin: Begin::Unknown, find: Find::Unknown, notes: "" };

const BASE: Command = Command {
    arity: -2,
    group: Group::Generic,
    categories: &[Category::Set, Category::SortedSet, Category::List, Category::Dangerous],
    complexity: "O(N+M*log(M)) with N elements of which M are returned; O(N) if they are not sorted",
    ..Command::DEFAULT
};

pub(super) const SORT: Command = Command {
    name: "sort",
    flags: &[Flag::Write, Flag::DenyOom, Flag::MovableKeys],
    keys: &[
        KeySpec::one(1, &["RO", "access"]),
        HIDDEN.noted("the keys that BY and GET read: their names come from the elements"),
        KeySpec { flags: &["OW", "update"], ..HIDDEN }
            .noted("the key behind STORE, which may stand anywhere"),
    ],
    summary: "Sorts a list, set or sorted set; returns or stores the result.",
    syntax: "key [BY by-pattern:pattern] [LIMIT offset count] [GET get-pattern:pattern [GET get-pattern:pattern ...]] [ASC | DESC] [ALPHA] \
             [STORE destination]",
    handler: |call| sort(call, true),
    ..BASE
};

pub(super) const SORT_RO: Command = Command {
    name: "sort_ro",
    flags: &[Flag::ReadOnly, Flag::MovableKeys],
    keys: &[
        KeySpec::one(1, &["RO", "access"]),
        HIDDEN.noted("the keys that BY and GET read: their names come from the elements"),
    ],
    since: "7.0.0",
    summary: "Sorts a list, set or sorted set, and stores nothing.",
    syntax: "key [BY by-pattern:pattern] [LIMIT offset count] [GET get-pattern:pattern [GET get-pattern:pattern ...]] [ASC | DESC] [ALPHA]",
    handler: |call| sort(call, false),
    ..BASE
};

fn sort(call: &mut Call<'_>, may_store: bool) -> Result<(), Failure> {
    let mut options = Options::parse(call, may_store)?;
    let loaded = load::load(call, &mut options)?;
    let sorted = order::sorted(call, loaded, &options)?;
    if options.store.is_some() { store(call, &sorted, &options) } else { answer(call, &sorted, &options) }
}

fn answer(call: &mut Call<'_>, sorted: &[Vec<u8>], options: &Options<'_>) -> Result<(), Failure> {
    let each = options.get.len().max(1);
    call.reply.array(sorted.len() * each);
    for element in sorted {
        if options.get.is_empty() {
            call.reply.bulk(element);
        }
        for pattern in &options.get {
            match lookup::by_pattern(call, pattern, element) {
                Some(text) => call.reply.bulk(&text),
                None => call.reply.null(),
            }
        }
    }
    Ok(())
}

fn store(call: &mut Call<'_>, sorted: &[Vec<u8>], options: &Options<'_>) -> Result<(), Failure> {
    let Some(at) = options.store else { return Ok(()) };
    let mut texts: Vec<Vec<u8>> = Vec::new();
    for element in sorted {
        if options.get.is_empty() {
            texts.push(element.clone());
        }
        for pattern in &options.get {
            // What is not there is stored as nothing: a list has no place for a null.
            texts.push(lookup::by_pattern(call, pattern, element).unwrap_or_default());
        }
    }
    let config = &call.engine.config;
    let limits = Limits::new(config.list_max_listpack_size, config.list_compress_depth);
    let mut list = List::default();
    list.push(End::Back, texts.iter().map(Vec::as_slice), limits);
    let key = call.key(at);
    let existed = call.put(&key, list);
    if !texts.is_empty() {
        call.changed(Class::List, "sortstore", &key);
    } else if existed {
        call.changed(Class::Generic, "del", &key);
    }
    call.reply.integer(texts.len() as i64);
    Ok(())
}
