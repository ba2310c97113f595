//! Showing a stream, in slices, as it was at some moment, while it is changed.
//!
//! Nodes have their first ids for names, groups their own, and both are shown in that order; so it is enough to save, under its
//! name, what changes for the first time while it is still ahead. A node is saved alone, a group with all that is pending in it.

use std::collections::BTreeMap;

use super::group::Group;
use super::id::StreamId;
use super::log::Figures;
use super::weight::map_bytes;
use crate::types::listpack::Listpack;
use crate::types::size_class;

/// A walk over the nodes.
#[derive(Debug)]
pub(super) struct NodeWalk {
    /// The first id of the node that was shown last.
    pub(super) position: Option<StreamId>,
    /// That of the last node of the moment; `None` when all have been shown.
    pub(super) end: Option<StreamId>,
    /// Nodes ahead, as they were.
    pub(super) saved: BTreeMap<StreamId, Listpack>,
    saved_bytes: usize,
}

impl NodeWalk {
    pub(super) fn new(end: Option<StreamId>) -> NodeWalk {
        NodeWalk { position: None, end, saved: BTreeMap::new(), saved_bytes: 0 }
    }

    /// A node is about to change or to go.
    pub(super) fn before_change(&mut self, base: StreamId, pack: &Listpack) {
        let ahead = self.end.is_some_and(|end| base <= end) && self.position.is_none_or(|last| base > last);
        if ahead && !self.saved.contains_key(&base) {
            let saved = pack.clone();
            self.saved_bytes += saved.memory_bytes();
            self.saved.insert(base, saved);
        }
    }

    /// The next node, if it is a saved one: no later than this one, which stands there now.
    pub(super) fn take_saved(&mut self, live: Option<StreamId>) -> Option<(StreamId, Listpack)> {
        let first = self.saved.first_entry()?;
        if live.is_some_and(|live| live < *first.key()) {
            return None;
        }
        let (base, pack) = first.remove_entry();
        self.saved_bytes -= pack.memory_bytes();
        Some((base, pack))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.saved_bytes + map_bytes(self.saved.len(), size_of::<(StreamId, Listpack)>())
    }
}

/// The name of a group.
type Name = Box<[u8]>;

/// A walk over the groups.
#[derive(Debug, Default)]
pub(super) struct GroupWalk {
    /// The group that was shown last.
    pub(super) position: Option<Name>,
    /// Groups ahead, as they were; `None` for those that were not there.
    saved: BTreeMap<Name, Option<Box<Group>>>,
    saved_bytes: usize,
}

fn weight(name: &[u8], group: Option<&Group>) -> usize {
    let group = group.map_or(0, |group| size_class(size_of::<Group>()) + group.memory_bytes());
    size_class(name.len()) + group
}

impl GroupWalk {
    /// Whether the group of this name is to be saved before it changes.
    pub(super) fn wants(&self, name: &[u8]) -> bool {
        self.position.as_ref().is_none_or(|last| *name > **last) && !self.saved.contains_key(name)
    }

    /// Saves what the group of this name was.
    pub(super) fn save(&mut self, name: &[u8], group: Option<Box<Group>>) {
        self.saved_bytes += weight(name, group.as_deref());
        self.saved.insert(name.into(), group);
    }

    /// The next group, if it is a saved one, or was not there: no later than this one, which is there now.
    pub(super) fn take_saved(&mut self, live: Option<&[u8]>) -> Option<(Name, Option<Box<Group>>)> {
        let first = self.saved.first_entry()?;
        if live.is_some_and(|live| live < &**first.key()) {
            return None;
        }
        let (name, group) = first.remove_entry();
        self.saved_bytes -= weight(&name, group.as_deref());
        Some((name, group))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.saved_bytes + map_bytes(self.saved.len(), size_of::<(Name, Option<Box<Group>>)>())
    }
}

/// What of a stream is being shown.
#[derive(Debug)]
pub(super) enum Stage {
    /// Nodes, then these figures, and how many groups will come.
    Nodes(Figures, usize),
    /// Groups.
    Groups,
}
