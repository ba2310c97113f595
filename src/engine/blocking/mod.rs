//! Clients that wait for a key, or for copies of what they wrote ([`copies`]).
//!
//! A handler that cannot answer yet calls [`Call::block`](super::Call::block). The client then stands in the queue of each of its
//! keys, in the order in which clients came. When the outermost request has ended, those keys to which something happened
//! meanwhile are served, in the order in which it happened: the clients at a key one after the other, each by running its
//! handler again from the start. If it calls `block` again, the client keeps its place; otherwise its reply goes into its
//! outbox, and what it did is a unit of effects of its own, which may make further keys ready.
//!
//! ```text
//! running --block--> waiting --served | time over | CLIENT UNBLOCK--> answered
//!                    waiting --connection ends | CLIENT KILL--> forgotten
//! ```
//!
//! Guarantees: nothing is done for a client whose connection is known to have ended; a key that holds a value of another type
//! than the command works on, or none, leaves the clients waiting (unless they want to hear of that); a client in a
//! transaction or a script never waits; while CLIENT PAUSE holds writes back, nobody is served.

mod copies;
mod goal;
mod queues;
mod wait;

pub use goal::Goal;
pub use queues::WaitFigures;
pub use wait::{Blocked, Nothing, Wait};

pub(super) use queues::Queues;

use std::time::Duration;

use super::command::Group;
use super::nested::Source;
use super::run::Running;
use super::session::{Closing, SessionHandle};
use super::{Call, Engine, Failure, Flow};
use crate::keyspace::Value;
use crate::protocol::reply::Reply;
use crate::protocol::request::OwnedRequest;
use crate::runtime::Now;
use crate::types::ObjectRef;
use queues::Place;

/// How a wait ends without what was waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unblocked {
    /// As if the time were over.
    TimedOut,
    /// With an error.
    Refused,
    /// With an error: this node is no primary any more.
    Demoted,
}

impl Unblocked {
    fn failure(self) -> Option<Failure> {
        match self {
            Unblocked::TimedOut => None,
            Unblocked::Refused => Some(UNBLOCKED),
            Unblocked::Demoted => Some(DEMOTED),
        }
    }
}

const UNBLOCKED: Failure = Failure::fixed("UNBLOCKED client unblocked via CLIENT UNBLOCK");
const DEMOTED: Failure = Failure::fixed(
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)",
);

impl Call<'_> {
    /// Makes the client wait until the command can be answered: it is tried again from its beginning whenever one of the
    /// keys may have become ready, and then answered. Where nobody may wait (in a transaction, in a script) the client is
    /// answered at once, as if the time were over.
    pub fn block(&mut self, wait: Wait) {
        if !self.may_block() {
            return wait.on_timeout.write(&mut self.reply);
        }
        self.then(Flow::Blocked);
        // Tried again, it keeps its place and its deadline.
        if self.engine.sessions[self.client].blocked.is_none() {
            let (client, db, now) = (self.client, self.db_index(), self.now);
            let request = wait.request.unwrap_or_else(|| self.request.iter().collect());
            let mut keys = wait.keys;
            keys.sort_unstable();
            keys.dedup();
            let blocked = Blocked {
                request,
                db,
                keys,
                ticket: self.engine.waiting.new_ticket(),
                deadline: wait.timeout.map(|timeout| now.mono + timeout),
                on_timeout: wait.on_timeout,
                wants_loss: wait.wants_loss,
                goal: None,
                silent: false,
                ran: Duration::ZERO,
            };
            self.engine.waiting.enter(client, &blocked);
            self.engine.sessions[client].blocked = Some(Box::new(blocked));
        }
    }
}

impl Engine {
    /// How many clients wait, and where.
    pub fn wait_figures(&self) -> WaitFigures {
        self.waiting.figures()
    }

    /// Answers a client that waits without what it waits for. False if it does not wait.
    pub fn unblock(&mut self, client: SessionHandle, how: Unblocked, now: Now) -> bool {
        let Some(blocked) = self.stop_waiting(client) else { return false };
        let prepared = self.prepare(blocked.db, blocked.request.request());
        let session = &mut self.sessions[client];
        let start = session.outbox.len();
        let mut reply = Reply::new(&mut session.outbox, session.version);
        let failure = how.failure();
        match (&failure, blocked.goal) {
            (Some(failure), _) => reply.error(failure.text()),
            (None, Some(goal)) => self.answer_copies(client, goal),
            (None, None) => blocked.on_timeout.write(&mut reply),
        }
        let session = &mut self.sessions[client];
        if blocked.silent {
            session.outbox.truncate(start);
        }
        if let Some(id) = prepared.command {
            self.stats.commands[id as usize].calls += 1;
            self.stats.commands[id as usize].failed += u64::from(failure.is_some());
        }
        if let Some(failure) = failure {
            self.stats.count_error(failure.code());
        }
        self.count_time(client, blocked.request.request(), prepared, blocked.ran, now);
        self.wake(client);
        true
    }

