//! How many keys each hash slot of a cluster holds, in a binary indexed tree (Fenwick 1994): counting a key in or out,
//! finding the slot of the n-th key and finding the next slot with keys all take 14 steps.

use super::key::SLOT_COUNT;
use crate::types::size_class;

const SLOTS: usize = SLOT_COUNT as usize;

/// See the module; with it, the totals over all slots' tables.
pub(super) struct Slots {
    /// `tree[i]` is the sum of the counts of the slots from `i + 1 - lowest_bit(i + 1)` to `i`.
    tree: Vec<u32>,
    pub len: usize,
    pub volatile: usize,
    pub bytes: usize,
}

impl Slots {
    /// Bytes that the tree takes, by size class.
    pub(super) const MEMORY_BYTES: usize = size_class(SLOTS * size_of::<u32>());

    pub(super) fn new() -> Self {
        Self { tree: vec![0; SLOTS], len: 0, volatile: 0, bytes: 0 }
    }

    /// Notes that so many keys have come to a slot or left it.
    pub(super) fn count(&mut self, slot: u16, change: isize) {
        self.len = self.len.wrapping_add_signed(change);
        let mut node = usize::from(slot) + 1;
        while node <= SLOTS {
            self.tree[node - 1] = self.tree[node - 1].wrapping_add(change as u32);
            node += node & node.wrapping_neg();
        }
    }

    /// How many keys the slots below `slot` hold.
    fn before(&self, slot: usize) -> usize {
        let (mut node, mut sum) = (slot, 0);
        while node > 0 {
            sum += self.tree[node - 1] as usize;
            node &= node - 1;
        }
        sum
    }

    /// The slot of the key with this rank, counted from 0 in the order of slots.
    pub(super) fn of_rank(&self, rank: usize) -> Option<usize> {
        let (mut node, mut left) = (0, rank);
        let mut step = SLOTS;
        while step > 0 {
            if let Some(count) = self.tree.get(node + step - 1).map(|count| *count as usize)
                && count <= left
            {
                node += step;
                left -= count;
            }
            step /= 2;
        }
        (rank < self.len && node < SLOTS).then_some(node)
    }

    /// The first slot from `slot` on that holds keys.
    pub(super) fn next_with_keys(&self, slot: usize) -> Option<usize> {
        self.of_rank(self.before(slot.min(SLOTS)))
    }
}

#[cfg(test)]
mod tests {
    use super::{SLOTS, Slots};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 2 } else { 64 }, ..<_>::default() })]

        #[test]
        fn finds_what_a_plain_list_finds(keys in proptest::collection::vec(0..SLOTS as u16, 0..100), from in 0..SLOTS) {
            let mut slots = Slots::new();
            let mut list = keys.clone();
            list.sort_unstable();
            keys.iter().for_each(|slot| slots.count(*slot, 1));
            for (rank, slot) in list.iter().enumerate() {
                prop_assert_eq!(slots.of_rank(rank), Some(usize::from(*slot)));
            }
            prop_assert_eq!(slots.of_rank(list.len()), None);
            let next = list.iter().map(|slot| usize::from(*slot)).find(|slot| *slot >= from);
            prop_assert_eq!(slots.next_with_keys(from), next);
            keys.iter().for_each(|slot| slots.count(*slot, -1));
            prop_assert_eq!(slots.next_with_keys(0), None);
        }
    }
}
