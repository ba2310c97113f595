//! Showing a large list, in slices, as it was at some moment, while it is changed.
//!
//! The row of nodes as it is now and the row of that moment have stretches in common. [`Walk`] knows them as *pieces*: nodes that
//! only that row has (saved), a number of nodes that only this row has (new), then a number of nodes that both have (old).
//! Before a node of an old stretch changes or goes it is saved, and the stretch parts there; so a change costs a copy of one
//! node, and the pieces are found from the nearer end. The walk goes from the front: what it has shown becomes new.
//!
//! Invariants: there is a last piece, with nothing old; all others have something old.

use std::collections::VecDeque;

use super::node::Node;
use crate::types::size_class;

#[derive(Default)]
struct Piece {
    saved: VecDeque<Node>,
    new: usize,
    old: usize,
}

impl Piece {
    fn live(&self) -> usize {
        self.new + self.old
    }
}

/// See the module.
pub(super) struct Walk {
    pieces: VecDeque<Piece>,
    /// New and old nodes of all pieces.
    live: usize,
    /// What saved nodes have allocated.
    saved_bytes: usize,
}

/// What comes next.
pub(super) enum Next {
    /// A node as it was.
    Saved(Node),
    /// The node that stands there now.
    Old(usize),
}

impl Walk {
    /// Over the nodes of a list that has so many.
    pub(super) fn new(nodes: usize) -> Walk {
        let mut pieces = VecDeque::from([Piece::default()]);
        if nodes > 0 {
            pieces.push_front(Piece { old: nodes, ..Piece::default() });
        }
        Walk { pieces, live: nodes, saved_bytes: 0 }
    }

    /// The next node to be shown; `None` when all have been.
    pub(super) fn next(&mut self) -> Option<Next> {
        let first = self.pieces.front_mut()?;
        if let Some(node) = first.saved.pop_front() {
            self.saved_bytes -= node.memory_bytes();
            return Some(Next::Saved(node));
        }
        if first.old == 0 {
            return None;
        }
        let at = first.new;
        (first.new, first.old) = (first.new + 1, first.old - 1);
        self.join(0);
        Some(Next::Old(at))
    }

    /// The node there is about to change.
    pub(super) fn before_change(&mut self, at: usize, node: &Node) {
        if let Some((piece, before)) = self.old_at(at) {
            self.save(piece, before, 1, node.clone());
        }
    }

    /// The node there has been taken out.
    pub(super) fn after_remove(&mut self, at: usize, node: Node) {
        match self.old_at(at) {
            Some((piece, before)) => self.save(piece, before, 0, node),
            None => {
                let (piece, _) = self.find(at);
                self.pieces[piece].new -= 1;
            }
        }
        self.live -= 1;
    }

    /// The same where the node itself is wanted elsewhere.
    pub(super) fn after_take(&mut self, at: usize, node: &Node) {
        self.after_remove(at, node.clone());
    }

    /// A node has been put in there.
    pub(super) fn after_insert(&mut self, at: usize) {
        let (piece, offset) = self.find(at);
        self.live += 1;
        let found = &mut self.pieces[piece];
        if offset <= found.new {
            found.new += 1;
            return;
        }
        // A place behind an old stretch is the next piece's.
        let before = offset - found.new;
        let behind = Piece { new: 1, old: found.old - before, ..Piece::default() };
        found.old = before;
        self.pieces.insert(piece + 1, behind);
    }

    /// Where the node stands if it is old: the piece, and how many of the old stretch are before it.
    fn old_at(&self, at: usize) -> Option<(usize, usize)> {
        let (piece, offset) = self.find(at);
        let before = offset.checked_sub(self.pieces[piece].new)?;
        (before < self.pieces[piece].old).then_some((piece, before))
    }

    /// The piece that a node is of, and how many of its nodes are before it. A place behind all nodes is of the last piece.
    fn find(&self, at: usize) -> (usize, usize) {
        if at < self.live / 2 {
            let mut before = 0;
            for (piece, found) in self.pieces.iter().enumerate() {
                if at < before + found.live() {
                    return (piece, at - before);
                }
                before += found.live();
            }
        }
        let mut before = self.live;
        for (piece, found) in self.pieces.iter().enumerate().rev() {
            before -= found.live();
            if at >= before {
                return (piece, at - before);
            }
        }
        (0, at)
    }

    /// Parts an old stretch at a node, which is saved, with so many new ones in its place.
    fn save(&mut self, piece: usize, before: usize, new: usize, node: Node) {
        self.saved_bytes += node.memory_bytes();
        let found = &mut self.pieces[piece];
        let behind = found.old - before - 1;
        if before == 0 {
            found.saved.push_back(node);
            (found.new, found.old) = (found.new + new, behind);
            return self.join(piece);
        }
        found.old = before;
        if behind == 0 {
            // There is a next one, since this had something old.
            let next = &mut self.pieces[piece + 1];
            next.saved.push_front(node);
            next.new += new;
        } else {
            let saved = VecDeque::from([node]);
            self.pieces.insert(piece + 1, Piece { saved, new, old: behind });
        }
    }

    /// Joins a piece with the next one, if nothing old is between them.
    fn join(&mut self, piece: usize) {
        if self.pieces[piece].old > 0 || piece + 1 == self.pieces.len() {
            return;
        }
        if let Some(mut first) = self.pieces.remove(piece) {
            let next = &mut self.pieces[piece];
            next.new += first.new;
            if !first.saved.is_empty() {
                first.saved.append(&mut next.saved);
                next.saved = first.saved;
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        // Each saved node has its place in a row; a piece takes more than one.
        size_class(self.pieces.capacity() * size_of::<Piece>())
            + self
                .pieces
                .iter()
                .map(|piece| size_class(piece.saved.capacity() * size_of::<Node>()))
                .sum::<usize>()
            + self.saved_bytes
    }
}
