//! Keys, whatever they hold: removing, naming, finding, expiring, looking behind the scenes.

mod expire;
mod keys;
mod object;
mod relocate;
pub(super) mod scan;

use crate::engine::command::Command;

/// The group's table.
pub const COMMANDS: &[Command] = &[
    relocate::COPY,
    keys::DEL,
    keys::EXISTS,
    expire::EXPIRE,
    expire::EXPIREAT,
    expire::EXPIRETIME,
    scan::KEYS,
    relocate::MOVE,
    object::OBJECT,
    expire::PERSIST,
    expire::PEXPIRE,
    expire::PEXPIREAT,
    expire::PEXPIRETIME,
    expire::PTTL,
    scan::RANDOMKEY,
    relocate::RENAME,
    relocate::RENAMENX,
    scan::SCAN,
    keys::TOUCH,
    expire::TTL,
    keys::TYPE,
    keys::UNLINK,
];
