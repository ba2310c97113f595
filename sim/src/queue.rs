//! Events to come, by (time, sequence): those of one moment happen in the order in which they were scheduled.

use std::collections::BTreeMap;

use crate::clock::Nanos;

/// Names one scheduled event, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key(Nanos, u64);

/// The events to come.
#[derive(Debug)]
pub struct Queue<E> {
    events: BTreeMap<Key, E>,
    sequence: u64,
}

impl<E> Default for Queue<E> {
    fn default() -> Self {
        Queue { events: BTreeMap::new(), sequence: 0 }
    }
}

impl<E> Queue<E> {
    /// Plans an event for true time `at`.
    pub fn schedule(&mut self, at: Nanos, event: E) -> Key {
        self.sequence += 1;
        let key = Key(at, self.sequence);
        self.events.insert(key, event);
        key
    }

    /// Takes an event out; nothing happens if it is no longer there.
    pub fn cancel(&mut self, key: Key) {
        self.events.remove(&key);
    }

    /// When the next event is due.
    pub fn next_at(&self) -> Option<Nanos> {
        self.events.first_key_value().map(|(key, _)| key.0)
    }

    /// The next event, if it is due at `now`.
    pub fn pop_due(&mut self, now: Nanos) -> Option<E> {
        if self.next_at()? > now {
            return None;
        }
        self.events.pop_first().map(|(_, event)| event)
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.events.clear();
    }
}
