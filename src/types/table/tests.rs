//! The table against a plain ordered map, with every invariant of its structure checked along the way.
#![allow(unsafe_code)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{ExpireLimits, Slot, Table, chain};
use crate::types::{Expiry, HashKey, Never, NewValue, Payload, Value, View, size_class};

/// An object that owns memory, for the fourth kind of entry.
#[derive(Clone, Debug, PartialEq)]
struct Text(String);

impl Payload for Text {
    type Ref<'a> = TextRef<'a>;

    fn view(&self) -> TextRef<'_> {
        TextRef(&self.0)
    }

    fn memory_bytes(&self) -> usize {
        size_class(self.0.capacity())
    }

    /// Those of even length may be packed.
    fn pack(self) -> Result<(u8, Vec<u8>), Self> {
        if self.0.len().is_multiple_of(2) {
            Ok((7 - self.0.len() as u8 % 4, self.0.into_bytes()))
        } else {
            Err(self)
        }
    }

    fn unpack(tag: u8, bytes: Vec<u8>) -> Self {
        assert_eq!(tag, 7 - bytes.len() as u8 % 4);
        Text(String::from_utf8(bytes).expect("it was a string"))
    }

    fn view_packed(tag: u8, bytes: &[u8]) -> TextRef<'_> {
        assert_eq!(tag, 7 - bytes.len() as u8 % 4);
        TextRef(std::str::from_utf8(bytes).expect("it was a string"))
    }
}

#[derive(Clone, Copy)]
struct TextRef<'a>(&'a str);

impl View for TextRef<'_> {
    fn encoding(&self) -> &'static str {
        "text"
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Content {
    Int(i64),
    Bytes(Vec<u8>),
    Text(String),
}

impl Content {
    fn of(value: Value<'_, TextRef<'_>>) -> Self {
        match value {
            Value::Int(number) => Content::Int(number),
            Value::Bytes(bytes) => Content::Bytes(bytes.to_vec()),
            Value::Object(text) => Content::Text(text.0.to_owned()),
        }
    }

