//! What a handler is given: the request, the data as this client may see it, and the reply to write.
//!
//! Through a call, keys that are past their deadline do not exist: looking one up removes it first (and leaves a DEL in the
//! effects), so no handler has to think of expiry. A handler that changes something says so with [`Call::changed`]; by that
//! the request goes into the effects as it came, unless the handler speaks for itself with [`Call::propagate`].

use rand_chacha::ChaCha8Rng;
use rand_core::Rng;

use super::command::Flag;
use super::effects::Audience;
use super::failure::Failure;
use super::notify::Class;
use super::session::{Session, SessionHandle};
use super::{Engine, Flow};
use crate::config::Config;
use crate::keyspace::{Database, EntryRef, HashKey, Key, Kind, NewValue, Removed, Slot, Value};
use crate::protocol::reply::Reply;
use crate::protocol::request::Request;
use crate::runtime::Now;
use crate::text::number;

/// What an edit may want beside the value that it changes.
pub struct Around<'e, 'a> {
    /// Where the answer goes.
    pub reply: &'e mut Reply<'a>,
    /// The parameters in force.
    pub config: &'e Config,
    /// The time of the command.
    pub now: Now,
    /// The secret of the tables that large values are made of.
    pub hash_key: HashKey,
    /// The engine's stream of random numbers.
    pub random: &'e mut ChaCha8Rng,
}

impl Around<'_, '_> {
    /// A random word.
    pub fn random(&mut self) -> u64 {
        self.random.next_u64()
    }
}

/// What became of a value that was changed in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edited<R> {
    /// What the edit returned.
    pub result: R,
    /// The key was not there before.
    pub created: bool,
    /// The key is not there any more.
    pub removed: bool,
}

