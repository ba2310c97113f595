//! Lists: push and pop at both ends, read and change by position or by text, move between lists, wait for an element.
//!
//! Commands that wait try first, by the same code as those that do not; the engine runs them again when a list may have got an
//! element. What they did goes into the effects as the command that would have done it without waiting.

mod change;
mod pop;
mod pop_any;
mod push;
mod read;
mod search;
mod transfer;
mod words;

use crate::engine::command::Command;

/// The group's table.
pub const COMMANDS: &[Command] = &[
    transfer::BLMOVE,
    pop_any::BLMPOP,
    pop_any::BLPOP,
    pop_any::BRPOP,
    transfer::BRPOPLPUSH,
    read::LINDEX,
    change::LINSERT,
    read::LLEN,
    transfer::LMOVE,
    pop_any::LMPOP,
    pop::LPOP,
    search::LPOS,
    push::LPUSH,
    push::LPUSHX,
    read::LRANGE,
    change::LREM,
    change::LSET,
    change::LTRIM,
    pop::RPOP,
    transfer::RPOPLPUSH,
    push::RPUSH,
    push::RPUSHX,
];
