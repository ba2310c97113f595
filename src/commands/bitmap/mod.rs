//! Bitmaps: strings looked at bit by bit, or as rows of small integers.

mod bit;
mod combine;
mod field;
mod range;
mod value;

use crate::engine::command::Command;

/// The group's table.
pub const COMMANDS: &[Command] = &[
    range::BITCOUNT,
    field::BITFIELD,
    field::BITFIELD_RO,
    combine::BITOP,
    range::BITPOS,
    bit::GETBIT,
    bit::SETBIT,
];
