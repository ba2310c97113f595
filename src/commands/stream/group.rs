//! XGROUP: groups and their consumers.
//!
//! Groups belong to the stream's value, but watchers and clients that track the key hear nothing of them, as in Redis.

use super::ids;
use crate::commands::help;
use crate::engine::command::{Category, Command, Flag, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::{Key, Kind, Value};
use crate::types::stream::{Group, GroupEdit, Stream, StreamId};

pub(super) const XGROUP: Command = Command {
    name: "xgroup",
    arity: -2,
    group: super::BASE.group,
    since: "5.0.0",
    summary: "Holds the commands about groups of consumers.",
    complexity: "Depends on subcommand.",
    subcommands: &[CREATE, CREATECONSUMER, DELCONSUMER, DESTROY, HELP, SETID],
    ..Command::DEFAULT
};

const INSERTS: &[KeySpec] = &[KeySpec::one(2, &["RW", "insert"])];
const DELETES: &[KeySpec] = &[KeySpec::one(2, &["RW", "delete"])];

const HELP: Command = Command {
    name: "xgroup|help",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale],
    summary: "Prints this help.",
    handler: help::of_container,
    ..super::BASE
};

const CREATE: Command = Command {
    name: "xgroup|create",
    arity: -5,
    flags: &[Flag::Write, Flag::DenyOom],
    categories: &[Category::Stream],
    keys: INSERTS,
    summary: "Makes a group that reads on from an id ($: the last one), and the stream too if wanted.",
    syntax: "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]",
    handler: create,
    ..super::BASE
};

fn create(call: &mut Call<'_>) -> Result<(), Failure> {
    let options = Options::parse(call, true)?;
    let (key, name) = (call.key(2), call.arg(3));
    let exists = peek(call, &key)?.is_some();
    if !exists && !options.make_stream {
        return Err(no_key());
    }
    if call.len() > 8 {
        return Err(Failure::subcommand("xgroup", call.arg(1)));
    }
    let id = Position::parse(call.arg(4), false)?;
    let edited = call.edit_or_create(&key, |stream: &mut Stream, _| {
        let group = Group::new(id.resolve(stream), options.entries_read);
        stream.groups_mut().create(name, group)
    })?;
    if !edited.result {
        return Err(Failure::fixed("BUSYGROUP Consumer Group name already exists"));
    }
    if edited.created {
        call.changed(Class::Stream, "xgroup-create", &key);
    } else {
        say(call, "xgroup-create", &key);
    }
    call.reply.ok();
    Ok(())
}

/// Counts a change of a group that leaves the entries as they are.
fn say(call: &mut Call<'_>, event: &'static str, key: &Key<'_>) {
    call.engine.changes += 1;
    call.event(Class::Stream, event, key);
}

/// The stream at a key, without counting it as an access.
pub(super) fn peek<'c>(call: &'c mut Call<'_>, key: &Key<'_>) -> Result<Option<&'c Stream>, Failure> {
    match call.peek(key).0.map(|entry| entry.value()) {
        None => Ok(None),
        Some(Value::Object(object)) => Stream::of(object).map(Some).ok_or(Failure::WRONG_TYPE),
        Some(_) => Err(Failure::WRONG_TYPE),
    }
}

fn no_key() -> Failure {
    Failure::fixed(
        "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to \
         create an empty stream automatically.",
    )
}

/// The error of commands about a group that has to be there, for a key that is.
pub(super) fn no_group(key: &[u8], group: &[u8]) -> Failure {
    Failure::new([b"NOGROUP No such consumer group '", group, b"' for key name '", key, b"'"].concat())
}

/// Options of CREATE and SETID.
#[derive(Default)]
struct Options {
    make_stream: bool,
    entries_read: Option<i64>,
}

impl Options {
    fn parse(call: &Call<'_>, creates: bool) -> Result<Options, Failure> {
        let (mut options, mut i) = (Options::default(), 5);
        while i < call.len() {
            if creates && call.arg_is(i, "mkstream") {
                options.make_stream = true;
                i += 1;
            } else if call.arg_is(i, "entriesread") && i + 1 < call.len() {
                let read = call.integer(i + 1)?;
                if read < -1 {
                    return Err(Failure::fixed("ERR value for ENTRIESREAD must be positive or -1"));
                }
                options.entries_read = Some(read).filter(|read| *read >= 0);
                i += 2;
            } else {
                return Err(Failure::subcommand("xgroup", call.arg(1)));
            }
        }
        Ok(options)
    }
}

/// How far a group is to have come.
#[derive(Clone, Copy)]
enum Position {
    /// `$`
    Last,
    At(StreamId),
}

