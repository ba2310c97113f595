//! What the standard library's ordered map takes, so that the accounts of streams need no walk.

use crate::types::size_class;

/// Entries of a node of the map; six are in a node after entries have come in ascending order, as ids do.
const NODE_ENTRIES: usize = 11;
const NODE_ENTRIES_USUAL: usize = 6;
/// Parent and two counters.
const NODE_HEAD_BYTES: usize = 12;
const CHILDREN_BYTES: usize = 12 * size_of::<usize>();

/// Bytes allocated, by size class, for so many entries of so many bytes.
pub(super) const fn map_bytes(len: usize, entry_bytes: usize) -> usize {
    let node = NODE_HEAD_BYTES + NODE_ENTRIES * entry_bytes;
    match len {
        0 => 0,
        1..=NODE_ENTRIES => size_class(node),
        _ => {
            let leaves = len.div_ceil(NODE_ENTRIES_USUAL);
            let inner = leaves.div_ceil(NODE_ENTRIES_USUAL);
            leaves * size_class(node) + inner * size_class(node + CHILDREN_BYTES)
        }
    }
}
