//! The large form: every element has a cell (member and score), which the index finds by member and the tree by order.

use std::cell::RefCell;
use std::fmt;

use super::Element;
use super::arena::{Arena, CellId};
use super::index::Index;
use super::tree::{At, Cut, Tree};
use super::walk::Walk;
use crate::types::HashKey;
use crate::types::shared::Shared;

/// See the module. Index and tree hold the same cells, all of them live.
pub struct Large {
    arena: Arena,
    index: Index,
    tree: Tree,
    /// Shows it as it was.
    walk: RefCell<Option<Box<Walk>>>,
}

impl Clone for Large {
    fn clone(&self) -> Large {
        let (arena, index, tree) = (self.arena.clone(), self.index.clone(), self.tree.clone());
        Large { arena, index, tree, walk: RefCell::default() }
    }
}

impl fmt::Debug for Large {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Large({} elements)", self.len())
    }
}

impl Large {
    /// An empty one; members are hashed under this secret.
    pub(super) fn new(hash_key: HashKey) -> Large {
        let (arena, index, tree) = (Arena::new(), Index::new(hash_key), Tree::new());
        Large { arena, index, tree, walk: RefCell::default() }
    }

    #[inline]
    pub(in crate::types) fn len(&self) -> usize {
        self.index.len()
    }

    /// Bytes allocated, its own struct included, by size class.
    #[inline]
    pub(in crate::types) fn memory_bytes(&self) -> usize {
        Shared::<Large>::BYTES
            + self.arena.memory_bytes()
            + self.index.memory_bytes()
            + self.tree.memory_bytes()
    }

    pub(in crate::types) fn dismantle(&mut self, elements: usize) -> bool {
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
        if let Some(walk) = self.walk.get_mut() {
            walk.after_enter(cell, member, score);
        }
    }

    fn rescore(&mut self, cell: CellId, member: &[u8], old: f64, new: f64) {
        if let Some(walk) = self.walk.get_mut() {
            walk.before_leave(cell, member, old);
            walk.after_enter(cell, member, new);
        }
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
        if let Some(walk) = self.walk.get_mut() {
            walk.before_leave(cell, member, score);
        }
        self.tree.remove(score, member, &self.arena);
        self.index.remove(hash, cell);
        self.arena.free(cell);
        Some(score)
    }

    /// Takes out the elements of `count` ranks, which must be there.
    pub(super) fn remove_ranks(&mut self, first: usize, count: usize) {
        for _ in 0..count {
            let cell = self.tree.remove_rank(first);
            let member = self.arena.member(cell);
            let hash = self.index.hash(member);
            if let Some(walk) = self.walk.get_mut() {
                walk.before_leave(cell, member, self.arena.score(cell));
            }
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

    /// Begins a walk over the elements as they are now; false if one is under way.
    pub(in crate::types) fn begin_walk(&self) -> bool {
        let mut walk = self.walk.borrow_mut();
        let free = walk.is_none();
        if free {
            *walk = Some(Box::default());
        }
        free
    }

    /// Shows about so many elements; true when all have been shown.
    pub(in crate::types) fn walk(&self, elements: usize, mut each: impl FnMut(Element<'_>)) -> bool {
        let mut held = self.walk.borrow_mut();
        let Some(walk) = held.as_mut() else { return true };
        let mut left = elements.max(1);
        while left > 0
            && let Some((score, member)) = walk.take_saved()
        {
            left -= 1;
            each(Element { member: Element::bytes(&member), score });
        }
        self.walk_down(walk, left, &mut each);
        let over = walk.over && walk.saved.is_empty();
        if over {
            *held = None;
        }
        over
    }

    /// Goes on with a walk for so many elements, shown or not.
    fn walk_down(&self, walk: &mut Walk, elements: usize, each: &mut impl FnMut(Element<'_>)) {
        let ahead = match &walk.position {
            None => self.len(),
            Some((score, member)) => self.rank(Cut::Element { score: *score, member, after: false }),
        };
        let mut at = ahead.checked_sub(1).map(|rank| self.at_rank(rank));
        let mut last = None;
        for _ in 0..elements {
            let Some(here) = at else { break };
            let (member, score) = self.element(here);
            if !walk.new.remove(&self.tree.cell(here)) {
                each(Element { member: Element::bytes(member), score });
            }
            (last, at) = (Some((score, member)), self.step(here, true));
        }
        walk.over = walk.over || at.is_none();
        if let Some((score, member)) = last {
            walk.position = Some((score, member.into()));
        }
    }

    pub(in crate::types) fn end_walk(&self) {
        self.walk.replace(None);
    }

    pub(in crate::types) fn walk_bytes(&self) -> usize {
        self.walk.borrow().as_ref().map_or(0, |walk| walk.memory_bytes())
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        self.tree.check(&self.arena);
        assert_eq!(self.tree.len(), self.index.len());
    }
}
