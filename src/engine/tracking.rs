//! Client-side caching: telling clients that what they have read and kept has changed.
//!
//! A client that tracks has chosen one of two modes. By default the node remembers which keys it reads (all of them; with
//! OPTIN those it says before, with OPTOUT all but those), tells it once when such a key changes, and forgets the pair. With
//! BCAST nothing is remembered: the client hears of every change of a key that begins with one of its prefixes.
//!
//! What a client is told goes behind the reply of the command that it runs; broadcasts are collected until the node looks
//! after the clients, so that many changes leave in one message. Names of keys are meant for all databases.
//!
//! Guarantees: while nobody tracks, all of this costs one comparison for each command and each change; a client that
//! tracks misses no change of a key that it was remembered for, whatever the reason for the change.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;

use indexmap::IndexMap;
use rand_core::Rng;
use siphasher::sip::SipHasher13;

use super::Engine;
use super::command::{Category, Command};
use super::session::SessionHandle;
use crate::protocol::reply::{Reply, Version};
use crate::protocol::request::Request;

/// Remembered keys that are given up for one command at most, when there are too many.
const EVICTIONS_MAX: usize = 100;

/// A session that may have ended meanwhile, and its handle been given to another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Lasting {
    /// Its id, which is never used again.
    pub id: u64,
    /// Its handle while it lives.
    pub handle: SessionHandle,
}

/// How a session tracks.
#[derive(Clone, Debug, Default)]
pub struct ClientTracking {
    /// BCAST.
    pub broadcast: bool,
    /// OPTIN.
    pub opt_in: bool,
    /// OPTOUT.
    pub opt_out: bool,
    /// NOLOOP: it is not told of its own changes.
    pub no_loop: bool,
    /// CLIENT CACHING was given for the next command.
    pub caching: bool,
    /// REDIRECT: who is told in its place.
    pub redirect: Option<Lasting>,
    /// That one was not there any more when it was to be told.
    pub broken: bool,
    /// BCAST: the prefixes.
    pub prefixes: BTreeSet<Vec<u8>>,
}

/// Keyed, as the keys come from clients.
#[derive(Clone, Copy, Debug, Default)]
struct TableHash(u64, u64);

impl BuildHasher for TableHash {
    type Hasher = SipHasher13;
    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}

/// Those who listen to a prefix, and what has changed since they were told last.
#[derive(Debug, Default)]
struct Prefix {
    clients: BTreeSet<Lasting>,
    /// With the client that changed it.
    changed: BTreeMap<Vec<u8>, Option<SessionHandle>>,
}

/// All that is remembered for tracking clients.
#[derive(Debug, Default)]
pub struct Tracking {
    /// Sessions that track.
    clients: usize,
    /// Who has read which key; in the order of ids. A client may have gone or have stopped tracking since.
    readers: IndexMap<Box<[u8]>, Vec<Lasting>, TableHash>,
    /// The sum of their numbers.
    items: usize,
    prefixes: BTreeMap<Vec<u8>, Prefix>,
    /// Whether any prefix has changed keys.
    changed: bool,
}

impl Tracking {
    pub(super) fn new(random: &mut impl Rng) -> Self {
        let hash = TableHash(random.next_u64(), random.next_u64());
        Tracking { readers: IndexMap::with_hasher(hash), ..Tracking::default() }
    }

    /// Whether somebody tracks.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.clients > 0
    }

    /// How many clients track.
    pub fn clients(&self) -> usize {
        self.clients
    }

    /// How many keys are remembered.
    pub fn keys(&self) -> usize {
        self.readers.len()
    }

    /// How many pairs of key and reader.
    pub fn items(&self) -> usize {
        self.items
    }

    /// How many prefixes have listeners.
    pub fn prefixes(&self) -> usize {
        self.prefixes.len()
    }

    fn remember(&mut self, key: &[u8], reader: Lasting) {
        let readers = match self.readers.get_mut(key) {
            Some(readers) => readers,
            None => self.readers.entry(key.into()).or_default(),
        };
        if let Err(place) = readers.binary_search(&reader) {
            readers.insert(place, reader);
            self.items += 1;
        }
    }

    fn forget(&mut self, key: &[u8]) -> Vec<Lasting> {
        let readers = self.readers.swap_remove(key).unwrap_or_default();
        self.items -= readers.len();
        readers
    }

    fn note_change(&mut self, key: &[u8], by: Option<SessionHandle>) {
        for (prefix, state) in &mut self.prefixes {
            if key.starts_with(prefix) {
                state.changed.insert(key.to_vec(), by);
                self.changed = true;
            }
        }
    }
}

