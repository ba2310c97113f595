//! Values in parts against the same values at once.

use proptest::prelude::*;

use super::LogBase;
use crate::dump::tests::object;
use crate::types::{Frozen, ObjectRef, Payload, Value};

/// What stands between line ends: counts, lengths and words.
fn lines(mut base: LogBase) -> Vec<Vec<u8>> {
    base.take().split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

proptest! {
    #[test]
    fn parts_make_the_same_commands(object in object(), elements in 1..20_usize, expires: bool) {
        let value = Value::Object(object.view());
        let (mut whole, mut sliced, expiry) = (LogBase::default(), LogBase::default(), expires.then_some(7));
        let Some(mut frozen) = Frozen::of(value) else { return Ok(()) };
        sliced.begin(b"key", frozen.head(), expiry);
        while !frozen.show(elements, |part| sliced.part(part)) {}
        if let ObjectRef::Stream(_) = object.view() {
            let payload = crate::dump::payload(value, false);
            whole.commands.whole(&[b"RESTORE", b"key", b"0", &payload]);
            if let Some(at_ms) = expiry {
                whole.commands.begin(b"PEXPIREAT", 2).word(b"key").number(at_ms);
            }
        } else {
            whole.entry(b"key", value, expiry);
        }
        let (mut whole, mut sliced) = (lines(whole), lines(sliced));
        if !matches!(object.view(), ObjectRef::List(_) | ObjectRef::Stream(_)) {
            // The order of elements is free.
            whole.sort();
            sliced.sort();
        }
        prop_assert_eq!(whole, sliced);
    }
}
