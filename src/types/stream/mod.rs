//! Streams: a log of entries under ascending ids, and groups of consumers that read it together.
//!
//! Entries stand in nodes ([`node`](self), one listpack each, in the form of dump files), nodes in an ordered map, the last
//! apart; so adding costs the same however long the stream is, and a walk from any id begins after one search. Times and new
//! ids arrive as arguments. A stream that is empty stays: its last id and its groups count.

mod entries;
mod group;
mod groups;
mod id;
mod log;
mod node;
mod nodes;
mod progress;
#[cfg(test)]
mod tests;
mod trim;
mod walk;
mod weight;

pub use entries::{Entries, EntriesBack};
pub use group::{Consumer, ConsumerId, Group, Pending};
pub use groups::{GroupEdit, Groups};
pub use id::{IdText, StreamId, WantedId};
pub use log::{ENTRY_BYTES_MAX, Figures, IdError, Log, NodeLimits};
pub use node::{Entry, NodeRef, Words};
pub use trim::Keep;

use std::cell::RefCell;
use std::ops::{Deref, DerefMut};

use super::shared::{Edit, Shared};
use walk::Stage;

/// See the module. It stands in an allocation of its own, so that other types' values stay small.
#[derive(Clone, Debug)]
pub struct Stream(Shared<Parts>);

/// What a stream is made of.
#[derive(Debug, Default)]
pub(in crate::types) struct Parts {
    log: Log,
    groups: Groups,
    /// How far a walk is.
    stage: RefCell<Option<Stage>>,
}

impl Default for Stream {
    fn default() -> Stream {
        Stream(Shared::new(Parts::default()))
    }
}

impl Clone for Parts {
    fn clone(&self) -> Parts {
        Parts { log: self.log.clone(), groups: self.groups.clone(), stage: RefCell::default() }
    }
}

/// The entries of a stream, to be changed.
pub struct LogEdit<'a>(Edit<'a, Parts>);

impl Deref for LogEdit<'_> {
    type Target = Log;

    fn deref(&self) -> &Log {
        &self.0.log
    }
}

impl DerefMut for LogEdit<'_> {
    fn deref_mut(&mut self) -> &mut Log {
        &mut self.0.log
    }
}

/// The groups of a stream, to be changed.
pub struct GroupsEdit<'a>(Edit<'a, Parts>);

impl Deref for GroupsEdit<'_> {
    type Target = Groups;

    fn deref(&self) -> &Groups {
        &self.0.groups
    }
}

impl DerefMut for GroupsEdit<'_> {
    fn deref_mut(&mut self) -> &mut Groups {
        &mut self.0.groups
    }
}

/// A part of a stream, in the order of dump files.
#[derive(Clone, Copy, Debug)]
pub enum StreamPart<'a> {
    /// Some entries.
    Node(NodeRef<'a>),
    /// Behind the nodes: what is known beside them, and how many groups will come.
    Figures(&'a Figures, usize),
    /// A group, with its name.
    Group(&'a [u8], &'a Group),
}

impl Stream {
    /// The entries.
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// The entries, to be changed.
    pub fn log_mut(&mut self) -> LogEdit<'_> {
        LogEdit(self.0.edit())
    }

    /// The groups.
    pub fn groups(&self) -> &Groups {
        &self.0.groups
    }

    /// The groups, to be changed.
    pub fn groups_mut(&mut self) -> GroupsEdit<'_> {
        GroupsEdit(self.0.edit())
    }

    /// A group, to be changed.
    pub fn edit_group(&mut self, name: &[u8]) -> Option<GroupEdit<'_>> {
        Some(self.group_with_log(name)?.0)
    }

    /// A group to be changed, with the entries that it reads.
    pub fn group_with_log(&mut self, name: &[u8]) -> Option<(GroupEdit<'_>, &Log)> {
        // SAFETY: the groups are lent out with what is held, and the log only to be read.
        #[allow(unsafe_code)]
        let (Parts { log, groups, .. }, held) = unsafe { self.0.edit().split() };
        Some((groups.edit(name, Some(held))?, log))
    }

    /// Bytes allocated, by size class.
    pub fn memory_bytes(&self) -> usize {
        self.0.memory_bytes()
    }

    /// See [`Payload::dismantle`](crate::types::Payload::dismantle).
    pub fn dismantle(&mut self, elements: usize) -> bool {
        self.0.is_watched() || self.0.edit().dismantle(elements)
    }

    pub(in crate::types) fn shared(&self) -> &Shared<Parts> {
        &self.0
    }

    /// How many things it is made of, entries and pending ones: what freeing it costs. [`Log::len`] is what XLEN tells.
    pub fn len(&self) -> usize {
        self.0.log.len() + self.0.groups.pending_len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// `stream`: there is no other.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }
}

impl Parts {
    /// Bytes allocated, by size class.
    pub(in crate::types) fn memory_bytes(&self) -> usize {
        Shared::<Parts>::BYTES + self.log.memory_bytes() + self.groups.memory_bytes()
    }

    /// See [`Stream::dismantle`].
    pub(in crate::types) fn dismantle(&mut self, elements: usize) -> bool {
        let (nodes, groups) = (&mut self.log.nodes, &mut self.groups);
        let mut left = elements.max(1);
        while left > 0 {
            let Some(node) = nodes.first() else { break };
            let (base, entries) = (node.base, node.entry_count());
            nodes.remove(base);
            left = left.saturating_sub(entries.max(1));
        }
        nodes.len() == 0 && (left == 0 && groups.is_empty() || groups.dismantle(left))
    }

    /// Begins a walk over the stream as it is now, and tells how many nodes and groups will be shown; `None` if one is under way.
    pub(in crate::types) fn begin_walk(&self) -> Option<(usize, usize)> {
        if !self.log.nodes.begin_walk() {
            return None;
        }
        self.groups.begin_walk();
        let (nodes, groups) = (self.log.node_count(), self.groups.len());
        self.stage.replace(Some(Stage::Nodes(self.log.figures, groups)));
        Some((nodes, groups))
    }

    /// Shows about so many entries, or the next group; true when all has been shown.
    pub(in crate::types) fn walk(&self, entries: usize, each: &mut dyn FnMut(StreamPart<'_>)) -> bool {
        let mut stage = self.stage.borrow_mut();
        let more = match &*stage {
            None => false,
            Some(Stage::Nodes(figures, groups)) => {
                if !self.walk_nodes(entries, each) {
                    each(StreamPart::Figures(figures, *groups));
                    *stage = Some(Stage::Groups);
                }
                true
            }
            Some(Stage::Groups) => self.groups.walk(&mut |name, group| each(StreamPart::Group(name, group))),
        };
        if !more {
            *stage = None;
        }
        !more
    }

    /// False when there are no more.
    fn walk_nodes(&self, entries: usize, each: &mut dyn FnMut(StreamPart<'_>)) -> bool {
        let mut left = entries.max(1);
        while left > 0 {
            let more = self.log.nodes.walk(&mut |node| {
                left =
                    left.saturating_sub(node.entry_count().max(node.bytes().len() / BYTES_PER_ENTRY).max(1));
                each(StreamPart::Node(node));
            });
            if !more {
                return false;
            }
        }
        true
    }

    pub(in crate::types) fn end_walk(&self) {
        self.log.nodes.end_walk();
        self.groups.end_walk();
        self.stage.replace(None);
    }

    pub(in crate::types) fn walk_bytes(&self) -> usize {
        self.log.nodes.walk_bytes() + self.groups.walk_bytes()
    }
}

/// So many bytes are as much work as an entry, where a stream is shown node by node.
const BYTES_PER_ENTRY: usize = 64;
