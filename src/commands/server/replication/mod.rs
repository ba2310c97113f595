//! Replication: who repeats whom, and how far.

mod failover;
mod role;

pub(super) use failover::FAILOVER;
pub(super) use role::ROLE;
