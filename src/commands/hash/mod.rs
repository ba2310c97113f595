//! Hashes.

use crate::engine::command::Command;

/// The group's table.
pub const COMMANDS: &[Command] = &[];
