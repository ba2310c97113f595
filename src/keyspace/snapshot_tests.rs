//! Snapshots of large values, whatever happens to the values while they are shown.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::snapshot::Begun;
use super::{
    Database, Expiry, Growth, Hash, HashKey, Hasher, Head, Keyspace, Kind, List, NewValue, ObjectRef, Part,
    Set, Shown, Slot, SnapshotStep, SortedSet, Stream, Value,
};
use crate::types::list::{self, Content, End};
use crate::types::stream::{Group, Keep, NodeLimits, Pending, StreamId, StreamPart, WantedId};
use crate::types::{Item, Payload, View, set, sorted_set};

/// Values that take more are shown in parts, in these tests.
const WHOLE_BYTES_MAX: usize = 300;

fn growth() -> Growth {
    Growth { fields_max: 4, text_bytes_max: 20, hash_key: HashKey::new(1, 2) }
}

const SET_LIMITS: set::Limits = set::Limits { ints: 4, small: 4, small_bytes: 20 };

fn list_limits() -> list::Limits {
    list::Limits::new(4, 1)
}

fn sorted_set_limits() -> sorted_set::Limits {
    sorted_set::Limits { entries: 4, value_bytes: 20, hash_key: HashKey::new(3, 4) }
}

/// What a value is, in words: in order for a list, sorted otherwise.
type Told = Vec<String>;
/// Database and key.
type Place = (usize, Vec<u8>);
type All = BTreeMap<Place, (Told, Option<i64>)>;

fn words(item: Item<'_>) -> String {
    String::from_utf8_lossy(&item.to_vec()).into_owned()
}

fn told_part(part: Part<'_>, told: &mut Told) {
    match part {
        Part::Text(text) => told.push(words(Item::Bytes(text))),
        Part::Field(field) => {
            told.push(format!("{}={} {:?}", words(field.name), words(field.value), field.deadline));
        }
        Part::Member(member) => told.push(words(member)),
        Part::Element(element) => told.push(format!("{} {}", words(element.member), element.score)),
        Part::Node(Content::Plain(text)) => told.push(words(Item::Bytes(text))),
        Part::Node(Content::Packed(pack)) => told.extend(pack.iter().map(words)),
        Part::Stream(StreamPart::Node(node)) => told.push(format!("{:?} {:?}", node.base, node.bytes())),
        Part::Stream(StreamPart::Figures(figures, groups)) => told.push(format!("{figures:?} {groups}")),
        Part::Stream(StreamPart::Group(name, group)) => told.push(format!("{name:?} {}", told_group(group))),
    }
}

fn told_group(group: &Group) -> String {
    let consumers = group.consumers().map(|consumer| {
        let pending: Vec<_> = consumer.pending_from(StreamId::MIN).collect();
        (consumer.name(), consumer.seen_ms, consumer.active_ms, pending)
    });
    let consumers: Vec<_> = consumers.collect();
    let pending = group.pending_from(StreamId::MIN).map(|(id, one)| (id, one.delivered_ms, one.deliveries));
    format!("{:?} {:?} {:?} {consumers:?}", group.last_id, group.entries_read, pending.collect::<Vec<_>>())
}

/// All parts of a stream, as its dump has them.
fn each_of_stream(stream: &Stream, mut each: impl FnMut(Part<'_>)) {
    stream.log().nodes().for_each(|node| each(Part::Stream(StreamPart::Node(node))));
    each(Part::Stream(StreamPart::Figures(stream.log().figures(), stream.groups().len())));
    stream.groups().iter().for_each(|(name, group)| each(Part::Stream(StreamPart::Group(name, group))));
}

fn told(value: Value<'_>) -> Told {
    let mut told = Told::new();
    let mut tell = |part: Part<'_>| told_part(part, &mut told);
    match value {
        Value::Object(ObjectRef::List(list)) => {
            list.each_node(|node| tell(Part::Node(node)));
            return told;
        }
        Value::Object(ObjectRef::Stream(stream)) => {
            each_of_stream(stream, tell);
            return told;
        }
        Value::Object(ObjectRef::Set(set)) => set.for_each(|member| tell(Part::Member(member))),
        Value::Object(ObjectRef::SortedSet(set)) => {
            set.elements(0..usize::MAX, false).for_each(|element| tell(Part::Element(element)));
        }
        Value::Object(ObjectRef::Hash(hash)) => hash.each(i64::MIN, |field| tell(Part::Field(field))),
        text => told.push(format!("{text:?}")),
    }
    told.sort();
    told
}

/// A source of words.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 ^ self.0 >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound.max(1)
    }

    fn text(&mut self) -> Vec<u8> {
        match self.below(40) {
            0 => vec![b'x'; 400],
            _ => format!("text{}", self.below(300)).into_bytes(),
        }
    }
}

