//! Replication: who repeats whom, and how far.

mod role;

pub(super) use role::ROLE;
