//! What happens to keys, and who hears of it: watchers, tracking clients, clients that wait for a key, subscribers to keyspace
//! events.
//!
//! Handlers report through [`Call::changed`](super::Call::changed) and [`Call::event`](super::Call::event). An event is a
//! message to the channel of its key, `__keyspace@DB__:KEY`, and to that of its name, `__keyevent@DB__:NAME`, as far as
//! `notify-keyspace-events` selects them. Messages of events stay on their node: replicas make their own.

use std::io::Write;

use super::Engine;
use super::pubsub::Space;
use super::session::SessionHandle;
use crate::keyspace::{Cleared, Key};
use crate::runtime::Now;

/// The class of an event, as `notify-keyspace-events` selects them. The numbers are the places of the classes' letters in
/// [`KeyspaceEvents::LETTERS`](crate::config::KeyspaceEvents::LETTERS).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Class {
    /// `g`: DEL, EXPIRE, RENAME, ...
    Generic = 0,
    /// `$`: string commands.
    String = 1,
    /// `l`: list commands.
    List = 2,
    /// `s`: set commands.
    Set = 3,
    /// `h`: hash commands.
    Hash = 4,
    /// `z`: sorted set commands.
    SortedSet = 5,
    /// `x`: keys that have expired.
    Expired = 6,
    /// `e`: keys that were evicted.
    Evicted = 7,
    /// `t`: stream commands.
    Stream = 8,
    /// `n`: keys that were made.
    New = 10,
    /// `m`: keys that were looked for and not there.
    KeyMiss = 11,
}

impl Engine {
    /// A key's value has changed, or the key has come or gone. `by` is the client whose command did it; nobody if it
    /// expired or was evicted.
    #[inline]
    pub fn key_changed(&mut self, db: usize, key: &Key<'_>, by: Option<SessionHandle>) {
        if self.tracking.is_on() {
            self.tracked_key_changed(key.bytes, by);
        }
        if !self.waiting.is_empty() {
            self.waiting.touch(db, key.bytes);
        }
        if !self.watchers.is_empty() {
            self.touch_watched(db, key);
        }
    }

    /// Empties a database. What it held, and how many keys that were; nothing if it was empty.
    pub fn clear_database(&mut self, db: usize, now: Now) -> Option<(usize, Cleared)> {
        let keys = self.keyspace.databases[db].len();
        if keys == 0 {
            return None;
        }
        if !self.watchers.is_empty() {
            self.touch_watched_database(db, None, now);
        }
        let cleared = self.keyspace.databases[db].clear();
        self.changes += keys as u64;
        self.waiting.touch_all(db);
        Some((keys, cleared))
    }

    /// Exchanges two databases.
    pub fn swap_databases(&mut self, a: usize, b: usize, now: Now) {
        if !self.watchers.is_empty() && a != b {
            self.touch_watched_database(a, Some(b), now);
            self.touch_watched_database(b, Some(a), now);
        }
        self.keyspace.swap(a, b);
        self.changes += 1;
        self.waiting.touch_all(a);
        self.waiting.touch_all(b);
    }

    /// An event of a key, for those who listen to `notify-keyspace-events`.
    #[inline]
    pub fn key_event(&mut self, db: usize, class: Class, event: &'static str, key: &Key<'_>) {
        if self.config.notify_keyspace_events.has(class as u8) {
            self.publish_event(db, event, key.bytes);
        }
    }

    #[cold]
    fn publish_event(&mut self, db: usize, event: &'static str, key: &[u8]) {
        let events = self.config.notify_keyspace_events;
        if events.by_key() {
            self.publish(Space::Channels, &channel("__keyspace@", db, key), event.as_bytes());
        }
        if events.by_event() {
            self.publish(Space::Channels, &channel("__keyevent@", db, event.as_bytes()), key);
        }
    }
}

fn channel(start: &str, db: usize, end: &[u8]) -> Vec<u8> {
    let mut channel = Vec::with_capacity(start.len() + end.len() + 8);
    // Writing to memory does not fail.
    let _ = write!(channel, "{start}{db}__:");
    channel.extend_from_slice(end);
    channel
}

#[cfg(test)]
mod tests {
    use super::Class;
    use crate::config::KeyspaceEvents;

    #[test]
    fn classes_are_at_the_places_of_their_letters() {
        use Class::*;
        let classes = [
            (Generic, b'g'),
            (String, b'$'),
            (List, b'l'),
            (Set, b's'),
            (Hash, b'h'),
            (SortedSet, b'z'),
            (Expired, b'x'),
            (Evicted, b'e'),
            (Stream, b't'),
            (New, b'n'),
            (KeyMiss, b'm'),
        ];
        for (class, letter) in classes {
            assert_eq!(KeyspaceEvents::LETTERS[class as usize], letter, "{class:?}");
            let selected = KeyspaceEvents::from_letters(&[letter, b'K']).unwrap();
            assert!(classes.iter().all(|(other, _)| selected.has(*other as u8) == (*other == class)));
        }
    }
}
