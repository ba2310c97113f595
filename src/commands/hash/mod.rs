//! Hashes: read, write, count with fields; fields by chance and in small steps; deadlines of fields.
//!
//! Every handler that writes to fields first settles them (`settle`): those past their deadline go, and the effects say so.
//! Readers give the time and are not shown such fields.

mod counter;
mod deadline;
mod fields;
mod get;
mod random;
mod scan;
mod set;
mod set_until;
mod take;

use std::ops::Range;

use crate::engine::command::Command;
use crate::engine::{Around, Call, Failure};
use crate::keyspace::{Growth, HashRef, Item, Key, ObjectRef, Value};
use crate::protocol::reply::Reply;

/// The group's table.
pub const COMMANDS: &[Command] = &[
    set::HDEL,
    get::HEXISTS,
    deadline::HEXPIRE,
    deadline::HEXPIREAT,
    deadline::HEXPIRETIME,
    get::HGET,
    get::HGETALL,
    take::HGETDEL,
    take::HGETEX,
    counter::HINCRBY,
    counter::HINCRBYFLOAT,
    get::HKEYS,
    get::HLEN,
    get::HMGET,
    set::HMSET,
    deadline::HPERSIST,
    deadline::HPEXPIRE,
    deadline::HPEXPIREAT,
    deadline::HPEXPIRETIME,
    deadline::HPTTL,
    random::HRANDFIELD,
    scan::HSCAN,
    set::HSET,
    set_until::HSETEX,
    set::HSETNX,
    get::HSTRLEN,
    deadline::HTTL,
    get::HVALS,
];

/// Writes a field's name or value.
#[inline]
fn write(reply: &mut Reply<'_>, item: Item<'_>) {
    match item {
        Item::Int(number) => reply.bulk_integer(number),
        Item::Bytes(bytes) => reply.bulk(bytes),
    }
}

/// Writes a value, or null for none.
#[inline]
fn write_or_null(reply: &mut Reply<'_>, value: Option<Item<'_>>) {
    match value {
        Some(value) => write(reply, value),
        None => reply.null(),
    }
}

/// When a hash becomes large.
#[inline]
fn growth(around: &Around<'_, '_>) -> Growth {
    let config = around.config;
    Growth {
        fields_max: usize::try_from(config.hash_max_listpack_entries).unwrap_or(usize::MAX),
        text_bytes_max: usize::try_from(config.hash_max_listpack_value_bytes).unwrap_or(usize::MAX),
        hash_key: around.hash_key,
    }
}

/// Takes those of the fields that are named in some arguments, each `step`-th of them, away that are past their deadline.
#[inline]
fn settle(call: &mut Call<'_>, key: &Key<'_>, arguments: Range<usize>, step: usize) {
    let (db, now, request) = (call.db_index(), call.now, call.request);
    let fields = arguments.step_by(step).map(|i| request.arg(i));
    call.engine.expire_named_fields(db, key, fields, now);
}

/// The hash at a key, as it stands: nobody counts this as reading it.
fn peek<'k>(call: &'k mut Call<'_>, key: &Key<'_>) -> Result<Option<HashRef<'k>>, Failure> {
    match call.peek(key).0.map(|entry| entry.value()) {
        None => Ok(None),
        Some(Value::Object(ObjectRef::Hash(hash))) => Ok(Some(hash)),
        Some(_) => Err(Failure::WRONG_TYPE),
    }
}
