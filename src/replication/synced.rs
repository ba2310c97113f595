//! Which offset of the history is on disk: the append log counts its own bytes, which are others.
//!
//! Pairs of a position of the log and the offset that stood there, few of them: when there are too many, every other is forgotten,
//! so that what is said to be on disk is rather too little, for a while.

use std::collections::VecDeque;

/// Pairs that are kept.
const PAIRS_MAX: usize = 128;

/// See the module.
#[derive(Debug, Default)]
pub struct Synced {
    /// Rising in both.
    pairs: VecDeque<(u64, u64)>,
    reached: u64,
}

impl Synced {
    /// When the log's effects ended at `position`, the history's offset was this.
    pub fn note(&mut self, position: u64, offset: u64) {
        if let Some(last) = self.pairs.back_mut()
            && last.0 == position
        {
            last.1 = offset;
            return;
        }
        if self.pairs.len() == PAIRS_MAX {
            let mut number = 0;
            self.pairs.retain(|_| {
                number += 1;
                number % 2 == 0
            });
        }
        self.pairs.push_back((position, offset));
    }

    /// The log is on disk up to this position: so is the history up to the offset that comes back.
    pub fn reached(&mut self, position: u64) -> u64 {
        while let Some(&(at, offset)) = self.pairs.front()
            && at <= position
        {
            self.reached = offset;
            if self.pairs.len() == 1 {
                break;
            }
            self.pairs.pop_front();
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
