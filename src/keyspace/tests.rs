//! Databases against plain maps: snapshots, SCAN, figures, in one table and in a cluster's 16384.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Database, Expiry, Hasher, Keyspace, NewValue, Shown, Slot, SnapshotStep, hash_slot};

#[derive(Clone, Debug)]
enum Step {
    Set(u16, i64, Expiry),
    Append(u16),
    Expire(u16, Option<i64>),
    Remove(u16),
    Rename(u16, u16),
    Fill(u16, u16),
    Drop(u16, u16),
    Clear,
    /// Goes on with the snapshot, or begins one.
    Snapshot(usize),
    Abort,
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..200_u16;
    let expiry = prop_oneof![Just(Expiry::Keep), Just(Expiry::Clear), (0..100_i64).prop_map(Expiry::At)];
    prop_oneof![
        6 => (key.clone(), any::<i64>(), expiry).prop_map(|(key, number, expiry)| Step::Set(key, number, expiry)),
        2 => key.clone().prop_map(Step::Append),
        2 => (key.clone(), proptest::option::of(0..100_i64)).prop_map(|(key, at)| Step::Expire(key, at)),
        4 => key.clone().prop_map(Step::Remove),
        2 => (key.clone(), key.clone()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => (key.clone(), 1..200_u16).prop_map(|(key, count)| Step::Fill(key, count)),
        1 => (key.clone(), 1..200_u16).prop_map(|(key, count)| Step::Drop(key, count)),
        1 => Just(Step::Clear),
        6 => (1..12_usize).prop_map(Step::Snapshot),
        1 => Just(Step::Abort),
    ]
}

type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

struct World {
    hasher: Hasher,
    database: Database,
    model: Model,
    /// What the snapshot must show, and what it has shown.
    snapshot: Option<(Model, Model)>,
    /// How many snapshots ran to their end.
    completed: usize,
}

fn name(key: u16) -> Vec<u8> {
    format!("key:{key}").into_bytes()
}

impl World {
    fn new(cluster: bool) -> Self {
        let hasher = Hasher::new(5, 6, cluster);
        let database = Database::new(hasher);
        Self { hasher, database, model: Model::new(), snapshot: None, completed: 0 }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Set(key, number, expiry) => self.set(key, number, expiry),
            Step::Append(key) => self.append(key),
            Step::Expire(key, at) => self.expire(key, at),
            Step::Remove(key) => self.remove(key),
            Step::Rename(from, to) => self.rename(from, to),
            Step::Fill(from, count) => (from..from + count).for_each(|key| self.set(key, 7, Expiry::Keep)),
            Step::Drop(from, count) => (from..from + count).for_each(|key| self.remove(key)),
            Step::Clear => {
                let mut cleared = self.database.clear();
                while !cleared.free_step(3) {}
                self.model.clear();
            }
            Step::Snapshot(buckets) => self.snapshot(buckets),
            Step::Abort => {
                self.database.snapshot_abort();
                self.snapshot = None;
            }
        }
    }

    fn set(&mut self, key: u16, number: i64, expiry: Expiry) {
        let name = name(key);
        match self.database.slot(&self.hasher.key(&name)) {
            Slot::Occupied(mut occupied) => drop(occupied.set(NewValue::Int(number), expiry)),
            Slot::Vacant(vacant) => vacant.insert(NewValue::Int(number), expiry.after(None), 0),
        }
        let expiry = expiry.after(self.model.get(&name).and_then(|(_, expiry)| *expiry));
        self.model.insert(name, (number.to_string().into_bytes(), expiry));
    }

    fn append(&mut self, key: u16) {
        let name = name(key);
        if let Slot::Occupied(mut occupied) = self.database.slot(&self.hasher.key(&name)) {
            occupied.with_bytes(|bytes| bytes.push(b'!'));
            self.model.get_mut(&name).expect("present").0.push(b'!');
        }
    }

    fn expire(&mut self, key: u16, at: Option<i64>) {
        let name = name(key);
        if let Slot::Occupied(mut occupied) = self.database.slot(&self.hasher.key(&name)) {
            occupied.set_expiry(at);
            self.model.get_mut(&name).expect("present").1 = at;
        }
    }

    fn remove(&mut self, key: u16) {
        let name = name(key);
        let removed = self.database.remove(&self.hasher.key(&name));
        assert_eq!(removed.is_some(), self.model.remove(&name).is_some());
    }

    fn rename(&mut self, from: u16, to: u16) {
        let (from, to) = (name(from), name(to));
        if let Some(removed) = self.database.remove(&self.hasher.key(&from)) {
            _ = self.database.insert_removed(&self.hasher.key(&to), removed);
            let moved = self.model.remove(&from).expect("present");
            self.model.insert(to, moved);
        }
    }

    fn snapshot(&mut self, buckets: usize) {
        if self.snapshot.is_none() && self.database.snapshot_begin(9) {
            self.snapshot = Some((self.model.clone(), Model::new()));
        }
        let mut nothing = (Model::new(), Model::new());
        let (_, shown) = self.snapshot.as_mut().unwrap_or(&mut nothing);
        let step = self.database.snapshot_step(buckets, |part| {
            let Shown::Whole(entry) = part else { panic!("nothing here is large") };
            let mut bytes = Vec::new();
            entry.value().write_to(&mut bytes);
            assert_eq!(shown.insert(entry.key().to_vec(), (bytes, entry.expiry())), None, "shown once");
        });
        assert_eq!(nothing.1, Model::new(), "an aborted snapshot shows nothing");
        if step != SnapshotStep::More
            && let Some((expected, shown)) = self.snapshot.take()
        {
            assert_eq!(shown, expected);
            self.completed += 1;
        }
    }

