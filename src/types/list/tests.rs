//! Lists against a plain row of texts, with limits so small that nodes come, go, divide and join all the time.

use std::collections::VecDeque;
use std::ops::{ControlFlow, Range};

use proptest::collection::vec;
use proptest::prelude::*;

use super::{End, Limits, List};
use crate::types::{Payload, View};

#[derive(Clone, Debug)]
enum Step {
    Push(End, Vec<Vec<u8>>),
    Pop(End, usize),
    Set(i64, Vec<u8>),
    Insert(Vec<u8>, bool, Vec<u8>),
    RemoveEqual(Vec<u8>, i64),
    Trim(i64, i64),
}

/// Few texts, so that many are equal: integers, short and compressible ones, some longer than a whole node.
fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0..6_i64).prop_map(|number| (number * 1000).to_string().into_bytes()),
        4 => (0..4_usize).prop_map(|n| vec![b'a' + n as u8; n * 40]),
        1 => prop_oneof![Just(4000), Just(4097), Just(8193), Just(9000)].prop_map(|len| vec![b'x'; len]),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let end = || prop_oneof![Just(End::Front), Just(End::Back)];
    prop_oneof![
        6 => (end(), vec(text(), 1..8)).prop_map(|(end, texts)| Step::Push(end, texts)),
        2 => (end(), 0..6_usize).prop_map(|(end, count)| Step::Pop(end, count)),
        3 => (-40..40_i64, text()).prop_map(|(index, text)| Step::Set(index, text)),
        4 => (text(), any::<bool>(), text()).prop_map(|(pivot, after, text)| Step::Insert(pivot, after, text)),
        1 => (text(), -3..4_i64).prop_map(|(text, count)| Step::RemoveEqual(text, count)),
        1 => (-40..20_i64, -20..40_i64).prop_map(|(start, end)| Step::Trim(start, end)),
    ]
}

fn limits() -> impl Strategy<Value = Limits> {
    let size = prop_oneof![Just(-1), Just(-2), Just(0), Just(1), Just(2), Just(3), Just(7), Just(128)];
    (size, 0..4_u32).prop_map(|(size, depth)| Limits::new(size, depth))
}

type Model = VecDeque<Vec<u8>>;

fn apply(step: Step, list: &mut List, model: &mut Model, limits: Limits) {
    match step {
        Step::Push(end, texts) => {
            list.push(end, texts.iter().map(Vec::as_slice), limits);
            match end {
                End::Front => texts.into_iter().for_each(|text| model.push_front(text)),
                End::Back => model.extend(texts),
            }
        }
        Step::Pop(end, count) => {
            let mut popped = Vec::new();
            list.pop(end, count, limits, |item| popped.push(item.to_vec()));
            let pop = |_| if end == End::Front { model.pop_front() } else { model.pop_back() };
            assert_eq!(popped, (0..count).filter_map(pop).collect::<Vec<_>>());
        }
        Step::Set(index, text) => {
            let position = if index < 0 { index + model.len() as i64 } else { index };
            let old = usize::try_from(position).ok().and_then(|position| model.get_mut(position));
            assert_eq!(list.set(index, &text, limits), old.is_some());
            old.into_iter().for_each(|old| *old = text.clone());
        }
        Step::Insert(pivot, after, text) => {
            let at = model.iter().position(|other| *other == pivot);
            assert_eq!(list.insert(&pivot, after, &text, limits), at.is_some());
            at.into_iter().for_each(|at| model.insert(at + usize::from(after), text.clone()));
        }
        Step::RemoveEqual(text, count) => {
            let equal = (0..model.len()).filter(|at| model[*at] == text);
            let gone: Vec<usize> = match count {
                0 => equal.collect(),
                1.. => equal.take(count as usize).collect(),
                _ => equal.rev().take(-count as usize).collect(),
            };
            assert_eq!(list.remove_equal(&text, count, limits), gone.len());
            let mut at = 0..;
            model.retain(|_| at.next().is_none_or(|at| !gone.contains(&at)));
        }
        Step::Trim(start, end) => {
            let range = list.view().range(start, end);
            assert_eq!(range, model_range(start, end, model.len()));
            assert_eq!(list.trim(range.clone(), limits), range.len() < model.len());
            model.truncate(range.end);
            model.drain(..range.start);
        }
    }
}

