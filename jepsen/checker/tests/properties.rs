//! Properties of the search: it accepts what a correct server did, agrees with a search without any cleverness, and
//! finds what a faulty server would have said.

mod support;

use proptest::prelude::*;
use seawall_checker::{
    Call, Condition, History, Model, Moment, Need, Operation, Outcome, Reply, StringKey, Verdict,
    linearizability,
};
use std::time::Duration;
use support::{Calls, Dice, Shape, execution, with_outcome};

fn verdict(history: &History) -> Verdict {
    linearizability::check(history, &StringKey, linearizability::STEPS_MAX)
        .expect("generated histories are well-formed")
}

fn is_violation(history: &History) -> bool {
    matches!(verdict(history), Verdict::Violation(_))
}

fn is_linearizable(history: &History) -> bool {
    matches!(verdict(history), Verdict::Linearizable { .. })
}

/// Whether the search may run out of steps: where all calls with few values meet many unknown outcomes. What it may
/// never do, there as elsewhere, is give the wrong verdict.
fn may_give_up(shape: Shape, history: &History) -> bool {
    shape.calls == Calls::All && matches!(verdict(history), Verdict::Inconclusive { .. })
}

/// Tries every order of every choice of the operations on one key.
fn brute_force(operations: &[&Operation]) -> bool {
    let possible = |op: &&&Operation| op.outcome != Outcome::Failed;
    let left: Vec<&Operation> = operations.iter().filter(possible).copied().collect();
    some_order(&left, &None)
}

fn some_order(left: &[&Operation], state: &Option<Vec<u8>>) -> bool {
    if left.iter().all(|operation| operation.reply().is_none()) {
        return true;
    }
    (0..left.len()).any(|index| {
        let mut rest = left.to_vec();
        let next = rest.remove(index);
        let must_wait = rest.iter().any(|other| comes_before(other, next));
        let mut nexts = StringKey.step(state, &next.call, next.reply());
        !must_wait && nexts.any(|state| some_order(&rest, &state))
    })
}

/// Whether `other` has to take effect before `next`: it was over, or the same client called it first and knows that
/// both happened.
fn comes_before(other: &Operation, next: &Operation) -> bool {
    let both_sure = other.reply().is_some() && next.reply().is_some();
    let same_client = other.client.is_some() && other.client == next.client;
    other.precedes(next) || (both_sure && same_client && other.invoked < next.invoked)
}

/// A little history: most replies are those of some execution, so that both verdicts are common.
fn tiny_history() -> impl Strategy<Value = History> {
    let operation = (0..4_u32, 0..20_u64, 1..15_u64, tiny_call(), 0..100_u64, 0..10_u8, tiny_reply());
    prop::collection::vec(operation, 1..=6).prop_map(|rows| {
        let mut rows: Vec<_> = rows.into_iter().enumerate().collect();
        rows.sort_by_key(|(_, row)| row.1 * 100 + row.2 * row.4);
        let mut state = None;
        let mut history = History::new();
        for (index, (client, invoked, length, call, _, fate, strange)) in rows {
            let (next, reply) = StringKey::apply(&state, &call);
            let outcome = match fate {
                0 => Outcome::Failed,
                1..=3 => Outcome::Indeterminate,
                4 => Outcome::Ok(strange),
                _ => Outcome::Ok(reply),
            };
            if !matches!(fate, 0 | 1) {
                state = next;
            }
            // One in six or so is a crash.
            let client = (call != Call::Wipe).then_some(client);
            let key = client.map_or(Vec::new(), |_| b"k".to_vec());
            let rank = u32::try_from(index).unwrap_or(0);
            let at = |ns| Moment { at: Duration::from_nanos(ns), rank };
            let is_wipe = client.is_none();
            let outcome = if is_wipe { Outcome::Ok(Reply::Ok) } else { outcome };
            let (invoked, completed) = (at(invoked), Some(at(invoked + length)));
            history.push(Operation { client, key, call, invoked, completed, outcome });
        }
        history
    })
}

