//! Walks over the entries of a stream that are there, in either direction.

use super::id::StreamId;
use super::node::{Entry, Master, NodeRef};
use super::nodes::{Backward, Forward, Nodes};

/// Entries from one id to another, both included.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    nodes: Forward<'a>,
    /// The node that the walk is in, and where in it.
    current: Option<(NodeRef<'a>, Master, usize)>,
    start: StreamId,
    end: StreamId,
}

impl<'a> Entries<'a> {
    pub(super) fn new(nodes: &'a Nodes, start: StreamId, end: StreamId) -> Self {
        Entries { nodes: nodes.from(start), current: None, start, end }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if self.current.is_none() {
                let node = self.nodes.next()?;
                let master = node.master();
                self.current = Some((node, master, node.seek(&master, self.start)));
            }
            let (node, master, place) = self.current.as_mut()?;
            while node.has_entry(*place) {
                let entry = node.entry(master, *place);
                if entry.id > self.end {
                    return None;
                }
                *place = entry.end();
                if !entry.is_deleted() {
                    return Some(entry);
                }
            }
            self.current = None;
        }
    }
}

/// Entries from one id to another, both included, the last first.
#[derive(Clone, Debug)]
pub struct EntriesBack<'a> {
    nodes: Backward<'a>,
    /// The node that the walk is in, and the place before which it goes on.
    current: Option<(NodeRef<'a>, Master, usize)>,
    start: StreamId,
    end: StreamId,
}

impl<'a> EntriesBack<'a> {
    pub(super) fn new(nodes: &'a Nodes, start: StreamId, end: StreamId) -> Self {
        EntriesBack { nodes: nodes.up_to(end), current: None, start, end }
    }
}

impl<'a> Iterator for EntriesBack<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if self.current.is_none() {
                let node = self.nodes.next()?;
                let master = node.master();
                let end = self.end.next().map_or(node.pack.end(), |behind| node.seek(&master, behind));
                self.current = Some((node, master, end));
            }
            let (node, master, place) = self.current.as_mut()?;
            while let Some(before) = node.entry_before(*place) {
                let entry = node.entry(master, before);
                if entry.id < self.start {
                    return None;
                }
                *place = before;
                if !entry.is_deleted() {
                    return Some(entry);
                }
            }
            self.current = None;
        }
    }
}
