//! Lists node by node, as dump files hold them.

use super::limits::Limits;
use super::node::{Content, Node};
use super::quicklist::Quicklist;
use super::{End, List, ListRef};
use crate::types::listpack::Listpack;
use crate::types::shared::Shared;

impl ListRef<'_> {
    /// How many nodes there are; a small list is one.
    pub fn node_count(self) -> usize {
        match self {
            ListRef::Small(_) => 1,
            ListRef::Large(list) => list.nodes.len(),
        }
    }

    /// Shows the nodes from the front on.
    pub fn each_node(self, mut visit: impl FnMut(Content<'_>)) {
        let mut buffer = Vec::new();
        match self {
            ListRef::Small(pack) => visit(Content::Packed(pack)),
            ListRef::Large(list) => list.nodes.iter().for_each(|node| visit(node.content(&mut buffer))),
        }
    }
}

impl List {
    /// Adds a node at the back, as it is, whatever the limits say of its length. Every text in it that is an integer must
    /// stand there as one.
    pub fn add_pack(&mut self, pack: Listpack, limits: Limits) {
        let (bytes, count) = (pack.view().bytes().len(), pack.view().len());
        if count == 0 {
            return;
        }
        match self {
            List::Small(first) if first.view().is_empty() && limits.admit(bytes, count) => *first = pack,
            _ => self.add_node(Node::packed(pack), limits),
        }
    }

    /// The same with a node that is one long text.
    pub fn add_plain(&mut self, text: &[u8], limits: Limits) {
        self.add_node(Node::plain(text), limits);
    }

    fn add_node(&mut self, node: Node, limits: Limits) {
        if let List::Small(pack) = self {
            *self = List::Large(Shared::new(Quicklist::new(std::mem::take(pack), limits)));
        }
        if let List::Large(list) = self {
            list.edit().add_node(End::Back, node);
        }
    }
}
