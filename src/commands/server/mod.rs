//! Commands for operating a node: what it knows, how it is set up, what it has been doing.

mod acl;
mod command;
mod config;
mod databases;
mod debug;
mod info;
mod latency;
mod lolwut;
mod memory;
mod process;
mod replication;
mod save;
mod slowlog;

use crate::engine::command::Command;

/// The group's table.
pub const COMMANDS: &[Command] = &[
    acl::ACL,
    command::COMMAND,
    config::CONFIG,
    databases::DBSIZE,
    debug::DEBUG,
    replication::FAILOVER,
    databases::FLUSHALL,
    databases::FLUSHDB,
    info::INFO,
    latency::LATENCY,
    lolwut::LOLWUT,
    memory::MEMORY,
    process::MONITOR,
    replication::PSYNC,
    replication::REPLCONF,
    replication::REPLICAOF,
    replication::ROLE,
    replication::SLAVEOF,
    replication::SYNC,
    process::SHUTDOWN,
    save::BGREWRITEAOF,
    save::BGSAVE,
    save::LASTSAVE,
    save::SAVE,
    slowlog::COMMANDLOG,
    slowlog::SLOWLOG,
    databases::SWAPDB,
    process::TIME,
];