/// A running command.
pub struct Call<'a> {
    /// The machine.
    pub engine: &'a mut Engine,
    /// Who asks.
    pub client: SessionHandle,
    /// Name and arguments.
    pub request: Request<'a>,
    /// Where the answer goes.
    pub reply: Reply<'a>,
    /// The time at which the command runs; it stands still while it does.
    pub now: Now,
    db: usize,
    touch: bool,
    /// The argument whose hash is known already, and that hash and slot.
    hashed: (usize, Option<(u64, u16)>),
    flow: Flow,
    spoken_for: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(
        engine: &'a mut Engine,
        client: SessionHandle,
        request: Request<'a>,
        reply: Reply<'a>,
        now: Now,
    ) -> Self {
        let (hashed, flow) = ((0, None), Flow::Continue);
        Call { engine, client, request, reply, now, db: 0, touch: true, hashed, flow, spoken_for: false }
    }

    pub(super) fn with_key(mut self, argument: usize, hashed: Option<(u64, u16)>) -> Self {
        self.hashed = (argument, hashed);
        self
    }

    pub(super) fn in_database(mut self, db: usize, no_touch: bool) -> Self {
        self.db = db;
        self.touch = !no_touch;
        self
    }

    pub(super) fn finish(self) -> (Flow, bool) {
        (self.flow, self.spoken_for)
    }

    /// How many arguments there are, the name included.
    pub fn len(&self) -> usize {
        self.request.len()
    }

    /// A request has at least a name.
    pub fn is_empty(&self) -> bool {
        self.request.len() == 0
    }

    /// Argument `i`; 0 is the name. The request must have it, which the arity promises.
    #[inline]
    pub fn arg(&self, i: usize) -> &'a [u8] {
        self.request.arg(i)
    }

    /// Whether argument `i` is this word, in any case.
    pub fn arg_is(&self, i: usize, word: &str) -> bool {
        self.request.arg(i).eq_ignore_ascii_case(word.as_bytes())
    }

    /// Argument `i` as a 64-bit integer.
    pub fn integer(&self, i: usize) -> Result<i64, Failure> {
        number::parse_i64(self.request.arg(i)).ok_or(Failure::NOT_INTEGER)
    }

    /// Argument `i` as a key. The first key's hash is known already.
    #[inline]
    pub fn key(&self, i: usize) -> Key<'a> {
        let bytes = self.request.arg(i);
        match self.hashed {
            (at, Some((hash, slot))) if at == i => Key { bytes, hash, slot },
            _ => self.engine.keyspace.hasher().key(bytes),
        }
    }

    /// The number of the selected database.
    pub fn db_index(&self) -> usize {
        self.db
    }

    /// The selected database, without the rules that [`Call::read`] and [`Call::slot`] apply.
    #[inline]
    pub fn db(&mut self) -> &mut Database {
        &mut self.engine.keyspace.databases[self.db]
    }

    /// The client's session.
    pub fn session(&mut self) -> &mut Session {
        &mut self.engine.sessions[self.client]
    }

    /// Looks a key up for a reading command: expired keys are gone, hit or miss is counted, the access clock is set. Comes
    /// with the reply, so that a handler can write what it sees.
    #[inline]
    pub fn read(&mut self, key: &Key<'_>) -> (Option<EntryRef<'_>>, &mut Reply<'a>) {
        (look(self.engine, (self.db, key), self.now, (self.touch, true)), &mut self.reply)
    }

    /// The same without setting the access clock, for commands that ask about a key rather than for its value.
    pub fn inspect(&mut self, key: &Key<'_>) -> (Option<EntryRef<'_>>, &mut Reply<'a>) {
        (look(self.engine, (self.db, key), self.now, (false, true)), &mut self.reply)
    }

    /// The same where a key that is not there is not worth an event (OBJECT).
    pub fn examine(&mut self, key: &Key<'_>) -> (Option<EntryRef<'_>>, &mut Reply<'a>) {
        (look(self.engine, (self.db, key), self.now, (false, false)), &mut self.reply)
    }

    /// Sets a key's access clock, even for a client that has chosen CLIENT NO-TOUCH. True if there is such a key.
    pub fn touch(&mut self, key: &Key<'_>) -> bool {
        look(self.engine, (self.db, key), self.now, (true, true)).is_some()
    }

    /// Looks a key up without counting it as an access: expired keys are gone.
    pub fn peek(&mut self, key: &Key<'_>) -> (Option<EntryRef<'_>>, &mut Reply<'a>) {
        self.peek_in(self.db, key)
    }

    /// The same in another database.
    pub fn peek_in(&mut self, db: usize, key: &Key<'_>) -> (Option<EntryRef<'_>>, &mut Reply<'a>) {
        let gone = self.engine.expire_if_due(db, key, self.now);
        let entry = if gone { None } else { self.engine.keyspace.databases[db].get(key) };
        (entry, &mut self.reply)
    }

    /// Looks a key up for a writing command: one look for reading, changing, removing or inserting. Expired keys are gone,
    /// the access clock is set.
    #[inline]
    pub fn slot<'k>(&'k mut self, key: &Key<'k>) -> Slot<'k> {
        self.write(key).0
    }

    /// The same with the reply, so that a handler can answer with what it is about to overwrite.
    #[inline]
    pub fn write<'k>(&'k mut self, key: &Key<'k>) -> (Slot<'k>, &'k mut Reply<'a>) {
        let engine = &mut *self.engine;
        engine.expire_before_write(self.db, key, self.now);
        let now_ms = engine.persistence.replaying().unwrap_or(self.now.wall.millis());
        let mut slot = engine.keyspace.databases[self.db].slot(key);
        if let (Slot::Occupied(occupied), true) = (&mut slot, self.touch) {
            let (clock, now_ms) = (occupied.entry().clock(), now_ms);
            let random = &mut engine.random;
            occupied.set_clock(engine.access.clock_on_access(clock, now_ms, || random.next_u64()));
        }
        (slot, &mut self.reply)
    }

    /// Looks a key up for a reading command that wants this type: `Err` if it holds another.
    #[inline]
    #[allow(clippy::type_complexity, reason = "the value with the reply, as Call::read")]
    pub fn read_as<K: Kind>(
        &mut self,
        key: &Key<'_>,
    ) -> Result<(Option<K::Ref<'_>>, &mut Reply<'a>), Failure> {
        let (entry, reply) = self.read(key);
        let Some(entry) = entry else { return Ok((None, reply)) };
        match entry.value() {
            Value::Object(object) => match K::of(object) {
                Some(view) => Ok((Some(view), reply)),
                None => Err(Failure::WRONG_TYPE),
            },
            _ => Err(Failure::WRONG_TYPE),
        }
    }

    /// Changes a value of this type in place, with one lookup; `None` if there is no such key, `Err` if it holds another
    /// type. A value that is gone afterwards ([`Kind::is_gone`]) takes its key with it; [`Edited::removed`] says so, and the
    /// handler reports the event `del` after its own.
    #[inline]
    pub fn edit<K: Kind, R>(
        &mut self,
        key: &Key<'_>,
        edit: impl FnOnce(&mut K, &mut Around<'_, 'a>) -> R,
    ) -> Result<Option<Edited<R>>, Failure> {
        let (slot, mut around) = self.around(key);
        let Slot::Occupied(mut occupied) = slot else { return Ok(None) };
        let changed = occupied.edit(|value: &mut K| (edit(value, &mut around), value.is_gone()));
        let Some((result, removed)) = changed else { return Err(Failure::WRONG_TYPE) };
        if removed {
            // What is empty is freed at once.
            drop(occupied.remove());
        }
        Ok(Some(Edited { result, created: false, removed }))
    }

    /// The same, where a key that is not there begins as `K::default()`; it comes into being only if it is not gone
    /// afterwards, and the event `new` is reported here.
    #[inline]
    pub fn edit_or_create<K: Kind + Default, R>(
        &mut self,
        key: &Key<'_>,
        edit: impl FnOnce(&mut K, &mut Around<'_, 'a>) -> R,
    ) -> Result<Edited<R>, Failure> {
        let clock = self.new_clock();
        let (slot, mut around) = self.around(key);
        match slot {
            Slot::Occupied(mut occupied) => {
                let changed = occupied.edit(|value: &mut K| (edit(value, &mut around), value.is_gone()));
                let Some((result, removed)) = changed else { return Err(Failure::WRONG_TYPE) };
                if removed {
                    drop(occupied.remove());
                }
                Ok(Edited { result, created: false, removed })
            }
            Slot::Vacant(vacant) => {
                let mut value = K::default();
                let result = edit(&mut value, &mut around);
                let created = !value.is_gone();
                if created {
                    vacant.insert(NewValue::Object(value.into_object()), None, clock);
                    self.event(Class::New, "new", key);
                }
                Ok(Edited { result, created, removed: false })
            }
        }
    }

    /// [`Call::write`] with everything that an edit may want beside the value.
    #[inline]
    fn around<'k>(&'k mut self, key: &Key<'k>) -> (Slot<'k>, Around<'k, 'a>) {
        let engine = &mut *self.engine;
        engine.expire_before_write(self.db, key, self.now);
        let now_ms = engine.persistence.replaying().unwrap_or(self.now.wall.millis());
        let hash_key = engine.keyspace.hasher().hash_key();
        let mut slot = engine.keyspace.databases[self.db].slot(key);
        if let (Slot::Occupied(occupied), true) = (&mut slot, self.touch) {
            let (clock, now_ms) = (occupied.entry().clock(), now_ms);
            let random = &mut engine.random;
            occupied.set_clock(engine.access.clock_on_access(clock, now_ms, || random.next_u64()));
        }
        let around = Around {
            reply: &mut self.reply,
            config: &engine.config,
            now: self.now,
            hash_key,
            random: &mut engine.random,
        };
        (slot, around)
    }

    /// Puts a value of this type at a key, in place of whatever is there, without an expiry. What was there is freed later
    /// if it is large. An empty value only takes the old one away. True if there was one.
    pub fn put<K: Kind>(&mut self, key: &Key<'_>, value: K) -> bool {
        let (clock, gone) = (self.new_clock(), value.is_gone());
        let old = self.remove(key);
        let existed = old.is_some();
        if let Some(old) = old {
            self.engine.discard(old);
        }
        if !gone && let Slot::Vacant(vacant) = self.slot(key) {
            vacant.insert(NewValue::Object(value.into_object()), None, clock);
            if !existed {
                self.event(Class::New, "new", key);
            }
        }
        existed
    }

    /// A key of the selected database, taken by chance, expired or not.
    pub fn random_key(&mut self) -> Option<Vec<u8>> {
        let random = &mut self.engine.random;
        let entry = self.engine.keyspace.databases[self.db].random(|| random.next_u64())?;
        Some(entry.key().to_vec())
    }

    /// Takes a key away, if it is there and not expired.
    pub fn remove(&mut self, key: &Key<'_>) -> Option<Removed> {
        if self.engine.expire_before_write(self.db, key, self.now) {
            return None;
        }
        self.engine.keyspace.databases[self.db].remove(key)
    }

    /// The access clock of an entry made or overwritten now.
    #[inline]
    pub fn new_clock(&self) -> u32 {
        self.engine.access.clock_on_create(self.stamp_ms())
    }

    /// The time that is noted in data, in Unix milliseconds: also while an append log is loaded, when the time of the call lies
    /// before all deadlines.
    #[inline]
    pub fn stamp_ms(&self) -> i64 {
        self.engine.persistence.replaying().unwrap_or(self.now.wall.millis())
    }

    /// Says that the command has changed a key: what the append log, replicas, watchers, trackers and listeners to keyspace
    /// events live on.
    #[inline]
    pub fn changed(&mut self, class: Class, event: &'static str, key: &Key<'_>) {
        self.changed_in(self.db, class, event, key);
    }

    /// The same for a command that has made the key if it was not there: the event `new` comes first.
    #[inline]
    pub fn written(&mut self, created: bool, class: Class, event: &'static str, key: &Key<'_>) {
        if created {
            self.event(Class::New, "new", key);
        }
        self.changed(class, event, key);
    }

    /// Counts a lookup by a writing command that also reads.
    #[inline]
    pub fn looked_up(&mut self, key: &Key<'_>, found: bool) {
        self.engine.stats.count_lookup(found);
        if !found {
            self.event(Class::KeyMiss, "keymiss", key);
        }
    }

    /// The same of a change that has no event: what a sketch notes of itself when it is counted.
    pub fn changed_quietly(&mut self, key: &Key<'_>) {
        self.engine.changes += 1;
        self.engine.key_changed(self.db, key, Some(self.client));
    }

    /// The same for a key of another database.
    #[inline]
    pub fn changed_in(&mut self, db: usize, class: Class, event: &'static str, key: &Key<'_>) {
        self.engine.changes += 1;
        self.engine.key_changed(db, key, Some(self.client));
        self.event_in(db, class, event, key);
    }

    /// Has clients that wait for a key look again, though its value is the same for those who watch or track it.
    pub fn ready(&mut self, key: &Key<'_>) {
        if !self.engine.waiting.is_empty() {
            self.engine.waiting.touch(self.db, key.bytes);
        }
    }

    /// Tells those who watch or track a key that it has changed, though it has not: Redis takes some commands for changes that
    /// leave a value as it was.
    pub fn touched(&mut self, key: &Key<'_>) {
        self.engine.key_changed(self.db, key, Some(self.client));
    }

    /// One more event of a change that [`Call::changed`] has counted.
    #[inline]
    pub fn event(&mut self, class: Class, event: &'static str, key: &Key<'_>) {
        self.event_in(self.db, class, event, key);
    }

    /// The same in another database.
    #[inline]
    pub fn event_in(&mut self, db: usize, class: Class, event: &'static str, key: &Key<'_>) {
        self.engine.key_event(db, class, event, key);
    }

    /// Puts a command into the effects instead of the request as it came. Several calls leave several commands.
    pub fn propagate(&mut self, arguments: &[&[u8]]) {
        self.spoken_for = true;
        self.engine.effects.push(self.db, arguments);
    }

    /// The same for replicas only: nothing has changed that an append log would have to bring back.
    pub fn propagate_to_replicas(&mut self, arguments: &[&[u8]]) {
        self.spoken_for = true;
        self.engine.effects.push_for(Audience::REPLICAS, self.db, arguments);
    }

    /// Leaves nothing in the effects, though something changed (what has changed was said otherwise).
    pub fn propagate_nothing(&mut self) {
        self.spoken_for = true;
    }

    /// Whether the client may be made to wait.
    pub fn may_block(&self) -> bool {
        self.engine.nesting == 0
    }

    /// Asks the node to do something after this command.
    pub fn then(&mut self, flow: Flow) {
        self.flow = flow;
    }

    /// Whether the running command carries a flag, by its name in the table.
    pub fn command_has(&self, flag: Flag) -> bool {
        self.engine.table().find(self.request.arg(0)).is_some_and(|id| self.engine.table().row(id).has(flag))
    }
}

/// Looks a key up: expired keys are gone, hit or miss is counted, a miss is an event if `report_miss`, the access clock is
/// set if `touch`.
#[inline]
fn look<'e>(
    engine: &'e mut Engine,
    (db, key): (usize, &Key<'_>),
    now: Now,
    (touch, report_miss): (bool, bool),
) -> Option<EntryRef<'e>> {
    let gone = engine.expire_if_due(db, key, now);
    if report_miss && engine.config.notify_keyspace_events.has(Class::KeyMiss as u8) {
        // A lookup of its own: it is rare that somebody wants to know.
        if gone || engine.keyspace.databases[db].get(key).is_none() {
            engine.key_event(db, Class::KeyMiss, "keymiss", key);
        }
    }
    let entry = if gone { None } else { engine.keyspace.databases[db].get(key) };
    engine.stats.count_lookup(entry.is_some());
    let entry = entry?;
    if touch {
        let now_ms = engine.persistence.replaying().unwrap_or(now.wall.millis());
        let random = &mut engine.random;
        entry.set_clock(engine.access.clock_on_access(entry.clock(), now_ms, || random.next_u64()));
    }
    Some(entry)
}
