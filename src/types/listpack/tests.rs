//! The listpack against a plain row of texts, and against bytes that Redis itself wrote.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{Item, Listpack, ListpackRef};

/// A text of any length at which the encoding changes, or an integer at its boundaries.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let boundaries = prop_oneof![
        Just(127_i64),
        Just(128),
        Just(4095),
        Just(-4096),
        Just(-4097),
        Just(32767),
        Just(-32769),
        Just(8388607),
        Just(-8388609),
        Just(i64::from(i32::MAX)),
        Just(i64::from(i32::MIN) - 1),
        Just(i64::MIN),
        any::<i64>(),
    ];
    prop_oneof![
        4 => boundaries.prop_map(|number| number.to_string().into_bytes()),
        4 => vec(any::<u8>(), 0..20),
        1 => prop_oneof![Just(63), Just(64), Just(127), Just(128), Just(4095), Just(4096), Just(16400)]
            .prop_map(|len| vec![b'x'; len]),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Insert(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize, usize),
    Append(Vec<Vec<u8>>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<usize>(), text()).prop_map(|(at, text)| Step::Insert(at, text)),
        2 => (any::<usize>(), text()).prop_map(|(at, text)| Step::Replace(at, text)),
        1 => (any::<usize>(), 0..4_usize).prop_map(|(at, count)| Step::Remove(at, count)),
        1 => vec(text(), 0..4).prop_map(Step::Append),
    ]
}

fn place(pack: &Listpack, index: usize) -> usize {
    pack.view().seek(index as i64).unwrap_or(pack.view().end())
}

fn pack_of(texts: &[Vec<u8>]) -> Listpack {
    let mut pack = Listpack::new();
    texts.iter().for_each(|text| pack.push_back(Item::of(text)));
    pack
}

fn apply(step: Step, pack: &mut Listpack, model: &mut Vec<Vec<u8>>) {
    match step {
        Step::Insert(at, text) => {
            let at = at % (model.len() + 1);
            pack.insert(place(pack, at), Item::of(&text));
            model.insert(at, text);
        }
        Step::Replace(at, text) if !model.is_empty() => {
            let at = at % model.len();
            pack.replace(place(pack, at), Item::of(&text));
            model[at] = text;
        }
        Step::Remove(at, count) => {
            let at = at % (model.len() + 1);
            pack.remove_many(place(pack, at), count);
            model.drain(at..(at + count).min(model.len()));
        }
        Step::Append(texts) => {
            pack.append(pack_of(&texts).view());
            pack.push_all(texts.iter().map(|text| Item::of(text)));
            model.extend(texts.iter().cloned().chain(texts.iter().cloned()));
        }
        Step::Replace(..) => {}
    }
}

proptest! {
    #[test]
    fn agrees_with_a_row_of_texts(steps in vec(step(), 0..40)) {
        let (mut pack, mut model) = (Listpack::new(), Vec::new());
        for step in steps {
            apply(step, &mut pack, &mut model);
            let view = pack.view();
            prop_assert!(ListpackRef::parse(view.bytes()).is_some());
            prop_assert_eq!(view.iter().map(Item::to_vec).collect::<Vec<_>>(), model.clone());
            prop_assert_eq!(view.iter().rev().map(Item::to_vec).collect::<Vec<_>>(), model.iter().rev().cloned().collect::<Vec<_>>());
            prop_assert_eq!(view.len(), model.len());
            for index in -(model.len() as i64)..model.len() as i64 {
                let expected = &model[index.rem_euclid(model.len() as i64) as usize];
                let place = view.seek(index).expect("within");
                prop_assert_eq!(&view.get(place).to_vec(), expected);
                let found = view.find(view.start(), expected, 0).expect("it is there");
                prop_assert_eq!(&view.get(found).to_vec(), expected);
            }
            prop_assert!(view.seek(model.len() as i64).is_none());
        }
    }

    #[test]
    fn any_bytes_are_refused_or_can_be_walked(mut bytes in vec(any::<u8>(), 0..60)) {
        let total = (bytes.len() as u32).to_le_bytes();
        for (byte, fixed) in bytes.iter_mut().zip(total) {
            *byte = fixed;
        }
        if let Some(view) = ListpackRef::parse(&bytes) {
            prop_assert_eq!(view.iter().count(), view.iter().rev().count());
        }
    }
}

#[test]
fn more_elements_than_the_header_counts() {
    let mut pack = Listpack::new();
    (0..70_000).for_each(|number| pack.push_back(Item::Int(number)));
    assert_eq!(pack.view().len(), 70_000);
    pack.remove_many(pack.view().start(), 10_000);
    assert_eq!(pack.view().len(), 60_000);
    assert_eq!(pack.view().iter().next(), Some(Item::Int(10_000)));
}

/// The body of `DUMP` of a list of "a", 1, -5, 300, 70000 and a text of 70 bytes, made by redis-server 7.0.15.
#[test]
fn is_byte_for_byte_what_redis_writes() {
    let mut pack = Listpack::new();
    let long = "x".repeat(70);
    for text in ["a", "1", "-5", "300", "70000", long.as_str()] {
        pack.push_back(Item::of(text.as_bytes()));
    }
    let mut expected = vec![0x68, 0, 0, 0, 6, 0];
    expected.extend([0x81, b'a', 2, 1, 1, 0xDF, 0xFB, 2, 0xC1, 0x2C, 2, 0xF2, 0x70, 0x11, 0x01, 4, 0xE0, 70]);
    expected.extend(long.as_bytes());
    expected.extend([72, 0xFF]);
    expected[0] = expected.len() as u8;
    assert_eq!(pack.view().bytes(), expected);
}
