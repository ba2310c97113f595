//! Whole databases: DBSIZE, FLUSHDB, FLUSHALL, SWAPDB.

use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::{Call, Failure};
use crate::text::number;

pub(super) const DBSIZE: Command = Command {
    name: "dbsize",
    arity: 1,
    flags: &[Flag::ReadOnly, Flag::Fast],
    categories: &[Category::Keyspace],
    group: Group::Server,
    summary: "Returns how many keys the database holds, expired ones that are not removed yet included.",
    tips: &["request_policy:all_shards", "response_policy:agg_sum"],
    handler: dbsize,
    ..Command::DEFAULT
};

fn dbsize(call: &mut Call<'_>) -> Result<(), Failure> {
    let keys = call.db().len();
    call.reply.integer(keys as i64);
    Ok(())
}

/// What FLUSHDB and FLUSHALL share.
const FLUSH: Command = Command {
    arity: -1,
    flags: &[Flag::Write],
    categories: &[Category::Keyspace, Category::Dangerous],
    group: Group::Server,
    complexity: "O(N) where N is the number of keys removed",
    syntax: "[ASYNC | SYNC]",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    ..Command::DEFAULT
};

pub(super) const FLUSHDB: Command =
    Command { name: "flushdb", summary: "Removes all keys of the database.", handler: flushdb, ..FLUSH };

pub(super) const FLUSHALL: Command =
    Command { name: "flushall", summary: "Removes all keys of all databases.", handler: flushall, ..FLUSH };

fn flushdb(call: &mut Call<'_>) -> Result<(), Failure> {
    let db = call.db_index();
    flush(call, db..db + 1)
}

fn flushall(call: &mut Call<'_>) -> Result<(), Failure> {
    let all = call.engine.keyspace.databases.len();
    flush(call, 0..all)?;
    if !call.engine.config.save.0.is_empty() {
        // What has been flushed must not come back: neither by the save under way nor by the one before.
        call.engine.abort_save();
        call.engine.persistence.schedule();
    }
    Ok(())
}

fn flush(call: &mut Call<'_>, databases: std::ops::Range<usize>) -> Result<(), Failure> {
    let later = frees_later(call)?;
    for db in databases {
        let Some((keys, cleared)) = call.engine.clear_database(db, call.now) else { continue };
        if later {
            call.engine.stats.lazyfreed_objects += keys as u64;
            call.engine.discard_later(cleared);
        }
    }
    call.engine.tracked_keys_flushed();
    // As in Redis also when nothing was there: a replica may hold what this node does not.
    let words: Vec<&[u8]> = call.request.iter().collect();
    call.propagate(&words);
    call.reply.ok();
    Ok(())
}

/// Whether what is removed is freed bit by bit, instead of at once.
fn frees_later(call: &Call<'_>) -> Result<bool, Failure> {
    match call.len() {
        1 => Ok(call.engine.config.lazyfree_lazy_user_flush),
        2 if call.arg_is(1, "sync") => Ok(false),
        2 if call.arg_is(1, "async") => Ok(true),
        _ => Err(Failure::SYNTAX),
    }
}

pub(super) const SWAPDB: Command = Command {
    name: "swapdb",
    arity: 3,
    flags: &[Flag::Write, Flag::Fast],
    categories: &[Category::Keyspace, Category::Dangerous],
    group: Group::Server,
    since: "4.0.0",
    summary: "Exchanges two databases: whoever has selected one sees the other's keys at once.",
    complexity: "O(1)",
    syntax: "index1 index2",
    handler: swapdb,
    ..Command::DEFAULT
};

fn swapdb(call: &mut Call<'_>) -> Result<(), Failure> {
    let number = |word: &[u8]| number::parse_i64(word).and_then(|index| i32::try_from(index).ok());
    let a = number(call.arg(1)).ok_or(Failure::fixed("ERR invalid first DB index"))?;
    let b = number(call.arg(2)).ok_or(Failure::fixed("ERR invalid second DB index"))?;
    let count = call.engine.keyspace.databases.len();
    let existing = |index: i32| usize::try_from(index).ok().filter(|index| *index < count);
    let (Some(a), Some(b)) = (existing(a), existing(b)) else { return Err(Failure::DB_INDEX) };
    call.engine.swap_databases(a, b, call.now);
    call.reply.ok();
    Ok(())
}
