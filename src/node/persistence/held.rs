//! Effects that wait to be written, in chunks: however much collects while a sync holds writes up, nothing is copied again to make
//! room, and what is written is given back piece by piece.

use std::collections::VecDeque;

/// A chunk that has so many bytes takes no more: what comes next begins another. So a chunk ends where a unit does.
const CHUNK_BYTES: usize = 64 * 1024;
/// The chunk that is used again and again keeps no more memory than this.
const KEPT_BYTES: usize = 256 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// All but the last are full; none is empty, unless it is the only one.
    chunks: VecDeque<Vec<u8>>,
    /// Bytes of the first that are there no more.
    gone: usize,
    bytes: usize,
}

impl Held {
    #[cfg(test)]
    fn len(&self) -> usize {
        self.bytes
    }

    /// Has whole units appended; how many bytes those took.
    pub fn extend(&mut self, append: impl FnOnce(&mut Vec<u8>)) -> usize {
        if self.chunks.back().is_none_or(|last| last.len() >= CHUNK_BYTES) {
            self.chunks.push_back(Vec::new());
        }
        // There is one now.
        let Some(last) = self.chunks.back_mut() else { return 0 };
        let before = last.len();
        append(last);
        let appended = last.len() - before;
        self.bytes += appended;
        appended
    }

    /// The first bytes: those of one chunk, `limit` at most.
    pub fn first(&self, limit: usize) -> &[u8] {
        let first = self.chunks.front().map_or(&[][..], |first| &first[self.gone..]);
        &first[..limit.min(first.len())]
    }

    /// Drops the first so many bytes.
    pub fn forget(&mut self, bytes: usize) {
        let mut left = bytes.min(self.bytes);
        self.bytes -= left;
        let mut others = self.chunks.len().saturating_sub(1);
        while let Some(first) = self.chunks.front_mut() {
            let there = first.len() - self.gone;
            if left < there {
                self.gone += left;
                return;
            }
            (left, self.gone) = (left - there, 0);
            if others == 0 {
                first.clear();
                first.shrink_to(KEPT_BYTES);
                return;
            }
            others -= 1;
            self.chunks.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_held_comes_out_as_it_went_in(
            steps in prop::collection::vec((any::<bool>(), 0..100_000usize), 1..40),
        ) {
            let (mut held, mut expected, mut number) = (Held::default(), VecDeque::new(), 0u8);
            for (adds, bytes) in steps {
                if adds {
                    number = number.wrapping_add(1);
                    prop_assert_eq!(held.extend(|chunk| chunk.resize(chunk.len() + bytes, number)), bytes);
                    expected.extend(std::iter::repeat_n(number, bytes));
                } else {
                    let first = held.first(bytes);
                    prop_assert!(!first.is_empty() || bytes == 0 || expected.is_empty());
                    let taken: Vec<u8> = expected.drain(..first.len()).collect();
                    prop_assert_eq!(first, &taken);
                    held.forget(taken.len());
                }
                prop_assert_eq!(held.len(), expected.len());
            }
        }
    }
}
