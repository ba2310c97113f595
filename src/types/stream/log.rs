//! The entries of a stream, with the figures that outlive them.
//!
//! Entries are added at the end, under ascending ids; they are deleted anywhere, or trimmed from the beginning. A node is
//! closed when it is full, and goes when its last entry does.

use super::entries::{Entries, EntriesBack};
use super::id::{StreamId, WantedId};
use super::node::{self, Entry, NodeRef};
use super::nodes::Nodes;
use crate::types::listpack::Listpack;

/// The longest that the words of one entry, and a node, may be together.
pub const ENTRY_BYTES_MAX: usize = 1 << 30;

/// When a node is full: `stream-node-max-bytes` and `stream-node-max-entries`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeLimits {
    /// Bytes; 0 for as many as can be.
    pub bytes_max: u64,
    /// Entries, deleted ones included; 0 for any number.
    pub entries_max: u64,
}

/// Why an entry gets no id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IdError {
    /// The last entry has the greatest id that there is.
    Exhausted,
    /// The id is not above the last one.
    NotAbove,
}

/// What is known of a stream beside its entries.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Figures {
    /// How many entries there are.
    pub len: usize,
    /// The first of them; 0-0 if there is none.
    pub first_id: StreamId,
    /// The id after which the next one must come.
    pub last_id: StreamId,
    /// The greatest id of those that were deleted (not trimmed); 0-0 for none.
    pub max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub entries_added: u64,
}

/// Entries and figures.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub(super) nodes: Nodes,
    pub(super) figures: Figures,
}

