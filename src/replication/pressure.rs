//! How far writers may run ahead of replicas that are slow, so that a slow one need not begin anew again and again.
//!
//! What a replica has not been sent yet stays in the backlog. The limit is `client-output-buffer-limit replica`: at that, a
//! replica is dropped. Long before, those who write are made to wait, so that the primary is no faster than its slowest replica:
//!
//! ```text
//! behind by: 0 ────── 1/4 ═══ snapshot is sent ═══ 5/8 ═══ replica loads it ═══ 7/8 ── limit
//!                       1/32 ◄═══════════ history is sent ═══ 3/4
//! ```
//!
//! A replica that is behind for long has to come nearer: for each byte that it is sent, writers may only add half a one, until
//! it is as near as 1/32. One that had all there was may be outrun by a burst again.
//!
//! While a snapshot is sent or loaded nothing of what is written can be sent; so the share that writers may use up grows with
//! the part of the snapshot that has been sent, then with time, and they are slowed down from early on rather than stopped at
//! the end.
//!
//! A replica that takes next to nothing holds nobody up ([`Pace`]): it is left behind, and dropped at the limit.

use std::time::Duration;

use super::{Replica, Stage};
use crate::config::OutputLimit;
use crate::runtime::Monotonic;

/// Over so long is looked how much a replica takes.
const WINDOW: Duration = Duration::from_secs(4);
/// One that takes less in a window, though there is more for it, makes no progress.
const WINDOW_BYTES_MIN: u64 = 64 * 1024;

/// After so many seconds of loading a replica has let writers have half of what there is for that time.
const HALF_LOADED: f64 = 20.0;

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

/// For how long a replica has been further behind than the soft limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Excess {
    since: Option<Monotonic>,
}

impl Excess {
    /// Whether a replica that is so far behind has to go. One that is moving has until the hard limit, if there is one: writers
    /// wait for it long before.
    pub fn is_over(&mut self, lag: u64, is_moving: bool, limit: &OutputLimit, now: Monotonic) -> bool {
        if limit.hard_bytes > 0 && lag > limit.hard_bytes {
            return true;
        }
        if limit.soft_bytes == 0 || lag <= limit.soft_bytes || is_moving && limit.hard_bytes > 0 {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now > since && (now - since).as_secs() >= limit.soft_seconds
    }
}

/// Up to which offset writers may go, with these replicas. `limit`: how far one may be behind, in bytes, 0 for any distance;
/// `held`: what the snapshot under way makes the data set keep.
pub fn write_until<'a>(
    replicas: impl IntoIterator<Item = &'a Replica>,
    limit: u64,
    held: u64,
    now: Monotonic,
) -> u64 {
    if limit == 0 {
        return u64::MAX;
    }
    replicas.into_iter().filter_map(|replica| reach(replica, limit, held, now)).min().unwrap_or(u64::MAX)
}

