//! Fields of hashes past their deadline.
//!
//! Who looks at a hash finds none: readers are not shown them, and every look at a key first takes some of them away
//! ([`Engine::expire_if_due`](super::Engine::expire_if_due)), as many as take no longer than a command may. So a reader need
//! only give the time. A writer says before which fields it will touch ([`Engine::expire_named_fields`]), since effects are
//! applied by others that know nothing of the time: there a field must be gone before it is made anew.
//!
//! When nobody looks, [`Engine::expire_step`](super::Engine::expire_step) takes them away. The effects get an HDEL; a hash
//! without fields takes its key along.

use super::Engine;
use super::notify::Class;
use crate::keyspace::{DueFields, Hash, Key, Kind, ObjectRef, Slot, Value};
use crate::runtime::Now;

/// Fields of a large hash that a look at its key takes away.
pub(super) const FIELDS_AT_ACCESS_MAX: usize = 128;
/// Fields that one step of the search takes away, and keys that it looks at: about as much as one command costs.
const STEP_FIELDS_MAX: usize = 32;
const STEP_KEYS_MAX: usize = 20;

impl Engine {
    /// Takes fields of a key away that are past their deadline: all of a small hash, up to `count` of a large one. How many.
    #[cold]
    pub(super) fn expire_fields(&mut self, db: usize, key: &Key<'_>, now: Now, count: usize) -> usize {
        let now_ms = now.wall.millis();
        self.take_fields(db, key, now, |hash, gone| {
            hash.expire(now_ms, count, |field| gone.push(field.to_vec()));
        })
    }

    /// Takes those of these fields away that are past their deadline. A command that writes to fields says so by this
    /// before it does.
    #[inline]
    pub fn expire_named_fields<'f>(
        &mut self,
        db: usize,
        key: &Key<'_>,
        fields: impl Iterator<Item = &'f [u8]>,
        now: Now,
    ) {
        if self.keyspace.databases[db].fields_may_be_due(now.wall.millis()) {
            let fields: Vec<&[u8]> = fields.collect();
            self.expire_these_fields(db, key, &fields, now);
        }
    }

    #[cold]
    fn expire_these_fields(&mut self, db: usize, key: &Key<'_>, fields: &[&[u8]], now: Now) {
        let now_ms = now.wall.millis();
        self.expire_fields(db, key, now, FIELDS_AT_ACCESS_MAX);
        self.take_fields(db, key, now, |hash, gone| {
            let due = fields.iter().filter(|field| hash.take_due(field, now_ms));
            gone.extend(due.map(|field| field.to_vec()));
        });
    }

    /// Lets `take` take fields away from the hash at a key, if it has any past their deadline, and tells those who want to
    /// know. How many were taken.
    fn take_fields(
        &mut self,
        db: usize,
        key: &Key<'_>,
        now: Now,
        take: impl FnOnce(&mut Hash, &mut Vec<Vec<u8>>),
    ) -> usize {
        if self.pause.active(now.mono).is_some() || self.hides_expired() {
            return 0;
        }
        let Slot::Occupied(mut occupied) = self.keyspace.databases[db].slot(key) else { return 0 };
        // Asked before: to edit is to write, of which a snapshot hears.
        if !has_due(occupied.entry().value(), now.wall.millis()) {
            return 0;
        }
        let mut gone = Vec::new();
        let is_empty = occupied.edit(|hash: &mut Hash| {
            take(hash, &mut gone);
            hash.is_gone()
        });
        if is_empty == Some(true) {
            drop(occupied.remove());
        }
        if !gone.is_empty() {
            self.say_fields_expired(db, key, &gone, is_empty == Some(true));
        }
        gone.len()
    }

    fn say_fields_expired(&mut self, db: usize, key: &Key<'_>, gone: &[Vec<u8>], removed: bool) {
        self.stats.expired_fields += gone.len() as u64;
        let fields = gone.iter().map(Vec::as_slice);
        let command: Vec<&[u8]> = [b"HDEL", key.bytes].into_iter().chain(fields).collect();
        self.effects.push(db, &command);
        self.key_changed(db, key, None);
        self.key_event(db, Class::Hash, "hexpired", key);
        if removed {
            self.key_event(db, Class::Generic, "del", key);
        }
    }

    /// One step of the search for fields past their deadline; how many it found.
    pub(super) fn expire_fields_step(&mut self, db: usize, now: Now) -> usize {
        let mut taken = 0;
        for _ in 0..STEP_KEYS_MAX {
            match self.keyspace.databases[db].next_due_fields(now.wall.millis()) {
                DueFields::None => break,
                DueFields::Stale => continue,
                DueFields::Of(key) => {
                    let key = self.keyspace.hasher().key(&key);
                    self.effects.begin();
                    taken += self.expire_fields(db, &key, now, STEP_FIELDS_MAX - taken);
                    self.effects.end();
                }
            }
            if taken >= STEP_FIELDS_MAX {
                break;
            }
        }
        taken
    }
}

fn has_due(value: Value<'_>, now_ms: i64) -> bool {
    match value {
        Value::Object(ObjectRef::Hash(hash)) => hash.soonest().is_some_and(|at_ms| at_ms < now_ms),
        _ => false,
    }
}
