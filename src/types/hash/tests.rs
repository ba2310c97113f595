//! Hashes of all forms against an ordered map with deadlines.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Field, Growth, Hash, HashRef};
use crate::types::listpack::ListpackRef;
use crate::types::{Expiry, HashKey, Payload, View};

/// Name, value, deadline.
type Known = (Vec<u8>, (Vec<u8>, Option<i64>));
type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>;

const FIELDS_MAX: usize = 8;

fn growth() -> Growth {
    Growth { fields_max: FIELDS_MAX, text_bytes_max: 20, hash_key: HashKey::new(1, 2) }
}

#[derive(Clone, Debug)]
enum Step {
    Set(u8, Vec<u8>, Expiry),
    Deadline(u8, Option<i64>),
    Remove(u8),
    TakeDue(u8, i64),
    Expire(i64, usize),
    Copy,
}

/// Some are numbers, which a listpack stores as such.
fn name(field: u8) -> Vec<u8> {
    if field.is_multiple_of(3) {
        field.to_string().into_bytes()
    } else {
        format!("field:{field}").into_bytes()
    }
}

fn value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => vec(any::<u8>(), 0..8),
        2 => any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        1 => vec(any::<u8>(), 18..24),
    ]
}

fn deadline() -> impl Strategy<Value = i64> {
    prop_oneof![1..100_i64, 1_700_000_000_000..1_700_000_000_100_i64]
}

fn step() -> impl Strategy<Value = Step> {
    // Few fields, so that some hashes stay small; or more.
    let field = prop_oneof![3 => 0..6_u8, 1 => 0..60_u8];
    let expiry =
        prop_oneof![2 => Just(Expiry::Clear), 1 => Just(Expiry::Keep), 1 => deadline().prop_map(Expiry::At)];
    prop_oneof![
        6 => (field.clone(), value(), expiry).prop_map(|(field, value, expiry)| Step::Set(field, value, expiry)),
        2 => (field.clone(), proptest::option::of(deadline())).prop_map(|(field, at)| Step::Deadline(field, at)),
        2 => field.clone().prop_map(Step::Remove),
        1 => (field, deadline()).prop_map(|(field, now)| Step::TakeDue(field, now)),
        1 => (deadline(), 1..10_usize).prop_map(|(now, count)| Step::Expire(now, count)),
        1 => Just(Step::Copy),
    ]
}

fn is_due(deadline: Option<i64>, now_ms: i64) -> bool {
    deadline.is_some_and(|at| at < now_ms)
}

fn apply(step: Step, hash: &mut Hash, model: &mut Model) {
    match step {
        Step::Set(field, value, expiry) => {
            let old = model.get(&name(field)).cloned();
            assert_eq!(hash.set(&name(field), &value, expiry, growth()), old.is_none());
            model.insert(name(field), (value, expiry.after(old.and_then(|old| old.1))));
        }
        Step::Deadline(field, at) => {
            let known = model.get_mut(&name(field));
            assert_eq!(hash.set_deadline(&name(field), at), known.is_some());
            if let Some(known) = known {
                known.1 = at;
            }
        }
        Step::Remove(field) => {
            assert_eq!(hash.remove(&name(field)), model.remove(&name(field)).is_some());
        }
        Step::TakeDue(field, now) => {
            let due = model.get(&name(field)).is_some_and(|known| is_due(known.1, now));
            assert_eq!(hash.take_due(&name(field), now), due);
            if due {
                model.remove(&name(field));
            }
        }
        Step::Expire(now, count) => expire(hash, model, now, count),
        Step::Copy => *hash = hash.clone(),
    }
}

fn expire(hash: &mut Hash, model: &mut Model, now: i64, count: usize) {
    let due = model.values().filter(|known| is_due(known.1, now)).count();
    let mut taken = 0;
    hash.expire(now, count, |field| {
        let known = model.remove(field).expect("it was there");
        assert!(is_due(known.1, now));
        taken += 1;
    });
    let whole = !matches!(hash, Hash::Large(_));
    assert_eq!(taken, if whole { due } else { due.min(count) });
}

