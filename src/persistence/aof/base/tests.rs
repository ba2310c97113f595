//! Values in parts against the same values at once.

use proptest::prelude::*;

use super::LogBase;
use super::stream::payload;
use crate::dump::tests::object;
use crate::types::{Frozen, ObjectRef, Payload, Value};

/// What the commands say: elements one by one, however they are spread; other commands as they are.
fn told(mut base: LogBase) -> Vec<Vec<Vec<u8>>> {
    let bytes = base.take();
    let (mut rest, mut told) = (bytes.as_slice(), Vec::new());
    while !rest.is_empty() {
        let count = number(&mut rest, b'*');
        let words: Vec<Vec<u8>> = (0..count).map(|_| word(&mut rest)).collect();
        let width = match words[0].as_slice() {
            b"HMSET" | b"ZADD" => 2,
            b"SADD" | b"RPUSH" => 1,
            _ => words.len() - 2,
        };
        told.extend(words[2..].chunks(width).map(|element| [&words[..2], element].concat()));
    }
    told
}

fn number(rest: &mut &[u8], kind: u8) -> usize {
    assert_eq!(rest[0], kind);
    let end = rest.iter().position(|byte| *byte == b'\r').expect("a line");
    let number = std::str::from_utf8(&rest[1..end]).expect("digits").parse().expect("a number");
    *rest = &rest[end + 2..];
    number
}

fn word(rest: &mut &[u8]) -> Vec<u8> {
    let length = number(rest, b'$');
    let word = rest[..length].to_vec();
    assert_eq!(&rest[length..length + 2], b"\r\n");
    *rest = &rest[length + 2..];
    word
}

proptest! {
    #[test]
    fn parts_make_the_same_commands(object in object(), elements in 1..20_usize, expires: bool) {
        let value = Value::Object(object.view());
        let (mut whole, mut sliced, expiry) = (LogBase::default(), LogBase::default(), expires.then_some(7));
        let Some(mut frozen) = Frozen::of(value) else { return Ok(()) };
        sliced.begin(b"key", frozen.head(), expiry);
        while !frozen.show(elements, |part| sliced.part(part)) {}
        if let ObjectRef::Stream(stream) = object.view() {
            whole.commands.whole(&[b"RESTORE", b"key", b"0", &payload(stream)]);
            if let Some(at_ms) = expiry {
                whole.commands.begin(b"PEXPIREAT", 2).word(b"key").number(at_ms);
            }
        } else {
            whole.entry(b"key", value, expiry);
        }
        let (mut whole, mut sliced) = (told(whole), told(sliced));
        if !matches!(object.view(), ObjectRef::List(_) | ObjectRef::Stream(_)) {
            // The order of elements is free.
            whole.sort();
            sliced.sort();
        }
        prop_assert_eq!(whole, sliced);
    }
}

#[test]
fn a_long_string_comes_in_parts() {
    let text = vec![b'x'; 3 << 20];
    let (mut whole, mut sliced) = (LogBase::default(), LogBase::default());
    whole.entry(b"key", Value::Bytes(&text), Some(7));
    let mut frozen = Frozen::of(Value::Bytes(&text)).expect("it is long");
    sliced.begin(b"key", frozen.head(), Some(7));
    while !frozen.show(128, |part| sliced.part(part)) {}
    assert!(whole.take() == sliced.take());
}
