//! The order of a large sorted set: a B+-tree of cells that counts.
//!
//! Inner nodes know how many cells are below each child, so that ranks and places are found from each other in O(log n).
//! Every leaf but an only one holds a quarter of what it may hold, and every inner node two children at least, save where cells
//! were added at either end: there full nodes are left behind, so that a set that is filled in order is packed tightly.
//!
//! The tree compares through a [`Cut`], a place between two cells that it is asked for; it needs the arena to look at cells.

use super::arena::{Arena, CellId};
use super::node::{Child, Entry, INNER_MAX, Inner, LEAF_MAX, Leaf, NO_LEAF, Row, head_of};
use crate::types::size_class;

/// Levels above the leaves: far more than 2^32 cells need.
const HEIGHT_MAX: usize = 12;

/// A place in the order: some elements are before it, all others after it.
#[derive(Clone, Copy, Debug)]
pub enum Cut<'a> {
    /// Before all elements.
    Start,
    /// After all elements.
    End,
    /// Before the elements with this score or a higher one; `after`: behind those with this score.
    Score {
        /// No NaN.
        score: f64,
        /// Behind them.
        after: bool,
    },
    /// Before the member or, if it is not there, where it would be; `after`: behind it. For sets whose elements all have the
    /// same score.
    Member {
        /// The member.
        member: &'a [u8],
        /// Behind it.
        after: bool,
    },
    /// Before the element, or where it would be; `after`: behind it.
    Element {
        /// No NaN.
        score: f64,
        /// The member.
        member: &'a [u8],
        /// Behind it.
        after: bool,
    },
}

impl Cut<'_> {
    /// Whether an element is before it.
    #[inline]
    pub(super) fn is_after(&self, score: f64, member: &[u8]) -> bool {
        match *self {
            Cut::Start => false,
            Cut::End => true,
            Cut::Score { score: bound, after } => score < bound || (after && score == bound),
            Cut::Member { member: bound, after } => member < bound || (after && member == bound),
            Cut::Element { score: of, member: bound, after } => {
                score < of || (score == of && (member < bound || (after && member == bound)))
            }
        }
    }
}

/// A cut with the head of its score.
struct Probe<'a> {
    cut: Cut<'a>,
    head: Option<u32>,
}

impl<'a> Probe<'a> {
    fn new(cut: Cut<'a>) -> Probe<'a> {
        let head = match cut {
            Cut::Score { score, .. } | Cut::Element { score, .. } => Some(head_of(score)),
            _ => None,
        };
        Probe { cut, head }
    }

    #[inline]
    fn is_after(&self, entry: Entry, arena: &Arena) -> bool {
        match self.head {
            Some(head) if head != entry.head => entry.head < head,
            Some(_) if let Cut::Score { score, after } = self.cut => {
                let of = arena.score(entry.cell);
                of < score || (after && of == score)
            }
            _ => self.cut.is_after(arena.score(entry.cell), arena.member(entry.cell)),
        }
    }
}

/// Nodes by number.
#[derive(Clone, Debug)]
struct Nodes<T> {
    nodes: Vec<Option<Box<T>>>,
    free: Vec<u32>,
}

impl<T: Row> Nodes<T> {
    const fn new() -> Self {
        Nodes { nodes: Vec::new(), free: Vec::new() }
    }

    #[inline]
    fn get(&self, id: u32) -> &T {
        self.nodes[id as usize].as_ref().expect("nodes are reached while they live")
    }

    #[inline]
    fn get_mut(&mut self, id: u32) -> &mut T {
        self.nodes[id as usize].as_mut().expect("nodes are reached while they live")
    }

    fn add(&mut self) -> u32 {
        let node = Some(Box::new(T::empty()));
        if let Some(id) = self.free.pop() {
            self.nodes[id as usize] = node;
            return id;
        }
        self.nodes.push(node);
        // There are fewer nodes than cells, whose numbers have 32 bits.
        (self.nodes.len() - 1) as u32
    }

    /// Takes a node out, to be put back or dropped.
    fn take(&mut self, id: u32) -> Box<T> {
        self.nodes[id as usize].take().expect("nodes are reached while they live")
    }