fn tiny_call() -> impl Strategy<Value = Call> {
    let value = || prop::sample::select(vec![b"1".to_vec(), b"2".to_vec()]);
    let set = |condition| move |value| Call::Set { value, condition, get: false };
    prop_oneof![
        3 => Just(Call::Get),
        2 => value().prop_map(Call::set),
        1 => value().prop_map(set(Condition::Absent)),
        1 => value().prop_map(set(Condition::Present)),
        1 => Just(Call::Del),
        3 => (1..3_i64).prop_map(Call::IncrBy),
        1 => (value(), value()).prop_map(|(expected, value)| Call::Cas { expected, value }),
        1 => Just(Call::Wipe),
    ]
}

fn tiny_reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        Just(Reply::Ok),
        Just(Reply::Nil),
        (0..4_i64).prop_map(Reply::Int),
        (1..4_i64).prop_map(|number| Reply::Bytes(number.to_string().into_bytes())),
    ]
}

fn small_shape() -> impl Strategy<Value = Shape> {
    let calls = prop::sample::select(vec![Calls::All, Calls::Register, Calls::Counter, Calls::Increment]);
    (1..8_u32, 1..25_usize, 1..4_u32, 0..40_u32, 0..4_u32, calls).prop_map(
        |(clients, operations, keys, unknown_percent, wipes, calls)| Shape {
            clients,
            operations,
            keys,
            unknown_percent,
            wipes,
            calls,
        },
    )
}

/// Operations with a reply of that call, by position.
fn replied(history: &History, is: impl Fn(&Call) -> bool) -> Vec<usize> {
    let operations = history.operations().iter().enumerate();
    operations
        .filter(|(_, operation)| operation.reply().is_some() && is(&operation.call))
        .map(|(index, _)| index)
        .collect()
}

