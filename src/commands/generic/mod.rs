//! Keys, whatever they hold: removing, naming, finding, expiring, carrying away, looking behind the scenes.

mod dump;
mod expire;
mod keys;
mod object;
mod relocate;
pub(super) mod scan;
mod sort;
mod wait;

use crate::engine::command::Command;

pub(super) use scan::parse_cursor;

/// The group's table.
pub const COMMANDS: &[Command] = &[
    relocate::COPY,
    keys::DEL,
    dump::DUMP,
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
    dump::RESTORE,
    dump::RESTORE_ASKING,
    scan::SCAN,
    sort::SORT,
    sort::SORT_RO,
    keys::TOUCH,
    expire::TTL,
    keys::TYPE,
    keys::UNLINK,
    wait::WAIT,
    wait::WAITAOF,
];
