//! Replication: who repeats whom, and how far.

mod psync;
mod replconf;
mod replicaof;
mod role;

pub(super) use psync::{PSYNC, SYNC};
pub(super) use replconf::REPLCONF;
pub(super) use replicaof::{REPLICAOF, SLAVEOF};
pub(super) use role::ROLE;
