//! Moments. A node has two clocks: a monotonic one for intervals and a wall clock for deadlines that users see.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A reading of this node's monotonic clock, in nanoseconds since some moment before the node started.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Monotonic(pub u64);

impl Add<Duration> for Monotonic {
    type Output = Monotonic;
    fn add(self, duration: Duration) -> Monotonic {
        Monotonic(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl Sub for Monotonic {
    type Output = Duration;
    /// The time from `earlier` to `self`; zero if it is negative.
    fn sub(self, earlier: Monotonic) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

/// A reading of this node's wall clock, in microseconds since 1970-01-01 UTC. It may jump either way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// Milliseconds since 1970, rounded down: the unit of expiry.
    pub fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// Seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
}

/// Both clocks, read together: what pure logic is given as "now".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Now {
    /// For intervals.
    pub mono: Monotonic,
    /// For deadlines and for what users see.
    pub wall: UnixTime,
}
