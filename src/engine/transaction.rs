//! Transactions that clients put together: MULTI begins one, further requests are queued behind the gates, EXEC runs them as
//! one unit of effects, during which nothing else runs.
//!
//! ```text
//! none --MULTI--> queueing --EXEC--> run | aborted (a key that is watched has changed) | refused (a request was)
//!                 queueing --DISCARD, RESET--> none
//! ```
//!
//! A transaction with a script that runs for long is left in its middle together with the script: its unit of effects stays
//! open, what it has answered is kept, and when the script has ended, it goes on.

use super::command::Flag;
use super::nested::{Nested, Source};
use super::pending::Queued;
use super::session::{Session, SessionHandle};
use super::table::{CommandId, Row};
use super::{Call, Engine, Failure, Flow, Job, Prepared};
use crate::protocol::request::{OwnedRequest, Request};
use crate::runtime::Now;

/// What EXEC finds.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing has begun.
    None,
    /// A request was refused.
    Refused,
    /// A key that the client watches has changed.
    Changed,
    /// These are to be run.
    Run(Vec<Queued>),
}

/// What is left to do of a transaction that runs.
#[derive(Debug)]
struct Performance {
    queue: std::vec::IntoIter<Queued>,
    /// What only the node can do, each with the place in the reply where its own reply belongs.
    jobs: Vec<(Job, usize)>,
}

impl Performance {
    /// All that the node is to do, if there is anything: it takes along what of the reply comes behind.
    fn job(self, out: &mut Vec<u8>, start: usize) -> Option<Job> {
        let pieces = self.jobs.into_iter().rev().map(|(job, at)| (job, out.split_off(start + at)));
        let mut pieces: Vec<(Job, Vec<u8>)> = pieces.collect();
        pieces.reverse();
        (!pieces.is_empty()).then_some(Job::Several(pieces))
    }
}

/// A transaction that was left in its middle.
#[derive(Debug)]
pub(super) struct Left {
    performance: Performance,
    /// What it has answered so far.
    replies: Vec<u8>,
    /// The EXEC, with its command once that is known.
    request: OwnedRequest,
    pub id: Option<CommandId>,
}

impl Left {
    /// Takes what was answered so far.
    pub fn take_replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.replies)
    }
}

impl Call<'_> {
    /// Runs what a transaction has queued. If a script of it runs for long, the node is asked to come back
    /// ([`Flow::Script`]).
    pub fn perform(&mut self, queue: Vec<Queued>) {
        // Each of them leaves its own effects.
        self.propagate_nothing();
        let start = self.reply.position();
        self.reply.array(queue.len());
        let mut performance = Performance { queue: queue.into_iter(), jobs: Vec::new() };
        let out = self.reply.out();
        if self.engine.perform(self.client, &mut performance, out, start, self.now) {
            if let Some(job) = performance.job(out, start) {
                self.then(Flow::Job(job));
            }
        } else {
            let (replies, request) = (out.split_off(start), self.request.to_owned());
            self.engine.scripts.leave_transaction(Left { performance, replies, request, id: None });
            self.then(Flow::Script);
        }
    }
}

const NOT_INSIDE: Failure = Failure::fixed("ERR Command not allowed inside a transaction");

/// Whether a session's next request of this command is queued. `Err` if it is not allowed inside a transaction.
pub(super) fn allowed(session: &Session, row: &Row) -> Result<(), Failure> {
    let inside = session.transaction.is_some() && row.has(Flag::NoMulti);
    // MULTI and WATCH have their own words for it.
    if inside && !row.has(Flag::Unqueued) { Err(NOT_INSIDE) } else { Ok(()) }
}

