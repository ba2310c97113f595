//! Sorted sets against a map and an ordered set.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Cut, Element, Limits, SortedSet};
use crate::types::listpack::ListpackRef;
use crate::types::payload::{Payload, View};
use crate::types::{HashKey, Item};

type Model = BTreeMap<Vec<u8>, f64>;
type Scored = (f64, Vec<u8>);

fn limits(entries: u64) -> Limits {
    Limits { entries, value_bytes: 64, hash_key: HashKey::new(1, 2) }
}

/// Few members and few scores, so that there are equals of each, and members of every way of storing.
fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0..600_u32).prop_map(|n| n.to_string().into_bytes()),
        4 => (0..200_u32).prop_map(|n| format!("member:{n:04}").into_bytes()),
        1 => (0..9_usize).prop_map(|n| vec![b'x'; n * 40]),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-20..20_i32).prop_map(f64::from),
        2 => (0..40_i32).prop_map(|n| f64::from(n) / 7.0),
        2 => (0..50_u32).prop_map(|n| 1.7e12 + f64::from(n)),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(0.0), Just(-0.0), Just(5e-324)],
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, f64),
    Fill(u32, bool),
    Remove(Vec<u8>),
    RemoveRanks(usize, usize),
    Pop(bool, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (member(), score()).prop_map(|(member, score)| Step::Set(member, score)),
        2 => (0..400_u32, any::<bool>()).prop_map(|(count, up)| Step::Fill(count, up)),
        4 => member().prop_map(Step::Remove),
        1 => (any::<usize>(), 0..300_usize).prop_map(|(first, count)| Step::RemoveRanks(first, count)),
        1 => (any::<bool>(), 0..60_usize).prop_map(|(last, count)| Step::Pop(last, count)),
    ]
}

/// What a model holds, in order.
fn ordered(model: &Model) -> Vec<Scored> {
    let mut all: Vec<_> = model.iter().map(|(member, score)| (*score, member.clone())).collect();
    all.sort_by(compare);
    all
}

fn compare(a: &Scored, b: &Scored) -> Ordering {
    a.0.partial_cmp(&b.0).expect("no NaN").then_with(|| a.1.cmp(&b.1))
}

fn apply(step: Step, set: &mut SortedSet, model: &mut Model, limits: &Limits) {
    match step {
        Step::Set(member, score) => {
            let update = set.set(&member, score, limits);
            assert_eq!(update.old, model.insert(member, score));
        }
        Step::Fill(count, up) => {
            for i in 0..count {
                let score = if up { 100.0 + f64::from(i) } else { -100.0 - f64::from(i) };
                let member = format!("fill{up}{i}").into_bytes();
                set.set(&member, score, limits);
                model.insert(member, score);
            }
        }
        Step::Remove(member) => assert_eq!(set.remove(&member), model.remove(&member)),
        Step::RemoveRanks(first, count) => {
            let first = first % (model.len() + 1);
            remove(set, model, first, count);
        }
        Step::Pop(last, count) => {
            let first = if last { model.len().saturating_sub(count) } else { 0 };
            remove(set, model, first, count);
        }
    }
}

fn remove(set: &mut SortedSet, model: &mut Model, first: usize, count: usize) {
    let all = ordered(model);
    let end = (first + count).min(all.len());
    all[first..end].iter().for_each(|(_, member)| _ = model.remove(member));
    set.remove_ranks(first..first + count);
}

fn element(element: Element<'_>) -> Scored {
    (element.score, element.member.to_vec())
}

fn check(set: &SortedSet, model: &Model) {
    let (view, all) = (set.view(), ordered(model));
    assert_eq!(view.len(), all.len());
    let forward: Vec<_> = view.elements(0..usize::MAX, false).map(element).collect();
    assert_eq!(forward, all);
    let mut backward: Vec<_> = view.elements(0..all.len(), true).map(element).collect();
    backward.reverse();
    assert_eq!(backward, all);
    match set {
        SortedSet::Large(large) => large.check(),
        SortedSet::Small(pack) => assert!(ListpackRef::parse(pack.view().bytes()).is_some()),
    }
}

