//! The nodes of a stream in order.
//!
//! The last one, to which entries are added, stands apart: adding needs no search, and a short stream is one allocation.
//! Invariants: the tail's first id is above all others'; there is a tail unless there is no node at all.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::Range;
use std::ops::Bound;

use super::id::StreamId;
use super::node::NodeRef;
use super::walk::NodeWalk;
use super::weight::map_bytes;
use crate::types::listpack::Listpack;

/// All nodes.
#[derive(Debug, Default)]
pub(super) struct Nodes {
    closed: BTreeMap<StreamId, Listpack>,
    tail: Option<(StreamId, Listpack)>,
    /// What the listpacks have allocated.
    pack_bytes: usize,
    /// Shows the nodes as they were.
    walk: RefCell<Option<Box<NodeWalk>>>,
}

fn node<'a>((base, pack): (&'a StreamId, &'a Listpack)) -> NodeRef<'a> {
    NodeRef { base: *base, pack: pack.view() }
}

impl Clone for Nodes {
    fn clone(&self) -> Nodes {
        let (closed, tail) = (self.closed.clone(), self.tail.clone());
        // A copy has no room to spare, so its account is its own.
        let packs = closed.values().chain(tail.as_ref().map(|(_, pack)| pack));
        let pack_bytes = packs.map(Listpack::memory_bytes).sum();
        Nodes { closed, tail, pack_bytes, walk: RefCell::default() }
    }
}

impl Nodes {
    pub(super) fn len(&self) -> usize {
        self.closed.len() + usize::from(self.tail.is_some())
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.pack_bytes + map_bytes(self.closed.len(), size_of::<(StreamId, Listpack)>())
    }

    pub(super) fn first(&self) -> Option<NodeRef<'_>> {
        self.closed.first_key_value().map(node).or(self.last())
    }

    pub(super) fn last(&self) -> Option<NodeRef<'_>> {
        self.tail.as_ref().map(|(base, pack)| node((base, pack)))
    }

    /// The nodes in which ids from `from` on may be.
    pub(super) fn from(&self, from: StreamId) -> Forward<'_> {
        let (mut closed, tail) = (self.closed.range(from..), self.last());
        if tail.is_none_or(|tail| tail.base > from)
            && let Some((base, _)) = self.closed.range(..=from).next_back()
        {
            closed = self.closed.range(base..);
        }
        Forward { closed, tail }
    }

    /// The nodes in which ids up to `to` may be, the last first.
    pub(super) fn up_to(&self, to: StreamId) -> Backward<'_> {
        Backward { closed: self.closed.range(..=to), tail: self.last().filter(|tail| tail.base <= to) }
    }

    /// Edits the last node, if there is one.
    pub(super) fn edit_last<R>(&mut self, edit: impl FnOnce(StreamId, &mut Listpack) -> R) -> Option<R> {
        let (base, pack) = self.tail.as_mut()?;
        if let Some(walk) = self.walk.get_mut() {
            walk.before_change(*base, pack);
        }
        let before = pack.memory_bytes();
        let result = edit(*base, pack);
        self.pack_bytes = self.pack_bytes + pack.memory_bytes() - before;
        Some(result)
    }

    /// Edits the node with this first id.
    pub(super) fn edit<R>(&mut self, base: StreamId, edit: impl FnOnce(&mut Listpack) -> R) -> Option<R> {
        if self.tail.as_ref().is_some_and(|tail| tail.0 == base) {
            return self.edit_last(|_, pack| edit(pack));
        }
        let pack = self.closed.get_mut(&base)?;
        if let Some(walk) = self.walk.get_mut() {
            walk.before_change(base, pack);
        }
        let before = pack.memory_bytes();
        let result = edit(pack);
        self.pack_bytes = self.pack_bytes + pack.memory_bytes() - before;
        Some(result)
    }

    /// Adds a node behind the last one, which will not grow any more.
    pub(super) fn push(&mut self, base: StreamId, pack: Listpack) {
        self.edit_last(|_, pack| pack.shrink());
        self.pack_bytes += pack.memory_bytes();
        if let Some((base, closed)) = self.tail.replace((base, pack)) {
            self.closed.insert(base, closed);
        }
        debug_assert!(self.closed.last_key_value().is_none_or(|(last, _)| *last < base));
    }

    /// Takes the node with this first id out.
    pub(super) fn remove(&mut self, base: StreamId) -> Option<Listpack> {
        let removed = if self.tail.as_ref().is_some_and(|tail| tail.0 == base) {
            let next = self.closed.pop_last();
            std::mem::replace(&mut self.tail, next).map(|(_, pack)| pack)
        } else {
            self.closed.remove(&base)
        };
        self.pack_bytes -= removed.as_ref().map_or(0, Listpack::memory_bytes);
        if let (Some(walk), Some(pack)) = (self.walk.get_mut(), &removed) {
            walk.before_change(base, pack);
        }
        removed
    }

    /// Begins a walk over the nodes as they are now; false if one is under way.
    pub(super) fn begin_walk(&self) -> bool {
        let mut walk = self.walk.borrow_mut();
        let free = walk.is_none();
        if free {
            *walk = Some(Box::new(NodeWalk::new(self.tail.as_ref().map(|(base, _)| *base))));
        }
        free
    }

    /// Shows the next node of a walk; false when there is none.
    pub(super) fn walk(&self, each: &mut dyn FnMut(NodeRef<'_>)) -> bool {
        let mut held = self.walk.borrow_mut();
        let Some(walk) = held.as_mut() else { return false };
        let live = walk.end.and_then(|end| self.behind(walk.position).filter(|node| node.base <= end));
        if let Some((base, pack)) = walk.take_saved(live.map(|node| node.base)) {
            walk.position = Some(base);
            each(node((&base, &pack)));
            return true;
        }
        match live {
            Some(node) => {
                walk.position = Some(node.base);
                each(node);
            }
            None => *held = None,
        }
        live.is_some()
    }

    /// The first node whose base is above this one.
    fn behind(&self, position: Option<StreamId>) -> Option<NodeRef<'_>> {
        let Some(position) = position else { return self.first() };
        let above = (Bound::Excluded(position), Bound::Unbounded);
        let tail = self.last().filter(|tail| tail.base > position);
        self.closed.range(above).next().map(node).or(tail)
    }

    pub(super) fn end_walk(&self) {
        self.walk.replace(None);
    }

    pub(super) fn walk_bytes(&self) -> usize {
        self.walk.borrow().as_ref().map_or(0, |walk| walk.memory_bytes())
    }
}

/// Nodes in order.
#[derive(Clone, Debug)]
pub(super) struct Forward<'a> {
    closed: Range<'a, StreamId, Listpack>,
    tail: Option<NodeRef<'a>>,
}

impl<'a> Iterator for Forward<'a> {
    type Item = NodeRef<'a>;

    #[inline]
    fn next(&mut self) -> Option<NodeRef<'a>> {
        self.closed.next().map(node).or_else(|| self.tail.take())
    }
}

/// Nodes, the last first.
#[derive(Clone, Debug)]
pub(super) struct Backward<'a> {
    closed: Range<'a, StreamId, Listpack>,
    tail: Option<NodeRef<'a>>,
}

impl<'a> Iterator for Backward<'a> {
    type Item = NodeRef<'a>;

    fn next(&mut self) -> Option<NodeRef<'a>> {
        self.tail.take().or_else(|| self.closed.next_back().map(node))
    }
}
