//! Memory: what the node uses, and making room when `maxmemory` is reached.
//!
//! The figure that decides is computed, not asked of the allocator: the bytes that the keyspace knows it has allocated, the
//! clients' buffers, and what the node used before the first key came. So it is the same in a simulation.

use rand_core::Rng;

use super::{Engine, Failure};
use crate::config::{Config, MaxmemoryPolicy};
use crate::keyspace::eviction::Rules;
use crate::keyspace::{Access, Key, Policy, Victim};
use crate::runtime::Now;

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
        let rules = Rules {
            policy: policy(self.config.maxmemory_policy),
            samples: self.config.maxmemory_samples as usize,
            access: self.access,
        };
        let random = &mut self.random;
        let victim = self.eviction.choose(
            &self.keyspace.databases,
            self.keyspace.hasher(),
            rules,
            now.wall.millis(),
            || random.next_u64(),
        );
        let Some(Victim { database, key }) = victim else { return false };
        self.evict(database, &key);
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

    /// What the access clocks of entries mean.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Takes up a change of the memory parameters: what the access clocks mean, and what deserves eviction.
    pub fn memory_policy_changed(&mut self) {
        self.access = access(&self.config);
        self.eviction.clear();
    }
}

/// What the access clocks of entries mean under the policy in force.
pub(super) fn access(config: &Config) -> Access {
    let (log_factor, decay_minutes) = (config.lfu_log_factor, config.lfu_decay_minutes);
    if policy(config.maxmemory_policy).is_lfu() {
        Access::Lfu { log_factor, decay_minutes }
    } else {
        Access::Lru
    }
}

/// The keyspace's word for the configured policy.
fn policy(configured: MaxmemoryPolicy) -> Policy {
    match configured {
        MaxmemoryPolicy::Noeviction => Policy::NoEviction,
        MaxmemoryPolicy::AllkeysLru => Policy::AllKeysLru,
        MaxmemoryPolicy::VolatileLru => Policy::VolatileLru,
        MaxmemoryPolicy::AllkeysLfu => Policy::AllKeysLfu,
        MaxmemoryPolicy::VolatileLfu => Policy::VolatileLfu,
        MaxmemoryPolicy::AllkeysRandom => Policy::AllKeysRandom,
        MaxmemoryPolicy::VolatileRandom => Policy::VolatileRandom,
        MaxmemoryPolicy::VolatileTtl => Policy::VolatileTtl,
    }
}