fn change_hash(hash: &mut Hash, random: &mut Random) {
    for _ in 0..random.below(20) {
        let field = random.text();
        let at_ms = random.below(100) as i64;
        match random.below(6) {
            0 => drop(hash.remove(&field)),
            1 => drop(hash.set_deadline(&field, Some(at_ms))),
            2 => hash.expire(at_ms / 4, random.below(9), |_| ()),
            3 => drop(hash.set(&field, b"1234567890", Expiry::At(at_ms), growth())),
            _ => drop(hash.set(&field, &random.text(), Expiry::Keep, growth())),
        }
    }
}

fn change_set(set: &mut Set, random: &mut Random) {
    for _ in 0..random.below(20) {
        match random.below(9) {
            0..3 => drop(set.remove(&random.text())),
            3 => drop(set.pop(&mut || random.next())),
            4 if random.below(8) == 0 => {
                let count = random.below(set.view().len());
                set.pop_many(count, &SET_LIMITS, HashKey::new(5, 6), &mut || random.next(), |_| ());
            }
            _ => drop(set.add(&random.text(), &SET_LIMITS, HashKey::new(5, 6))),
        }
    }
}

fn change_sorted_set(set: &mut SortedSet, random: &mut Random) {
    for _ in 0..random.below(20) {
        let (member, score) = (random.text(), random.below(60) as f64 / 3.0);
        match random.below(8) {
            0..2 => drop(set.remove(&member)),
            2 => {
                let first = random.below(200);
                set.remove_ranks(first..first + random.below(9));
            }
            _ => drop(set.set(&member, score, &sorted_set_limits())),
        }
    }
}

fn change_list(list: &mut List, random: &mut Random) {
    let limits = list_limits();
    for _ in 0..random.below(20) {
        let end = if random.below(2) == 0 { End::Front } else { End::Back };
        let (text, index) = (random.text(), random.next() as i64 % 200);
        match random.below(12) {
            0 => list.pop(end, 1, limits, |_| ()),
            1 => list.pop(end, random.below(20), limits, |_| ()),
            2..4 => drop(list.set(index, &text, limits)),
            4..6 => drop(list.insert(&text, index > 0, &random.text(), limits)),
            6 => drop(list.remove_equal(&text, index % 3, limits)),
            7 if random.below(8) == 0 => {
                let range = list.view().range(index, -index);
                list.trim(range, limits);
            }
            8 if !list.view().is_empty() => {
                list.rotate(end, End::Front, limits, |_| ());
            }
            // Whole nodes come and go.
            9 => list.push(end, [&b"same"[..]; 9].into_iter(), limits),
            10 if random.below(3) == 0 => drop(list.remove_equal(b"same", 0, limits)),
            _ => list.push(end, [&text[..], b"17"].into_iter(), limits),
        }
    }
}

