//! The large form of a list: a row of nodes that each hold many elements.
//!
//! The ends are reached at once; the middle by stepping over whole nodes, whose counts stand side by side in one piece of
//! memory. When nodes are made, divided and joined follows Redis, since OBJECT ENCODING shows when one is left.
//!
//! Invariants, between calls: no node is empty; `count` and `bytes` are the sums over all nodes; the nodes closer to an end
//! than the depth are not compressed.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::ops::{ControlFlow, Range};

use super::End;
use super::limits::Limits;
use super::node::{Content, Node};
use super::walk::{Next, Walk};
use crate::types::listpack::{Item, Listpack};
use crate::types::shared::Shared;
use crate::types::size_class;

/// What an element takes beside its text, estimated.
const OVERHEAD_BYTES: usize = 8;
/// So many bytes are as much work as an element, where a list is shown node by node.
const BYTES_PER_ELEMENT: usize = 64;
/// A row of nodes with more places than this many times its nodes gives places back.
const SPARE_FACTOR: usize = 4;

/// See the module.
pub struct Quicklist {
    pub(super) nodes: VecDeque<Node>,
    /// Elements of all nodes.
    count: usize,
    /// Bytes that the nodes have allocated.
    bytes: usize,
    /// As they were when the list became large.
    pub(super) limits: Limits,
    /// Shows it as it was.
    walk: RefCell<Option<Box<Walk>>>,
}

impl Clone for Quicklist {
    /// A copy has no room to spare, so its nodes may take less than those of the original.
    fn clone(&self) -> Self {
        let nodes = self.nodes.clone();
        let bytes = nodes.iter().map(Node::memory_bytes).sum();
        Quicklist { nodes, count: self.count, bytes, limits: self.limits, walk: RefCell::default() }
    }
}

impl fmt::Debug for Quicklist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nodes.fmt(f)
    }
}

impl Quicklist {
    /// A list of one node.
    pub(super) fn new(pack: Listpack, limits: Limits) -> Quicklist {
        let (nodes, count, bytes) = (VecDeque::with_capacity(2), 0, 0);
        let mut list = Quicklist { nodes, count, bytes, limits, walk: RefCell::default() };
        if !pack.view().is_empty() {
            list.insert_node(0, Node::packed(pack));
        }
        list
    }