    fn free(&mut self, id: u32) {
        self.nodes[id as usize] = None;
        self.free.push(id);
    }

    fn memory_bytes(&self) -> usize {
        (self.nodes.len() - self.free.len()) * size_class(size_of::<T>())
            + size_class(self.nodes.capacity() * size_of::<Option<Box<T>>>())
            + size_class(self.free.capacity() * size_of::<u32>())
    }

    fn dismantle(&mut self, count: usize) -> bool {
        self.free = Vec::new();
        self.nodes.truncate(self.nodes.len().saturating_sub(count));
        self.nodes.is_empty()
    }

    /// Brings two neighbours into balance, one of which has become small: all into the left one (true), or half and half.
    fn even_out(&mut self, left: u32, right: u32) -> bool {
        let (mut l, mut r) = (self.take(left), self.take(right));
        let all = l.len() + r.len();
        let merges = all <= T::MAX * 3 / 4;
        if merges {
            r.move_tail(0, &mut l);
        } else if l.len() < r.len() {
            r.move_front(all / 2 - l.len(), &mut l);
        } else {
            let kept = all.div_ceil(2);
            (kept..l.len()).rev().for_each(|i| r.insert(0, l.get(i)));
            l.truncate(kept);
        }
        self.nodes[left as usize] = Some(l);
        self.nodes[right as usize] = Some(r);
        merges
    }
}

/// The way from the root to a leaf: inner nodes, and which child was taken.
#[derive(Clone, Copy)]
struct Path {
    steps: [(u32, u16); HEIGHT_MAX],
    len: usize,
}

impl Path {
    const ROOT: Path = Path { steps: [(0, 0); HEIGHT_MAX], len: 0 };

    fn push(&mut self, node: u32, child: usize) {
        self.steps[self.len] = (node, child as u16);
        self.len += 1;
    }

    /// From the leaf up.
    fn up(&self) -> impl Iterator<Item = (u32, usize)> {
        self.steps[..self.len].iter().rev().map(|(node, child)| (*node, usize::from(*child)))
    }
}

/// A cell's place.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    leaf: u32,
    index: usize,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    leaves: Nodes<Leaf>,
    inners: Nodes<Inner>,
    root: u32,
    /// Levels above the leaves.
    height: usize,
    len: usize,
}