/// A read whose value was overwritten before the read began, and that value: `None` where there is no such read.
fn stale_read(history: &History, dice: &mut Dice) -> Option<(usize, Reply)> {
    let all = history.operations();
    let writes = replied(history, |call| matches!(call, Call::Set { .. }));
    let reads = replied(history, |call| *call == Call::Get);
    let read = *reads.get(dice.below(u32::try_from(reads.len()).ok()?.max(1)) as usize)?;
    let on_key = |&&write: &&usize| all[write].key == all[read].key;
    let writes: Vec<&usize> = writes.iter().filter(on_key).collect();
    let stale = writes.iter().find(|&&&first| {
        let between = |&&&then: &&&usize| all[first].precedes(&all[then]) && all[then].precedes(&all[read]);
        writes.iter().any(|then| between(&then))
    })?;
    match &all[**stale].call {
        Call::Set { value, .. } => Some((read, Reply::Bytes(value.clone()))),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn the_search_agrees_with_trying_everything(history in tiny_history()) {
        let expected = history.by_key().values().all(|operations| brute_force(operations));
        prop_assert_eq!(is_linearizable(&history), expected);
        prop_assert_eq!(is_violation(&history), !expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_a_correct_server_did_is_accepted(shape in small_shape(), seed: u64) {
        let history = execution(shape, seed);
        prop_assert!(is_linearizable(&history) || may_give_up(shape, &history));
    }

    #[test]
    fn a_value_that_nobody_wrote_is_found(shape in small_shape(), seed: u64, pick: prop::sample::Index) {
        let history = execution(shape, seed);
        let reads = replied(&history, |call| *call == Call::Get);
        prop_assume!(!reads.is_empty());
        let read = reads[pick.index(reads.len())];
        let never = Outcome::Ok(Reply::Bytes(b"never".to_vec()));
        let changed = with_outcome(&history, read, never);
        prop_assert!(is_violation(&changed) || may_give_up(shape, &changed));
    }

    #[test]
    fn a_stale_read_is_found(shape in small_shape(), seed: u64) {
        let shape = Shape { calls: Calls::Register, ..shape };
        let history = execution(shape, seed);
        if let Some((read, stale)) = stale_read(&history, &mut Dice::new(seed)) {
            prop_assert!(is_violation(&with_outcome(&history, read, Outcome::Ok(stale))));
        }
    }

    #[test]
    fn an_increment_with_anothers_reply_is_found(shape in small_shape(), seed: u64, pick: prop::sample::Index) {
        let shape = Shape { calls: Calls::Counter, unknown_percent: 0, wipes: 0, keys: 1, ..shape };
        let history = execution(shape, seed);
        let steps = replied(&history, |call| matches!(call, Call::IncrBy(_)));
        prop_assume!(steps.len() >= 2);
        let at = pick.index(steps.len() - 1);
        let taken = history.operations()[steps[at]].outcome.clone();
        prop_assert!(is_violation(&with_outcome(&history, steps[at + 1], taken)));
    }

    #[test]
    fn a_failed_write_that_is_seen_is_found(shape in small_shape(), seed: u64, pick: prop::sample::Index) {
        let shape = Shape { calls: Calls::Register, ..shape };
        let history = execution(shape, seed);
        let seen = replied(&history, |call| *call == Call::Get);
        prop_assume!(!seen.is_empty());
        let read = &history.operations()[seen[pick.index(seen.len())]];
        let write = history.operations().iter().position(|operation| {
            matches!((&operation.call, read.reply()),
                (Call::Set { value, .. }, Some(Reply::Bytes(found))) if value == found)
        });
        if let Some(write) = write {
            prop_assert!(is_violation(&with_outcome(&history, write, Outcome::Failed)));
        }
    }
}

/// Ten thousand operations, judged in few steps each, with or without a fault in them. Steps are counted rather than
/// time, since they are the same on every machine.
#[test]
fn large_histories_take_few_steps() {
    for calls in [Calls::Register, Calls::Increment, Calls::Counter] {
        let shape = Shape { clients: 20, operations: 500, keys: 5, unknown_percent: 5, wipes: 3, calls };
        let history = execution(shape, 7);
        let Verdict::Linearizable { steps, .. } = verdict(&history) else {
            panic!("{calls:?} was refused");
        };
        assert!(steps < 100_000, "{calls:?} took {steps} steps");
        if calls != Calls::Counter {
            let reads = replied(&history, |call| *call == Call::Get);
            let late = reads[reads.len() * 9 / 10];
            let never = Outcome::Ok(Reply::Bytes(b"never".to_vec()));
            assert!(is_violation(&with_outcome(&history, late, never)));
        }
    }
}

proptest! {
    /// The hints of the model claim nothing that `step` does not bear out.
    #[test]
    fn hints_are_true(call in tiny_call(), strange in tiny_reply(), from in 0..5_usize) {
        let values = [&b"1"[..], b"2", b"0", b"x"].map(|value| Some(value.to_vec()));
        let states: Vec<_> = [None].into_iter().chain(values).collect();
        let right = StringKey::apply(&states[from], &call).1;
        for reply in [strange, right] {
            let nexts = |state| StringKey.step(state, &call, Some(&reply)).next();
            for state in &states {
                let next = nexts(state);
                if let (true, Some(next)) = (StringKey.is_read(&call, Some(&reply)), &next) {
                    prop_assert_eq!(next, state);
                }
                if let (Some(left), Some(next)) = (StringKey.leaves(&call), &next) {
                    prop_assert_eq!(next, &left);
                }
                match StringKey.need(&call, &reply) {
                    Need::Nothing => prop_assert_eq!(&next, &nexts(&states[0])),
                    Need::Only(needed) => prop_assert!(next.is_none() || *state == needed),
                    Need::Unknown => {}
                }
                if let Some(next) = next {
                    prop_assert!(StringKey.might_lead(state, &[&call], &next));
                }
            }
        }
    }
}