impl Engine {
    /// A name for a session that outlives it.
    pub fn lasting(&self, client: SessionHandle) -> Lasting {
        Lasting { id: self.sessions[client].id, handle: client }
    }

    fn lives(&self, client: Lasting) -> bool {
        self.sessions.get(client.handle).is_some_and(|session| session.id == client.id)
    }

    /// CLIENT TRACKING ON, with options that fit each other; prefixes add to those there are.
    pub fn start_tracking(&mut self, client: SessionHandle, mut options: ClientTracking) {
        let name = self.lasting(client);
        if options.broadcast && options.prefixes.is_empty() {
            options.prefixes.insert(Vec::new());
        }
        for prefix in &options.prefixes {
            self.tracking.prefixes.entry(prefix.clone()).or_default().clients.insert(name);
        }
        match self.sessions[client].tracking.take() {
            Some(before) => options.prefixes.extend(before.prefixes),
            None => self.tracking.clients += 1,
        }
        self.sessions[client].tracking = Some(Box::new(options));
    }

    /// CLIENT TRACKING OFF, and the end of a connection. What the client has read is forgotten bit by bit.
    pub fn stop_tracking(&mut self, client: SessionHandle) {
        let Some(tracking) = self.sessions[client].tracking.take() else { return };
        self.tracking.clients -= 1;
        let name = self.lasting(client);
        for prefix in tracking.prefixes {
            if let Some(state) = self.tracking.prefixes.get_mut(&prefix) {
                state.clients.remove(&name);
                if state.clients.is_empty() {
                    self.tracking.prefixes.remove(&prefix);
                }
            }
        }
        if self.tracking.clients == 0 {
            self.tracking.readers.clear();
            self.tracking.items = 0;
        }
    }

    /// Remembers the keys that a reading command has read. A script reads as the client that runs it.
    #[cold]
    pub(super) fn remember_reads(&mut self, client: SessionHandle, command: &Command, request: Request<'_>) {
        let Some(tracking) = &self.sessions[client].tracking else { return };
        let opted_out =
            if tracking.opt_in { !tracking.caching } else { tracking.opt_out && tracking.caching };
        // Of a script, the commands count that it runs.
        if tracking.broadcast || opted_out || command.categories.contains(&Category::Scripting) {
            return;
        }
        let reader = self.lasting(client);
        for spec in command.keys {
            for at in spec.positions(request.len(), |i| request.arg(i)).unwrap_or_default() {
                self.tracking.remember(request.arg(at), reader);
            }
        }
    }

    /// What a request leaves behind: CLIENT CACHING concerned only this one, and the table must not grow without end.
    #[cold]
    pub(super) fn tracked_request_ended(&mut self, client: SessionHandle) {
        let session = &mut self.sessions[client];
        if let Some(tracking) = &mut session.tracking
            && session.transaction.is_none()
            && !session.last_command.starts_with("client|")
        {
            tracking.caching = false;
        }
        let limit = self.config.tracking_table_max_keys as usize;
        for _ in 0..EVICTIONS_MAX {
            if limit == 0 || self.tracking.readers.len() <= limit {
                return;
            }
            let at = self.random() as usize % self.tracking.readers.len();
            // The number is below the length.
            let key = self.tracking.readers.get_index(at).map(|(key, _)| key.to_vec()).unwrap_or_default();
            self.invalidate(&key, None);
        }
    }

    /// A key has changed: those who have read it are told now, those who listen to its prefix later.
    #[cold]
    pub(super) fn tracked_key_changed(&mut self, key: &[u8], by: Option<SessionHandle>) {
        self.tracking.note_change(key, by);
        self.invalidate(key, by);
    }

