//! Memory: what the node uses, and making room when `maxmemory` is reached.
//!
//! The figure that decides is computed, not asked of the allocator: the bytes that the keyspace knows it has allocated, the
//! clients' buffers, and what the node used before the first key came. So it is the same in a simulation.

use super::{Engine, Failure};
use crate::keyspace::eviction::{Candidate, Pool};
use crate::keyspace::{Key, eviction};
use crate::runtime::Now;

/// What eviction remembers between commands.
#[derive(Debug, Default)]
pub(super) struct Evictor {
    pool: Pool,
    next_db: usize,
}

/// Keys evicted for one command at most, so that no client waits long; the next commands go on.
const EVICTIONS_MAX: usize = 64;

impl Engine {
    /// Bytes in use: what INFO calls `used_memory`.
    pub fn used_memory(&self) -> usize {
        self.identity.startup_memory_bytes + self.keyspace.memory_bytes() + self.clients_memory()
    }

    /// Bytes that clients take.
    pub fn clients_memory(&self) -> usize {
        self.sessions.memory_bytes()
    }

    /// Evicts until the memory limit is met, as far as one command may. `Err` if the command needs memory, the limit is
    /// passed and nothing can be evicted.
    #[cold]
    pub(super) fn make_room(&mut self, needs_memory: bool, now: Now) -> Result<(), Failure> {
        if self.used_memory() as u64 <= self.config.maxmemory_bytes {
            return Ok(());
        }
        if self.pause.active(now.mono).is_some() {
            return Ok(());
        }
        for _ in 0..EVICTIONS_MAX {
            if !self.evict_one(now) {
                return if needs_memory { Err(Failure::OOM) } else { Ok(()) };
            }
            if self.used_memory() as u64 <= self.config.maxmemory_bytes {
                break;
            }
        }
        Ok(())
    }

    /// Evicts one key; false if the policy allows none.
    fn evict_one(&mut self, now: Now) -> bool {
        let Some(policy) = self.eviction_policy() else { return false };
        let samples = self.config.maxmemory_samples;
        let Evictor { pool, next_db } = &mut self.eviction;
        let random = &mut self.random;
        let victim = eviction::choose(&self.keyspace, policy, samples, pool, next_db, now.wall, random);
        let Some(Candidate { db, key }) = victim else { return false };
        self.evict(db, &key);
        true
    }

    fn evict(&mut self, db: usize, key: &[u8]) {
        let key: Key<'_> = self.keyspace.hasher().key(key);
        if self.keyspace.databases[db].remove(&key).is_some() {
            self.stats.evicted_keys += 1;
            let verb: &[u8] = if self.config.lazyfree_lazy_eviction { b"UNLINK" } else { b"DEL" };
            self.effects.begin();
            self.effects.push(db, &[verb, key.bytes]);
            self.effects.end();
        }
    }
}