    fn new_value(&self) -> NewValue<'_, Text> {
        match self {
            Content::Int(number) => NewValue::Int(*number),
            Content::Bytes(bytes) => NewValue::Bytes(bytes),
            Content::Text(text) => NewValue::Object(Text(text.clone())),
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(u16, Content, Expiry),
    Append(u16, Vec<u8>),
    Edit(u16, String),
    Expire(u16, Option<i64>),
    Remove(u16),
    Fill(u16, u16),
    Drop(u16, u16),
}

/// Mostly short keys, some longer than 255 bytes.
fn name(key: u16) -> Vec<u8> {
    let mut name = format!("key:{key}").into_bytes();
    if key % 13 == 5 {
        name.resize(200 + usize::from(key % 200), b'x');
    }
    name
}

fn content() -> impl Strategy<Value = Content> {
    prop_oneof![
        any::<i64>().prop_map(Content::Int),
        vec(any::<u8>(), 0..80).prop_map(Content::Bytes),
        vec(any::<u8>(), 250..400).prop_map(Content::Bytes),
        "[a-z]{0,40}".prop_map(Content::Text),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0..300_u16;
    // Under Miri, which checks the structure of hundreds of entries for minutes, a few must do.
    let count = 1..if cfg!(miri) { 12_u16 } else { 300 };
    let expiry = prop_oneof![Just(Expiry::Keep), Just(Expiry::Clear), (0..100_i64).prop_map(Expiry::At)];
    prop_oneof![
        4 => (key.clone(), content(), expiry).prop_map(|(key, content, expiry)| Step::Set(key, content, expiry)),
        1 => (key.clone(), vec(any::<u8>(), 0..40)).prop_map(|(key, bytes)| Step::Append(key, bytes)),
        1 => (key.clone(), "[a-z]{0,40}|[a-z]{200,260}").prop_map(|(key, text)| Step::Edit(key, text)),
        2 => (key.clone(), proptest::option::of(0..100_i64)).prop_map(|(key, at)| Step::Expire(key, at)),
        3 => key.clone().prop_map(Step::Remove),
        1 => (key.clone(), count.clone()).prop_map(|(key, count)| Step::Fill(key, count)),
        1 => (key, count).prop_map(|(key, count)| Step::Drop(key, count)),
    ]
}

type Model = BTreeMap<u16, (Content, Option<i64>)>;

struct World {
    table: Table<Text>,
    hash_key: HashKey,
    model: Model,
}

impl World {
    fn new() -> Self {
        let hash_key = HashKey::new(3, 4);
        Self { table: Table::new(hash_key), hash_key, model: Model::new() }
    }

    fn set(&mut self, key: u16, content: Content, expiry: Expiry) {
        let name = name(key);
        match self.table.slot(self.hash_key.hash(&name), &name) {
            Slot::Occupied(mut occupied) => drop(occupied.set(content.new_value(), expiry)),
            Slot::Vacant(vacant) => {
                vacant.insert(content.new_value(), expiry.after(None), key.into(), false);
            }
        }
        let expiry = expiry.after(self.model.get(&key).and_then(|(_, expiry)| *expiry));
        self.model.insert(key, (content, expiry));
    }

    fn remove(&mut self, key: u16) {
        let name = name(key);
        let expected = self.model.remove(&key);
        match self.table.slot(self.hash_key.hash(&name), &name) {
            Slot::Occupied(occupied) => {
                let removed = occupied.remove();
                assert_eq!(removed.key(), name);
                assert_eq!(Some((Content::of(removed.value()), removed.expiry())), expected);
            }
            Slot::Vacant(_) => assert_eq!(expected, None),
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Set(key, content, expiry) => self.set(key, content, expiry),
            Step::Remove(key) => self.remove(key),
            Step::Fill(from, count) => {
                (from..from + count).for_each(|key| self.set(key, Content::Int(key.into()), Expiry::Keep));
            }
            Step::Drop(from, count) => (from..from + count).for_each(|key| self.remove(key)),
            Step::Append(key, _) | Step::Edit(key, _) | Step::Expire(key, _) => self.change(key, step),
        }
    }

    /// A change to an entry that is there.
    fn change(&mut self, key: u16, step: Step) {
        let name = name(key);
        let Slot::Occupied(mut occupied) = self.table.slot(self.hash_key.hash(&name), &name) else { return };
        let (content, expiry) = self.model.get_mut(&key).expect("the model has it as well");
        match step {
            Step::Expire(_, at) => {
                occupied.set_expiry(at);
                *expiry = at;
            }
            Step::Append(_, more) => {
                let mut bytes = Vec::new();
                occupied.entry().value().write_to(&mut bytes);
                bytes.extend(&more);
                occupied.with_bytes(|bytes| bytes.extend(&more));
                assert_eq!(occupied.entry().encoding(), "raw");
                *content = Content::Bytes(bytes);
            }
            Step::Edit(_, more) => {
                occupied.with_object(|text| text.0.push_str(&more));
                if let Content::Text(text) = content {
                    text.push_str(&more);
                }
            }
            _ => {}
        }
    }

    /// Everything that must hold between two operations.
    fn check(&self) {
        let now: Model = self.model.clone();
        assert_eq!(self.table.len(), now.len());
        for (key, (content, expiry)) in &now {
            let name = name(*key);
            let entry = self.table.get(self.hash_key.hash(&name), &name).expect("present");
            assert_eq!((Content::of(entry.value()), entry.expiry()), (content.clone(), *expiry));
        }
        self.check_structure();
    }

    fn check_structure(&self) {
        let (directory, mut entry_bytes, mut overflow) = (&self.table.directory, 0, 0);
        let (mut volatile, mut found) = (BTreeMap::<usize, usize>::new(), 0);
        for index in 0..directory.len() {
            // SAFETY: nothing changes here.
            let buckets: Vec<_> = unsafe { chain::buckets(directory.bucket(index)) }.collect();
            overflow += buckets.len() - 1;
            for bucket in &buckets {
                // SAFETY: nothing changes here.
                let bucket = unsafe { &**bucket };
                let full = bucket.link().is_none() || bucket.occupied().len() == 6;
                assert!(full && (buckets.len() == 1 || bucket.occupied().len() > 0));
            }
            let (len, volatile_len) = directory.count(index);
            found += len;
            *volatile.entry(index / 1024).or_default() += volatile_len;
        }
        for (chunk, volatile) in &volatile {
            assert_eq!(directory.chunk_volatile(chunk * 1024), *volatile);
        }
        self.each(|entry| entry_bytes += entry.memory_bytes());
        let expected = self.model.values().filter(|(_, expiry)| expiry.is_some()).count();
        assert_eq!((found, overflow), (self.model.len(), directory.overflow));
        assert_eq!((volatile.values().sum::<usize>(), self.table.volatile_len()), (expected, expected));
        assert_eq!(self.table.memory_bytes(), entry_bytes + directory.memory_bytes());
        assert!(directory.len() <= self.model.len() + 1);
    }

    fn each(&self, mut each: impl FnMut(super::EntryRef<'_, Text>)) {
        let mut cursor = 0;
        loop {
            cursor = self.table.scan(cursor, &mut each);
            if cursor == 0 {
                return;
            }
        }
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: if cfg!(miri) { 2 } else { 128 }, failure_persistence: None, ..<_>::default() }
}

#[test]
fn entries_of_a_table_without_clocks_are_small() {
    let hash_key = HashKey::new(1, 2);
    let mut table: Table<Never> = Table::new(hash_key);
    for number in 0..2000_u32 {
        let member = format!("member:{number:07}");
        if let Slot::Vacant(vacant) = table.slot(hash_key.hash(member.as_bytes()), member.as_bytes()) {
            vacant.insert(NewValue::Bytes(b""), (number % 3 == 0).then_some(i64::from(number)), 7, false);
        }
    }
    for number in 0..2000_u32 {
        let member = format!("member:{number:07}");
        let entry = table.get(hash_key.hash(member.as_bytes()), member.as_bytes()).expect("it was put there");
        assert_eq!((entry.key(), entry.clock()), (member.as_bytes(), 0));
        assert_eq!(entry.expiry(), (number % 3 == 0).then_some(i64::from(number)));
        // Flags, one length, 14 bytes of the member, and maybe an expiry.
        assert_eq!(entry.memory_bytes(), if number % 3 == 0 { 32 } else { 16 });
        assert!(matches!(entry.value(), Value::Bytes(b"")));
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn behaves_as_an_ordered_map(steps in vec(step(), 1..if cfg!(miri) { 20 } else { 120 })) {
        let mut world = World::new();
        for step in steps {
            world.apply(step);
            world.check_structure();
        }
        world.check();
        for key in 0..600 {
            world.remove(key);
        }
        prop_assert_eq!((world.table.len(), world.table.memory_bytes()), (0, 0));
    }

    #[test]
    fn scan_shows_all_that_stays(
        stays in 0..400_u16,
        between in vec(step(), 0..60),
        steps_between in 1..8_usize,
    ) {
        let mut world = World::new();
        world.apply(Step::Fill(1000, stays));
        let (mut cursor, mut seen, mut between) = (0, BTreeSet::new(), between.into_iter());
        loop {
            cursor = world.table.scan(cursor, |entry| {
                seen.insert(entry.key().to_vec());
            });
            if cursor == 0 {
                break;
            }
            between.by_ref().take(steps_between).for_each(|step| world.apply(step));
        }
        for key in 1000..1000 + stays {
            prop_assert!(seen.contains(&name(key)), "{key}");
        }
    }

    #[test]
    fn expiry_walk_finds_exactly_the_expired(
        keys in vec((0..2000_u16, proptest::option::of(0..100_i64)), 0..500),
        buckets in 1..50_usize,
        entries in 1..20_usize,
    ) {
        let mut world = World::new();
        for (key, expiry) in keys {
            world.set(key, Content::Int(0), expiry.map_or(Expiry::Clear, Expiry::At));
        }
        let (mut cursor, mut found, now_ms) = (0, BTreeSet::new(), 50);
        loop {
            let step = world.table.expire_step(cursor, now_ms, ExpireLimits { buckets, entries }, |entry| {
                assert!(found.insert(entry.key().to_vec()));
            });
            prop_assert!(step.buckets <= buckets);
            cursor = step.cursor;
            if cursor == 0 {
                break;
            }
        }
        let expired = world.model.iter().filter(|(_, (_, expiry))| expiry.is_some_and(|at| at <= now_ms));
        let expected: BTreeSet<_> = expired.map(|(key, _)| name(*key)).collect();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn an_entry_of_ten_and_thirty_two_bytes_takes_forty_eight() {
    let mut table: Table = Table::new(HashKey::new(1, 2));
    let key = b"0123456789";
    let hash = HashKey::new(1, 2).hash(key);
    let Slot::Vacant(vacant) = table.slot(hash, key) else { panic!("empty") };
    vacant.insert(NewValue::Bytes(&[b'v'; 32]), None, 0, false);
    assert_eq!(table.get(hash, key).map(|entry| entry.memory_bytes()), Some(48));
    assert_eq!(table.memory_bytes(), 48 + 64 + 16);
}

#[test]
fn every_key_is_drawn_about_as_often() {
    let mut world = World::new();
    world.apply(Step::Fill(0, 100));
    (0..50).for_each(|key| world.apply(Step::Expire(key, Some(1))));
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state ^ state >> 33
    };
    let draws = if cfg!(miri) { 1000 } else { 100_000 };
    let (mut all, mut volatile) = (BTreeMap::new(), BTreeSet::new());
    for _ in 0..draws {
        let entry = world.table.random(&mut random).expect("not empty");
        *all.entry(entry.key().to_vec()).or_insert(0) += 1;
        let entry = world.table.random_volatile(&mut random).expect("not empty");
        assert!(entry.expiry().is_some());
        volatile.insert(entry.key().to_vec());
    }
    if !cfg!(miri) {
        assert_eq!((all.len(), volatile.len()), (100, 50));
        assert!(all.values().all(|count| (800..1200).contains(count)), "{all:?}");
    }
    let mut sampled = 0;
    world.table.sample(16, &mut random, |_| sampled += 1);
    assert_eq!(sampled, 16);
}

#[test]
fn dismantling_goes_in_slices() {
    let mut world = World::new();
    world.apply(Step::Fill(0, 2000));
    let slices = (0..).take_while(|_| !world.table.dismantle(10)).count();
    assert!(slices > 30);
    assert_eq!((world.table.len(), world.table.memory_bytes()), (0, 0));
}

#[test]
fn chunks_come_and_go() {
    let (mut world, count) = (World::new(), if cfg!(miri) { 6000 } else { 30_000 });
    world.apply(Step::Fill(0, count));
    let volatile: Vec<u16> = (0..count).step_by(14_999).collect();
    volatile.iter().for_each(|key| world.apply(Step::Expire(*key, Some(1))));
    world.check();
    let (mut found, limits) = (0, ExpireLimits { buckets: usize::MAX, entries: usize::MAX });
    let step = world.table.expire_step(0, 1, limits, |_| found += 1);
    assert_eq!((found, step.cursor), (volatile.len(), 0));
    world.apply(Step::Drop(0, count - 1000));
    world.check();
    assert!(world.table.memory_bytes() < 200_000);
    world.apply(Step::Drop(0, count));
    assert_eq!(world.table.memory_bytes(), 0);
}
