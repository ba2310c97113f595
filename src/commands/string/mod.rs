//! Strings: set and get, count, cut and patch, many at once, compare.
//!
//! A text that is an integer in canonical form is stored as the integer; nobody sees a difference but OBJECT ENCODING.

mod counter;
mod get_set;
mod lcs;
mod multi;
mod options;
mod range;
pub(super) mod value;

use crate::engine::command::Command;

/// The group's table.
pub const COMMANDS: &[Command] = &[
    range::APPEND,
    counter::DECR,
    counter::DECRBY,
    get_set::DELIFEQ,
    get_set::GET,
    get_set::GETDEL,
    get_set::GETEX,
    range::GETRANGE,
    get_set::GETSET,
    counter::INCR,
    counter::INCRBY,
    counter::INCRBYFLOAT,
    lcs::LCS,
    multi::MGET,
    multi::MSET,
    multi::MSETEX,
    multi::MSETNX,
    get_set::PSETEX,
    get_set::SET,
    get_set::SETEX,
    get_set::SETNX,
    range::SETRANGE,
    range::STRLEN,
    range::SUBSTR,
];