    /// How many elements there are.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.count
    }

    #[inline]
    pub(in crate::types) fn memory_bytes(&self) -> usize {
        Shared::<Quicklist>::BYTES + size_class(self.nodes.capacity() * size_of::<Node>()) + self.bytes
    }

    /// The listpack, if all is in one again that is short enough for the small form.
    #[inline]
    pub(super) fn take_small(&mut self, limits: Limits) -> Option<Listpack> {
        let node = self.nodes.front().filter(|_| self.nodes.len() == 1)?;
        if node.is_plain() || !limits.admit_return(node.bytes(), node.count()) {
            return None;
        }
        let mut pack = self.take_node(0).into_pack()?;
        pack.shrink();
        Some(pack)
    }

    /// Adds an element at an end.
    #[inline]
    pub(super) fn push(&mut self, end: End, text: &[u8]) {
        let at = self.outermost(end);
        if self.accepts(at, text.len()) {
            let item = Item::of(text);
            self.edit(at, |pack| push_to(pack, end, item));
        } else {
            self.add_node(end, Node::for_text(text, self.limits));
        }
    }

    /// Where the outermost node stands, if there is one.
    #[inline]
    fn outermost(&self, end: End) -> usize {
        if end == End::Front { 0 } else { self.nodes.len().saturating_sub(1) }
    }

    /// Adds a node, which must not be empty, at an end.
    pub(super) fn add_node(&mut self, end: End, node: Node) {
        let at = self.outermost(end);
        self.close(at);
        self.insert_node(if end == End::Front { 0 } else { self.nodes.len() }, node);
        self.settle(at..at);
    }

    /// Whether a text of so many bytes may go into a node.
    #[inline]
    pub(super) fn accepts(&self, at: usize, bytes: usize) -> bool {
        let fits = |node: &Node| {
            let (bytes, count) = (node.bytes() + bytes + OVERHEAD_BYTES, node.count() + 1);
            !node.is_plain() && self.limits.admit(bytes, count)
        };
        !self.limits.is_large(bytes) && self.nodes.get(at).is_some_and(fits)
    }

    /// Visits the elements from one end on, without the first `skip`.
    #[inline]
    pub(super) fn walk(
        &self,
        from: End,
        skip: usize,
        visit: &mut impl FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if skip >= self.count {
            return ControlFlow::Continue(());
        }
        let mut buffer = Vec::new();
        let mut read = |node: &Node, skip| node.content(&mut buffer).walk(from, skip, visit);
        match from {
            End::Front => {
                let (first, mut skip) = self.locate(skip);
                self.nodes.range(first..).try_for_each(|node| read(node, std::mem::take(&mut skip)))
            }
            End::Back => {
                let (last, offset) = self.locate(self.count - 1 - skip);
                let mut skip = self.nodes[last].count() - 1 - offset;
                let nodes = self.nodes.range(..=last).rev();
                nodes.into_iter().try_for_each(|node| read(node, std::mem::take(&mut skip)))
            }
        }
    }

    /// The node that holds an element, and how many elements stand before it there. There must be so many.
    pub(super) fn locate(&self, index: usize) -> (usize, usize) {
        debug_assert!(index < self.count);
        if index < self.count / 2 {
            return locate_forward(&self.nodes, index);
        }
        let mut behind = self.count - index;
        for (at, node) in self.nodes.iter().enumerate().rev() {
            if behind <= node.count() {
                return (at, node.count() - behind);
            }
            behind -= node.count();
        }
        locate_forward(&self.nodes, index)
    }

    /// Node and place of the first element with this text.
    pub(super) fn find(&self, text: &[u8]) -> Option<(usize, usize)> {
        let mut buffer = Vec::new();
        let find = |(at, node): (usize, &Node)| Some((at, node.content(&mut buffer).find(text)?));
        self.nodes.iter().enumerate().find_map(find)
    }

    /// Takes the first or last element out. There must be one.
    #[inline]
    pub(super) fn pop(&mut self, end: End) {
        let at = if end == End::Front { 0 } else { self.nodes.len() - 1 };
        if self.nodes[at].count() == 1 {
            self.take_node(at);
            self.settle(at..at);
        } else {
            self.edit(at, |pack| pop_from(pack, end));
        }
    }

    /// Takes out elements by their positions; there must be so many.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        let mut left = range.len();
        if left == 0 {
            return;
        }
        let (first, offset) = self.locate(range.start);
        let mut at = first;
        if offset > 0 {
            let here = left.min(self.nodes[at].count() - offset);
            self.cut(at, offset, here);
            left -= here;
            at += 1;
        }
        let whole = self.nodes.range(at..).take_while(|node| {
            let fits = node.count() <= left;
            left -= if fits { node.count() } else { 0 };
            fits
        });
        let end = at + whole.count();
        self.take_nodes(at..end);
        if left > 0 {
            self.cut(at, 0, left);
        }
        self.settle(first..at + 1);
    }

    /// Takes elements out of a node that keeps others.
    fn cut(&mut self, at: usize, offset: usize, count: usize) {
        self.edit(at, |pack| {
            let place = pack.view().seek(offset as i64).unwrap_or(pack.view().end());
            pack.remove_many(place, count);
            pack.shrink();
        });
    }

    /// Changes the listpack of a node and brings the books up to date; `None` if it has none.
    #[inline]
    pub(super) fn edit<R>(&mut self, at: usize, edit: impl FnOnce(&mut Listpack) -> R) -> Option<R> {
        let node = &mut self.nodes[at];
        if let Some(walk) = self.walk.get_mut() {
            walk.before_change(at, node);
        }
        let (count, bytes) = (node.count(), node.memory_bytes());
        let result = node.edit(edit);
        self.count = self.count - count + node.count();
        self.bytes = self.bytes - bytes + node.memory_bytes();
        result
    }

    pub(super) fn insert_node(&mut self, at: usize, node: Node) {
        self.count += node.count();
        self.bytes += node.memory_bytes();
        self.nodes.insert(at, node);
        if let Some(walk) = self.walk.get_mut() {
            walk.after_insert(at);
        }
    }

    /// Takes a node out; there must be so many.
    pub(super) fn take_node(&mut self, at: usize) -> Node {
        let node = self.nodes.remove(at).expect("the caller knows that there is such a node");
        self.count -= node.count();
        self.bytes -= node.memory_bytes();
        if let Some(walk) = self.walk.get_mut() {
            walk.after_take(at, &node);
        }
        self.trim_row();
        node
    }

    pub(super) fn take_nodes(&mut self, range: Range<usize>) {
        let first = range.start;
        for node in self.nodes.drain(range) {
            self.count -= node.count();
            self.bytes -= node.memory_bytes();
            if let Some(walk) = self.walk.get_mut() {
                walk.after_remove(first, node);
            }
        }
        self.trim_row();
    }

    /// Takes out the nodes that have lost all their elements.
    pub(super) fn drop_empty(&mut self) {
        let (bytes, walk) = (&mut self.bytes, self.walk.get_mut());
        let mut kept = 0;
        self.nodes.retain(|node| {
            let keeps = node.count() > 0;
            kept += usize::from(keeps);
            if !keeps {
                *bytes -= node.memory_bytes();
                if let Some(walk) = walk {
                    walk.after_take(kept, node);
                }
            }
            keeps
        });
        self.trim_row();
        self.settle(0..0);
    }

    /// Gives back places for nodes after many have gone.
    fn trim_row(&mut self) {
        if self.nodes.capacity() > SPARE_FACTOR * (self.nodes.len() + 1) {
            self.nodes.shrink_to(2 * self.nodes.len());
        }
    }

    /// Gives back room in a node that will hardly be added to any more.
    fn close(&mut self, at: usize) {
        if at < self.nodes.len() && !self.nodes[at].is_plain() {
            self.edit(at, Listpack::shrink);
        }
    }

    /// Compresses nodes that were changed and stand far enough from the ends, uncompresses the ends. To be called when nodes
    /// have come or gone, or others than the first and last were changed.
    #[inline]
    pub(super) fn settle(&mut self, changed: Range<usize>) {
        if self.limits.depth() > 0 {
            self.settle_compression(changed);
        }
    }

    fn settle_compression(&mut self, changed: Range<usize>) {
        /// One change moves no node further inwards than this.
        const MOVED_MAX: usize = 3;
        let (depth, len) = (self.limits.depth(), self.nodes.len());
        let inner = depth.min(len)..len.saturating_sub(depth).max(depth.min(len));
        (0..inner.start).chain(inner.end..len).for_each(|at| self.rewrite(at, Node::uncompress));
        let near_front = inner.start..inner.end.min(inner.start + MOVED_MAX);
        let near_back = inner.end.saturating_sub(MOVED_MAX).max(near_front.end)..inner.end;
        for at in near_front.chain(near_back).chain(changed).filter(|at| inner.contains(at)) {
            self.rewrite(at, Node::compress);
        }
    }

    fn rewrite(&mut self, at: usize, rewrite: impl FnOnce(&mut Node)) {
        let node = &mut self.nodes[at];
        let bytes = node.memory_bytes();
        rewrite(node);
        self.bytes = self.bytes - bytes + node.memory_bytes();
    }

    /// Frees about so many elements; true when none is left.
    pub(in crate::types) fn dismantle(&mut self, elements: usize) -> bool {
        let end = self.count.saturating_sub(elements);
        while self.count > end {
            self.take_node(self.nodes.len() - 1);
        }
        self.nodes.is_empty()
    }

    /// Begins a walk over the nodes as they are now, and tells how many; `None` if one is under way.
    pub(in crate::types) fn begin_walk(&self) -> Option<usize> {
        let mut walk = self.walk.borrow_mut();
        if walk.is_some() {
            return None;
        }
        *walk = Some(Box::new(Walk::new(self.nodes.len())));
        Some(self.nodes.len())
    }

    /// Shows nodes of about so many elements; true when all have been shown.
    pub(in crate::types) fn show(&self, elements: usize, each: &mut dyn FnMut(Content<'_>)) -> bool {
        let mut held = self.walk.borrow_mut();
        let Some(walk) = held.as_mut() else { return true };
        let (mut left, mut buffer) = (elements.max(1), Vec::new());
        while left > 0 {
            let saved;
            let node = match walk.next() {
                Some(Next::Old(at)) => &self.nodes[at],
                Some(Next::Saved(node)) => {
                    saved = node;
                    &saved
                }
                None => {
                    *held = None;
                    return true;
                }
            };
            left = left.saturating_sub(node.count().max(node.bytes() / BYTES_PER_ELEMENT));
            each(node.content(&mut buffer));
        }
        false
    }

    pub(in crate::types) fn end_walk(&self) {
        self.walk.replace(None);
    }

    pub(in crate::types) fn walk_bytes(&self) -> usize {
        self.walk.borrow().as_ref().map_or(0, |walk| size_class(size_of::<Walk>()) + walk.memory_bytes())
    }

    /// Checks what must hold.
    #[cfg(test)]
    pub(super) fn check(&self) {
        let depth = self.limits.depth();
        let sum = |of: fn(&Node) -> usize| self.nodes.iter().map(of).sum::<usize>();
        assert_eq!((self.count, self.bytes), (sum(Node::count), sum(Node::memory_bytes)));
        for (at, node) in self.nodes.iter().enumerate() {
            let from_end = at.min(self.nodes.len() - 1 - at);
            assert!(node.count() > 0);
            assert!(
                !node.is_compressed() || depth > 0 && from_end >= depth,
                "node {at} of {}",
                self.nodes.len()
            );
            let mut elements = 0;
            let _ = node.content(&mut Vec::new()).walk(End::Front, 0, &mut |_| {
                elements += 1;
                ControlFlow::Continue(())
            });
            assert_eq!(elements, node.count());
        }
    }
}

impl Node {
    /// A node of one element, with an allocation of its own if that is long.
    pub(super) fn for_text(text: &[u8], limits: Limits) -> Node {
        if limits.is_large(text.len()) { Node::plain(text) } else { Node::of_one(text) }
    }
}

fn locate_forward(nodes: &VecDeque<Node>, index: usize) -> (usize, usize) {
    let mut before = index;
    let holds = |node: &Node| {
        let here = before < node.count();
        before -= if here { 0 } else { node.count() };
        here
    };
    let at = nodes.iter().position(holds).unwrap_or(nodes.len());
    (at, before)
}

#[inline]
pub(super) fn push_to(pack: &mut Listpack, end: End, item: Item<'_>) {
    match end {
        End::Front => pack.push_front(item),
        End::Back => pack.push_back(item),
    }
}

/// Takes the first or last element out. There must be one.
#[inline]
pub(super) fn pop_from(pack: &mut Listpack, end: End) {
    let view = pack.view();
    let place = if end == End::Front { Some(view.start()) } else { view.prev(view.end()) };
    if let Some(place) = place {
        pack.remove(place);
    }
}
