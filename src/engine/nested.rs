//! Requests that run inside another: those of a transaction, those that a script sends.
//!
//! They run within the outer request's unit of effects. Of the gates they pass those that depend on the request itself; what
//! depends on the client and the node has been looked at for the outer request, or is looked at by whoever runs them
//! (a script has its own rules on writing, memory and forbidden commands).

use super::run::Running;
use super::session::{Closing, SessionHandle};
use super::{Engine, Flow, Job, Prepared, gates};
use crate::protocol::reply::{Reply, Version};
use crate::protocol::request::Request;
use crate::runtime::Now;

/// Who sends a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// A client, by itself or in a transaction.
    Client,
    /// A script.
    Script,
    /// A client that has waited, again.
    Waiting,
}

/// How a request runs inside another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nested {
    /// How the reply is written.
    pub version: Version,
    /// Who sends it.
    pub source: Source,
}

impl Engine {
    /// Runs a request inside the one that is running; its reply, which may be an error, is appended to `out`. It acts as
    /// `client` in the database that this one has selected, and nobody waits: what would block answers as if its time were
    /// over. Returns what only the node can do, if that is what it asks for: then nothing is appended, and the reply that
    /// the job calls for is the caller's concern.
    pub fn run_nested(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        prepared: Prepared,
        out: &mut Vec<u8>,
        now: Now,
        how: Nested,
    ) -> Option<Job> {
        let admitted = gates::resolve(&self.table, prepared, request).and_then(|row| {
            gates::protected(self, &self.sessions[client], row)?;
            Ok(row.command)
        });
        let command = match admitted {
            Ok(command) => command,
            Err(failure) => {
                self.count_rejected(prepared, &failure);
                Reply::new(out, how.version).error(failure.text());
                return None;
            }
        };
        // `resolve` has seen that there is a command.
        let id = prepared.command.unwrap_or_default();
        let running =
            Running { client, command, id, key: prepared.key, version: how.version, source: how.source };
        let begin = (self.stopwatch)();
        self.nesting += 1;
        let flow = self.execute(request, running, out, now);
        self.nesting -= 1;
        self.count_time(client, request, prepared, (self.stopwatch)() - begin, now);
        match flow {
            Flow::Job(job) => Some(job),
            Flow::Close => {
                self.sessions[client].closing = Some(Closing::AfterReply);
                None
            }
            _ => None,
        }
    }
}
