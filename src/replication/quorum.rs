//! How many replicas have how much.

use std::time::Duration;

use super::{Replica, Stage};
use crate::runtime::Monotonic;

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Copies {
    /// Copies in memory (WAIT).
    Received,
    /// Copies on disk (WAITAOF).
    Synced,
}

/// How many replicas have all up to this offset. Only what a replica has said counts, and only of one that streams.
pub fn having<'a>(replicas: impl IntoIterator<Item = &'a Replica>, offset: u64, copies: Copies) -> usize {
    let has = |replica: &&Replica| {
        let reached = match copies {
            Copies::Received => replica.acked,
            Copies::Synced => replica.synced,
        };
        // What was written before anybody followed stands at offset 0, which nobody needs to say.
        replica.is_online && replica.has_said && !replica.only_snapshot && reached >= offset
    };
    replicas.into_iter().filter(has).count()
}

/// How many replicas stream and have been heard of within `lag_max` (`min-replicas-to-write`).
pub fn good<'a>(replicas: impl IntoIterator<Item = &'a Replica>, lag_max: Duration, now: Monotonic) -> usize {
    let is_good = |replica: &&Replica| {
        replica.stage == Stage::Streaming
            && replica.is_online
            && replica.lag_seconds(now) <= lag_max.as_secs()
    };
    replicas.into_iter().filter(is_good).count()
}
