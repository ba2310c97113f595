//! The nodes of the tree, and what can be done with one or two of them.
//!
//! A leaf holds cells in order, each with the *head* of its score: the highest 32 bits of a form of the score that orders as
//! scores do. Most comparisons are decided by the heads; only where they are equal the cell itself is looked at. An inner
//! node holds for each child how many cells are below it, and its *separator*: its first cell with that cell's head. The
//! separator of child 0 is never read, and may be stale.

use super::arena::CellId;

/// Cells of a leaf: it takes an allocation of 512 bytes.
pub(super) const LEAF_MAX: usize = 62;
/// Children of an inner node: 1024 bytes.
pub(super) const INNER_MAX: usize = 63;

/// No leaf: what the first and the last leaf have for a neighbour.
pub(super) const NO_LEAF: u32 = u32::MAX;

/// The head of a score: of two scores, that of the lower is not the higher one.
#[inline]
pub(super) fn head_of(score: f64) -> u32 {
    // Adding turns -0 into 0, its equal.
    let bits = (score + 0.0).to_bits();
    let ordered = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    (ordered >> 32) as u32
}

/// A cell as nodes hold it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) head: u32,
    pub(super) cell: CellId,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    len: u16,
    pub(super) prev: u32,
    pub(super) next: u32,
    heads: [u32; LEAF_MAX],
    cells: [CellId; LEAF_MAX],
}

/// A child of an inner node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Child {
    pub(super) node: u32,
    pub(super) count: u32,
    pub(super) separator: Entry,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    len: u16,
    nodes: [u32; INNER_MAX],
    counts: [u32; INNER_MAX],
    heads: [u32; INNER_MAX],
    cells: [CellId; INNER_MAX],
}

/// What both kinds of nodes are: a row of items with a greatest length.
pub(super) trait Row: Sized {
    type Item: Copy;
    const MAX: usize;

    fn empty() -> Self;
    fn len(&self) -> usize;
    fn get(&self, at: usize) -> Self::Item;
    fn insert(&mut self, at: usize, item: Self::Item);
    fn remove(&mut self, at: usize);
    fn truncate(&mut self, len: usize);

    /// Moves the items from `at` on to the end of another.
    fn move_tail(&mut self, at: usize, to: &mut Self) {
        for i in at..self.len() {
            to.insert(to.len(), self.get(i));
        }
        self.truncate(at);
    }

    /// Moves the first `count` items to the end of another.
    fn move_front(&mut self, count: usize, to: &mut Self) {
        for i in 0..count {
            to.insert(to.len(), self.get(i));
        }
        (0..count).for_each(|_| self.remove(0));
    }
}

impl Leaf {
    /// Which of the cells is the first that `is_before` is false for.
    #[inline]
    pub(super) fn partition(&self, is_before: impl Fn(Entry) -> bool) -> usize {
        partition(0, self.len(), |i| is_before(self.get(i)))
    }

    /// Replaces the head of a cell.
    pub(super) fn set_head(&mut self, at: usize, head: u32) {
        self.heads[at] = head;
    }
}

impl Row for Leaf {
    type Item = Entry;
    const MAX: usize = LEAF_MAX;

    fn empty() -> Leaf {
        let (heads, cells) = ([0; LEAF_MAX], [CellId::NONE; LEAF_MAX]);
        Leaf { len: 0, prev: NO_LEAF, next: NO_LEAF, heads, cells }
    }

    #[inline]
    fn len(&self) -> usize {
        usize::from(self.len)
    }

    #[inline]
    fn get(&self, at: usize) -> Entry {
        Entry { head: self.heads[at], cell: self.cells[at] }
    }

    fn insert(&mut self, at: usize, item: Entry) {
        let len = self.len();
        open(&mut self.heads, len, at, item.head);
        open(&mut self.cells, len, at, item.cell);
        self.len += 1;
    }