impl Position {
    fn parse(text: &[u8], ends: bool) -> Result<Position, Failure> {
        match text {
            b"$" => Ok(Position::Last),
            _ if ends => ids::id_or_end(text, 0).map(Position::At),
            _ => ids::id(text).map(Position::At),
        }
    }

    fn resolve(self, stream: &Stream) -> StreamId {
        match self {
            Position::Last => stream.log().figures().last_id,
            Position::At(id) => id,
        }
    }
}

const SETID: Command = Command {
    name: "xgroup|setid",
    arity: -5,
    flags: &[Flag::Write],
    keys: &[KeySpec::one(2, &["RW", "update"])],
    summary: "Lets a group read on from an id ($: the last one).",
    syntax: "key group <id | $> [ENTRIESREAD entries-read]",
    handler: set_id,
    ..super::BASE
};

fn set_id(call: &mut Call<'_>) -> Result<(), Failure> {
    let options = Options::parse(call, false)?;
    let (key, text) = (call.key(2), call.arg(4));
    let misfit = (call.len() > 7).then(|| Failure::subcommand("xgroup", call.arg(1)));
    edit(call, &key, |stream, name| {
        let last_id = stream.log().figures().last_id;
        let mut group = stream.edit_group(name)?;
        Some(misfit.map_or_else(|| Position::parse(text, true), Err).map(|position| {
            group.last_id = if let Position::At(id) = position { id } else { last_id };
            group.entries_read = options.entries_read;
        }))
    })??;
    say(call, "xgroup-setid", &key);
    call.reply.ok();
    Ok(())
}

/// Edits the stream at a key about the group in the next argument, both of which must be there: the edit returns `None` if
/// the group is not.
fn edit<R>(
    call: &mut Call<'_>,
    key: &Key<'_>,
    edit: impl FnOnce(&mut Stream, &[u8]) -> Option<R>,
) -> Result<R, Failure> {
    let name = call.arg(3);
    let edited = call.edit(key, |stream: &mut Stream, _| edit(stream, name))?;
    edited.ok_or_else(no_key)?.result.ok_or_else(|| no_group(key.bytes, name))
}

const DESTROY: Command = Command {
    name: "xgroup|destroy",
    arity: 4,
    flags: &[Flag::Write],
    keys: DELETES,
    summary: "Removes a group.",
    complexity: "O(N) with N the entries that are pending in the group",
    syntax: "key group",
    handler: destroy,
    ..super::BASE
};

fn destroy(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(2);
    let removed = edit(call, &key, |stream, name| Some(stream.groups_mut().remove(name)))?;
    if removed {
        say(call, "xgroup-destroy", &key);
        // Whoever waits for the group has to learn that it is gone.
        call.ready(&key);
    }
    call.reply.integer(i64::from(removed));
    Ok(())
}

const CREATECONSUMER: Command = Command {
    name: "xgroup|createconsumer",
    arity: 5,
    flags: &[Flag::Write, Flag::DenyOom],
    keys: INSERTS,
    since: "6.2.0",
    summary: "Makes a consumer of a group; returns how many were made.",
    syntax: "key group consumer",
    handler: create_consumer,
    ..super::BASE
};

fn create_consumer(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, consumer, now_ms) = (call.key(2), call.arg(4), call.stamp_ms());
    let created = edit_group(call, &key, |mut group| group.consumer_or_new(consumer, now_ms).1)?;
    if created {
        say(call, "xgroup-createconsumer", &key);
    }
    call.reply.integer(i64::from(created));
    Ok(())
}

fn edit_group<R>(
    call: &mut Call<'_>,
    key: &Key<'_>,
    change: impl FnOnce(GroupEdit<'_>) -> R,
) -> Result<R, Failure> {
    edit(call, key, |stream, name| stream.edit_group(name).map(change))
}

const DELCONSUMER: Command = Command {
    name: "xgroup|delconsumer",
    arity: 5,
    flags: &[Flag::Write],
    keys: DELETES,
    summary: "Removes a consumer with what is pending for it; returns how many entries that were.",
    complexity: "O(N log P) with N the entries that are pending for the consumer and P those for the group",
    syntax: "key group consumer",
    handler: remove_consumer,
    ..super::BASE
};

fn remove_consumer(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, consumer) = (call.key(2), call.arg(4));
    let removed = edit_group(call, &key, |mut group| group.remove_consumer(consumer))?;
    if removed.is_some() {
        say(call, "xgroup-delconsumer", &key);
    }
    call.reply.integer(removed.unwrap_or(0) as i64);
    Ok(())
}
