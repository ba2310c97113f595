//! The large form: every element has a cell (member and score), which the index finds by member and the tree by order.

use super::arena::{Arena, CellId};
use super::index::Index;
use super::tree::{At, Cut, Tree};
use crate::types::{HashKey, size_class};

/// See the module. Index and tree hold the same cells, all of them live.
#[derive(Clone, Debug)]
pub struct Large {
    arena: Arena,
    index: Index,
    tree: Tree,
}

impl Large {
    /// An empty one; members are hashed under this secret.
    pub(super) fn new(hash_key: HashKey) -> Large {
        Large { arena: Arena::new(), index: Index::new(hash_key), tree: Tree::new() }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    /// Bytes allocated, its own struct included, by size class.
    #[inline]
    pub(super) fn memory_bytes(&self) -> usize {
        size_class(size_of::<Large>())
            + self.arena.memory_bytes()
            + self.index.memory_bytes()
            + self.tree.memory_bytes()
    }

    pub(super) fn dismantle(&mut self, elements: usize) -> bool {
        // About what so many elements take of each.
        let cells_gone = self.arena.dismantle(elements / 2048 + 1);
        let index_gone = self.index.dismantle(elements / 2048 + 1);
        self.tree.dismantle(elements / 32 + 1) && cells_gone && index_gone
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        let cell = self.index.find(self.index.hash(member), member, &self.arena)?;
        Some(self.arena.score(cell))
    }

    pub(super) fn rank(&self, cut: Cut<'_>) -> usize {
        match cut {
            Cut::Start => 0,
            Cut::End => self.len(),
            cut => self.tree.rank(cut, &self.arena),
        }
    }

    /// Lets `decide` see a member's score, and gives it the score that comes back.
    pub(super) fn update(
        &mut self,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> (Option<f64>, Option<f64>) {
        let hash = self.index.hash(member);
        let cell = self.index.find(hash, member, &self.arena);
        let old = cell.map(|cell| self.arena.score(cell));
        let new = decide(old);
        match (cell, old, new) {
            (Some(cell), Some(old), Some(new)) if old != new => self.rescore(cell, member, old, new),
            (None, _, Some(new)) => self.insert(hash, member, new),
            _ => {}
        }
        (old, new)
    }

    fn insert(&mut self, hash: u64, member: &[u8], score: f64) {
        let cell = self.arena.create(member, score);
        self.index.insert(hash, cell, &self.arena);
        self.tree.insert(cell, &self.arena);
    }

    fn rescore(&mut self, cell: CellId, member: &[u8], old: f64, new: f64) {
        if self.tree.rescore(old, member, new, &self.arena) {
            self.arena.set_score(cell, new);
        } else {
            self.tree.remove(old, member, &self.arena);
            self.arena.set_score(cell, new);
            self.tree.insert(cell, &self.arena);
        }
    }

    /// Takes a member out; tells its score.
    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = self.index.hash(member);
        let cell = self.index.find(hash, member, &self.arena)?;
        let score = self.arena.score(cell);
        self.tree.remove(score, member, &self.arena);
        self.index.remove(hash, cell);
        self.arena.free(cell);
        Some(score)
    }

    /// Takes out the elements of `count` ranks, which must be there.
    pub(super) fn remove_ranks(&mut self, first: usize, count: usize) {
        for _ in 0..count {
            let cell = self.tree.remove_rank(first);
            let hash = self.index.hash(self.arena.member(cell));
            self.index.remove(hash, cell);
            self.arena.free(cell);
        }
    }

    /// The place of a rank, which must be below the length.
    pub(super) fn at_rank(&self, rank: usize) -> At {
        self.tree.at_rank(rank)
    }

    /// The place behind, or before if `reverse`.
    #[inline]
    pub(super) fn step(&self, at: At, reverse: bool) -> Option<At> {
        if reverse { self.tree.prev(at) } else { self.tree.next(at) }
    }

    #[inline]
    pub(super) fn element(&self, at: At) -> (&[u8], f64) {
        let cell = self.tree.cell(at);
        (self.arena.member(cell), self.arena.score(cell))
    }

    /// Shows the elements of one bucket and returns the next cursor; 0 begins and ends a walk.
    pub(super) fn scan(&self, cursor: u64, mut each: impl FnMut(&[u8], f64)) -> u64 {
        self.index.scan(cursor, |cell| each(self.arena.member(cell), self.arena.score(cell)))
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        self.tree.check(&self.arena);
        assert_eq!(self.tree.len(), self.index.len());
    }
}
