//! Sets: members come, go and are looked for; some are drawn by chance; several sets are combined.

mod chance;
mod combine;
mod member;
mod scan;
mod value;

use crate::engine::command::Command;

/// The group's table.
pub const COMMANDS: &[Command] = &[
    member::SADD,
    member::SCARD,
    combine::SDIFF,
    combine::SDIFFSTORE,
    combine::SINTER,
    combine::SINTERCARD,
    combine::SINTERSTORE,
    member::SISMEMBER,
    member::SMEMBERS,
    member::SMISMEMBER,
    member::SMOVE,
    chance::SPOP,
    chance::SRANDMEMBER,
    member::SREM,
    scan::SSCAN,
    combine::SUNION,
    combine::SUNIONSTORE,
];
