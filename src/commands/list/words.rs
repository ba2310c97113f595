//! What the commands of this group share: ends and what is called after them, limits, elements in replies.

use crate::config::Config;
use crate::engine::command::{Category, Command, Group};
use crate::engine::{Call, Class, Failure};
use crate::keyspace::Key;
use crate::protocol::reply::Reply;
use crate::types::Item;
use crate::types::list::{End, Limits};

/// What most entries of this group begin with.
pub(super) const BASE: Command =
    Command { group: Group::List, categories: &[Category::List], ..Command::DEFAULT };

/// The limits in force.
#[inline]
pub(super) fn limits(config: &Config) -> Limits {
    Limits::new(config.list_max_listpack_size, config.list_compress_depth)
}

/// Argument `i`: LEFT or RIGHT.
pub(super) fn end(call: &Call<'_>, i: usize) -> Result<End, Failure> {
    if call.arg_is(i, "left") {
        Ok(End::Front)
    } else if call.arg_is(i, "right") {
        Ok(End::Back)
    } else {
        Err(Failure::SYNTAX)
    }
}

/// The event of a push at this end.
pub(super) fn pushed(end: End) -> &'static str {
    match end {
        End::Front => "lpush",
        End::Back => "rpush",
    }
}

/// The event of a pop at this end.
pub(super) fn popped(end: End) -> &'static str {
    match end {
        End::Front => "lpop",
        End::Back => "rpop",
    }
}

/// The command that pops at this end.
pub(super) fn pop_command(end: End) -> &'static [u8] {
    match end {
        End::Front => b"LPOP",
        End::Back => b"RPOP",
    }
}

/// Says that elements have gone, and perhaps their list with them.
#[inline]
pub(super) fn report_loss(call: &mut Call<'_>, event: &'static str, key: &Key<'_>, removed: bool) {
    call.changed(Class::List, event, key);
    if removed {
        call.event(Class::Generic, "del", key);
    }
}

/// Writes an element.
#[inline]
pub(super) fn write(reply: &mut Reply<'_>, item: Item<'_>) {
    match item {
        Item::Int(number) => reply.bulk_integer(number),
        Item::Bytes(bytes) => reply.bulk(bytes),
    }
}
