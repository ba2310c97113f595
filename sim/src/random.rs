//! Random streams. Every consumer of a run (a link, a disk, a node, a workload) has a stream of its own, derived from the
//! run's seed and the consumer's name and number: a consumer that draws once more shifts nothing elsewhere, so a failing
//! seed stays the same failure while the world around it is changed.

use std::ops::Range;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// The seed of a run, from which every stream is derived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds(pub u64);

impl Seeds {
    /// The stream of one consumer. The same name and number always give the same stream.
    pub fn stream(self, consumer: &str, number: u64) -> Random {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.0.to_le_bytes());
        key[8..16].copy_from_slice(&number.to_le_bytes());
        key[16..24].copy_from_slice(&name_hash(consumer).to_le_bytes());
        key[24..].copy_from_slice(&(consumer.len() as u64).to_le_bytes());
        Random(ChaCha8Rng::from_seed(key))
    }
}

/// FNV-1a.
fn name_hash(name: &str) -> u64 {
    name.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// One consumer's stream.
#[derive(Clone, Debug)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `limit`; 0 where `limit` is 0 or 1.
    pub fn below(&mut self, limit: u64) -> u64 {
        if limit <= 1 {
            return 0;
        }
        ((u128::from(self.bits()) * u128::from(limit)) >> 64) as u64
    }

    /// Nanoseconds within a range; its start where it is empty.
    pub fn nanos(&mut self, range: &Range<Duration>) -> u64 {
        let start = range.start.as_nanos() as u64;
        start + self.below((range.end.as_nanos() as u64).saturating_sub(start))
    }

    /// True with this probability. Draws nothing where the answer is certain.
    pub fn chance(&mut self, probability: f64) -> bool {
        if probability <= 0.0 || probability >= 1.0 {
            return probability >= 1.0;
        }
        ((self.bits() >> 11) as f64) < probability * (1u64 << 53) as f64
    }

    /// A length from 1 to `length`, to cut an operation short.
    pub fn shorter(&mut self, length: usize) -> usize {
        if length == 0 { 0 } else { 1 + self.below(length as u64) as usize }
    }
}