fn model_range(start: i64, end: i64, len: usize) -> Range<usize> {
    let from_front = |index: i64| if index < 0 { index + len as i64 } else { index };
    let inside = |at: &usize| (from_front(start)..=from_front(end)).contains(&(*at as i64));
    let mut inside = (0..len).filter(inside);
    let Some(first) = inside.next() else { return 0..0 };
    first..inside.next_back().unwrap_or(first) + 1
}

fn texts(list: &List, from: End, skip: usize) -> Model {
    let mut texts = Model::new();
    list.view().walk(from, skip, |item| {
        texts.push_back(item.to_vec());
        ControlFlow::Continue(())
    });
    texts
}

fn compare(list: &List, model: &Model) {
    assert_eq!(list.view().len(), model.len());
    assert_eq!(list.view().is_empty(), model.is_empty());
    assert_eq!(texts(list, End::Front, 0), *model);
    assert_eq!(texts(list, End::Back, 0), model.iter().rev().cloned().collect::<Model>());
    let skip = model.len() / 3;
    assert_eq!(texts(list, End::Front, skip), model.iter().skip(skip).cloned().collect::<Model>());
    assert_eq!(texts(list, End::Back, skip), model.iter().rev().skip(skip).cloned().collect::<Model>());
    if let List::Large(list) = list {
        list.check();
    }
}

proptest! {
    #[test]
    fn agrees_with_a_row_of_texts(limits in limits(), steps in vec(step(), 0..60)) {
        let (mut list, mut model) = (List::default(), Model::new());
        for step in steps {
            apply(step, &mut list, &mut model, limits);
            compare(&list, &model);
        }
        compare(&list.clone(), &model);
        while !list.dismantle(3) {}
    }
}

fn numbers(count: usize, limits: Limits) -> List {
    let texts: Vec<Vec<u8>> = (0..count).map(|number| format!("number {number:09}").into_bytes()).collect();
    let mut list = List::default();
    texts.iter().for_each(|text| list.push(End::Back, std::iter::once(text.as_slice()), limits));
    list
}

#[test]
fn grows_at_the_limit_and_returns_below_half_of_it() {
    let limits = Limits::new(10, 0);
    let mut list = numbers(10, limits);
    assert_eq!(list.view().encoding(), "listpack");
    list.push(End::Front, std::iter::once(b"x".as_slice()), limits);
    assert_eq!(list.view().encoding(), "quicklist");
    list.pop(End::Back, 5, limits, |_| {});
    assert_eq!((list.view().encoding(), list.view().len()), ("quicklist", 6));
    list.pop(End::Front, 1, limits, |_| {});
    assert_eq!((list.view().encoding(), list.view().len()), ("listpack", 5));
}

#[test]
fn nodes_are_full_and_little_room_is_lost() {
    let list = numbers(100_000, Limits::new(-2, 0));
    let bytes = list.memory_bytes();
    assert!((1_800_000..1_900_000).contains(&bytes), "{bytes} bytes for elements of 18");
}

#[test]
fn inner_nodes_are_compressed() {
    let (plain, packed) = (numbers(100_000, Limits::new(-2, 0)), numbers(100_000, Limits::new(-2, 1)));
    assert!(packed.memory_bytes() * 2 < plain.memory_bytes());
    assert_eq!(texts(&packed, End::Front, 0), texts(&plain, End::Front, 0));
}

#[test]
fn elements_that_grow_do_not_make_a_node_grow_without_end() {
    let limits = Limits::new(-1, 0);
    let mut list = numbers(1000, limits);
    (0..1000).for_each(|index| assert!(list.set(index, &[b'x'; 4000], limits)));
    let List::Large(list) = &list else { panic!("a megabyte is a large list") };
    list.check();
    assert!(list.nodes.iter().all(|node| node.bytes() <= 5 * 4096));
}
