//! HyperLogLog: counting different texts in little room. A sketch is a string like any other.

mod debug;
mod sketch;

use crate::engine::command::Command;

/// The group's table.
pub const COMMANDS: &[Command] =
    &[sketch::PFADD, sketch::PFCOUNT, debug::PFDEBUG, sketch::PFMERGE, debug::PFSELFTEST];
