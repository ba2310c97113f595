//! Trimming: the oldest entries go, whole nodes first.

use super::id::StreamId;
use super::log::Log;
use super::node::{self, NodeRef};

/// How much is to stay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Keep {
    /// So many entries.
    Newest(u64),
    /// The entries from this id on.
    From(StreamId),
}

impl Keep {
    /// Whether an entry may go when so many are left.
    fn spares(self, id: StreamId, len: usize) -> bool {
        match self {
            Keep::Newest(count) => len as u64 <= count,
            Keep::From(first) => id >= first,
        }
    }

    /// Whether a whole node may go when so many are left, with those in it.
    fn spares_part_of(self, node: NodeRef<'_>, live: usize, len: usize) -> bool {
        match self {
            Keep::Newest(count) => ((len - live) as u64) < count,
            Keep::From(first) => node.last_id() >= first,
        }
    }
}

impl Log {
    /// Removes the oldest entries until no more than `keep` are left, and tells how many went. With `whole_nodes` only nodes
    /// that can go as a whole do, and none that would make it more than `limit` entries (0: any number).
    pub fn trim(&mut self, keep: Keep, whole_nodes: bool, limit: u64) -> usize {
        let before = self.figures.len;
        while let Some(node) = self.nodes.first() {
            let (base, live, len) = (node.base, node.master().live, self.figures.len);
            let over_limit = limit > 0 && (before - len + live) as u64 > limit;
            if matches!(keep, Keep::Newest(count) if len as u64 <= count) || over_limit {
                break;
            }
            if keep.spares_part_of(node, live, len) {
                if !whole_nodes {
                    self.trim_first_node(keep);
                }
                break;
            }
            self.nodes.remove(base);
            self.figures.len -= live;
        }
        let trimmed = before - self.figures.len;
        if trimmed > 0 {
            self.find_first();
        }
        trimmed
    }

    /// Removes the oldest entries of the first node.
    fn trim_first_node(&mut self, keep: Keep) {
        let Some(first) = self.nodes.first() else { return };
        let (base, master, len) = (first.base, first.master(), self.figures.len);
        let marked = self.nodes.edit(base, |pack| {
            let (mut place, mut marked) = (master.entries, 0);
            loop {
                let node = NodeRef { base, pack: pack.view() };
                if !node.has_entry(place) {
                    break;
                }
                let entry = node.entry(&master, place);
                let (deleted, end) = (entry.is_deleted(), entry.end());
                if keep.spares(entry.id, len - marked) {
                    break;
                }
                if !deleted {
                    node::mark_deleted(pack, place);
                    marked += 1;
                }
                place = end;
            }
            if marked > 0 {
                node::count_deleted(pack, &master, marked);
            }
            marked
        });
        let marked = marked.unwrap_or(0);
        self.figures.len -= marked;
        if marked == master.live {
            self.nodes.remove(base);
        }
    }
}
