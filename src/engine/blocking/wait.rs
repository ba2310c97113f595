//! What a handler asks for when it cannot answer yet, and what is kept of a client meanwhile.

use std::time::Duration;

use super::goal::Goal;
use crate::protocol::reply::Reply;
use crate::protocol::request::OwnedRequest;
use crate::runtime::Monotonic;

/// What a client waits for.
#[derive(Debug)]
pub struct Wait {
    /// The keys, any of which may be the one; in the selected database.
    pub keys: Vec<Vec<u8>>,
    /// For how long; `None` for ever.
    pub timeout: Option<Duration>,
    /// What is answered when the time is over.
    pub on_timeout: Nothing,
    /// The request to try again, if it is not the one that came (XREAD with `$` waits for what follows a certain id).
    pub request: Option<OwnedRequest>,
    /// Whether the command is tried again also when a key goes away or changes its type (XREADGROUP reports that).
    pub wants_loss: bool,
}

/// The ways to say that nothing came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Nothing {
    /// A null.
    Null,
    /// A null array.
    NullArray,
}

impl Nothing {
    /// Writes it.
    pub fn write(self, reply: &mut Reply<'_>) {
        match self {
            Nothing::Null => reply.null(),
            Nothing::NullArray => reply.null_array(),
        }
    }
}

/// A client that waits. While it does, it stands in the queue of each of its keys.
#[derive(Debug)]
pub struct Blocked {
    /// What is tried again.
    pub(in crate::engine) request: OwnedRequest,
    pub(in crate::engine) db: usize,
    /// Without repetitions.
    pub(in crate::engine) keys: Vec<Vec<u8>>,
    /// Its place in the queues: who came earlier has a smaller one.
    pub(in crate::engine) ticket: u64,
    /// When it stops waiting.
    pub(in crate::engine) deadline: Option<Monotonic>,
    pub(in crate::engine) on_timeout: Nothing,
    pub(in crate::engine) wants_loss: bool,
    /// The copies that it waits for, if it waits for those; then it stands in no queue.
    pub(in crate::engine) goal: Option<Goal>,
    /// Nobody wants the reply (CLIENT REPLY).
    pub(in crate::engine) silent: bool,
    /// How long its attempts took.
    pub(in crate::engine) ran: Duration,
}

impl Blocked {
    /// Who waits for copies of what it wrote.
    pub(super) fn for_copies(
        goal: Goal,
        request: OwnedRequest,
        db: usize,
        ticket: u64,
        deadline: Option<Monotonic>,
    ) -> Blocked {
        Blocked {
            request,
            db,
            keys: Vec::new(),
            ticket,
            deadline,
            on_timeout: Nothing::Null,
            wants_loss: false,
            goal: Some(goal),
            silent: false,
            ran: Duration::ZERO,
        }
    }

    /// When the client stops waiting; `None` for never.
    pub fn deadline(&self) -> Option<Monotonic> {
        self.deadline
    }

    /// Bytes of memory that it takes.
    pub fn memory_bytes(&self) -> usize {
        let keys: usize = self.keys.iter().map(|key| size_of::<Vec<u8>>() + key.capacity()).sum();
        size_of::<Blocked>() + self.request.heap_bytes() + keys
    }
}
