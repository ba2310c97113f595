//! Keys past their deadline: gone for whoever looks at them, and looked for when nobody does.
//!
//! An expired key leaves a DEL in the effects (UNLINK with `lazyfree-lazy-expire`), so that replicas and the append log need no
//! clock. While CLIENT PAUSE holds writes back, expired keys are hidden but stay. Fields of hashes have deadlines of their own:
//! see [`super::fields`].

use super::fields::FIELDS_AT_ACCESS_MAX;
use super::{Class, Engine};
use crate::keyspace::{ExpireLimits, Key};
use crate::runtime::Now;

/// Where the search for expired keys stands.
#[derive(Debug, Default)]
pub(super) struct ExpiryCycle {
    db: usize,
    cursor: u64,
}

/// What one step of the search found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExpiryProgress {
    /// Keys with a deadline that were looked at.
    pub examined: usize,
    /// Those that were past it, and are gone.
    pub expired: usize,
    /// The step ended the walk through a database, and went on to the next.
    pub wrapped: bool,
}

/// Limits of one step of the search: about as much as one command costs.
const STEP_KEYS_MAX: usize = 20;
const STEP_BUCKETS_MAX: usize = 400;

impl Engine {
    /// Removes the key if its deadline has passed. True if it is gone for the client (removed, or hidden by a pause).
    #[inline]
    pub fn expire_if_due(&mut self, db: usize, key: &Key<'_>, now: Now) -> bool {
        if self.keyspace.databases[db].fields_may_be_due(now.wall.millis()) {
            self.expire_fields(db, key, now, FIELDS_AT_ACCESS_MAX);
        }
        let database = &self.keyspace.databases[db];
        if database.volatile_len() == 0 {
            return false;
        }
        let due = |deadline: i64| deadline < now.wall.millis();
        if !database.get(key).and_then(|entry| entry.expiry()).is_some_and(due) {
            return false;
        }
        if self.pause.active(now.mono).is_none() && !self.hides_expired() {
            self.remove_expired(db, key);
        }
        true
    }

    /// The same for who is about to write: a client of a writable replica finds no key that is only hidden.
    #[inline]
    pub fn expire_before_write(&mut self, db: usize, key: &Key<'_>, now: Now) -> bool {
        let is_due = self.expire_if_due(db, key, now);
        if is_due && self.hides_expired() {
            self.remove_expired(db, key);
        }
        is_due
    }

    #[cold]
    pub(super) fn remove_expired(&mut self, db: usize, key: &Key<'_>) {
        if let Some(removed) = self.keyspace.databases[db].remove(key) {
            self.discard(removed);
            self.key_event(db, Class::Expired, "expired", key);
            self.key_changed(db, key, None);
            self.stats.expired_keys += 1;
            self.effects
                .push(db, &[if self.config.lazyfree_lazy_expire { b"UNLINK" } else { b"DEL" }, key.bytes]);
        }
    }

    /// One step of the search for expired keys. The node repeats it while it finds much and has time.
    pub fn expire_step(&mut self, now: Now) -> ExpiryProgress {
        if !self.active_expire || self.is_script_suspended() || self.pause.active(now.mono).is_some() {
            return ExpiryProgress { wrapped: true, ..ExpiryProgress::default() };
        }
        if self.hides_expired() {
            let expired = self.expire_own_step(now);
            return ExpiryProgress { examined: expired, expired, wrapped: true };
        }
        let db = self.expiry.db;
        let database = &self.keyspace.databases[db];
        let mut due: Vec<Vec<u8>> = Vec::new();
        let limits = ExpireLimits { buckets: STEP_BUCKETS_MAX, entries: STEP_KEYS_MAX };
        let step = database.expire_step(self.expiry.cursor, now.wall.millis(), limits, |entry| {
            due.push(entry.key().to_vec());
        });
        let fields_expired = self.expire_fields_step(db, now);
        self.effects.begin();
        for key in &due {
            let key = self.keyspace.hasher().key(key);
            self.remove_expired(db, &key);
        }
        self.effects.end();
        self.serve_waiting(now);
        self.expiry.cursor = step.cursor;
        let wrapped = step.cursor == 0;
        if wrapped {
            self.expiry.db = (db + 1) % self.keyspace.databases.len();
        }
        let (examined, expired) = (step.volatile + fields_expired, due.len() + fields_expired);
        ExpiryProgress { examined, expired, wrapped }
    }
}
