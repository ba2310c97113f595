//! Which offset of the history is on disk: the append log counts its own bytes, which are others.
//!
//! Pairs of a position of the log and the offset that stood there, few of them: when there are too many, every other is forgotten
//! and new ones are noted half as often, so that what is said to be on disk is rather too little, by a small part of what is not.

use std::collections::VecDeque;

/// Pairs that are kept.
const PAIRS_MAX: usize = 128;
/// With fewer they are noted more often again.
const PAIRS_FEW: usize = PAIRS_MAX / 4;

/// See the module.
#[derive(Debug, Default)]
pub struct Synced {
    /// Rising in both, at least `stride` apart in the first.
    pairs: VecDeque<(u64, u64)>,
    stride: u64,
    latest: (u64, u64),
    reached: u64,
}

impl Synced {
    /// When the log's effects ended at `position`, the history's offset was this.
    pub fn note(&mut self, position: u64, offset: u64) {
        if position != self.latest.0 && self.is_far_from_last(self.latest.0) {
            if self.pairs.len() == PAIRS_MAX {
                self.thin_out();
            }
            self.pairs.push_back(self.latest);
        }
        self.latest = (position, offset);
    }

    fn is_far_from_last(&self, position: u64) -> bool {
        self.pairs.back().is_none_or(|last| position >= last.0.saturating_add(self.stride))
    }

    fn thin_out(&mut self) {
        let mut number = 0;
        self.pairs.retain(|_| {
            number += 1;
            number % 2 == 1
        });
        let span = self.latest.0 - self.pairs.front().map_or(0, |first| first.0);
        self.stride = (2 * self.stride).max(span / PAIRS_MAX as u64);
    }

    /// The log is on disk up to this position: so is the history up to the offset that comes back.
    pub fn reached(&mut self, position: u64) -> u64 {
        while let Some((_, offset)) = self.pairs.pop_front_if(|(at, _)| *at <= position) {
            self.reached = offset;
        }
        if self.latest.0 <= position {
            self.reached = self.latest.1;
        }
        if self.pairs.len() < PAIRS_FEW {
            self.stride /= 2;
        }
        self.reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_disk_is_never_said_to_be_more() {
        let mut synced = Synced::default();
        assert_eq!(synced.reached(0), 0);
        for step in 1..=1000 {
            synced.note(step * 10, step * 7);
            synced.note(step * 10, step * 7 + 3);
        }
        assert!(synced.pairs.len() <= PAIRS_MAX);
        let said = synced.reached(5000);
        assert!(said <= 500 * 7 + 3 && said > 400 * 7, "{said}");
        assert_eq!(synced.reached(10_000), 7003);
        synced.note(10_000, 7100);
        assert_eq!(synced.reached(10_000), 7100, "what changes nothing needs no sync");
    }
}