    fn invalidate(&mut self, key: &[u8], by: Option<SessionHandle>) {
        for reader in self.tracking.forget(key) {
            if !self.lives(reader) {
                continue;
            }
            let told = |tracking: &ClientTracking| {
                let own = tracking.no_loop && by == Some(reader.handle);
                !tracking.broadcast && !own
            };
            if self.sessions[reader.handle].tracking.as_deref().is_some_and(told) {
                self.send_invalidation(reader.handle, Some(&[key]));
            }
        }
    }

    /// All keys have gone, of one database or of all: every tracking client is told to forget everything.
    pub fn tracked_keys_flushed(&mut self) {
        if !self.tracking.is_on() {
            return;
        }
        let all = self.sessions.by_id().into_iter();
        let clients: Vec<_> = all.filter(|(_, session)| session.tracking.is_some()).map(|(h, _)| h).collect();
        clients.into_iter().for_each(|client| self.send_invalidation(client, None));
        self.tracking.readers.clear();
        self.tracking.items = 0;
    }

    /// Tells those who listen to prefixes what has changed since the last call.
    #[inline]
    pub(super) fn broadcast_invalidations(&mut self) {
        if self.tracking.changed {
            self.tracking.changed = false;
            self.broadcast_changes();
        }
    }

    #[cold]
    fn broadcast_changes(&mut self) {
        let mut work = Vec::new();
        for state in self.tracking.prefixes.values_mut().filter(|state| !state.changed.is_empty()) {
            let clients: Vec<_> = state.clients.iter().copied().collect();
            work.push((clients, std::mem::take(&mut state.changed)));
        }
        for (clients, changed) in work {
            for client in clients {
                self.broadcast_to(client.handle, &changed);
            }
        }
    }

    fn broadcast_to(&mut self, client: SessionHandle, changed: &BTreeMap<Vec<u8>, Option<SessionHandle>>) {
        let no_loop = self.sessions[client].tracking.as_ref().is_some_and(|tracking| tracking.no_loop);
        let told = changed.iter().filter(|(_, by)| !(no_loop && **by == Some(client)));
        let keys: Vec<&[u8]> = told.map(|(key, _)| &**key).collect();
        if !keys.is_empty() {
            self.send_invalidation(client, Some(&keys));
        }
    }

    /// Tells a client, or the one that it has named for that, that keys have changed; `None` means all.
    fn send_invalidation(&mut self, client: SessionHandle, keys: Option<&[&[u8]]>) {
        let redirect = self.sessions[client].tracking.as_ref().and_then(|tracking| tracking.redirect);
        let target = match redirect {
            Some(target) if !self.lives(target) => return self.note_broken_redirect(client, target.id),
            Some(target) => target.handle,
            None => client,
        };
        let session = &self.sessions[target];
        let mut message = Vec::new();
        let mut reply = Reply::new(&mut message, session.version);
        match session.version {
            Version::Resp3 => {
                reply.push(2);
                reply.bulk(b"invalidate");
            }
            Version::Resp2 if redirect.is_some() && session.subscriptions.is_some() => {
                reply.array(3);
                reply.bulk(b"message");
                reply.bulk(b"__redis__:invalidate");
            }
            // RESP2 has no way to tell it.
            Version::Resp2 => return,
        }
        match keys {
            None => reply.null(),
            Some(keys) => {
                reply.array(keys.len());
                keys.iter().for_each(|key| reply.bulk(key));
            }
        }
        self.send(target, &message);
    }

    fn note_broken_redirect(&mut self, client: SessionHandle, target: u64) {
        let session = &mut self.sessions[client];
        if let Some(tracking) = &mut session.tracking {
            tracking.broken = true;
        }
        if session.version == Version::Resp3 {
            let mut message = Vec::new();
            let mut reply = Reply::new(&mut message, Version::Resp3);
            reply.push(2);
            reply.bulk(b"tracking-redir-broken");
            reply.integer(target as i64);
            self.send(client, &message);
        }
    }
}
