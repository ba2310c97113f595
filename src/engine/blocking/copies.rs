//! Clients that wait until their last write has been copied (WAIT, WAITAOF).
//!
//! They stand in no key's queue. Whenever a replica says that it has more, or the append log's file has been synced, those are
//! answered whose goal is reached, in the order in which they came; the others when their time is over, with what there is.

use std::time::Duration;

use super::goal::{Found, Goal};
use super::wait::Blocked;
use super::{Call, Engine, Flow, Unblocked};
use crate::engine::session::SessionHandle;
use crate::protocol::reply::Reply;
use crate::replication::{Copies, having};
use crate::runtime::Now;

impl Call<'_> {
    /// Answers when enough copies of the client's last write are there, or the time is over. In a transaction or a script
    /// that is at once.
    pub fn wait_for_copies(&mut self, goal: Goal, timeout: Option<Duration>) {
        let found = self.engine.copies(self.client, goal.copies);
        if goal.is_reached(found) || !self.may_block() {
            return answer(&mut self.reply, goal, found);
        }
        self.then(Flow::Blocked);
        let (client, db, engine) = (self.client, self.db_index(), &mut *self.engine);
        let ticket = engine.waiting.new_ticket();
        let deadline = timeout.map(|timeout| self.now.mono + timeout);
        let request = self.request.iter().collect();
        let blocked = Blocked::for_copies(goal, request, db, ticket, deadline);
        engine.waiting.enter(client, &blocked);
        engine.sessions[client].blocked = Some(Box::new(blocked));
        engine.replication.serving.wants_acks = true;
    }
}

/// Writes how many copies there are.
fn answer(reply: &mut Reply<'_>, goal: Goal, found: Found) {
    match goal.copies {
        Copies::Received => reply.integer(found.replicas as i64),
        Copies::Synced => {
            reply.array(2);
            reply.integer(i64::from(found.local));
            reply.integer(found.replicas as i64);
        }
    }
}

impl Engine {
    /// The copies of what a client wrote last.
    fn copies(&self, client: SessionHandle, copies: Copies) -> Found {
        let session = &self.sessions[client];
        let replicas = match self.replication.faults.wait_early {
            true => self.replication.replicas.values().filter(|replica| replica.is_online).count(),
            false => having(self.replication.replicas.values(), session.write_offset, copies),
        };
        let policy = &self.append.policy;
        let is_in_force = policy.collects() && !policy.is_beginning();
        Found { replicas, local: is_in_force && policy.synced() >= session.log_position }
    }

    /// Answers a client that waits for copies with what there is.
    pub(super) fn answer_copies(&mut self, client: SessionHandle, goal: Goal) {
        let found = self.copies(client, goal.copies);
        let session = &mut self.sessions[client];
        answer(&mut Reply::new(&mut session.outbox, session.version), goal, found);
    }

    /// A replica has more, or more is on disk.
    #[inline]
    pub fn note_copies(&mut self) {
        self.waiting.note_copies();
    }

    /// Answers those whose goal is reached.
    #[cold]
    pub(super) fn serve_copies(&mut self, now: Now) {
        for client in self.waiting.take_copied() {
            let goal = self.sessions[client].blocked.as_ref().and_then(|blocked| blocked.goal);
            if goal.is_some_and(|goal| goal.is_reached(self.copies(client, goal.copies))) {
                // What is answered is the same as when the time is over.
                self.unblock(client, Unblocked::TimedOut, now);
            }
        }
    }
}