/// Ranks, scores and cuts around an element, there or not.
fn check_around(set: &SortedSet, model: &Model, member: &[u8], score: f64) {
    let (view, all) = (set.view(), ordered(model));
    assert_eq!(view.score(member), model.get(member).copied());
    let count = |is_before: &dyn Fn(&Scored) -> bool| all.iter().filter(|e| is_before(e)).count();
    assert_eq!(view.rank(Cut::Score { score, after: false }), count(&|e| e.0 < score));
    assert_eq!(view.rank(Cut::Score { score, after: true }), count(&|e| e.0 <= score));
    let bound = (score, member.to_vec());
    let before = count(&|e| compare(e, &bound).is_lt());
    assert_eq!(view.rank(Cut::Element { score, member, after: false }), before);
    let some: Vec<_> = view.elements(before..before + 3, false).map(element).collect();
    assert_eq!(some, all[before..all.len().min(before + 3)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn agrees_with_a_map(steps in vec((step(), member(), score()), 0..120), entries in prop_oneof![Just(0), Just(30), Just(5000)]) {
        let limits = limits(entries);
        let (mut set, mut model) = (SortedSet::default(), Model::new());
        for (step, member, score) in steps {
            apply(step, &mut set, &mut model, &limits);
            check_around(&set, &model, &member, score);
        }
        check(&set, &model);
        let (copy, all) = (set.clone(), model.clone());
        remove(&mut set, &mut model, 0, usize::MAX / 2);
        check(&set, &model);
        check(&copy, &all);
    }

    #[test]
    fn members_of_one_score_are_in_the_order_of_their_bytes(members in vec(member(), 0..300), bounds in vec(member(), 10)) {
        let limits = limits(50);
        let mut set = SortedSet::default();
        members.iter().for_each(|member| _ = set.set(member, 1.5, &limits));
        let mut all = members;
        all.sort();
        all.dedup();
        for bound in bounds {
            for after in [false, true] {
                let rank = set.view().rank(Cut::Member { member: &bound, after });
                prop_assert_eq!(rank, all.iter().filter(|m| **m < bound || (after && **m == bound)).count());
            }
        }
    }

    #[test]
    fn a_walk_shows_all_that_stays(stays in 0..800_u32, comes in 0..800_u32, goes in 0..800_u32) {
        let limits = limits(0);
        let mut set = SortedSet::default();
        let name = |kind: &str, i: u32| format!("{kind}{i}").into_bytes();
        (0..stays).for_each(|i| _ = set.set(&name("stays", i), f64::from(i % 9), &limits));
        (0..goes).for_each(|i| _ = set.set(&name("goes", i), f64::from(i), &limits));
        let (mut seen, mut cursor, mut step) = (std::collections::BTreeSet::new(), 0, 0);
        loop {
            cursor = set.view().scan(cursor, |element| _ = seen.insert(element.member.to_vec()));
            if cursor == 0 {
                break;
            }
            for i in (step * 40..(step + 1) * 40).filter(|i| *i < comes) {
                set.set(&name("comes", i), 1.0, &limits);
            }
            (step * 40..(step + 1) * 40).filter(|i| *i < goes).for_each(|i| _ = set.remove(&name("goes", i)));
            step += 1;
        }
        prop_assert!((0..stays).all(|i| seen.contains(&name("stays", i))));
    }
}

#[test]
fn the_small_form_is_what_redis_writes() {
    let mut set = SortedSet::default();
    for (member, score) in [("b", 2.0), ("a", 0.5), ("c", -0.0), ("7", f64::INFINITY), ("d", 1e20)] {
        set.set(member.as_bytes(), score, &limits(128));
    }
    let SortedSet::Small(pack) = &set else { panic!("five elements are few") };
    let bytes = |text: &'static str| Item::Bytes(text.as_bytes());
    let expected = [
        bytes("c"),
        Item::Int(0),
        bytes("a"),
        bytes("0.5"),
        bytes("b"),
        Item::Int(2),
        bytes("d"),
        bytes("1e+20"),
        Item::Int(7),
        bytes("inf"),
    ];
    assert_eq!(pack.view().iter().collect::<Vec<_>>(), expected);
}

#[test]
fn a_large_one_is_lean_and_goes_in_slices() {
    let limits = limits(128);
    let mut set = SortedSet::default();
    let mut state = 1_u64;
    for i in 0..100_000 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        set.set(format!("member:{i}").as_bytes(), (state >> 20) as f64, &limits);
    }
    let each = set.memory_bytes() as f64 / 100_000.0;
    assert!(each < 55.0, "{each} bytes an element");
    let mut slices = 1;
    while !set.dismantle(1000) {
        slices += 1;
        set.memory_bytes();
    }
    assert!((10..=200).contains(&slices), "{slices} slices");
}
