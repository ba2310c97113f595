//! Transactions that clients put together: MULTI begins one, further requests are queued behind the gates, EXEC runs them as
//! one unit of effects, during which nothing else runs.
//!
//! ```text
//! none --MULTI--> queueing --EXEC--> run | aborted (a key that is watched has changed) | refused (a request was)
//!                 queueing --DISCARD, RESET--> none
//! ```

use super::command::Flag;
use super::pending::Queued;
use super::session::{Session, SessionHandle};
use super::table::Row;
use super::{Engine, Failure, Prepared};
use crate::protocol::request::Request;
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
