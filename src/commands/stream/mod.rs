//! Streams: add, read and trim entries, and read them as a group of consumers.

mod add;
mod claim;
mod effects;
mod group;
mod ids;
mod info;
mod pending;
mod range;
mod read;
mod read_group;
mod set_id;
mod trim;
mod write;

use crate::engine::command::{Category, Command, Group};

/// The group's table.
pub const COMMANDS: &[Command] = &[
    pending::XACK,
    add::XADD,
    claim::XAUTOCLAIM,
    claim::XCLAIM,
    range::XDEL,
    group::XGROUP,
    info::XINFO,
    range::XLEN,
    pending::XPENDING,
    range::XRANGE,
    read::XREAD,
    read_group::XREADGROUP,
    range::XREVRANGE,
    set_id::XSETID,
    trim::XTRIM,
];

/// What most entries share.
const BASE: Command =
    Command { group: Group::Stream, categories: &[Category::Stream], since: "5.0.0", ..Command::DEFAULT };
