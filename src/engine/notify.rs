//! What happens to keys, and who hears of it: watchers, tracking clients, clients that wait for a key, subscribers to keyspace
//! events.
//!
//! Handlers report through [`Call::changed`](super::Call::changed) and [`Call::event`](super::Call::event). Not there yet: so
//! far nobody listens.

use super::Engine;
use super::session::SessionHandle;
use crate::keyspace::Key;

/// The class of an event, as `notify-keyspace-events` selects them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// `g`: DEL, EXPIRE, RENAME, ...
    Generic,
    /// `$`: string commands.
    String,
    /// `l`: list commands.
    List,
    /// `s`: set commands.
    Set,
    /// `h`: hash commands.
    Hash,
    /// `z`: sorted set commands.
    SortedSet,
    /// `t`: stream commands.
    Stream,
    /// `x`: keys that have expired.
    Expired,
    /// `e`: keys that were evicted.
    Evicted,
    /// `n`: keys that were made.
    New,
    /// `m`: keys that were looked for and not there.
    KeyMiss,
}

impl Engine {
    /// A key's value has changed, or the key has come or gone. `by` is the client whose command did it; nobody if it
    /// expired or was evicted.
    #[inline]
    pub fn key_changed(&mut self, db: usize, key: &Key<'_>, by: Option<SessionHandle>) {
        let _ = by;
        if !self.waiting.is_empty() {
            self.waiting.touch(db, key.bytes);
        }
    }

    /// All keys of a database have gone.
    pub fn database_flushed(&mut self, db: usize) {
        self.waiting.touch_all(db);
    }

    /// Two databases have changed places.
    pub fn databases_swapped(&mut self, a: usize, b: usize) {
        self.waiting.touch_all(a);
        self.waiting.touch_all(b);
    }

    /// An event of a key, for those who listen to `notify-keyspace-events`.
    #[inline]
    pub fn key_event(&mut self, db: usize, class: Class, event: &'static str, key: &Key<'_>) {
        let _ = (db, class, event, key);
    }
}
