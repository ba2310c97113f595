//! Who waits at which key: a queue for each key at which somebody waits, in the order in which clients came.
//!
//! A key at which somebody waits becomes ready when something happens to it; ready keys are kept in the order in which they
//! became ready, each once.

use std::collections::BTreeMap;

use super::wait::Blocked;
use crate::engine::session::SessionHandle;

/// A key of a database.
pub(super) type Place = (usize, Box<[u8]>);

/// All queues.
#[derive(Debug, Default)]
pub(in crate::engine) struct Queues {
    /// For each database. No queue is empty.
    databases: Vec<BTreeMap<Box<[u8]>, Queue>>,
    /// How many queues there are.
    keys: usize,
    /// Clients that wait, and those of them that do so for a limited time.
    clients: usize,
    limited: usize,
    ready: Vec<Place>,
    /// Clients that wait for copies, by their tickets.
    copies: BTreeMap<u64, SessionHandle>,
    /// There are more copies than when they were last looked at.
    copied: bool,
    last_ticket: u64,
}

#[derive(Debug, Default)]
struct Queue {
    /// By their tickets.
    clients: BTreeMap<u64, SessionHandle>,
    /// How many of them want to hear also when the key goes.
    wanting_loss: usize,
    /// It is among the ready keys.
    ready: bool,
}

/// How many wait, for INFO.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WaitFigures {
    /// Clients that wait.
    pub clients: usize,
    /// Those of them that wait for a limited time.
    pub clients_with_timeout: usize,
    /// Keys at which somebody waits.
    pub keys: usize,
    /// Those at which somebody wants to hear also when the key goes.
    pub keys_on_loss: usize,
}

impl Queues {
    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.keys == 0
    }

    /// Whether there are ready keys, or more copies.
    #[inline]
    pub fn is_any_ready(&self) -> bool {
        !self.ready.is_empty() || self.copied
    }

    /// Whether there are ready keys.
    pub fn is_any_key_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// There are more copies.
    #[inline]
    pub fn note_copies(&mut self) {
        self.copied = !self.copies.is_empty();
    }

    /// Those who may have enough copies now.
    pub fn take_copied(&mut self) -> Vec<SessionHandle> {
        match std::mem::take(&mut self.copied) {
            true => self.copies.values().copied().collect(),
            false => Vec::new(),
        }
    }

    /// A place behind all that are taken.
    pub fn new_ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }

    /// Puts a client into the queues of its keys.
    pub fn enter(&mut self, client: SessionHandle, blocked: &Blocked) {
        if blocked.goal.is_some() {
            self.copies.insert(blocked.ticket, client);
        }
        if self.databases.len() <= blocked.db {
            self.databases.resize_with(blocked.db + 1, BTreeMap::new);
        }
        let database = &mut self.databases[blocked.db];
        for key in &blocked.keys {
            let queue = database.entry(key.as_slice().into()).or_insert_with(|| {
                self.keys += 1;
                Queue::default()
            });
            queue.clients.insert(blocked.ticket, client);
            queue.wanting_loss += usize::from(blocked.wants_loss);
        }
        self.clients += 1;
        self.limited += usize::from(blocked.deadline.is_some());
    }

    /// Takes a client out of them.
    pub fn leave(&mut self, blocked: &Blocked) {
        self.copies.remove(&blocked.ticket);
        for key in &blocked.keys {
            // A client that waits stands at each of its keys.
            let Some(queue) = self.databases[blocked.db].get_mut(key.as_slice()) else { continue };
            queue.clients.remove(&blocked.ticket);
            queue.wanting_loss -= usize::from(blocked.wants_loss);
            if queue.clients.is_empty() {
                self.databases[blocked.db].remove(key.as_slice());
                self.keys -= 1;
            }
        }
        self.clients -= 1;
        self.limited -= usize::from(blocked.deadline.is_some());
    }

    /// Something happened to a key.
    pub fn touch(&mut self, db: usize, key: &[u8]) {
        let queue = self.databases.get_mut(db).and_then(|database| database.get_mut(key));
        if let Some(queue) = queue.filter(|queue| !queue.ready) {
            queue.ready = true;
            self.ready.push((db, key.into()));
        }
    }

    /// Something happened to all keys of a database.
    pub fn touch_all(&mut self, db: usize) {
        let Some(database) = self.databases.get_mut(db) else { return };
        for (key, queue) in database.iter_mut().filter(|(_, queue)| !queue.ready) {
            queue.ready = true;
            self.ready.push((db, key.clone()));
        }
    }

    /// Takes the ready keys; what happens to them from now on makes them ready anew.
    pub fn take_ready(&mut self) -> Vec<Place> {
        let ready = std::mem::take(&mut self.ready);
        for (db, key) in &ready {
            if let Some(queue) = self.databases[*db].get_mut(key) {
                queue.ready = false;
            }
        }
        ready
    }

    /// The ticket of whoever came last to this key so far.
    pub fn last(&self, (db, key): &Place) -> Option<u64> {
        self.databases[*db].get(key)?.clients.last_key_value().map(|(ticket, _)| *ticket)
    }

    /// The first client at this key whose ticket is this one or larger.
    pub fn next(&self, (db, key): &Place, from: u64) -> Option<(u64, SessionHandle)> {
        let queue = self.databases[*db].get(key)?;
        queue.clients.range(from..).next().map(|(ticket, client)| (*ticket, *client))
    }

    /// Whether somebody at this key wants to hear when it goes.
    pub fn is_loss_wanted(&self, (db, key): &Place) -> bool {
        self.databases[*db].get(key).is_some_and(|queue| queue.wanting_loss > 0)
    }

    /// How many wait.
    pub fn figures(&self) -> WaitFigures {
        let queues = self.databases.iter().flat_map(|database| database.values());
        WaitFigures {
            clients: self.clients,
            clients_with_timeout: self.limited,
            keys: self.keys,
            keys_on_loss: queues.filter(|queue| queue.wanting_loss > 0).count(),
        }
    }
}