impl Tree {
    pub(super) fn new() -> Tree {
        let mut leaves = Nodes::new();
        let root = leaves.add();
        Tree { leaves, inners: Nodes::new(), root, height: 0, len: 0 }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Bytes allocated, by size class.
    pub(super) fn memory_bytes(&self) -> usize {
        self.leaves.memory_bytes() + self.inners.memory_bytes()
    }

    /// Frees up to so many leaves; true when nothing is left. The tree can no longer be used.
    pub(super) fn dismantle(&mut self, leaves: usize) -> bool {
        self.len = 0;
        let inners_gone = self.inners.dismantle(leaves);
        self.leaves.dismantle(leaves) && inners_gone
    }

    /// How many elements are before a cut.
    pub(super) fn rank(&self, cut: Cut<'_>, arena: &Arena) -> usize {
        let (probe, mut node, mut rank) = (Probe::new(cut), self.root, 0);
        for _ in 0..self.height {
            let inner = self.inners.get(node);
            let child = inner.child_for(|entry| probe.is_after(entry, arena));
            rank += inner.count_before(child);
            node = inner.node(child);
        }
        rank + self.leaves.get(node).partition(|entry| probe.is_after(entry, arena))
    }

    /// The place of a rank, which must be below the length.
    pub(super) fn at_rank(&self, rank: usize) -> At {
        let (_, at) = self.path_of_rank(rank);
        at
    }

    /// The cell at a place.
    #[inline]
    pub(super) fn cell(&self, at: At) -> CellId {
        self.leaves.get(at.leaf).get(at.index).cell
    }

    /// The place behind; none behind the last.
    #[inline]
    pub(super) fn next(&self, at: At) -> Option<At> {
        let leaf = self.leaves.get(at.leaf);
        if at.index + 1 < leaf.len() {
            return Some(At { index: at.index + 1, ..at });
        }
        (leaf.next != NO_LEAF).then_some(At { leaf: leaf.next, index: 0 })
    }

    /// The place before; none before the first.
    #[inline]
    pub(super) fn prev(&self, at: At) -> Option<At> {
        if at.index > 0 {
            return Some(At { index: at.index - 1, ..at });
        }
        let prev = self.leaves.get(at.leaf).prev;
        (prev != NO_LEAF).then(|| At { leaf: prev, index: self.leaves.get(prev).len() - 1 })
    }

    /// Adds a cell that is not in the tree.
    pub(super) fn insert(&mut self, cell: CellId, arena: &Arena) {
        let (score, member) = (arena.score(cell), arena.member(cell));
        let (path, mut at) = self.path_behind(Cut::Element { score, member, after: true }, arena);
        self.count(&path, 1);
        self.len += 1;
        let entry = Entry { head: head_of(score), cell };
        if self.leaves.get(at.leaf).len() == LEAF_MAX {
            let right = self.split_leaf(&path, at);
            let left = self.leaves.get(at.leaf).len();
            if at.index > left || left == LEAF_MAX {
                at = At { leaf: right, index: at.index - left };
            }
            self.leaves.get_mut(at.leaf).insert(at.index, entry);
            self.admit_leaf(&path, right);
        } else {
            self.leaves.get_mut(at.leaf).insert(at.index, entry);
        }
    }

    /// Takes out the cell of an element that is in the tree.
    pub(super) fn remove(&mut self, score: f64, member: &[u8], arena: &Arena) {
        let (path, at) = self.path_behind(Cut::Element { score, member, after: true }, arena);
        // The element is the last one before the cut behind it; leaves are never left with the cut at their beginning,
        // save where no element is before it.
        self.take(&path, At { index: at.index - 1, ..at });
    }

    /// Takes out and returns the cell of a rank, which must be below the length.
    pub(super) fn remove_rank(&mut self, rank: usize) -> CellId {
        let (path, at) = self.path_of_rank(rank);
        let cell = self.cell(at);
        self.take(&path, at);
        cell
    }

    /// Changes the head of an element's score, if the element stays where it is with the new score. The cell still has the
    /// old one.
    pub(super) fn rescore(&mut self, old: f64, member: &[u8], new: f64, arena: &Arena) -> bool {
        let (_, at) = self.path_behind(Cut::Element { score: old, member, after: true }, arena);
        let (index, leaf) = (at.index - 1, self.leaves.get(at.leaf));
        // At the ends of a leaf it would take a look at others.
        if index == 0 || at.index == leaf.len() {
            return false;
        }
        let probe = Probe::new(Cut::Element { score: new, member, after: false });
        let stays = probe.is_after(leaf.get(index - 1), arena) && !probe.is_after(leaf.get(index + 1), arena);
        if stays {
            self.leaves.get_mut(at.leaf).set_head(index, head_of(new));
        }
        stays
    }

    /// The way to the leaf in which a cut lies, and the place behind it there.
    fn path_behind(&self, cut: Cut<'_>, arena: &Arena) -> (Path, At) {
        let (probe, mut path, mut node) = (Probe::new(cut), Path::ROOT, self.root);
        for _ in 0..self.height {
            let inner = self.inners.get(node);
            let child = inner.child_for(|entry| probe.is_after(entry, arena));
            path.push(node, child);
            node = inner.node(child);
        }
        let index = self.leaves.get(node).partition(|entry| probe.is_after(entry, arena));
        (path, At { leaf: node, index })
    }

    fn path_of_rank(&self, mut rank: usize) -> (Path, At) {
        let (mut path, mut node) = (Path::ROOT, self.root);
        for _ in 0..self.height {
            let inner = self.inners.get(node);
            let (child, within) = inner.child_of_rank(rank);
            path.push(node, child);
            (node, rank) = (inner.node(child), within);
        }
        (path, At { leaf: node, index: rank })
    }

    fn count(&mut self, path: &Path, change: i32) {
        for (node, child) in path.up() {
            self.inners.get_mut(node).count_change(child, change);
        }
    }

    /// Parts a full leaf, in which a cell is about to be inserted; tells the new right one.
    fn split_leaf(&mut self, path: &Path, at: At) -> u32 {
        let right = self.leaves.add();
        let mut tail = self.leaves.take(right);
        let leaf = self.leaves.get_mut(at.leaf);
        // At the ends of the whole order the full part stays full.
        let last = leaf.next == NO_LEAF && at.index == LEAF_MAX;
        let first = leaf.prev == NO_LEAF && at.index == 0 && path.len > 0;
        let kept = match (last, first) {
            (true, _) => LEAF_MAX,
            (_, true) => 1,
            _ => LEAF_MAX / 2,
        };
        leaf.move_tail(kept, &mut tail);
        let next = std::mem::replace(&mut leaf.next, right);
        (tail.prev, tail.next) = (at.leaf, next);
        self.leaves.nodes[right as usize] = Some(tail);
        if next != NO_LEAF {
            self.leaves.get_mut(next).prev = right;
        }
        right
    }

    /// Makes a leaf that was parted known to the nodes above; `path` leads to the left part.
    fn admit_leaf(&mut self, path: &Path, right: u32) {
        let leaf = self.leaves.get(right);
        let mut child = Child { node: right, count: leaf.len() as u32, separator: leaf.get(0) };
        for (node, index) in path.up() {
            let inner = self.inners.get_mut(node);
            inner.count_change(index, -(child.count as i32));
            if inner.len() < INNER_MAX {
                inner.insert(index + 1, child);
                return;
            }
            child = self.split_inner(node, index + 1, child);
        }
        self.grow(child);
    }

    /// Parts a full inner node and inserts a child; tells the new right part as a child of the node above.
    fn split_inner(&mut self, node: u32, at: usize, child: Child) -> Child {
        let right = self.inners.add();
        let mut tail = self.inners.take(right);
        let inner = self.inners.get_mut(node);
        // Two children go with one that is added at the end.
        let left = if at == INNER_MAX { INNER_MAX - 2 } else { INNER_MAX / 2 };
        inner.move_tail(left, &mut tail);
        match at.checked_sub(left).filter(|at| *at > 0) {
            Some(at) => tail.insert(at, child),
            None => inner.insert(at, child),
        }
        let parted = Child { node: right, count: tail.count() as u32, separator: tail.get(0).separator };
        self.inners.nodes[right as usize] = Some(tail);
        parted
    }

    /// Puts a new root above the old one and its new right neighbour.
    fn grow(&mut self, right: Child) {
        let root = self.inners.add();
        let left =
            Child { node: self.root, count: self.len as u32 - right.count, separator: right.separator };
        let inner = self.inners.get_mut(root);
        inner.insert(0, left);
        inner.insert(1, right);
        self.root = root;
        self.height += 1;
    }

    /// Takes out the cell at a place.
    fn take(&mut self, path: &Path, at: At) {
        self.count(path, -1);
        self.len -= 1;
        let leaf = self.leaves.get_mut(at.leaf);
        leaf.remove(at.index);
        let len = leaf.len();
        if at.index == 0 && len > 0 {
            let first = leaf.get(0);
            self.separate(path, first);
        }
        if len < LEAF_MAX / 4 {
            self.mend(path);
        }
    }

    /// Makes a cell the separator of the leaf that the path leads to.
    fn separate(&mut self, path: &Path, first: Entry) {
        if let Some((node, child)) = path.up().find(|(_, child)| *child > 0) {
            self.inners.get_mut(node).set_separator(child, first);
        }
    }

    /// Joins or evens out what has become small along a path.
    fn mend(&mut self, path: &Path) {
        for (level, (node, child)) in path.up().enumerate() {
            let left = child.saturating_sub(1);
            let merged = if level == 0 { self.mend_leaves(node, left) } else { self.mend_inners(node, left) };
            if level == 0 && child == 0 {
                // The leaf may have been empty, and has a first cell again.
                let first = self.leaves.get(self.inners.get(node).node(0)).get(0);
                self.separate(path, first);
            }
            let inner = self.inners.get(node);
            if !merged || inner.len() >= INNER_MAX / 4 {
                break;
            }
        }
        self.lower();
    }

    /// Takes away roots with only one child.
    fn lower(&mut self) {
        while self.height > 0 && self.inners.get(self.root).len() == 1 {
            let root = self.root;
            self.root = self.inners.get(root).node(0);
            self.inners.free(root);
            self.height -= 1;
        }
    }

    /// Evens out the leaves that are children `left` and `left + 1` of a node; true if they have become one.
    fn mend_leaves(&mut self, node: u32, left: usize) -> bool {
        let inner = self.inners.get(node);
        let (l, r) = (inner.node(left), inner.node(left + 1));
        let merged = self.leaves.even_out(l, r);
        if merged {
            let next = self.leaves.get(r).next;
            self.leaves.get_mut(l).next = next;
            if next != NO_LEAF {
                self.leaves.get_mut(next).prev = l;
            }
            self.leaves.free(r);
        }
        let (count, rest) = (self.leaves.get(l).len(), (!merged).then(|| self.leaves.get(r)));
        let rest = rest.map(|leaf| (leaf.len(), leaf.get(0)));
        self.recount(node, left, count, rest);
        merged
    }

    /// The same for children that are inner nodes.
    fn mend_inners(&mut self, node: u32, left: usize) -> bool {
        let inner = self.inners.get(node);
        let (l, r) = (inner.node(left), inner.node(left + 1));
        let separator = inner.get(left + 1).separator;
        self.inners.get_mut(r).set_separator(0, separator);
        let merged = self.inners.even_out(l, r);
        if merged {
            self.inners.free(r);
        }
        let (count, rest) = (self.inners.get(l).count(), (!merged).then(|| self.inners.get(r)));
        let rest = rest.map(|inner| (inner.count(), inner.get(0).separator));
        self.recount(node, left, count, rest);
        merged
    }

    /// Notes how many cells child `left` of a node has now, and count and separator of the next, which is gone if `None`.
    fn recount(&mut self, node: u32, left: usize, count: usize, right: Option<(usize, Entry)>) {
        let inner = self.inners.get_mut(node);
        inner.set_count(left, count);
        match right {
            Some((count, separator)) => {
                inner.set_count(left + 1, count);
                inner.set_separator(left + 1, separator);
            }
            None => inner.remove(left + 1),
        }
    }

    /// Checks what the module promises.
    #[cfg(test)]
    pub(super) fn check(&self, arena: &Arena) {
        let mut at = (self.len > 0).then(|| self.at_rank(0));
        let (mut seen, mut before): (usize, Option<(f64, Vec<u8>)>) = (0, None);
        while let Some(here) = at {
            let cell = self.cell(here);
            assert_eq!(self.leaves.get(here.leaf).get(here.index).head, head_of(arena.score(cell)));
            let this = (arena.score(cell), arena.member(cell).to_vec());
            assert!(before.is_none_or(|before| before < this), "cells are in order");
            (before, seen, at) = (Some(this), seen + 1, self.next(here));
        }
        assert_eq!(seen, self.len);
        assert_eq!(self.check_below(self.root, self.height).0, self.len);
    }

    #[cfg(test)]
    fn check_below(&self, node: u32, height: usize) -> (usize, Option<CellId>) {
        if height == 0 {
            let leaf = self.leaves.get(node);
            return (leaf.len(), (leaf.len() > 0).then(|| leaf.get(0).cell));
        }
        let (inner, mut all, mut first) = (self.inners.get(node), 0, None);
        assert!(inner.len() >= 2, "an inner node has two children at least");
        for at in 0..inner.len() {
            let child = inner.get(at);
            let (count, cell) = self.check_below(child.node, height - 1);
            assert_eq!(count, child.count as usize);
            assert!(at == 0 || cell == Some(child.separator.cell), "separators are first cells");
            first = if at == 0 { cell } else { first };
            all += count;
        }
        (all, first)
    }
}