    fn check(&self) {
        let volatile = self.model.values().filter(|(_, expiry)| expiry.is_some()).count();
        assert_eq!((self.database.len(), self.database.volatile_len()), (self.model.len(), volatile));
        assert_eq!(self.database.memory_bytes(), self.recounted_bytes());
        for (name, (value, expiry)) in &self.model {
            let entry = self.database.get(&self.hasher.key(name)).expect("present");
            let mut bytes = Vec::new();
            entry.value().write_to(&mut bytes);
            assert_eq!((&bytes, entry.expiry()), (value, *expiry));
        }
    }

    fn recounted_bytes(&self) -> usize {
        let empty = Database::new(self.hasher).memory_bytes();
        empty + self.database.tables_for_tests().iter().map(crate::types::Table::memory_bytes).sum::<usize>()
    }
}

fn config(cases: u32) -> ProptestConfig {
    let cases = if cfg!(miri) { 1 } else { cases };
    ProptestConfig { cases, failure_persistence: None, ..<_>::default() }
}

fn run(cluster: bool, steps: Vec<Step>) -> World {
    let mut world = World::new(cluster);
    let empty = world.database.memory_bytes();
    for step in steps {
        world.apply(step);
    }
    world.check();
    (0..400).for_each(|key| world.remove(key));
    assert_eq!(world.database.memory_bytes(), empty);
    while world.snapshot.is_some() {
        world.snapshot(1000);
    }
    world
}

proptest! {
    #![proptest_config(config(192))]

    #[test]
    fn one_table_keeps_its_word(steps in vec(step(), 1..if cfg!(miri) { 20 } else { 200 })) {
        run(false, steps);
    }

    #[test]
    fn a_snapshot_shows_the_moment_it_began(
        before in 0..300_u16,
        steps in vec(step().prop_filter("runs to the end", |step| !matches!(step, Step::Abort)), 1..100),
    ) {
        let snapshots = steps.iter().filter(|step| matches!(step, Step::Snapshot(_))).count();
        let all = std::iter::once(Step::Fill(0, before)).chain(steps).collect();
        prop_assert!(run(false, all).completed > 0 || snapshots == 0);
    }
}

proptest! {
    #![proptest_config(config(24))]

    #[test]
    fn a_clusters_tables_keep_their_word(steps in vec(step(), 1..if cfg!(miri) { 5 } else { 100 })) {
        run(true, steps);
    }
}

#[test]
fn scan_crosses_the_slots_of_a_cluster() {
    let mut world = World::new(true);
    world.apply(Step::Fill(0, 200));
    let (mut cursor, mut seen, mut steps) = (0, BTreeSet::new(), 0);
    loop {
        cursor = world.database.scan(cursor, |entry| {
            seen.insert(entry.key().to_vec());
        });
        steps += 1;
        if cursor == 0 {
            break;
        }
    }
    assert_eq!((seen.len(), seen.iter().eq(world.model.keys())), (200, true));
    assert!(steps <= 201, "empty slots are skipped");
    let slot = hash_slot(&name(3));
    let mut keys = Vec::new();
    world.database.slot_keys(slot, 10, |entry| keys.push(entry.key().to_vec()));
    assert!(keys.contains(&name(3)) && keys.len() == world.database.slot_len(slot));
}

#[test]
fn a_snapshot_follows_its_database_through_a_swap() {
    let hasher = Hasher::new(1, 2, false);
    let mut keyspace = Keyspace::new(2, hasher);
    if let Slot::Vacant(vacant) = keyspace.databases[0].slot(&hasher.key(b"a")) {
        vacant.insert(NewValue::Bytes(b"1"), None, 0);
    }
    assert!(keyspace.databases[0].snapshot_begin(0));
    keyspace.swap(0, 1);
    assert_eq!((keyspace.databases[0].len(), keyspace.databases[1].len(), keyspace.len()), (0, 1, 1));
    assert_eq!(keyspace.databases[1].snapshot_label(), Some(0));
    let mut shown = Vec::new();
    let mut show = |part: Shown<'_>| {
        if let Shown::Whole(entry) = part {
            shown.push(entry.key().to_vec());
        }
    };
    while keyspace.databases[1].snapshot_step(1, &mut show) != SnapshotStep::Done {}
    assert_eq!(shown, [b"a"]);
}

#[test]
fn the_expiry_walk_finds_every_expired_key_of_a_cluster() {
    let mut world = World::new(true);
    (0..200).for_each(|key| world.set(key, 0, Expiry::At(i64::from(key))));
    world.apply(Step::Fill(200, 200));
    let (mut cursor, mut found, mut steps) = (0, BTreeSet::new(), 0);
    let limits = super::ExpireLimits { buckets: 16, entries: 5 };
    loop {
        let step = world.database.expire_step(cursor, 99, limits, |entry| {
            found.insert(entry.key().to_vec());
        });
        assert!(step.buckets <= 16 && step.volatile >= step.expired);
        (cursor, steps) = (step.cursor, steps + 1);
        if cursor == 0 {
            break;
        }
    }
    assert!(found == (0..100).map(name).collect() && steps < 100, "{steps} {found:?}");
}
