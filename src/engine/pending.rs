//! What a session has put together for its next EXEC: the queue of its transaction, and the keys that it watches.

use super::Prepared;
use super::command::Flag;
use super::table::Row;
use crate::protocol::request::{OwnedRequest, Request};

/// What a client has queued since MULTI.
#[derive(Debug, Default)]
pub struct Transaction {
    pub(super) queue: Vec<Queued>,
    /// The flags of all that is queued.
    flags: u32,
    /// A request was refused: EXEC will not run the others.
    pub(super) refused: bool,
    /// Bytes that the queue takes, and those of them that are arguments.
    bytes: usize,
    argument_bytes: usize,
}

/// A request of a transaction.
#[derive(Debug)]
pub struct Queued {
    /// The request.
    pub request: OwnedRequest,
    /// Looked up when it was queued.
    pub prepared: Prepared,
}

impl Transaction {
    /// How many requests are queued.
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes of memory that it takes.
    pub fn memory_bytes(&self) -> usize {
        size_of::<Transaction>() + self.queue.capacity() * size_of::<Queued>() + self.bytes
    }

    /// Bytes that its requests' arguments take: they count as input that has not run yet.
    pub fn argument_bytes(&self) -> usize {
        self.argument_bytes
    }

    pub(super) fn push(&mut self, request: Request<'_>, prepared: Prepared, flags: u32) {
        let owned: OwnedRequest = request.iter().collect();
        self.bytes += owned.heap_bytes();
        self.argument_bytes += request.iter().map(<[u8]>::len).sum::<usize>();
        self.flags |= flags;
        self.queue.push(Queued { request: owned, prepared });
    }

    /// The flags by which a command is admitted inside: EXEC does what it runs does.
    pub(super) fn flags(&self, row: &Row) -> u32 {
        if row.has(Flag::RunsQueue) { row.flags | self.flags } else { row.flags }
    }
}

/// What one client watches.
#[derive(Debug, Default)]
pub struct Watch {
    /// One of the keys has changed. From then on none is watched any more.
    pub changed: bool,
    /// With their databases, without repetitions.
    pub(super) keys: Vec<(usize, Box<[u8]>)>,
}

impl Watch {
    /// How many keys are watched.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Bytes of memory that it takes.
    pub fn memory_bytes(&self) -> usize {
        self.keys.iter().map(|(_, key)| size_of::<(usize, Box<[u8]>)>() + key.len()).sum()
    }
}
