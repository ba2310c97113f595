//! How far writers may run ahead of replicas that are slow, so that a slow one need not begin anew again and again.
//!
//! What a replica has not been sent yet stays in the backlog. The limit is `client-output-buffer-limit replica`: at that, a
//! replica is dropped. Long before, those who write are made to wait, so that the primary is no faster than its slowest replica:
//!
//! ```text
//! behind by: 0 ─────────── 1/4 ═══ snapshot is sent ═══ 3/4 ────────── limit
//!                           └── this far while it begins  └── this far while it ends, and afterwards
//! ```
//!
//! While a snapshot is sent nothing of what is written can be; so the share that writers may use up grows with the part of the
//! snapshot that has been sent, and they are slowed down from early on rather than stopped at the end.
//!
//! A replica that takes next to nothing holds nobody up ([`Pace`]): it is left behind, and dropped at the limit.

use std::time::Duration;

use super::{Replica, Stage};
use crate::runtime::Monotonic;

/// Over so long is looked how much a replica takes.
const WINDOW: Duration = Duration::from_secs(2);
/// One that takes less in a window, though there is more for it, makes no progress.
const WINDOW_BYTES_MIN: u64 = 64 * 1024;

/// How fast a replica's socket takes what there is for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    since: Monotonic,
    taken: u64,
    /// When the socket last took something, or nothing was there.
    took_at: Monotonic,
    is_moving: bool,
}

impl Pace {
    /// Of one that has just begun: it is trusted to move.
    pub fn new(now: Monotonic) -> Pace {
        Pace { since: now, taken: 0, took_at: now, is_moving: true }
    }

    /// The socket took so much.
    #[inline]
    pub fn took(&mut self, bytes: u64) {
        self.taken += bytes;
    }

    /// Time has passed. `has_all`: there is nothing more to take for the moment.
    pub fn tick(&mut self, has_all: bool, now: Monotonic) {
        if has_all || self.taken > 0 {
            self.took_at = now;
        }
        if has_all || self.taken >= WINDOW_BYTES_MIN {
            (self.is_moving, self.since, self.taken) = (true, now, 0);
        } else if now - self.since >= WINDOW {
            (self.is_moving, self.since, self.taken) = (false, now, 0);
        }
    }

    /// Whether it makes progress.
    pub fn is_moving(&self) -> bool {
        self.is_moving
    }

    /// For how long the socket has taken nothing at all of what is there.
    pub fn stuck_for(&self, now: Monotonic) -> Duration {
        now - self.took_at
    }
}

/// Up to which offset writers may go, with these replicas. `limit`: how far one may be behind, in bytes, 0 for any distance;
/// `held`: what the snapshot under way makes the data set keep.
pub fn write_until<'a>(replicas: impl IntoIterator<Item = &'a Replica>, limit: u64, held: u64) -> u64 {
    if limit == 0 {
        return u64::MAX;
    }
    replicas.into_iter().filter_map(|replica| reach(replica, limit, held)).min().unwrap_or(u64::MAX)
}

/// How far one replica lets writers go.
fn reach(replica: &Replica, limit: u64, held: u64) -> Option<u64> {
    let from = replica.needs_from().filter(|_| replica.pace.is_moving() && !replica.only_snapshot)?;
    let lead = match replica.stage {
        Stage::Loading { .. } => {
            let share = limit / 4 + limit / 2 / 1000 * u64::from(replica.loaded_permille.min(1000));
            share.saturating_sub(held)
        }
        _ => limit / 4 * 3,
    };
    Some(from + lead)
}