impl Log {
    /// What is known beside the entries.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.figures.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.figures.len == 0
    }

    /// How many nodes hold them.
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The nodes in order, for dump files.
    pub fn nodes(&self) -> impl Iterator<Item = NodeRef<'_>> {
        self.nodes.from(StreamId::MIN)
    }

    /// Bytes allocated, by size class.
    pub fn memory_bytes(&self) -> usize {
        self.nodes.memory_bytes()
    }

    /// The id that an entry added now would get.
    pub fn next_id(&self, wanted: WantedId, now_ms: i64) -> Result<StreamId, IdError> {
        let last = self.figures.last_id;
        if last == StreamId::MAX {
            return Err(IdError::Exhausted);
        }
        let now_ms = u64::try_from(now_ms).unwrap_or(0);
        let id = match wanted {
            WantedId::Any if now_ms > last.ms => Some(StreamId { ms: now_ms, seq: 0 }),
            WantedId::Any => last.next(),
            WantedId::At(ms) if ms == last.ms => last.seq.checked_add(1).map(|seq| StreamId { ms, seq }),
            WantedId::At(ms) => Some(StreamId { ms, seq: 0 }),
            WantedId::Exactly(id) => Some(id),
        };
        id.filter(|id| *id > last).ok_or(IdError::NotAbove)
    }

    /// Adds an entry under an id from [`Log::next_id`]. The words are fields and values in turn, at least one pair,
    /// together not above [`ENTRY_BYTES_MAX`].
    pub fn append<'w>(
        &mut self,
        id: StreamId,
        words: impl Iterator<Item = &'w [u8]> + Clone,
        limits: NodeLimits,
    ) {
        debug_assert!(id > self.figures.last_id);
        let fits = self.nodes.last().is_some_and(|last| has_room(last, words.clone(), limits));
        if fits {
            self.nodes.edit_last(|base, pack| node::append(base, pack, id, words));
        } else {
            self.nodes.push(id, node::create(id, words));
        }
        self.figures.len += 1;
        self.figures.entries_added += 1;
        self.figures.last_id = id;
        if self.figures.len == 1 {
            self.figures.first_id = id;
        }
    }

    /// Entries from one id to another, both included.
    pub fn entries(&self, start: StreamId, end: StreamId) -> Entries<'_> {
        Entries::new(&self.nodes, start, end)
    }

    /// The same, the last first.
    pub fn entries_back(&self, start: StreamId, end: StreamId) -> EntriesBack<'_> {
        EntriesBack::new(&self.nodes, start, end)
    }

    /// The entry with this id.
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        let node = self.nodes.up_to(id).next()?;
        let master = node.master();
        let place = node.seek(&master, id);
        let entry = node.has_entry(place).then(|| node.entry(&master, place))?;
        (entry.id == id && !entry.is_deleted()).then_some(entry)
    }

    /// The id of the last entry that is there; 0-0 if none is.
    pub fn last_live_id(&self) -> StreamId {
        self.entries_back(StreamId::MIN, StreamId::MAX).next().map_or(StreamId::MIN, |entry| entry.id)
    }

    /// The first id that a node still holds, be it deleted; [`StreamId::MAX`] if there is no node.
    pub fn first_kept_id(&self) -> StreamId {
        self.nodes.first().map_or(StreamId::MAX, NodeRef::first_id)
    }

    /// Deletes an entry; false if it is not there.
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some(entry) = self.get(id) else { return false };
        let place = entry.place;
        // The entry was found in this node.
        let Some(node) = self.nodes.up_to(id).next() else { return false };
        let (base, master) = (node.base, node.master());
        if master.live == 1 {
            self.nodes.remove(base);
        } else {
            self.nodes.edit(base, |pack| {
                node::mark_deleted(pack, place);
                node::count_deleted(pack, &master, 1);
            });
        }
        self.figures.len -= 1;
        self.figures.max_deleted_id = self.figures.max_deleted_id.max(id);
        if id == self.figures.first_id {
            self.find_first();
        }
        true
    }

    /// Notes the first entry after others have gone.
    pub(super) fn find_first(&mut self) {
        let first = self.entries(StreamId::MIN, StreamId::MAX).next();
        self.figures.first_id = first.map_or(StreamId::MIN, |entry| entry.id);
    }

    /// Sets the figures that a client may set (XSETID), or that come from a dump file.
    pub fn set_figures(
        &mut self,
        last_id: StreamId,
        entries_added: Option<u64>,
        max_deleted_id: Option<StreamId>,
    ) {
        let figures = &mut self.figures;
        figures.last_id = last_id;
        figures.entries_added = entries_added.unwrap_or(figures.entries_added);
        figures.max_deleted_id = max_deleted_id.unwrap_or(figures.max_deleted_id);
    }

    /// Adds a node from a dump file behind those that are there. False, and nothing done, if its bytes are no node, or it does
    /// not come behind them. The last id is then that of the node's last entry, be it deleted; a file that says a smaller one is
    /// wrong. The figures that entries do not tell are to be set afterwards by [`Log::set_figures`].
    pub fn add_node(&mut self, base: StreamId, bytes: Vec<u8>) -> bool {
        let Some(node) = NodeRef::parse(base, &bytes) else { return false };
        if self.nodes.last().is_some_and(|last| last.last_id() >= base) {
            return false;
        }
        let (live, last_id) = (node.master().live, node.last_id());
        // Redis may leave a node of which every entry is deleted.
        if live > 0 {
            self.nodes.push(base, Listpack::from_bytes(bytes));
            self.figures.len += live;
            self.figures.last_id = last_id;
            if self.figures.first_id.is_zero() {
                self.find_first();
            }
        }
        true
    }
}

/// Whether another entry goes into a node.
#[inline]
fn has_room<'w>(node: NodeRef<'_>, words: impl Iterator<Item = &'w [u8]>, limits: NodeLimits) -> bool {
    let most = ENTRY_BYTES_MAX as u64;
    let bytes_max = if limits.bytes_max == 0 { most } else { limits.bytes_max.min(most) };
    let bytes = node.bytes().len() + words.map(<[u8]>::len).sum::<usize>();
    if bytes as u64 >= bytes_max {
        return false;
    }
    limits.entries_max == 0 || (node.entry_count() as u64) < limits.entries_max
}
