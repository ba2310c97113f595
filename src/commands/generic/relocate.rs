//! What a key holds, under another name or in another database: RENAME, COPY, MOVE.

use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{Key, Slot};

const BASE: Command =
    Command { group: Group::Generic, categories: &[Category::Keyspace], ..Command::DEFAULT };

pub(super) const RENAME: Command = Command {
    name: "rename",
    arity: 3,
    flags: &[Flag::Write],
    keys: &[KeySpec::one(1, &["RW", "access", "delete"]), KeySpec::one(2, &["OW", "update"])],
    summary: "Gives a key another name, whatever had that name before.",
    syntax: "key newkey",
    handler: rename,
    ..BASE
};

fn rename(call: &mut Call<'_>) -> Result<(), Failure> {
    give_name(call, true)?;
    call.reply.ok();
    Ok(())
}

pub(super) const RENAMENX: Command = Command {
    name: "renamenx",
    arity: 3,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "access", "delete"]), KeySpec::one(2, &["OW", "insert"])],
    summary: "Gives a key another name if that is free.",
    syntax: "key newkey",
    handler: renamenx,
    ..BASE
};

fn renamenx(call: &mut Call<'_>) -> Result<(), Failure> {
    let renamed = give_name(call, false)?;
    call.reply.integer(i64::from(renamed));
    Ok(())
}

/// Puts what the first key holds under the second one; false if that is taken and must not be overwritten.
fn give_name(call: &mut Call<'_>, overwrite: bool) -> Result<bool, Failure> {
    let (from, to) = (call.key(1), call.key(2));
    if call.peek(&from).0.is_none() {
        return Err(Failure::NO_SUCH_KEY);
    }
    if from.bytes == to.bytes {
        return Ok(overwrite);
    }
    if call.peek(&to).0.is_some() && !overwrite {
        return Ok(false);
    }
    let Slot::Occupied(entry) = call.slot(&from) else { return Err(Failure::NO_SUCH_KEY) };
    let entry = entry.remove();
    let old = call.db().insert_removed(&to, entry);
    call.engine.discard(old);
    call.event(Class::New, "new", &to);
    call.changed(Class::Generic, "rename_from", &from);
    call.engine.key_changed(call.db_index(), &to, Some(call.client));
    call.event(Class::Generic, "rename_to", &to);
    Ok(true)
}

pub(super) const COPY: Command = Command {
    name: "copy",
    arity: -3,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: &[KeySpec::one(1, &["RO", "access"]), KeySpec::one(2, &["OW", "update"])],
    since: "6.2.0",
    summary: "Copies what a key holds to another key, in another database if wanted.",
    complexity: "O(N) with the number of elements; O(1) for strings",
    syntax: "source destination [DB destination-db] [REPLACE]",
    handler: copy,
    ..BASE
};

fn copy(call: &mut Call<'_>) -> Result<(), Failure> {
    let (db, replace) = copy_options(call)?;
    let (from, to) = (call.key(1), call.key(2));
    if db == call.db_index() && from.bytes == to.bytes {
        return Err(SAME_PLACE);
    }
    let found = call.read(&from).0.is_some();
    let copied = found && (call.peek_in(db, &to).0.is_none() || replace) && copy_entry(call, &from, db, &to);
    if copied {
        call.event_in(db, Class::New, "new", &to);
        call.changed_in(db, Class::Generic, "copy_to", &to);
    }
    call.reply.integer(i64::from(copied));
    Ok(())
}

const SAME_PLACE: Failure = Failure::fixed("ERR source and destination objects are the same");

/// The database to copy to, and whether to overwrite.
fn copy_options(call: &Call<'_>) -> Result<(usize, bool), Failure> {
    let (mut db, mut replace) = (call.db_index(), false);
    let mut i = 3;
    while i < call.len() {
        if call.arg_is(i, "replace") {
            replace = true;
        } else if call.arg_is(i, "db") && i + 1 < call.len() {
            i += 1;
            db = database(call, i)?;
        } else {
            return Err(Failure::SYNTAX);
        }
        i += 1;
    }
    Ok((db, replace))
}

/// Argument `i` as the number of a database.
fn database(call: &Call<'_>, i: usize) -> Result<usize, Failure> {
    let number = i32::try_from(call.integer(i)?).map_err(|_| {
        Failure::fixed("ERR value is out of range, value must between -2147483648 and 2147483647")
    })?;
    let exists = |db: &usize| *db < call.engine.keyspace.databases.len();
    usize::try_from(number).ok().filter(exists).ok_or(Failure::DB_INDEX)
}

fn copy_entry(call: &mut Call<'_>, from: &Key<'_>, db: usize, to: &Key<'_>) -> bool {
    let clock = call.new_clock();
    let Some(copy) = call.db().get(from).map(|entry| entry.to_owned()) else { return false };
    copy.entry().set_clock(clock);
    let old = call.engine.keyspace.databases[db].insert_removed(to, copy);
    call.engine.discard(old);
    true
}

pub(super) const MOVE: Command = Command {
    name: "move",
    arity: 3,
    flags: &[Flag::Write, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "access", "update"])],
    summary: "Takes a key to another database, if there is no such key there.",
    syntax: "key db",
    handler: move_to,
    ..BASE
};

fn move_to(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, db) = (call.key(1), database(call, 2)?);
    if db == call.db_index() {
        return Err(SAME_PLACE);
    }
    let moves = call.peek(&key).0.is_some() && call.peek_in(db, &key).0.is_none();
    if let (true, Slot::Occupied(entry)) = (moves, call.slot(&key)) {
        let entry = entry.remove();
        let old = call.engine.keyspace.databases[db].insert_removed(&key, entry);
        call.engine.discard(old);
        call.event_in(db, Class::New, "new", &key);
        call.changed(Class::Generic, "move_from", &key);
        call.changed_in(db, Class::Generic, "move_to", &key);
    }
    call.reply.integer(i64::from(moves));
    Ok(())
}
