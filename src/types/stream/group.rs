//! Consumer groups: how far each has read, and which entries are delivered to whom and not acknowledged.
//!
//! Each pending entry stands in the group's list, with the consumer that has it, and in that consumer's own. Consumers have
//! numbers, so that the lists need no references.

use std::collections::btree_map::Entry as Place;
use std::collections::{BTreeMap, BTreeSet};

use super::id::StreamId;
use super::weight::map_bytes;
use crate::types::size_class;

/// A consumer's number within its group, until the consumer is removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConsumerId(u32);

/// An entry delivered and not acknowledged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    /// Who has it.
    pub consumer: ConsumerId,
    /// When it was delivered last, in Unix milliseconds.
    pub delivered_ms: i64,
    /// How often it was delivered.
    pub deliveries: i64,
}

/// A consumer of a group.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Box<[u8]>,
    /// When it last asked for something, in Unix milliseconds.
    pub seen_ms: i64,
    /// When it last got something, in Unix milliseconds.
    pub active_ms: Option<i64>,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// How many entries it has not acknowledged.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// These entries from an id on, in order.
    pub fn pending_from(&self, start: StreamId) -> impl Iterator<Item = StreamId> {
        self.pending.range(start..).copied()
    }
}

/// What a consumer's own list takes.
fn list_bytes(len: usize) -> usize {
    map_bytes(len, size_of::<StreamId>())
}

/// A consumer group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The last entry that was delivered to any consumer.
    pub last_id: StreamId,
    /// How many entries of the stream come up to that one; `None` if that is not known.
    pub entries_read: Option<i64>,
    pending: BTreeMap<StreamId, Pending>,
    /// By number.
    consumers: Vec<Option<Consumer>>,
    names: BTreeMap<Box<[u8]>, ConsumerId>,
    /// Numbers that nobody has.
    free: Vec<ConsumerId>,
    name_bytes: usize,
    /// What the consumers' own lists take.
    list_bytes: usize,
}

impl Group {
    /// A group that has come so far.
    pub fn new(last_id: StreamId, entries_read: Option<i64>) -> Group {
        Group { last_id, entries_read, ..Group::default() }
    }

    /// Bytes allocated, by size class.
    pub fn memory_bytes(&self) -> usize {
        map_bytes(self.pending.len(), size_of::<(StreamId, Pending)>())
            + self.list_bytes
            + map_bytes(self.names.len(), size_of::<(Box<[u8]>, ConsumerId)>())
            + size_class(self.consumers.capacity() * size_of::<Option<Consumer>>())
            + size_class(self.free.capacity() * size_of::<ConsumerId>())
            + self.name_bytes
    }

    /// The consumers in the order of their names.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.names.values().map(|id| self.consumer(*id))
    }

    /// Whether every consumer was active when it was last seen.
    pub fn active_when_seen(&self) -> bool {
        self.consumers().all(|consumer| consumer.active_ms == Some(consumer.seen_ms))
    }

    /// A consumer by its number, which must be of this group.
    pub fn consumer(&self, id: ConsumerId) -> &Consumer {
        // A number is used only while its consumer is there.
        self.consumers[id.0 as usize].as_ref().expect("a consumer with pending entries is there")
    }

    /// The same, to be changed.
    pub fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers[id.0 as usize].as_mut().expect("a consumer with pending entries is there")
    }

    /// The number of the consumer of this name.
    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerId> {
        self.names.get(name).copied()
    }

    /// The number of the consumer of this name, and whether the consumer has just been made.
    pub fn consumer_or_new(&mut self, name: &[u8], now_ms: i64) -> (ConsumerId, bool) {
        if let Some(id) = self.find_consumer(name) {
            return (id, false);
        }
        let consumer =
            Consumer { name: name.into(), seen_ms: now_ms, active_ms: None, pending: BTreeSet::new() };
        let id = self.free.pop().unwrap_or_else(|| {
            self.consumers.push(None);
            // There is no memory for more than 2^32 consumers of a group.
            ConsumerId((self.consumers.len() - 1) as u32)
        });
        self.consumers[id.0 as usize] = Some(consumer);
        self.names.insert(name.into(), id);
        self.name_bytes += 2 * size_class(name.len());
        (id, true)
    }

    /// Removes a consumer and forgets what it has not acknowledged: how many entries; `None` if there is no such consumer.
    pub fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let id = self.names.remove(name)?;
        let consumer = self.consumers[id.0 as usize].take()?;
        self.free.push(id);
        self.name_bytes -= 2 * size_class(name.len());
        self.list_bytes -= list_bytes(consumer.pending.len());
        consumer.pending.iter().for_each(|entry| {
            self.pending.remove(entry);
        });
        Some(consumer.pending.len())
    }

    /// How many entries are not acknowledged.
    pub fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// These entries from an id on, in order.
    pub fn pending_from(&self, start: StreamId) -> impl Iterator<Item = (StreamId, &Pending)> {
        self.pending.range(start..).map(|(id, pending)| (*id, pending))
    }

    /// The first and the last of them.
    pub fn pending_ends(&self) -> Option<(StreamId, StreamId)> {
        Some((*self.pending.first_key_value()?.0, *self.pending.last_key_value()?.0))
    }

    /// What is known of an entry that is not acknowledged.
    pub fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// Notes that an entry is delivered and not acknowledged, whoever had it before.
    pub fn assign(&mut self, id: StreamId, pending: Pending) {
        let before = match self.pending.entry(id) {
            Place::Vacant(vacant) => {
                vacant.insert(pending);
                None
            }
            Place::Occupied(mut occupied) => Some(occupied.insert(pending).consumer),
        };
        if before == Some(pending.consumer) {
            return;
        }
        if let Some(before) = before {
            self.edit_list(before, |list| list.remove(&id));
        }
        self.edit_list(pending.consumer, |list| list.insert(id));
    }

    /// Changes a consumer's own list, with its account.
    fn edit_list(&mut self, consumer: ConsumerId, edit: impl FnOnce(&mut BTreeSet<StreamId>) -> bool) {
        let list = &mut self.consumer_mut(consumer).pending;
        let before = list_bytes(list.len());
        edit(list);
        let after = list_bytes(list.len());
        self.list_bytes = self.list_bytes + after - before;
    }

    /// Forgets a pending entry: it is acknowledged, or gone. False if it was not pending.
    pub fn acknowledge(&mut self, id: StreamId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        self.edit_list(pending.consumer, |list| list.remove(&id));
        true
    }

    /// Frees up to so many pending entries of a group that nobody needs any more.
    pub(super) fn dismantle(&mut self, entries: usize) -> bool {
        for _ in 0..entries {
            let Some((id, pending)) = self.pending.pop_first() else { return true };
            self.edit_list(pending.consumer, |list| list.remove(&id));
        }
        self.pending.is_empty()
    }
}
