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
mod weight;

pub use entries::{Entries, EntriesBack};
pub use group::{Consumer, ConsumerId, Group, Pending};
pub use groups::{GroupEdit, Groups};
pub use id::{IdText, StreamId, WantedId};
pub use log::{ENTRY_BYTES_MAX, Figures, IdError, Log, NodeLimits};
pub use node::{Entry, NodeRef, Words};
pub use trim::Keep;

use super::size_class;

/// See the module. It stands in an allocation of its own, so that other types' values stay small.
#[derive(Clone, Debug, Default)]
pub struct Stream(Box<Parts>);

#[derive(Clone, Debug, Default)]
struct Parts {
    log: Log,
    groups: Groups,
}

impl Stream {
    /// The entries.
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// The entries, to be changed.
    pub fn log_mut(&mut self) -> &mut Log {
        &mut self.0.log
    }

    /// The groups.
    pub fn groups(&self) -> &Groups {
        &self.0.groups
    }

    /// The groups, to be changed.
    pub fn groups_mut(&mut self) -> &mut Groups {
        &mut self.0.groups
    }

    /// A group to be changed, with the entries that it reads.
    pub fn group_with_log(&mut self, name: &[u8]) -> Option<(GroupEdit<'_>, &Log)> {
        let Parts { log, groups } = &mut *self.0;
        Some((groups.edit(name)?, log))
    }

    /// Bytes allocated, by size class.
    pub fn memory_bytes(&self) -> usize {
        size_class(size_of::<Parts>()) + self.0.log.memory_bytes() + self.0.groups.memory_bytes()
    }

    /// See [`Payload::dismantle`](crate::types::Payload::dismantle).
    pub fn dismantle(&mut self, elements: usize) -> bool {
        let mut left = elements.max(1);
        while left > 0 {
            let Some(node) = self.0.log.nodes.first() else { break };
            let (base, entries) = (node.base, node.entry_count());
            self.0.log.nodes.remove(base);
            left = left.saturating_sub(entries.max(1));
        }
        self.0.log.nodes.len() == 0
            && (left == 0 && self.0.groups.is_empty() || self.0.groups.dismantle(left))
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