    /// This node becomes a replica: whoever waits would wait in vain, is told so, and has to look for the primary.
    pub fn unblock_all_demoted(&mut self, now: Now) {
        let waiting = self.sessions.iter().filter(|(_, session)| session.blocked.is_some());
        let waiting: Vec<SessionHandle> = waiting.map(|(client, _)| client).collect();
        for client in waiting {
            self.unblock(client, Unblocked::Demoted, now);
            self.sessions[client].closing.get_or_insert(Closing::AfterReply);
        }
    }

    /// Takes a client out of the queues, if it is in any.
    pub(super) fn stop_waiting(&mut self, client: SessionHandle) -> Option<Box<Blocked>> {
        let blocked = self.sessions[client].blocked.take()?;
        self.waiting.leave(&blocked);
        Some(blocked)
    }

    /// Serves the clients that wait for keys to which something has happened. To be called between requests.
    #[inline]
    pub fn serve_waiting(&mut self, now: Now) {
        if self.waiting.is_any_ready() && !self.is_script_suspended() {
            self.serve_ready(now);
        }
    }

    #[cold]
    fn serve_ready(&mut self, now: Now) {
        self.serve_copies(now);
        while self.waiting.is_any_key_ready() && self.pause.active(now.mono).is_none() {
            for place in self.waiting.take_ready() {
                self.serve_key(&place, now);
            }
        }
    }

    /// Serves those who wait for a key; each who stood there when this began is tried once.
    fn serve_key(&mut self, place: &Place, now: Now) {
        let Some(last) = self.waiting.last(place) else { return };
        let mut from = 0;
        while let Some((ticket, client)) =
            self.waiting.next(place, from).filter(|(ticket, _)| *ticket <= last)
        {
            from = ticket + 1;
            let group = self.key_group(place);
            if group.is_none() && !self.waiting.is_loss_wanted(place) {
                return;
            }
            if self.is_wanted(client, group) {
                self.serve(client, now);
            }
        }
    }

    /// The group of the commands that work on what a key holds.
    fn key_group(&self, (db, key): &Place) -> Option<Group> {
        let key = self.keyspace.hasher().key(key);
        Some(match self.keyspace.databases[*db].get(&key)?.value() {
            Value::Object(ObjectRef::List(_)) => Group::List,
            Value::Object(ObjectRef::Set(_)) => Group::Set,
            Value::Object(ObjectRef::SortedSet(_)) => Group::SortedSet,
            Value::Object(ObjectRef::Hash(_)) => Group::Hash,
            Value::Object(ObjectRef::Stream(_)) => Group::Stream,
            _ => Group::String,
        })
    }

    /// Whether a client's command is one that works on values of this group.
    fn is_wanted(&self, client: SessionHandle, group: Option<Group>) -> bool {
        let Some(blocked) = &self.sessions[client].blocked else { return false };
        let command = self.table.find(blocked.request.request().name());
        let own = command.map(|id| self.table.row(id).command.group);
        blocked.wants_loss || group.is_some() && group == own
    }

    /// Tries a client's command again.
    fn serve(&mut self, client: SessionHandle, now: Now) {
        let session = &mut self.sessions[client];
        let Some(blocked) = &mut session.blocked else { return };
        let (request, db) = (std::mem::take(&mut blocked.request), blocked.db);
        let mut out = std::mem::take(&mut session.outbox);
        let start = out.len();
        let begin = (self.stopwatch)();
        let flow = self.try_again(client, &request, db, &mut out, now);
        let elapsed = (self.stopwatch)() - begin;
        self.uncounted = false;
        let Some(blocked) = &mut self.sessions[client].blocked else { return };
        blocked.ran += elapsed;
        let (ran, wanted) = (blocked.ran, flow != Flow::Blocked && !blocked.silent);
        if !wanted {
            out.truncate(start);
        }
        // What others sent meanwhile comes behind the reply.
        let session = &mut self.sessions[client];
        out.append(&mut session.outbox);
        session.outbox = out;
        if flow == Flow::Blocked {
            if let Some(blocked) = &mut session.blocked {
                blocked.request = request;
            }
            return;
        }
        self.stop_waiting(client);
        let prepared = self.prepare(db, request.request());
        self.count_time(client, request.request(), prepared, ran, now);
        self.wake(client);
    }

    fn try_again(
        &mut self,
        client: SessionHandle,
        request: &OwnedRequest,
        db: usize,
        out: &mut Vec<u8>,
        now: Now,
    ) -> Flow {
        let (request, version) = (request.request(), self.sessions[client].version);
        let prepared = self.prepare(db, request);
        // It was admitted before; only memory may have run short since.
        let admitted = super::gates::resolve(&self.table, prepared, request);
        let admitted = admitted.map(|row| (row.command, row.has(super::command::Flag::DenyOom)));
        let admitted = admitted.and_then(|(command, needs_memory)| {
            self.make_room_if_limited(needs_memory, now)?;
            Ok(command)
        });
        match admitted {
            Ok(command) => {
                let id = prepared.command.unwrap_or_default();
                let source = Source::Waiting;
                self.execute(
                    request,
                    Running { client, command, id, key: prepared.key, version, source },
                    out,
                    now,
                )
            }
            Err(failure) => {
                self.count_rejected(prepared, &failure);
                Reply::new(out, version).error(failure.text());
                Flow::Continue
            }
        }
    }
}
