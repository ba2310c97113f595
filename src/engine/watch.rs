//! Keys that clients watch: whether one of them has changed since.
//!
//! A key changes when its value does, and when it comes or goes, also by expiry or eviction. A key that was past its deadline
//! already when it was watched counts as absent: that it is removed then changes nothing.

use std::collections::BTreeMap;

use super::Engine;
use super::session::{SessionHandle, Sessions};
use crate::keyspace::{Database, Key};
use crate::runtime::Now;

/// Who watches which key.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    /// For each database. No list is empty.
    databases: Vec<BTreeMap<Box<[u8]>, Vec<Watcher>>>,
    /// How many keys are watched, and by how many clients.
    keys: usize,
    clients: usize,
}

#[derive(Debug)]
struct Watcher {
    client: SessionHandle,
    /// The key was past its deadline when it was watched, and is still there.
    expired: bool,
}

/// How much is watched, for INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WatchFigures {
    /// Keys that somebody watches.
    pub keys: usize,
    /// Clients that watch some.
    pub clients: usize,
}

impl Watchers {
    /// Whether nobody watches anything.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }

    fn add(&mut self, (db, key): &(usize, Box<[u8]>), watcher: Watcher) {
        if self.databases.len() <= *db {
            self.databases.resize_with(db + 1, BTreeMap::new);
        }
        let watchers = self.databases[*db].entry(key.clone()).or_insert_with(|| {
            self.keys += 1;
            Vec::new()
        });
        watchers.push(watcher);
    }

    fn remove(&mut self, (db, key): &(usize, Box<[u8]>), client: SessionHandle) {
        let Some(watchers) = self.databases[*db].get_mut(key) else { return };
        watchers.retain(|watcher| watcher.client != client);
        if watchers.is_empty() {
            self.databases[*db].remove(key);
            self.keys -= 1;
        }
    }

    fn expired(&self, (db, key): &(usize, Box<[u8]>), client: SessionHandle) -> bool {
        let watchers = self.databases[*db].get(key);
        watchers.and_then(|w| w.iter().find(|w| w.client == client)).is_some_and(|w| w.expired)
    }

    /// A key has changed, and is there now or not: marks those who watch it. They are to be relieved of their other keys.
    fn touch(
        &mut self,
        (db, key): (usize, &[u8]),
        is_there: bool,
        sessions: &mut Sessions,
        found: &mut Vec<SessionHandle>,
    ) {
        let watchers = self.databases.get_mut(db).and_then(|database| database.get_mut(key));
        for watcher in watchers.into_iter().flatten() {
            if watcher.expired {
                // Logically it was gone before.
                watcher.expired = is_there;
            } else {
                sessions[watcher.client].watch.changed = true;
                found.push(watcher.client);
            }
        }
    }

    /// The keys of a database that somebody watches.
    fn keys_of(&self, db: usize) -> Vec<Box<[u8]>> {
        self.databases.get(db).into_iter().flat_map(|database| database.keys().cloned()).collect()
    }
}

impl Engine {
    /// How much is watched.
    pub fn watch_figures(&self) -> WatchFigures {
        WatchFigures { keys: self.watchers.keys, clients: self.watchers.clients }
    }

    /// Has a client watch a key of the database that it has selected. Nothing to do for one that will fail anyway.
    pub fn watch(&mut self, client: SessionHandle, key: &[u8], now: Now) {
        let session = &self.sessions[client];
        let place = (session.db, Box::from(key));
        if session.watch.changed || session.watch.keys.contains(&place) {
            return;
        }
        let expired = self.is_expired(place.0, key, now);
        self.watchers.add(&place, Watcher { client, expired });
        let keys = &mut self.sessions[client].watch.keys;
        self.watchers.clients += usize::from(keys.is_empty());
        keys.push(place);
    }

    /// Ends all watches of a client.
    pub fn unwatch(&mut self, client: SessionHandle) {
        self.sessions[client].watch.changed = false;
        self.release_watch(client);
    }

    fn release_watch(&mut self, client: SessionHandle) {
        let keys = std::mem::take(&mut self.sessions[client].watch.keys);
        self.watchers.clients -= usize::from(!keys.is_empty());
        for place in &keys {
            self.watchers.remove(place, client);
        }
    }

    /// Whether something that the client watches has changed, the passing of deadlines included.
    pub(super) fn is_watch_broken(&self, client: SessionHandle, now: Now) -> bool {
        let watch = &self.sessions[client].watch;
        let has_expired = |place: &&(usize, Box<[u8]>)| {
            !self.watchers.expired(place, client) && self.is_expired(place.0, &place.1, now)
        };
        watch.changed || watch.keys.iter().any(|place| has_expired(&place))
    }

    fn is_expired(&self, db: usize, key: &[u8], now: Now) -> bool {
        let key = self.keyspace.hasher().key(key);
        let expiry = self.keyspace.databases[db].get(&key).and_then(|entry| entry.expiry());
        expiry.is_some_and(|deadline| deadline < now.wall.millis())
    }

    /// A key has changed.
    #[cold]
    pub(super) fn touch_watched(&mut self, db: usize, key: &Key<'_>) {
        let is_there = self.keyspace.databases[db].get(key).is_some();
        let mut found = Vec::new();
        self.watchers.touch((db, key.bytes), is_there, &mut self.sessions, &mut found);
        found.into_iter().for_each(|client| self.release_watch(client));
    }

    /// What a database holds is about to be replaced by what another holds, or by nothing: those keys change that are in
    /// either, unless they are past their deadline before and after.
    pub(super) fn touch_watched_database(&mut self, db: usize, by: Option<usize>, now: Now) {
        let mut found = Vec::new();
        for key in self.watchers.keys_of(db) {
            let was_there = self.holds(db, &key);
            let will_be = by.is_some_and(|by| self.holds(by, &key));
            let will_be_expired = by.is_some_and(|by| self.is_expired(by, &key, now));
            if !was_there && !will_be {
                continue;
            }
            let watchers = self.watchers.databases[db].get_mut(&key);
            for watcher in watchers.into_iter().flatten() {
                let was_absent = watcher.expired || !was_there;
                if was_absent && (will_be_expired || !will_be) {
                    watcher.expired = will_be;
                } else {
                    self.sessions[watcher.client].watch.changed = true;
                    found.push(watcher.client);
                }
            }
        }
        found.into_iter().for_each(|client| self.release_watch(client));
    }

    fn holds(&self, db: usize, key: &[u8]) -> bool {
        let database: &Database = &self.keyspace.databases[db];
        database.get(&self.keyspace.hasher().key(key)).is_some()
    }
}
