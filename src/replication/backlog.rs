//! The last stretch of a history, in blocks: what replicas are sent from, and what those get that were away for a while.
//!
//! There is one for all replicas; each is a position in it. It keeps `repl-backlog-size` bytes, and more for as long as somebody
//! needs them ([`Backlog::trim`]).
//!
//! Invariants: the blocks are without gaps, the first begins at `start`, the last ends at `end`; none is empty.

use std::collections::VecDeque;
use std::ops::Range;

/// Bytes of a block. What is appended is copied once, and never moved.
const BLOCK_BYTES: usize = 64 * 1024;

/// See the module.
#[derive(Debug)]
pub struct Backlog {
    /// The offset of the first byte that is kept.
    start: u64,
    /// The offset of the next byte to come.
    end: u64,
    blocks: VecDeque<Block>,
}

#[derive(Debug)]
struct Block {
    start: u64,
    bytes: Vec<u8>,
}

impl Block {
    fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

impl Backlog {
    /// An empty one at this offset.
    pub fn new(offset: u64) -> Backlog {
        Backlog { start: offset, end: offset, blocks: VecDeque::new() }
    }

    /// What is kept.
    #[inline]
    pub fn range(&self) -> Range<u64> {
        self.start..self.end
    }

    /// Bytes that are kept.
    pub fn len(&self) -> u64 {
        self.end - self.start
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Bytes of memory.
    pub fn memory_bytes(&self) -> usize {
        self.blocks.iter().map(|block| block.bytes.capacity() + size_of::<Block>()).sum()
    }

    /// Adds what follows.
    pub fn append(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = self.room();
            let (now, later) = bytes.split_at(bytes.len().min(room));
            if let Some(block) = self.blocks.back_mut() {
                block.bytes.extend_from_slice(now);
            }
            self.end += now.len() as u64;
            bytes = later;
        }
    }

    /// How much goes into the last block; there is one with room then.
    fn room(&mut self) -> usize {
        let left = |block: &Block| BLOCK_BYTES - block.bytes.len();
        match self.blocks.back().map(left) {
            Some(room) if room > 0 => room,
            _ => {
                self.blocks.push_back(Block { start: self.end, bytes: Vec::with_capacity(BLOCK_BYTES) });
                BLOCK_BYTES
            }
        }
    }

    /// What follows `from`, up to the end of its block: empty at the end, `None` if it is not kept.
    pub fn read(&self, from: u64) -> Option<&[u8]> {
        if from < self.start || from > self.end {
            return None;
        }
        let number = self.blocks.partition_point(|block| block.end() <= from);
        let Some(block) = self.blocks.get(number) else { return Some(&[]) };
        Some(&block.bytes[(from - block.start) as usize..])
    }

    /// Lets go what is more than `bytes` back from the end and before `needed`, in whole blocks.
    pub fn trim(&mut self, bytes: u64, needed: Option<u64>) {
        let wanted = self.end.saturating_sub(bytes).min(needed.unwrap_or(u64::MAX));
        while self.blocks.front().is_some_and(|block| block.end() <= wanted) {
            self.blocks.pop_front();
        }
        self.start = self.blocks.front().map_or(self.end, |block| block.start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn content(backlog: &Backlog, mut from: u64) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(stretch) = backlog.read(from).filter(|stretch| !stretch.is_empty()) {
            all.extend_from_slice(stretch);
            from += stretch.len() as u64;
        }
        all
    }

    proptest! {
        #[test]
        fn it_keeps_the_end_of_what_was_written(
            writes in prop::collection::vec((0_usize..200_000, 0_u64..300_000, prop::option::of(0_u64..500_000)), 1..12),
            origin in 0_u64..1 << 40,
        ) {
            let (mut backlog, mut written) = (Backlog::new(origin), Vec::new());
            for (length, size, needed) in writes {
                let bytes: Vec<u8> = (0..length).map(|i| (i * 31 + length) as u8).collect();
                backlog.append(&bytes);
                written.extend_from_slice(&bytes);
                let before = backlog.range();
                let needed = needed.map(|needed| origin + needed);
                backlog.trim(size, needed);
                let kept = backlog.range();
                prop_assert_eq!(kept.end, origin + written.len() as u64);
                let promised = kept.end.saturating_sub(size).min(needed.unwrap_or(u64::MAX)).max(before.start);
                prop_assert!(kept.start <= promised.min(kept.end));
                prop_assert_eq!(&content(&backlog, kept.start)[..], &written[(kept.start - origin) as usize..]);
                prop_assert!(backlog.read(kept.end + 1).is_none());
                prop_assert!(kept.start == 0 || backlog.read(kept.start - 1).is_none());
            }
        }
    }
}
