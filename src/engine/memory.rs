//! Memory: what the node uses, and making room when `maxmemory` is reached.
//!
//! The figure that decides is computed, not asked of the allocator: the bytes that the keyspace knows it has allocated, the
//! clients' buffers, and what the node used before the first key came. So it is the same in a simulation.

use rand_core::Rng;

use super::{Class, Engine, Failure};
use crate::config::{Config, MaxmemoryPolicy};
use crate::keyspace::eviction::Rules;
use crate::keyspace::{Access, Key, Policy, Victim};
use crate::runtime::Now;

/// Keys evicted for one command, so that no client waits long for room that others have taken; the next commands and the
/// node's own steps go on.
const EVICTIONS_MAX: usize = 64;

/// As many keys are looked at for each eviction at most, whatever `maxmemory-samples` says: it is no use to look at more, and
/// with its greatest value no command would ever end.
const SAMPLES_MAX: usize = 64;

impl Engine {
    /// Bytes in use: what INFO calls `used_memory`.
    pub fn used_memory(&self) -> usize {
        self.identity.startup_memory_bytes
            + self.keyspace.memory_bytes()
            + self.clients_memory()
            + self.scripts.memory_bytes()
    }

    /// Bytes that clients take.
    pub fn clients_memory(&self) -> usize {
        self.sessions.memory_bytes()
    }

    /// [`Engine::make_room`], if there is a limit at all.
    #[inline]
    pub(super) fn make_room_if_limited(&mut self, needs_memory: bool, now: Now) -> Result<(), Failure> {
        if self.config.maxmemory_bytes == 0 { Ok(()) } else { self.make_room(needs_memory, now) }
    }

    /// Evicts until the memory limit is met, as far as one command may. `Err` if the command needs memory, the limit is
    /// passed and nothing can be evicted.
    ///
    /// What commands add beyond the limit is taken away before the next one, however many keys that costs: otherwise a few
    /// large values in a crowd of small keys would outrun eviction, and the node its memory.
    #[cold]
    pub(super) fn make_room(&mut self, needs_memory: bool, now: Now) -> Result<(), Failure> {
        if self.pause.active(now.mono).is_some() || self.leaves_memory_to_primary() {
            return Ok(());
        }
        if !self.is_memory_full() {
            self.stats.note_memory_full(false, now.mono);
            self.keyspace_bytes_seen = self.keyspace.memory_bytes();
            return Ok(());
        }
        let begin = self.measure();
        let result = self.evict_enough(needs_memory, now);
        self.note_since("eviction-cycle", begin, now);
        self.stats.note_memory_full(self.is_memory_full(), now.mono);
        result
    }

    fn evict_enough(&mut self, needs_memory: bool, now: Now) -> Result<(), Failure> {
        let mut evictions = 0;
        let mut done = |engine: &Engine| {
            evictions += 1;
            let is_held = || engine.keyspace.memory_bytes() <= engine.keyspace_bytes_seen;
            !engine.is_memory_full() || evictions > EVICTIONS_MAX && is_held()
        };
        let mut found = true;
        while !done(self) && found {
            found = self.evict_one(now);
        }
        self.keyspace_bytes_seen = self.keyspace.memory_bytes();
        if found || !needs_memory { Ok(()) } else { Err(Failure::OOM) }
    }

    pub(super) fn is_memory_full(&self) -> bool {
        let limit = self.config.maxmemory_bytes;
        limit != 0 && self.used_memory() as u64 > limit
    }

    /// One step of eviction between commands; true while there is more to do.
    pub fn evict_step(&mut self, now: Now) -> bool {
        let is_full = self.is_memory_full();
        if !is_full {
            self.stats.note_memory_full(false, now.mono);
        }
        is_full
            && !self.leaves_memory_to_primary()
            && !self.is_script_suspended()
            && self.pause.active(now.mono).is_none()
            && self.make_room(true, now).is_ok()
            && self.is_memory_full()
    }

    /// Evicts one key; false if the policy allows none.
    fn evict_one(&mut self, now: Now) -> bool {
        let rules = Rules {
            policy: policy(self.config.maxmemory_policy),
            samples: (self.config.maxmemory_samples as usize).min(SAMPLES_MAX),
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
        self.evict(database, &key, now);
        true
    }

    fn evict(&mut self, db: usize, key: &[u8], now: Now) {
        let key: Key<'_> = self.keyspace.hasher().key(key);
        let begin = self.measure();
        if let Some(evicted) = self.keyspace.databases[db].remove(&key) {
            self.discard(evicted);
            self.note_since("eviction-del", begin, now);
            self.key_event(db, Class::Evicted, "evicted", &key);
            self.key_changed(db, &key, None);
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

    /// Whether the access clocks of entries are worth being saved: the policy goes by them.
    pub fn saves_use(&self) -> bool {
        use MaxmemoryPolicy::{AllkeysLfu, AllkeysLru, VolatileLfu, VolatileLru};
        matches!(self.config.maxmemory_policy, AllkeysLfu | AllkeysLru | VolatileLfu | VolatileLru)
    }

    /// Takes up a change of the memory parameters: what the access clocks mean, and what deserves eviction.
    pub fn memory_policy_changed(&mut self) {
        self.access = access(&self.config);
        self.eviction.clear();
        // A lower limit is no fault of the next command.
        self.keyspace_bytes_seen = self.keyspace.memory_bytes();
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