fn change_stream(stream: &mut Stream, random: &mut Random) {
    let limits = NodeLimits { bytes_max: 0, entries_max: 5 };
    for _ in 0..random.below(20) {
        let id = StreamId { ms: random.below(600) as u64, seq: 0 };
        let name = [random.below(3) as u8];
        match random.below(14) {
            0..2 => drop(stream.log_mut().delete(id)),
            2 if random.below(6) == 0 => {
                let keep = Keep::Newest(random.below(200) as u64);
                stream.log_mut().trim(keep, random.below(2) == 0, 0);
            }
            3 => drop(stream.groups_mut().create(&name, Group::new(id, None))),
            4 if random.below(6) == 0 => drop(stream.groups_mut().remove(&name)),
            5..8 => {
                let Some(mut group) = stream.edit_group(&name) else { continue };
                let (consumer, _) = group.consumer_or_new(&[random.below(3) as u8], id.ms as i64);
                group.assign(id, Pending { consumer, delivered_ms: 5, deliveries: 1 });
                group.acknowledge(StreamId { ms: random.below(600) as u64, seq: 0 });
            }
            _ => {
                let mut log = stream.log_mut();
                let wanted = WantedId::At(log.figures().last_id.ms + 1);
                if let Ok(id) = log.next_id(wanted, 0) {
                    let words = [b"name".to_vec(), random.text()];
                    log.append(id, words.iter().map(Vec::as_slice), limits);
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Changes what is at a key, or makes it, or fills it.
    Change(usize, u8, u64),
    Fill(usize, u8, usize, u64),
    Expire(usize, u8, Option<i64>),
    Remove(usize, u8),
    /// From here to there, which may be in another database.
    Rename((usize, u8), (usize, u8)),
    Copy((usize, u8), (usize, u8)),
    Overwrite(usize, u8),
    Clear(usize),
    Swap,
    Snapshot(usize),
    Abort,
}

fn step() -> impl Strategy<Value = Step> {
    let (db, key) = (0..2_usize, 0..10_u8);
    let place = || (0..2_usize, 0..10_u8);
    prop_oneof![
        16 => (db.clone(), key.clone(), any::<u64>()).prop_map(|(db, key, seed)| Step::Change(db, key, seed)),
        6 => (db.clone(), key.clone(), 0..300_usize, any::<u64>())
            .prop_map(|(db, key, count, seed)| Step::Fill(db, key, count, seed)),
        1 => (db.clone(), key.clone(), proptest::option::of(0..9_i64)).prop_map(|(db, key, at)| Step::Expire(db, key, at)),
        2 => (db.clone(), key.clone()).prop_map(|(db, key)| Step::Remove(db, key)),
        3 => (place(), place()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => (place(), place()).prop_map(|(from, to)| Step::Copy(from, to)),
        1 => (db.clone(), key.clone()).prop_map(|(db, key)| Step::Overwrite(db, key)),
        1 => db.clone().prop_map(Step::Clear),
        1 => Just(Step::Swap),
        16 => (1..12_usize).prop_map(Step::Snapshot),
        1 => Just(Step::Abort),
    ]
}

struct World {
    hasher: Hasher,
    keyspace: Keyspace,
    /// What the snapshot must show, and what it has shown.
    snapshot: Option<(All, All)>,
    /// The value that comes in parts: where it stood, whether they have an order, how many are to come, and those that came.
    begun: Option<(Place, bool, usize, Told)>,
}

impl World {
    fn new() -> World {
        let hasher = Hasher::new(5, 6, false);
        World { hasher, keyspace: Keyspace::new(2, hasher), snapshot: None, begun: None }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Change(db, key, seed) => self.change(db, key, 1, seed),
            Step::Fill(db, key, count, seed) => self.change(db, key, count / 10, seed),
            Step::Expire(db, key, at) => self.expire(db, key, at),
            Step::Remove(db, key) => drop(self.take(db, key)),
            Step::Rename(from, to) => {
                if let Some(removed) = self.take(from.0, from.1) {
                    drop(self.keyspace.databases[to.0].insert_removed(&self.hasher.key(&[to.1]), removed));
                }
            }
            Step::Copy(from, to) => {
                let copy = self.keyspace.databases[from.0].get(&self.hasher.key(&[from.1]));
                if let Some(copy) = copy.map(|entry| entry.to_owned()) {
                    drop(self.keyspace.databases[to.0].insert_removed(&self.hasher.key(&[to.1]), copy));
                }
            }
            Step::Overwrite(db, key) => {
                if let Slot::Occupied(mut occupied) =
                    self.keyspace.databases[db].slot(&self.hasher.key(&[key]))
                {
                    let old = occupied.set(NewValue::Int(1), Expiry::Clear);
                    if let Some(mut old) = old {
                        while !old.dismantle(7) {}
                    }
                }
            }
            Step::Clear(db) => {
                let mut cleared = self.keyspace.databases[db].clear();
                while !cleared.free_step(3) {}
            }
            Step::Swap => self.keyspace.swap(0, 1),
            Step::Snapshot(buckets) => self.snapshot(buckets),
            Step::Abort => {
                self.keyspace.databases.iter_mut().for_each(Database::snapshot_abort);
                (self.snapshot, self.begun) = (None, None);
            }
        }
    }

    fn take(&mut self, db: usize, key: u8) -> Option<super::Removed> {
        self.keyspace.databases[db].remove(&self.hasher.key(&[key]))
    }

    fn expire(&mut self, db: usize, key: u8, at: Option<i64>) {
        if let Slot::Occupied(mut occupied) = self.keyspace.databases[db].slot(&self.hasher.key(&[key])) {
            occupied.set_expiry(at);
        }
    }

    fn change(&mut self, db: usize, key: u8, times: usize, seed: u64) {
        let mut random = Random(seed);
        match key % 5 {
            0 => self.change_as(db, key, |value: &mut Hash| {
                (0..times).for_each(|_| change_hash(value, &mut random));
            }),
            1 => self.change_as(db, key, |value: &mut Set| {
                (0..times).for_each(|_| change_set(value, &mut random));
            }),
            2 => self.change_as(db, key, |value: &mut SortedSet| {
                (0..times).for_each(|_| change_sorted_set(value, &mut random));
            }),
            3 => self.change_as(db, key, |value: &mut List| {
                (0..times).for_each(|_| change_list(value, &mut random));
            }),
            _ => self.change_as(db, key, |value: &mut Stream| {
                (0..times).for_each(|_| change_stream(value, &mut random));
            }),
        }
    }

    fn change_as<K: Kind + Default>(&mut self, db: usize, key: u8, change: impl FnOnce(&mut K)) {
        match self.keyspace.databases[db].slot(&self.hasher.key(&[key])) {
            Slot::Vacant(vacant) => {
                let mut value = K::default();
                change(&mut value);
                if !value.is_gone() {
                    vacant.insert(NewValue::Object(value.into_object()), None, 0);
                }
            }
            Slot::Occupied(mut occupied) => {
                let gone = occupied.edit(|value: &mut K| {
                    change(value);
                    value.is_gone()
                });
                if gone == Some(true) {
                    drop(occupied.remove());
                }
            }
        }
    }

    fn all(&self) -> All {
        let mut all = All::new();
        for (db, database) in self.keyspace.databases.iter().enumerate() {
            for key in 0..10 {
                if let Some(entry) = database.get(&self.hasher.key(&[key])) {
                    all.insert((db, vec![key]), (told(entry.value()), entry.expiry()));
                }
            }
        }
        all
    }

    fn snapshot(&mut self, buckets: usize) {
        if self.snapshot.is_none() {
            let begun = self
                .keyspace
                .databases
                .iter_mut()
                .enumerate()
                .all(|(db, database)| database.snapshot_begin_parting(db, WHOLE_BYTES_MAX));
            if begun {
                self.snapshot = Some((self.all(), All::new()));
            } else {
                self.keyspace.databases.iter_mut().for_each(Database::snapshot_abort);
            }
        }
        let (mut shown, mut all_shown) = (Vec::new(), 0);
        let step = self.keyspace.snapshot_step(buckets, |label, part| {
            shown.push(owned(label, part, &mut all_shown));
        });
        // The last step in one database may be the first in the other.
        assert!(all_shown <= 2 * (buckets * 8 + 40), "{all_shown} elements in a step of {buckets}");
        let live = self.snapshot.is_some();
        shown.into_iter().for_each(|part| self.take_part(part));
        assert!(live || self.begun.is_none());
        if step == SnapshotStep::Done
            && let Some((expected, shown)) = self.snapshot.take()
        {
            assert!(self.begun.is_none(), "every value is shown to its end");
            assert_eq!(shown, expected);
            assert_eq!(self.keyspace.databases.iter().map(Database::snapshot_memory_bytes).sum::<usize>(), 0);
        }
    }

    fn take_part(&mut self, part: Owned) {
        let (_, shown) = self.snapshot.as_mut().expect("an aborted snapshot shows nothing");
        match part {
            Owned::Whole(at, value, expiry) => {
                assert!(self.begun.is_none(), "nothing stands between parts");
                assert!(shown.insert(at, (value, expiry)).is_none(), "shown once");
            }
            Owned::Begin(at, head, expiry) => {
                assert!(self.begun.is_none(), "nothing stands between parts");
                assert!(shown.insert(at.clone(), (Told::new(), expiry)).is_none(), "shown once");
                let (ordered, parts) = match head {
                    Head::Hash { len, .. } | Head::Set { len } | Head::SortedSet { len } => (false, len),
                    Head::Text { len } => (true, len),
                    Head::List { nodes } => (true, nodes),
                    Head::Stream { nodes, groups, .. } => (true, nodes + groups + 1),
                };
                self.begun = Some((at, ordered, parts, Told::new()));
            }
            Owned::Part(words, weight) => {
                let (_, _, left, told) = self.begun.as_mut().expect("a part of something");
                told.extend(words);
                *left = left.checked_sub(weight).expect("as many parts as the head says");
            }
        }
        if let Some((at, ordered, _, mut told)) = self.begun.take_if(|(_, _, left, _)| *left == 0) {
            if !ordered {
                told.sort();
            }
            shown.get_mut(&at).expect("it was begun").0 = told;
        }
    }
}

/// What was shown, apart from where it stood.
enum Owned {
    Whole(Place, Told, Option<i64>),
    Begin(Place, Head, Option<i64>),
    Part(Told, usize),
}

fn owned(db: usize, shown: Shown<'_>, elements: &mut usize) -> Owned {
    match shown {
        Shown::Whole(entry) => Owned::Whole((db, entry.key().to_vec()), told(entry.value()), entry.expiry()),
        Shown::Begin(Begun { key, expiry, head, .. }) => Owned::Begin((db, key.to_vec()), head, expiry),
        Shown::Part(part) => {
            let mut words = Told::new();
            told_part(part, &mut words);
            *elements += words.len();
            let weight = if let Part::Text(text) = part { text.len() } else { 1 };
            Owned::Part(words, weight)
        }
    }
}

fn run(steps: Vec<Step>) -> World {
    let mut world = World::new();
    for step in steps {
        world.apply(step);
    }
    while world.snapshot.is_some() {
        world.snapshot(100);
    }
    world.keyspace.swap(0, 1);
    for database in &mut world.keyspace.databases {
        let mut cleared = database.clear();
        while !cleared.free_step(9) {}
        assert_eq!(database.memory_bytes(), Database::new(world.hasher).memory_bytes());
    }
    world
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..<_>::default() }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn large_values_are_shown_as_they_were(
        fills in vec((0..2_usize, 0..10_u8, 0..400_usize, any::<u64>()), 1..6),
        steps in vec(step(), 1..120),
    ) {
        let fills = fills.into_iter().map(|(db, key, count, seed)| Step::Fill(db, key, count, seed));
        run(fills.chain(steps).collect());
    }
}

/// A large value of each type.
fn large() -> [super::Object; 5] {
    let (mut hash, mut set, mut sorted_set) = (Hash::default(), Set::default(), SortedSet::default());
    let (mut list, mut stream) = (List::default(), Stream::default());
    for number in 0..20_000_u64 {
        let text = format!("number {number}").into_bytes();
        hash.set(&text, b"value", Expiry::Clear, growth());
        set.add(&text, &SET_LIMITS, HashKey::new(5, 6));
        sorted_set.set(&text, number as f64, &sorted_set_limits());
        list.push(End::Back, std::iter::once(&text[..]), list::Limits::new(128, 0));
        let id = StreamId { ms: number + 1, seq: 0 };
        let limits = NodeLimits { bytes_max: 4096, entries_max: 100 };
        stream.log_mut().append(id, [&b"name"[..], &text].into_iter(), limits);
    }
    [
        hash.into_object(),
        set.into_object(),
        sorted_set.into_object(),
        list.into_object(),
        stream.into_object(),
    ]
}

#[test]
fn a_writer_saves_only_what_it_changes() {
    let mut world = World::new();
    let [database, _] = &mut world.keyspace.databases[..] else { panic!("two databases") };
    for (key, object) in (0..).zip(large()) {
        if let Slot::Vacant(vacant) = database.slot(&world.hasher.key(&[key])) {
            vacant.insert(NewValue::Object(object), None, 0);
        }
    }
    assert!(database.memory_bytes() > 2 << 20);
    assert!(database.snapshot_begin(0));
    let mut change = |key: u8, change: &mut dyn FnMut(&mut Slot<'_>)| {
        let before = database.snapshot_memory_bytes();
        change(&mut database.slot(&world.hasher.key(&[key])));
        let saved = database.snapshot_memory_bytes() - before;
        assert!((50..12_000).contains(&saved), "{saved} bytes for {key}");
    };
    let text = &b"number 7000"[..];
    change(0, &mut |slot| {
        edit(slot, |hash: &mut Hash| hash.set(text, b"new", Expiry::Clear, growth()));
    });
    change(1, &mut |slot| edit(slot, |set: &mut Set| set.remove(text)));
    change(2, &mut |slot| edit(slot, |set: &mut SortedSet| set.set(text, 1.0, &sorted_set_limits())));
    change(3, &mut |slot| {
        edit(slot, |list: &mut List| list.push(End::Front, std::iter::once(text), list::Limits::new(128, 0)));
    });
    change(4, &mut |slot| {
        edit(slot, |stream: &mut Stream| stream.log_mut().delete(StreamId { ms: 9000, seq: 0 }));
    });
}

fn edit<K: Kind, R>(slot: &mut Slot<'_>, edit: impl FnOnce(&mut K) -> R) {
    let Slot::Occupied(occupied) = slot else { panic!("it is there") };
    drop(occupied.edit(edit).expect("it is of this type"));
}

#[test]
fn a_value_that_nobody_else_has_counts_as_held_until_it_is_freed() {
    let mut world = World::new();
    let [database, _] = &mut world.keyspace.databases[..] else { panic!("two databases") };
    for object in large() {
        let key = world.hasher.key(b"key");
        if let Slot::Vacant(vacant) = database.slot(&key) {
            vacant.insert(NewValue::Object(object), None, 0);
        }
        let bytes = database.get(&key).expect("it is there").memory_bytes();
        assert!(database.snapshot_begin(0));
        let removed = database.remove(&key);
        assert!(database.snapshot_memory_bytes() < 2000, "the value is not copied");
        drop(removed);
        let (held, mut steps) = (database.snapshot_memory_bytes(), 0);
        assert!(held > bytes - 2000, "{held} of {bytes}");
        while database.snapshot_step(16, |_| ()) != SnapshotStep::Done {
            steps += 1;
            assert!(database.snapshot_memory_bytes() <= held + 2000);
        }
        assert!((20_000 / 16 / 8 / 2..1000).contains(&steps), "{steps} steps for 20000 elements");
        assert_eq!(database.snapshot_memory_bytes(), 0);
    }
}

#[test]
fn a_long_string_is_shown_in_parts_as_it_was() {
    let mut world = World::new();
    let [database, _] = &mut world.keyspace.databases[..] else { panic!("two databases") };
    let (key, other) = (world.hasher.key(b"changed"), world.hasher.key(b"kept"));
    let text: Vec<u8> = (0..3 << 20).map(|number: u32| (number % 251) as u8).collect();
    for key in [&key, &other] {
        if let Slot::Vacant(vacant) = database.slot(key) {
            vacant.insert(NewValue::Bytes(&text), None, 0);
        }
    }
    assert!(database.snapshot_begin(0));
    if let Slot::Occupied(mut occupied) = database.slot(&key) {
        occupied.with_bytes(|bytes| bytes.push(b'!'));
    }
    assert!(database.snapshot_memory_bytes() >= text.len());
    let (mut shown, mut longest) = (Vec::new(), 0);
    let mut show = |part: Shown<'_>| match part {
        Shown::Begin(begun) => shown.push((begun.key.to_vec(), Vec::<u8>::new())),
        Shown::Part(Part::Text(bytes)) => {
            shown.last_mut().expect("it was begun").1.extend_from_slice(bytes);
            longest = longest.max(bytes.len());
        }
        _ => panic!("they are long strings"),
    };
    while database.snapshot_step(16, &mut show) != SnapshotStep::Done {}
    shown.sort();
    assert!(shown == [(b"changed".to_vec(), text.clone()), (b"kept".to_vec(), text)] && longest <= 64 << 10);
}