    fn remove(&mut self, at: usize) {
        let len = self.len();
        self.heads.copy_within(at + 1..len, at);
        self.cells.copy_within(at + 1..len, at);
        self.len -= 1;
    }

    fn truncate(&mut self, len: usize) {
        self.len = len as u16;
    }
}

impl Inner {
    /// Which child to descend to: the last whose separator `is_before` is true for, else the first.
    #[inline]
    pub(super) fn child_for(&self, is_before: impl Fn(Entry) -> bool) -> usize {
        partition(1, self.len(), |i| is_before(Entry { head: self.heads[i], cell: self.cells[i] })) - 1
    }

    /// Which child holds the cell of a rank within the node, and its rank within the child.
    pub(super) fn child_of_rank(&self, mut rank: usize) -> (usize, usize) {
        for (at, count) in self.counts[..self.len()].iter().enumerate() {
            if rank < *count as usize {
                return (at, rank);
            }
            rank -= *count as usize;
        }
        // Callers ask for ranks below the node's count.
        unreachable!("the rank is below the count")
    }

    /// How many cells are below the children before one.
    #[inline]
    pub(super) fn count_before(&self, at: usize) -> usize {
        self.counts[..at].iter().map(|count| *count as usize).sum()
    }

    /// How many cells are below the node.
    pub(super) fn count(&self) -> usize {
        self.count_before(self.len())
    }

    #[inline]
    pub(super) fn node(&self, at: usize) -> u32 {
        self.nodes[at]
    }

    /// Adds to how many cells are below a child.
    #[inline]
    pub(super) fn count_change(&mut self, at: usize, change: i32) {
        self.counts[at] = self.counts[at].wrapping_add_signed(change);
    }

    pub(super) fn set_count(&mut self, at: usize, count: usize) {
        self.counts[at] = count as u32;
    }

    pub(super) fn set_separator(&mut self, at: usize, separator: Entry) {
        (self.heads[at], self.cells[at]) = (separator.head, separator.cell);
    }
}

impl Row for Inner {
    type Item = Child;
    const MAX: usize = INNER_MAX;

    fn empty() -> Inner {
        let (heads, cells) = ([0; INNER_MAX], [CellId::NONE; INNER_MAX]);
        Inner { len: 0, nodes: [0; INNER_MAX], counts: [0; INNER_MAX], heads, cells }
    }

    #[inline]
    fn len(&self) -> usize {
        usize::from(self.len)
    }

    fn get(&self, at: usize) -> Child {
        let separator = Entry { head: self.heads[at], cell: self.cells[at] };
        Child { node: self.nodes[at], count: self.counts[at], separator }
    }

    fn insert(&mut self, at: usize, item: Child) {
        let len = self.len();
        open(&mut self.nodes, len, at, item.node);
        open(&mut self.counts, len, at, item.count);
        open(&mut self.heads, len, at, item.separator.head);
        open(&mut self.cells, len, at, item.separator.cell);
        self.len += 1;
    }

    fn remove(&mut self, at: usize) {
        let len = self.len();
        self.nodes.copy_within(at + 1..len, at);
        self.counts.copy_within(at + 1..len, at);
        self.heads.copy_within(at + 1..len, at);
        self.cells.copy_within(at + 1..len, at);
        self.len -= 1;
    }

    fn truncate(&mut self, len: usize) {
        self.len = len as u16;
    }
}

/// Makes room at a place of a row with `len` items, and fills it.
#[inline]
fn open<T: Copy>(row: &mut [T], len: usize, at: usize, item: T) {
    row.copy_within(at..len, at + 1);
    row[at] = item;
}

/// The first index from `low` to `high` that `is_before` is false for; it must be true for all before.
#[inline]
fn partition(mut low: usize, mut high: usize, is_before: impl Fn(usize) -> bool) -> usize {
    while low < high {
        let middle = (low + high) / 2;
        if is_before(middle) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}
