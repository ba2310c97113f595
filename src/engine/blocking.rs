//! Clients that wait for a key.
//!
//! A handler that cannot answer yet calls [`Call::block`](super::Call::block); the client then waits, in the order in which
//! clients came, at each of the keys. Not there yet: nobody is woken.

use std::time::Duration;

use super::Engine;
use super::session::SessionHandle;
use crate::protocol::reply::Reply;
use crate::protocol::request::OwnedRequest;

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

impl Engine {
    /// Notes that a client waits.
    pub(super) fn wait_for(&mut self, client: SessionHandle, wait: Wait) {
        let _ = (client, wait);
    }
}
