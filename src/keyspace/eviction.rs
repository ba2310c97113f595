//! The choice of what to evict. Nothing is removed here: [`Pool::choose`] names a victim, the engine removes it.
//!
//! As in Redis: the policies that rank entries look at `maxmemory-samples` random ones of each database and keep the best
//! candidates of several rounds in a pool of 16; the random policies take turns between databases.

use super::access::Access;
use super::database::Database;
use super::key::Hasher;
use crate::types::EntryRef;

/// Candidates that are remembered between rounds.
const POOL_LEN: usize = 16;

/// `maxmemory-policy`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Policy {
    /// Evict nothing; writes fail.
    NoEviction,
    /// The least recently used of all keys.
    AllKeysLru,
    /// The least recently used of the keys with an expiry.
    VolatileLru,
    /// The least frequently used of all keys.
    AllKeysLfu,
    /// The least frequently used of the keys with an expiry.
    VolatileLfu,
    /// Any key.
    AllKeysRandom,
    /// Any key with an expiry.
    VolatileRandom,
    /// The key that expires next.
    VolatileTtl,
}

impl Policy {
    /// All, by the names that `maxmemory-policy` takes.
    pub const NAMES: [(&'static str, Policy); 8] = [
        ("volatile-lru", Policy::VolatileLru),
        ("volatile-lfu", Policy::VolatileLfu),
        ("volatile-random", Policy::VolatileRandom),
        ("volatile-ttl", Policy::VolatileTtl),
        ("allkeys-lru", Policy::AllKeysLru),
        ("allkeys-lfu", Policy::AllKeysLfu),
        ("allkeys-random", Policy::AllKeysRandom),
        ("noeviction", Policy::NoEviction),
    ];

    /// Whether the access clock counts frequency under this policy.
    pub fn is_lfu(self) -> bool {
        matches!(self, Policy::AllKeysLfu | Policy::VolatileLfu)
    }

    /// Whether only keys with an expiry may go.
    pub fn is_volatile(self) -> bool {
        use Policy::{VolatileLfu, VolatileLru, VolatileRandom, VolatileTtl};
        matches!(self, VolatileLru | VolatileLfu | VolatileRandom | VolatileTtl)
    }

    fn is_random(self) -> bool {
        matches!(self, Policy::AllKeysRandom | Policy::VolatileRandom)
    }

    /// How much an entry deserves to go; higher goes first.
    fn score(self, entry: EntryRef<'_>, access: Access, now_ms: i64) -> u64 {
        match self {
            Policy::VolatileTtl => i64::MAX.abs_diff(entry.expiry().unwrap_or(i64::MAX)),
            _ if self.is_lfu() => u64::from(255 - access.frequency(entry.clock(), now_ms)),
            _ => u64::from(access.idle_seconds(entry.clock(), now_ms)),
        }
    }
}

/// What the choice depends on besides the keys.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// `maxmemory-policy`.
    pub policy: Policy,
    /// `maxmemory-samples`.
    pub samples: usize,
    /// The meaning of the access clock; it must fit the policy.
    pub access: Access,
}

/// A key that should go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Victim {
    /// The number of its database.
    pub database: usize,
    /// The key.
    pub key: Vec<u8>,
}

struct Candidate {
    score: u64,
    victim: Victim,
}

/// The candidates of the last rounds, and whose turn it is.
#[derive(Default)]
pub struct Pool {
    /// By rising score; never more than `POOL_LEN`. A candidate may have been removed meanwhile.
    candidates: Vec<Candidate>,
    next_database: usize,
}

impl Pool {
    /// A key that should go, present in its database; `None` if none may. `hasher` is that of the databases' keys.
    pub fn choose(
        &mut self,
        databases: &[Database],
        hasher: &Hasher,
        rules: Rules,
        now_ms: i64,
        mut random: impl FnMut() -> u64,
    ) -> Option<Victim> {
        if rules.policy == Policy::NoEviction || !databases.iter().any(|database| may_give(database, rules)) {
            return None;
        }
        if rules.policy.is_random() {
            return self.choose_random(databases, rules, &mut random);
        }
        // Every round offers at least one live candidate, so that a few suffice; the bound is for the reader.
        for _ in 0..=POOL_LEN {
            for (number, database) in databases.iter().enumerate() {
                self.populate(number, database, rules, now_ms, &mut random);
            }
            while let Some(candidate) = self.candidates.pop() {
                if may_go(databases, hasher, rules, &candidate.victim) {
                    return Some(candidate.victim);
                }
            }
        }
        None
    }

    /// Forgets all candidates, as a change of policy demands: their scores mean something else now.
    pub fn clear(&mut self) {
        self.candidates.clear();
    }

    fn choose_random(
        &mut self,
        databases: &[Database],
        rules: Rules,
        random: &mut impl FnMut() -> u64,
    ) -> Option<Victim> {
        for _ in 0..databases.len() {
            let number = self.next_database % databases.len();
            self.next_database = number + 1;
            if let Some(entry) = draw(&databases[number], rules, random) {
                return Some(Victim { database: number, key: entry.key().to_vec() });
            }
        }
        None
    }