fn content(each: impl FnOnce(&mut dyn FnMut(Field<'_>))) -> Vec<Known> {
    let mut all = Vec::new();
    each(&mut |field| all.push((field.name.to_vec(), (field.value.to_vec(), field.deadline))));
    all.sort();
    all
}

/// Whether everything that a view tells is what the model knows.
fn check(view: HashRef<'_>, model: &Model, now: i64) {
    let live: Model = model.clone().into_iter().filter(|(_, known)| !is_due(known.1, now)).collect();
    let expected: Vec<_> = live.clone().into_iter().collect();
    assert_eq!(content(|each| view.each(now, each)), expected);
    assert_eq!((view.len(), view.live_len(now)), (model.len(), live.len()));
    assert_eq!(view.soonest(), model.values().filter_map(|known| known.1).min());
    for field in 0..60 {
        let found = view.find(&name(field), now);
        let known = live.get(&name(field));
        assert_eq!(found.map(|found| (found.value.to_vec(), found.deadline)), known.cloned());
        assert_eq!(
            view.get(&name(field), now).map(|value| value.to_vec()),
            known.map(|known| known.0.clone())
        );
    }
    if let HashRef::Small(pack) | HashRef::Timed(pack) = view {
        assert!(ListpackRef::parse(pack.bytes()).is_some());
        assert!(view.len() <= FIELDS_MAX);
    }
}

fn words(mut state: u64) -> impl FnMut() -> u64 {
    move || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ mixed >> 29
    }
}

fn check_choices(view: HashRef<'_>, model: &Model, now: i64, seed: u64) {
    let live = view.live_len(now);
    let mut random = words(seed);
    for count in [0, 1, 3, live / 4, live, live + 5] {
        let mut chosen = content(|each| view.choose(count, now, &mut random, each));
        assert_eq!(chosen.len(), count.min(live));
        assert!(chosen.iter().all(|(name, known)| model[name] == *known && !is_due(known.1, now)));
        chosen.dedup_by(|a, b| a.0 == b.0);
        assert_eq!(chosen.len(), count.min(live), "all are different");
        let drawn = content(|each| view.draw(count as u64, now, &mut random, each));
        assert_eq!(drawn.len(), if live == 0 { 0 } else { count });
        assert!(drawn.iter().all(|(name, known)| model[name] == *known && !is_due(known.1, now)));
    }
}

proptest! {
    #[test]
    fn agrees_with_a_map(steps in vec(step(), 1..80), now in deadline(), seed: u64) {
        let (mut hash, mut model) = (Hash::default(), Model::new());
        for step in steps {
            apply(step, &mut hash, &mut model);
            check(hash.view(), &model, i64::MIN);
            check(hash.view(), &model, now);
        }
        check_choices(hash.view(), &model, now, seed);
    }

    #[test]
    fn a_large_one_is_dismantled_in_slices(fields in 0..2000_u32, slice in 1..50_usize) {
        let mut hash = Hash::default();
        for field in 0..fields {
            let at = Expiry::At(i64::from(field) + 1);
            hash.set(&field.to_le_bytes(), b"value", if field % 2 == 0 { at } else { Expiry::Clear }, growth());
        }
        let steps = (0..).take_while(|_| !hash.dismantle(slice)).count();
        prop_assert!(steps <= fields as usize + 1);
    }
}

/// Every field comes up about as often as any other, in each form and by each way of choosing.
#[test]
fn choices_are_fair() {
    const ROUNDS: usize = 20_000;
    let mut random = words(7);
    for (fields, timed) in [(6_u8, false), (6, true), (40, false)] {
        let mut hash = Hash::default();
        for field in 0..fields {
            hash.set(&name(field), b"1", if timed { Expiry::At(1000) } else { Expiry::Clear }, growth());
        }
        for count in [1, 2, usize::from(fields) - 1] {
            let (mut chosen, mut drawn) = (BTreeMap::new(), BTreeMap::new());
            for _ in 0..ROUNDS {
                hash.view().choose(count, 0, &mut random, |field| {
                    *chosen.entry(field.name.to_vec()).or_insert(0) += 1
                });
                hash.view().draw(count as u64, 0, &mut random, |field| {
                    *drawn.entry(field.name.to_vec()).or_insert(0) += 1
                });
            }
            let mean = ROUNDS * count / usize::from(fields);
            for times in chosen.values().chain(drawn.values()) {
                // Five deviations of a binomial distribution, the widest one.
                assert!(mean.abs_diff(*times) < 5 * mean.isqrt() + 5, "{times} instead of {mean}");
            }
        }
    }
}
