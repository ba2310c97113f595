//! The access clock of an entry: 24 bits that say when, or how often, it was used.
//!
//! *LRU*: the time in seconds modulo 2^24 (194 days). *LFU*: the time in minutes modulo 2^16 above a logarithmic counter of
//! 8 bits, which grows with a likelihood that falls with its height and decays with time. The arithmetic is that of Redis,
//! so that OBJECT FREQ and OBJECT IDLETIME answer alike.

/// The counter of a new entry, which gives it time to be used.
const LFU_INITIAL: u32 = 5;
const LRU_MASK: u32 = 0xff_ffff;

/// What the access clock means; `maxmemory-policy` decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// When the entry was last used.
    Lru,
    /// How often it is used.
    Lfu {
        /// `lfu-log-factor`: how much slower a high counter grows.
        log_factor: u32,
        /// `lfu-decay-time`: minutes without use that cost one count; 0 for none.
        decay_minutes: u32,
    },
}

impl Access {
    /// The clock of an entry that is made now (Unix time in milliseconds).
    #[inline]
    pub fn clock_on_create(self, now_ms: i64) -> u32 {
        match self {
            Access::Lru => seconds(now_ms),
            Access::Lfu { .. } => minutes(now_ms) << 8 | LFU_INITIAL,
        }
    }

    /// The clock of an entry that is used now; `random` gives a uniform word if one is needed.
    #[inline]
    pub fn clock_on_access(self, clock: u32, now_ms: i64, random: impl FnOnce() -> u64) -> u32 {
        match self {
            Access::Lru => seconds(now_ms),
            Access::Lfu { log_factor, .. } => {
                let counter = self.frequency(clock, now_ms);
                minutes(now_ms) << 8 | grown(counter, log_factor, random)
            }
        }
    }

    /// Seconds since an entry with this clock was used; under LFU its meaning is lost, and 0 is answered.
    pub fn idle_seconds(self, clock: u32, now_ms: i64) -> u32 {
        match self {
            Access::Lru => seconds(now_ms).wrapping_sub(clock) & LRU_MASK,
            Access::Lfu { .. } => 0,
        }
    }

    /// The decayed counter of an entry with this clock, 0 to 255; 0 under LRU.
    pub fn frequency(self, clock: u32, now_ms: i64) -> u32 {
        let Access::Lfu { decay_minutes, .. } = self else { return 0 };
        let elapsed = minutes(now_ms).wrapping_sub(clock >> 8) & 0xffff;
        (clock & 0xff).saturating_sub(elapsed.checked_div(decay_minutes).unwrap_or(0))
    }

    /// The clock of an entry that was idle for so many seconds, or used so often (RESTORE's IDLETIME and FREQ).
    pub fn clock_restored(self, idle_seconds: u32, frequency: u8, now_ms: i64) -> u32 {
        match self {
            Access::Lru => seconds(now_ms).wrapping_sub(idle_seconds) & LRU_MASK,
            Access::Lfu { .. } => minutes(now_ms) << 8 | u32::from(frequency),
        }
    }
}

fn grown(counter: u32, log_factor: u32, random: impl FnOnce() -> u64) -> u32 {
    if counter >= 255 {
        return 255;
    }
    // Grows with likelihood 1 / (height * factor + 1).
    let odds = u64::from(counter.saturating_sub(LFU_INITIAL)) * u64::from(log_factor) + 1;
    let grows = odds == 1 || u128::from(random()) * u128::from(odds) < 1 << 64;
    counter + u32::from(grows)
}

#[inline]
fn seconds(now_ms: i64) -> u32 {
    (now_ms / 1000) as u32 & LRU_MASK
}

#[inline]
fn minutes(now_ms: i64) -> u32 {
    (now_ms / 60_000) as u32 & 0xffff
}

#[cfg(test)]
mod tests {
    use super::Access;

    const LFU: Access = Access::Lfu { log_factor: 10, decay_minutes: 1 };
    const DAY_MS: i64 = 86_400_000;

    #[test]
    fn idle_time_survives_the_clocks_wrap() {
        let wrap_ms = 0x100_0000 * 1000;
        let clock = Access::Lru.clock_on_create(wrap_ms - 5000);
        assert_eq!(Access::Lru.idle_seconds(clock, wrap_ms + 2000), 7);
    }

    #[test]
    fn frequency_decays_by_one_a_minute() {
        let clock = LFU.clock_restored(0, 40, DAY_MS);
        assert_eq!(LFU.frequency(clock, DAY_MS + 3 * 60_000), 37);
        assert_eq!(LFU.frequency(clock, DAY_MS + 50 * 60_000), 0);
        let frozen = Access::Lfu { log_factor: 10, decay_minutes: 0 };
        assert_eq!(frozen.frequency(clock, 2 * DAY_MS), 40);
    }

    #[test]
    fn frequency_grows_surely_when_low_and_seldom_when_high() {
        let clock = LFU.clock_on_create(DAY_MS);
        assert_eq!(LFU.clock_on_access(clock, DAY_MS, || u64::MAX) & 0xff, 6);
        let high = LFU.clock_restored(0, 105, DAY_MS);
        let threshold = u64::MAX / 1001;
        assert_eq!(LFU.clock_on_access(high, DAY_MS, || threshold - 1) & 0xff, 106);
        assert_eq!(LFU.clock_on_access(high, DAY_MS, || threshold + 1) & 0xff, 105);
        let full = LFU.clock_restored(0, 255, DAY_MS);
        assert_eq!(LFU.clock_on_access(full, DAY_MS, || 0) & 0xff, 255);
    }
}
