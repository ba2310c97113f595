//! What was slow lately, for the LATENCY commands: the moments at which a kind of event took long, and for each command a
//! histogram of how long it runs.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use hdrhistogram::Histogram;

/// As in Redis: so many moments of an event are kept.
const SAMPLES_MAX: usize = 160;
/// Durations that histograms tell apart: from a nanosecond to a second.
const NANOS_MAX: u64 = 1_000_000_000;
/// Significant digits of a duration.
const DIGITS: u8 = 2;
/// The first limit of [`Durations::cumulative`], doubled for each next one.
const FIRST_LIMIT_NANOS: u64 = 1024;

/// The slow moments of one event.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Unix time in seconds, which rises, and the longest duration in that second, in milliseconds.
    samples: VecDeque<(i64, u64)>,
    /// The longest duration ever, in milliseconds.
    pub max_ms: u64,
}

impl Series {
    fn add(&mut self, seconds: i64, ms: u64) {
        self.max_ms = self.max_ms.max(ms);
        match self.samples.back_mut() {
            Some((last, longest)) if *last == seconds => *longest = ms.max(*longest),
            _ => self.samples.push_back((seconds, ms)),
        }
        if self.samples.len() > SAMPLES_MAX {
            self.samples.pop_front();
        }
    }

    /// Seconds and milliseconds, the oldest first.
    pub fn samples(&self) -> impl DoubleEndedIterator<Item = (i64, u64)> + ExactSizeIterator + Clone {
        self.samples.iter().copied()
    }
}

/// The slow moments of all events.
#[derive(Clone, Debug, Default)]
pub struct LatencyMonitor {
    events: BTreeMap<&'static str, Series>,
}

impl LatencyMonitor {
    /// Notes that an event took so long.
    pub fn add(&mut self, event: &'static str, seconds: i64, duration: Duration) {
        self.events.entry(event).or_default().add(seconds, duration.as_millis() as u64);
    }

    /// All events, by name.
    pub fn events(&self) -> impl ExactSizeIterator<Item = (&'static str, &Series)> {
        self.events.iter().map(|(name, series)| (*name, series))
    }

    /// An event, by its exact name.
    pub fn event(&self, name: &[u8]) -> Option<(&'static str, &Series)> {
        self.events().find(|(event, _)| event.as_bytes() == name)
    }

    /// Forgets an event; true if there was one of this name.
    pub fn forget(&mut self, name: &[u8]) -> bool {
        let known = self.event(name).map(|(event, _)| event);
        known.is_some_and(|event| self.events.remove(event).is_some())
    }

    /// Forgets all; how many there were.
    pub fn clear(&mut self) -> usize {
        std::mem::take(&mut self.events).len()
    }
}

/// How long the runs of a command took.
#[derive(Clone, Debug)]
pub struct Durations(Histogram<u64>);

impl Default for Durations {
    fn default() -> Self {
        // The only reasons to refuse are bounds or digits out of range.
        Durations(Histogram::new_with_bounds(1, NANOS_MAX, DIGITS).expect("constant bounds are in range"))
    }
}

impl Durations {
    /// Counts a run.
    #[inline]
    pub fn record(&mut self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(NANOS_MAX);
        self.0.saturating_record(nanos.clamp(1, NANOS_MAX));
    }

    /// How many runs there were.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The duration that so many hundredths of the runs do not pass, in microseconds.
    pub fn percentile_us(&self, percent: f64) -> f64 {
        self.0.value_at_percentile(percent) as f64 / 1000.0
    }

    /// Limits in microseconds, each about twice the one before, with the runs that took no longer; only limits that have
    /// more runs than the one before.
    pub fn cumulative(&self) -> Vec<(u64, u64)> {
        let (mut found, mut limit, mut before) = (Vec::new(), FIRST_LIMIT_NANOS, 0);
        while before < self.count() {
            let count = self.0.count_between(0, limit);
            if count > before {
                found.push((self.0.highest_equivalent(limit) / 1000, count));
                before = count;
            }
            limit *= 2;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_those_that_redis_shows() {
        let mut durations = Durations::default();
        for us in [0, 1, 3, 9, 20, 50, 100, 200, 400, 1000, 1_000_000, 5_000_000] {
            durations.record(Duration::from_micros(us));
        }
        let limits: Vec<u64> = durations.cumulative().into_iter().map(|(us, _)| us).collect();
        assert_eq!(limits, [1, 4, 16, 33, 66, 132, 264, 528, 1056, 1_082_130]);
        assert_eq!(durations.cumulative().last(), Some(&(1_082_130, 12)));
    }

    #[test]
    fn a_second_has_one_moment_and_old_ones_go() {
        let mut monitor = LatencyMonitor::default();
        for second in 0..200 {
            monitor.add("command", second, Duration::from_millis(5));
            monitor.add("command", second, Duration::from_millis(second as u64));
        }
        let (_, series) = monitor.event(b"command").unwrap();
        assert_eq!((series.samples().len(), series.max_ms), (160, 199));
        assert_eq!(series.samples().next(), Some((40, 40)));
        assert!(monitor.forget(b"command") && !monitor.forget(b"command"));
    }
}