/// How far one replica lets writers go.
fn reach(replica: &Replica, limit: u64, held: u64, now: Monotonic) -> Option<u64> {
    let from = replica.needs_from().filter(|_| replica.is_moving(now) && !replica.only_snapshot)?;
    let eighth = limit / 8;
    let lead = match replica.stage {
        Stage::Loading { .. } => {
            let sent = eighth * 3 / 1000 * u64::from(replica.loaded_permille.min(1000));
            (2 * eighth + sent).saturating_sub(held)
        }
        _ if replica.is_online => (6 * eighth).saturating_sub(replica.sent_behind / 2).max(eighth / 4),
        _ => {
            let seconds = (now - replica.loaded_at).as_secs_f64();
            5 * eighth + (2.0 * eighth as f64 * seconds / (seconds + HALF_LOADED)) as u64
        }
    };
    Some(from + lead)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;
    const LIMIT: u64 = 256 * MIB;

    fn at(millis: u64) -> Monotonic {
        Monotonic(1) + Duration::from_millis(millis)
    }

    fn streaming(sent: u64) -> Replica {
        let mut replica = Replica::new(None, at(0));
        replica.goes_on(sent, at(0));
        replica
    }

    fn loading(permille: u32) -> Replica {
        let mut replica = Replica::new(None, at(0));
        replica.loads(1000, at(0));
        replica.loaded_permille = permille;
        replica
    }

    #[test]
    fn the_slowest_that_moves_says_how_far_writers_may_go() {
        let replicas = [streaming(5), streaming(7)];
        assert_eq!(write_until(&replicas, LIMIT, 0, at(0)), 5 + LIMIT / 4 * 3);
        assert_eq!(write_until(&replicas[1..], LIMIT, 0, at(0)), 7 + LIMIT / 4 * 3);
        assert_eq!(write_until(&replicas, 0, 0, at(0)), u64::MAX);
        assert_eq!(write_until(&[], LIMIT, 0, at(0)), u64::MAX);
        let waiting = Replica::new(None, at(0));
        assert_eq!(write_until([&waiting], LIMIT, 0, at(0)), u64::MAX);
    }

    #[test]
    fn one_that_stays_behind_comes_nearer_with_what_it_is_sent() {
        let mut replica = streaming(0);
        let lead = |replica: &Replica| write_until([replica], LIMIT, 0, at(0)) - replica.sent;
        replica.on_sent(100 * MIB);
        replica.note_rest(false);
        assert_eq!(lead(&replica), LIMIT / 4 * 3 - 50 * MIB);
        replica.on_sent(1000 * MIB);
        assert_eq!(lead(&replica), LIMIT / 32);
        replica.note_rest(true);
        assert_eq!(lead(&replica), LIMIT / 4 * 3, "a burst is no reason to wait");
    }

    #[test]
    fn while_a_snapshot_is_sent_the_lead_grows_with_it() {
        let lead = |permille, held| write_until([&loading(permille)], LIMIT, held, at(0)) - 1000;
        assert_eq!(lead(0, 0), LIMIT / 4);
        assert!(lead(1, 0) > lead(0, 0) && lead(999, 0) > lead(500, 0));
        assert!(lead(1000, 0) <= LIMIT / 8 * 5);
        assert_eq!(lead(0, 10 * MIB), LIMIT / 4 - 10 * MIB);
        assert_eq!(lead(0, LIMIT), 0, "what is held back takes memory as well");
    }

    #[test]
    fn one_that_takes_nothing_holds_nobody_up() {
        let mut replica = streaming(0);
        let mut reached = |now: u64, taken: u64, has_all: bool| {
            replica.pace.took(taken);
            replica.pace.tick(has_all, at(now));
            write_until([&replica], LIMIT, 0, at(now)) < u64::MAX
        };
        assert!(reached(3900, 0, false), "not yet");
        assert!(!reached(4000, 0, false));
        assert!(!reached(4100, 1000, false), "next to nothing");
        assert!(reached(4200, WINDOW_BYTES_MIN, false), "it moves again");
        assert!(reached(20_000, 0, true), "who has all there is has nothing to take");
        assert!(reached(23_900, 0, false));
        assert!(!reached(24_000, 0, false));
    }

    #[test]
    fn while_a_replica_loads_writers_are_slow_as_long_as_it_lives() {
        let mut replica = loading(1000);
        replica.has_loaded(false, at(0));
        let lead = |replica: &Replica, seconds: u64| write_until([replica], LIMIT, 0, at(seconds * 1000));
        assert_eq!(lead(&replica, 0) - 1000, LIMIT / 8 * 5);
        assert!(lead(&replica, 3) > lead(&replica, 0));
        assert_eq!(lead(&replica, 6), u64::MAX, "nothing was heard of it");
        replica.acked_at = at(1_000_000);
        assert!(lead(&replica, 1000) - 1000 < LIMIT / 8 * 7);
        replica.on_ack(1000, None, at(1_001_000));
        assert_eq!(lead(&replica, 1001) - 1000, LIMIT / 4 * 3);
    }

    #[test]
    fn who_takes_a_little_is_not_stuck() {
        let mut pace = Pace::new(at(0));
        pace.tick(false, at(5000));
        assert_eq!(pace.stuck_for(at(5000)), Duration::from_secs(5));
        pace.took(1);
        pace.tick(false, at(6000));
        assert_eq!(pace.stuck_for(at(6000)), Duration::ZERO);
        assert!(!pace.is_moving());
    }

    #[test]
    fn who_moves_may_be_behind_as_far_as_the_hard_limit() {
        let limit = OutputLimit { hard_bytes: 100, soft_bytes: 10, soft_seconds: 5 };
        let over = |limit: OutputLimit, steps: &[(u64, u64, bool)]| -> Vec<bool> {
            let mut excess = Excess::default();
            let look = |(seconds, lag, moves): &(u64, u64, bool)| {
                excess.is_over(*lag, *moves, &limit, at(seconds * 1000))
            };
            steps.iter().map(look).collect()
        };
        assert_eq!(over(limit, &[(0, 50, true), (9, 100, true), (10, 101, true)]), [false, false, true]);
        assert_eq!(over(limit, &[(0, 50, false), (4, 50, false), (5, 50, false)]), [false, false, true]);
        assert_eq!(over(limit, &[(0, 50, false), (4, 50, true), (8, 50, false)]), [false, false, false]);
        let soft_only = OutputLimit { hard_bytes: 0, ..limit };
        assert_eq!(over(soft_only, &[(0, 50, true), (5, 50, true)]), [false, true]);
        assert_eq!(
            over(OutputLimit::default(), &[(0, 1 << 40, false), (99, 1 << 40, false)]),
            [false, false]
        );
    }
}