impl Engine {
    /// Queues a request of a client that has begun a transaction. One that cannot succeed any more keeps nothing.
    #[cold]
    pub(super) fn queue(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        prepared: Prepared,
        out: &mut Vec<u8>,
    ) {
        let flags = prepared.command.map_or(0, |id| self.table.row(id).flags);
        let session = &mut self.sessions[client];
        if let Some(transaction) =
            session.transaction.as_mut().filter(|t| !t.refused && !session.watch.changed)
        {
            transaction.push(request, prepared, flags);
        }
        // Its time is that of nothing: it counts when it is run.
        self.uncounted = true;
        out.extend_from_slice(b"+QUEUED\r\n");
    }

    /// A request was refused: if it belongs to a transaction, that cannot succeed any more. EXEC itself ends it, and says
    /// why it was refused.
    pub(super) fn refuse_transaction(
        &mut self,
        client: SessionHandle,
        prepared: Prepared,
        failure: Failure,
    ) -> Failure {
        let is_exec = prepared.command.is_some_and(|id| self.table.row(id).has(Flag::RunsQueue));
        if is_exec {
            self.drop_transaction(client);
            let text = failure.text().strip_prefix(b"ERR ").unwrap_or(failure.text());
            return Failure::new([b"EXECABORT Transaction discarded because of: ", text].concat());
        }
        if let Some(transaction) = &mut self.sessions[client].transaction {
            transaction.refused = true;
        }
        failure
    }

    /// Goes on with a transaction whose reply begins at `start`; false if a script of it runs for long.
    fn perform(
        &mut self,
        client: SessionHandle,
        performance: &mut Performance,
        out: &mut Vec<u8>,
        start: usize,
        now: Now,
    ) -> bool {
        for Queued { request, prepared } in performance.queue.by_ref() {
            let how = Nested { version: self.sessions[client].version, source: Source::Client };
            let job = self.run_nested(client, request.request(), prepared, out, now, how);
            if self.is_script_suspended() {
                return false;
            }
            performance.jobs.extend(job.map(|job| (job, out.len() - start)));
        }
        true
    }

    /// Goes on with a transaction whose script has ended; its reply begins at `start`. `begun`: when it began.
    pub(super) fn resume_transaction(
        &mut self,
        client: SessionHandle,
        mut left: Left,
        out: &mut Vec<u8>,
        start: usize,
        (begun, now): (Now, Now),
    ) -> Flow {
        if !self.perform(client, &mut left.performance, out, start, begun) {
            left.replies = out.split_off(start);
            self.scripts.leave_transaction(left);
            return Flow::Script;
        }
        self.effects.end();
        self.uncounted = false;
        let prepared = Prepared { command: left.id, key: None };
        self.count_time(client, left.request.request(), prepared, now.mono - begun.mono, now);
        let job = left.performance.job(out, start);
        match (job, self.apply_reply_mode(client, out, start)) {
            (None, _) => Flow::Continue,
            (Some(job), true) => Flow::Job(job),
            (Some(job), false) => Flow::SilentJob(job),
        }
    }

    /// Begins a transaction. False if one has begun already.
    pub fn begin_transaction(&mut self, client: SessionHandle) -> bool {
        let transaction = &mut self.sessions[client].transaction;
        let begins = transaction.is_none();
        transaction.get_or_insert_default();
        begins
    }

    /// Forgets a client's transaction and what it watches. False if none has begun.
    pub fn drop_transaction(&mut self, client: SessionHandle) -> bool {
        let dropped = self.sessions[client].transaction.take();
        self.unwatch(client);
        dropped.is_some()
    }

    /// Ends a client's transaction, to be run if nothing is in the way. It watches nothing any more.
    pub fn end_transaction(&mut self, client: SessionHandle, now: Now) -> Outcome {
        if self.sessions[client].transaction.is_none() {
            return Outcome::None;
        }
        let changed = self.is_watch_broken(client, now);
        self.unwatch(client);
        match self.sessions[client].transaction.take() {
            None => Outcome::None,
            Some(transaction) if transaction.refused => Outcome::Refused,
            Some(_) if changed => Outcome::Changed,
            Some(transaction) => Outcome::Run(transaction.queue),
        }
    }
}
