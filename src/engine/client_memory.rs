//! `maxmemory-clients`: when clients together take too much memory, the greatest of them are closed.
//!
//! As in Redis, clients are sorted by the power of two of what they take, since it is no use to tell nearly equal ones
//! apart; among those of the greatest class the one that has been connected longest goes first. Clients with CLIENT NO-EVICT
//! count, but stay.

use super::Engine;
use super::identity::address_text;
use super::session::{ClientRole, Closing, Session, SessionHandle};
use crate::config::MemoryShare;

/// A limit that would close every client is raised to this.
const LIMIT_BYTES_MIN: u64 = 128 * 1024;
/// Clients below this are all alike, as are those above 2^33 bytes.
const CLASS_MIN: u32 = 15;
const CLASS_MAX: u32 = 33;

impl Engine {
    /// The memory that all clients together may take; 0 for any amount.
    pub fn client_memory_limit(&self) -> u64 {
        match self.config.maxmemory_clients.of(self.config.maxmemory_bytes) {
            0 => 0,
            bytes => bytes.max(LIMIT_BYTES_MIN),
        }
    }

    /// Closes clients until the others take less than the limit. To be called when the figures of a client have changed.
    #[inline]
    pub fn evict_clients(&mut self) {
        if self.config.maxmemory_clients != MemoryShare::Bytes(0) {
            self.evict_largest_clients();
        }
    }

    #[cold]
    fn evict_largest_clients(&mut self) {
        let (limit, mut used) = (self.client_memory_limit(), self.clients_memory() as u64);
        if limit == 0 || used < limit {
            return;
        }
        for (client, bytes) in self.evictable_clients(&mut used) {
            if used < limit {
                return;
            }
            used = used.saturating_sub(bytes);
            self.evict_client(client, bytes);
        }
    }

    /// Those who may be closed with what they take, the first to go first. What those take who are closing already is not
    /// `used` any more.
    fn evictable_clients(&self, used: &mut u64) -> Vec<(SessionHandle, u64)> {
        let mut found = Vec::new();
        for (client, session) in self.sessions.by_id() {
            let bytes = session.memory_bytes() as u64;
            if session.closing == Some(Closing::Now) {
                *used = used.saturating_sub(bytes);
            } else if is_evictable(session) {
                found.push((client, bytes));
            }
        }
        // The sort is stable: within a class the oldest stays first.
        found.sort_by_key(|(_, bytes)| std::cmp::Reverse(class(*bytes)));
        found
    }

    fn evict_client(&mut self, client: SessionHandle, bytes: u64) {
        self.stats.evicted_clients += 1;
        let session = &mut self.sessions[client];
        session.outbox = Vec::new();
        tracing::info!("Evicting client {} that takes {bytes} bytes", address_text(&session.peer));
        self.close_session(client, Closing::Now);
    }
}

fn is_evictable(session: &Session) -> bool {
    !session.no_evict && session.role == ClientRole::Ordinary
}

fn class(bytes: u64) -> u32 {
    bytes.max(1).ilog2().clamp(CLASS_MIN, CLASS_MAX)
}
