//! Sets against an ordered set of texts, in all forms and across their boundaries.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Limits, Set};
use crate::types::HashKey;
use crate::types::listpack::Item;
use crate::types::payload::{Payload, View};

const LIMITS: Limits = Limits { ints: 12, small: 8, small_bytes: 6 };

fn secret() -> HashKey {
    HashKey::new(3, 4)
}

/// A source of words.
fn words(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state ^ state >> 31).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

fn texts(set: &Set) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    set.view().for_each(|member| assert!(all.insert(member.to_vec()), "a member is shown once"));
    assert_eq!(all.len(), set.view().len());
    all
}

#[derive(Clone, Debug)]
enum Step {
    Add(String),
    Remove(String),
    Pop(u64),
    PopMany(usize, u64),
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![6 => (-9..20_i64).prop_map(|n| n.to_string()), 2 => "[ab0]{0,3}", 1 => "[a-c]{6,8}"]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => text().prop_map(Step::Add),
        4 => text().prop_map(Step::Remove),
        1 => any::<u64>().prop_map(Step::Pop),
        1 => (any::<usize>(), any::<u64>()).prop_map(|(count, seed)| Step::PopMany(count, seed)),
    ]
}

fn apply(step: &Step, set: &mut Set, model: &mut BTreeSet<Vec<u8>>) {
    match step {
        Step::Add(text) => {
            let text = text.as_bytes();
            assert_eq!(set.add(text, &LIMITS, secret()), model.insert(text.to_vec()));
        }
        Step::Remove(text) => assert_eq!(set.remove(text.as_bytes()), model.remove(text.as_bytes())),
        Step::Pop(seed) => match set.pop(&mut words(*seed)) {
            Some(popped) => assert!(model.remove(popped.text(&mut itoa::Buffer::new()))),
            None => assert!(model.is_empty()),
        },
        Step::PopMany(count, seed) if !model.is_empty() => {
            let (count, mut popped) = (count % model.len(), 0);
            set.pop_many(count, &LIMITS, secret(), &mut words(*seed), |text| {
                popped += 1;
                assert!(model.remove(text));
            });
            assert_eq!(popped, count);
        }
        Step::PopMany(..) => {}
    }
}

proptest! {
    #[test]
    fn agrees_with_an_ordered_set(steps in vec(step(), 0..60), count in 0..30_usize, seed: u64) {
        let (mut set, mut model) = (Set::default(), BTreeSet::new());
        for step in steps {
            apply(&step, &mut set, &mut model);
            prop_assert_eq!(&texts(&set), &model);
            prop_assert_eq!(&texts(&set.clone()), &model);
            for text in ["1", "a", "", "01", "19"] {
                prop_assert_eq!(set.view().contains(text.as_bytes()), model.contains(text.as_bytes()));
            }
        }
        let mut drawn = BTreeSet::new();
        set.view().random_distinct(count, &mut words(seed), |member| assert!(drawn.insert(member.to_vec())));
        prop_assert_eq!(drawn.len(), count.min(model.len()));
        prop_assert!(drawn.is_subset(&model));
        let mut other = Set::default();
        set.view().for_each(|member| assert!(other.add_item(member, &LIMITS, secret())));
        set.view().for_each(|member| assert!(other.view().contains_item(member)));
        other.settle(&LIMITS);
        prop_assert_eq!(&texts(&other), &model);
        set.view().for_each(|member| assert!(other.remove_item(member)));
        prop_assert!(other.view().is_empty());
    }
}

#[test]
fn the_form_follows_the_limits() {
    let encoding = |members: &[&str]| {
        let mut set = Set::default();
        members.iter().for_each(|text| assert!(set.add(text.as_bytes(), &LIMITS, secret())));
        set.view().encoding()
    };
    let numbers: Vec<String> = (0..13).map(|number| number.to_string()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    assert_eq!(encoding(&numbers[..12]), "intset");
    assert_eq!(encoding(&numbers), "hashtable");
    assert_eq!(encoding(&["1", "007"]), "listpack");
    assert_eq!(encoding(&["abcdef"]), "listpack");
    assert_eq!(encoding(&["abcdefg"]), "hashtable");
    assert_eq!(encoding(&["1", "abcdefg"]), "hashtable");
    assert_eq!(encoding(&["1000000", "a"]), "hashtable");
    assert_eq!(encoding(&[&numbers[..7], &["x"]].concat()), "listpack");
    assert_eq!(encoding(&[&numbers[..8], &["x"]].concat()), "hashtable");
}

#[test]
fn every_member_is_drawn_about_as_often() {
    let limits = [
        LIMITS,
        Limits { ints: 0, small: 100, small_bytes: 10 },
        Limits { ints: 0, small: 0, small_bytes: 0 },
    ];
    for limits in limits {
        let mut set = Set::default();
        (0..10).for_each(|number: i32| {
            set.add(number.to_string().as_bytes(), &limits, secret());
        });
        let (mut seen, mut random) = (BTreeMap::new(), words(7));
        let mut count = |member: Item<'_>| *seen.entry(member.to_vec()).or_insert(0) += 1;
        for _ in 0..10_000 {
            count(set.view().random(&mut random).expect("not empty"));
            set.view().random_distinct(2, &mut random, &mut count);
        }
        assert!(seen.values().all(|count| (2700..3300).contains(count)), "{seen:?}");
    }
}

#[test]
fn large_sets_are_freed_in_slices() {
    let mut set = Set::default();
    (0..1000).for_each(|number: i32| {
        set.add(number.to_string().as_bytes(), &LIMITS, secret());
    });
    let before = set.memory_bytes();
    assert!(before > 1000 * 16);
    let slices = (0..).take_while(|_| !set.dismantle(10)).count();
    assert!(slices > 10);
    assert!(set.memory_bytes() < 200);
}