    fn populate(
        &mut self,
        number: usize,
        database: &Database,
        rules: Rules,
        now_ms: i64,
        random: &mut impl FnMut() -> u64,
    ) {
        let mut offer = |entry: EntryRef<'_>| {
            let score = rules.policy.score(entry, rules.access, now_ms);
            self.offer(score, number, entry.key());
        };
        if rules.policy.is_volatile() {
            (0..rules.samples).filter_map(|_| database.random_volatile(&mut *random)).for_each(offer);
        } else {
            database.sample(rules.samples, random, &mut offer);
        }
    }

    fn offer(&mut self, score: u64, database: usize, key: &[u8]) {
        let known = |known: &Candidate| known.victim.database == database && known.victim.key == key;
        if let Some(old) = self.candidates.iter().position(known) {
            self.candidates.remove(old);
        }
        let at = self.candidates.partition_point(|candidate| candidate.score < score);
        if self.candidates.len() < POOL_LEN {
            let victim = Victim { database, key: key.to_vec() };
            self.candidates.insert(at, Candidate { score, victim });
        } else if at > 0 {
            // The one that least deserves to go makes room; its buffer serves again.
            self.candidates[..at].rotate_left(1);
            let slot = &mut self.candidates[at - 1];
            slot.score = score;
            slot.victim.database = database;
            slot.victim.key.clear();
            slot.victim.key.extend_from_slice(key);
        }
    }
}

fn may_give(database: &Database, rules: Rules) -> bool {
    if rules.policy.is_volatile() { database.volatile_len() > 0 } else { !database.is_empty() }
}

/// Whether a candidate is still what it was.
fn may_go(databases: &[Database], hasher: &Hasher, rules: Rules, victim: &Victim) -> bool {
    let entry = databases.get(victim.database).and_then(|database| database.get(&hasher.key(&victim.key)));
    entry.is_some_and(|entry| !rules.policy.is_volatile() || entry.expiry().is_some())
}

fn draw<'a>(database: &'a Database, rules: Rules, random: &mut impl FnMut() -> u64) -> Option<EntryRef<'a>> {
    if rules.policy.is_volatile() { database.random_volatile(random) } else { database.random(random) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyspace::{NewValue, Slot};

    const NOW_MS: i64 = 1_700_000_000_000;

    /// A database with keys `k0`..`k99`; key `n` was used `n` seconds ago, and the even ones expire in `n` hours.
    fn database(hasher: &Hasher) -> Database {
        let mut database = Database::new(*hasher);
        for n in 0..100 {
            let name = format!("k{n}");
            let Slot::Vacant(vacant) = database.slot(&hasher.key(name.as_bytes())) else { panic!("new") };
            let clock = Access::Lru.clock_on_create(NOW_MS - n * 1000);
            let expiry = (n % 2 == 0).then_some(NOW_MS + n * 3_600_000);
            vacant.insert(NewValue::Int(n), expiry, clock);
        }
        database
    }

    /// The numbers of the keys in the order in which they go.
    fn order(policy: Policy, cluster: bool) -> Vec<usize> {
        let hasher = Hasher::new(1, 2, cluster);
        let mut databases = [Database::new(hasher), database(&hasher)];
        let (mut pool, mut state, mut order) = (Pool::default(), 7_u64, Vec::new());
        let rules = Rules { policy, samples: 10, access: Access::Lru };
        let mut random = || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            state ^ state >> 33
        };
        while let Some(victim) = pool.choose(&databases, &hasher, rules, NOW_MS, &mut random) {
            let removed = databases[victim.database].remove(&hasher.key(&victim.key)).expect("present");
            order.push(std::str::from_utf8(&removed.key()[1..]).unwrap().parse().unwrap());
        }
        order
    }

    fn mean(order: &[usize]) -> usize {
        order.iter().sum::<usize>() / order.len()
    }

    #[test]
    fn the_idle_go_first_and_all_go_at_last() {
        for cluster in [false, true] {
            let order = order(Policy::AllKeysLru, cluster);
            assert_eq!(order.len(), 100);
            assert!(mean(&order[..25]) > 70, "{order:?}");
        }
    }

    #[test]
    fn volatile_policies_spare_what_does_not_expire() {
        for policy in [Policy::VolatileLru, Policy::VolatileTtl, Policy::VolatileRandom, Policy::VolatileLfu]
        {
            for cluster in [false, true] {
                let order = order(policy, cluster);
                assert!(order.len() == 50 && order.iter().all(|n| n % 2 == 0), "{policy:?} {order:?}");
            }
        }
        assert!(mean(&order(Policy::VolatileTtl, false)[..12]) < 30);
        assert!(order(Policy::NoEviction, false).is_empty());
    }
}
