//! A node's two clocks as functions of true time. The monotonic clock runs at its own rate; the wall clock is the monotonic
//! clock plus an offset that may jump. True time is the world's: nanoseconds since the run began.

use seawall::runtime::{Monotonic, UnixTime};

/// Nanoseconds of true time since the run began.
pub type Nanos = u64;

/// Where every wall clock starts unless skewed: 2026-01-01 UTC, in microseconds since 1970.
pub const WALL_START_MICROS: i64 = 1_767_225_600_000_000;

const BILLION: i128 = 1_000_000_000;

/// One node's clocks.
#[derive(Clone, Debug)]
pub struct Clock {
    /// True time at which `anchor_local` was read; moved at every change of rate, so that no reading ever goes back.
    anchor_true: Nanos,
    anchor_local: u64,
    /// Parts per billion by which this clock gains on true time; above -1 billion.
    drift_ppb: i64,
    wall_offset_micros: i64,
}

impl Clock {
    /// A clock that shows `local` nanoseconds at `now`, runs true, and shows the right wall time.
    pub fn new(now: Nanos, local: u64) -> Clock {
        let wall = WALL_START_MICROS + (now / 1000) as i64;
        Clock {
            anchor_true: now,
            anchor_local: local,
            drift_ppb: 0,
            wall_offset_micros: wall - (local / 1000) as i64,
        }
    }

    /// The monotonic clock at true time `now`, which is not before the last change.
    pub fn monotonic(&self, now: Nanos) -> Monotonic {
        let passed = now - self.anchor_true;
        let gained = if self.drift_ppb == 0 {
            0
        } else {
            (i128::from(passed) * i128::from(self.drift_ppb)).div_euclid(BILLION)
        };
        Monotonic((i128::from(self.anchor_local) + i128::from(passed) + gained) as u64)
    }

    /// The wall clock at true time `now`.
    pub fn wall(&self, now: Nanos) -> UnixTime {
        UnixTime((self.monotonic(now).0 / 1000) as i64 + self.wall_offset_micros)
    }

    /// The first true time at which the monotonic clock shows `local`, if nothing changes until then.
    pub fn true_time_of(&self, local: Monotonic) -> Nanos {
        let ahead = local.0.saturating_sub(self.anchor_local);
        if self.drift_ppb == 0 {
            return self.anchor_true.saturating_add(ahead);
        }
        let rate = BILLION + i128::from(self.drift_ppb);
        let passed = (i128::from(ahead) * BILLION + rate - 1) / rate;
        self.anchor_true.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX))
    }

    /// Makes both clocks gain `ppb` parts per billion from now on (lose, if negative).
    pub fn set_drift(&mut self, now: Nanos, ppb: i64) {
        self.anchor_local = self.monotonic(now).0;
        self.anchor_true = now;
        self.drift_ppb = ppb.max(-999_999_999);
    }

    /// Steps the wall clock; the monotonic clock goes on unmoved.
    pub fn jump_wall(&mut self, micros: i64) {
        self.wall_offset_micros += micros;
    }

    /// A reboot: the monotonic clock starts again at `local`, the wall clock (kept by a battery) and the rate go on.
    pub fn reboot(&mut self, now: Nanos, local: u64) {
        let wall = self.wall(now);
        self.anchor_true = now;
        self.anchor_local = local;
        self.wall_offset_micros = wall.0 - (local / 1000) as i64;
    }
}
