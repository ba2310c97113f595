//! Replication: who repeats whom, and how far.

mod replicaof;
mod role;

pub(super) use replicaof::{REPLICAOF, SLAVEOF};
pub(super) use role::ROLE;
