//! What other keys hold, named by a pattern in which an element takes the place of the star.

use crate::engine::Call;
use crate::keyspace::{ObjectRef, Value};

/// The text that the pattern leads to: `#` is the element itself, `prefix*` a string, `prefix*->field` a hash's field.
pub(super) fn by_pattern(call: &mut Call<'_>, pattern: &[u8], element: &[u8]) -> Option<Vec<u8>> {
    if pattern == b"#" {
        return Some(element.to_vec());
    }
    let star = pattern.iter().position(|byte| *byte == b'*')?;
    let (before, after) = (&pattern[..star], &pattern[star + 1..]);
    let (after, field) = split_field(after);
    let name = [before, element, after].concat();
    let now_ms = call.now.wall.millis();
    let key = call.engine.keyspace.hasher().key(&name);
    match (call.read(&key).0?.value(), field) {
        (Value::Object(ObjectRef::Hash(hash)), Some(field)) => {
            hash.get(field, now_ms).map(|item| item.to_vec())
        }
        (Value::Object(_), _) | (_, Some(_)) => None,
        (string, None) => {
            let mut text = Vec::new();
            string.write_to(&mut text);
            Some(text)
        }
    }
}

/// The rest of a key's name, and the field behind an arrow, unless nothing follows the arrow.
fn split_field(after: &[u8]) -> (&[u8], Option<&[u8]>) {
    let arrow = after.windows(2).position(|pair| pair == b"->").filter(|at| at + 2 < after.len());
    match arrow {
        Some(at) => (&after[..at], Some(&after[at + 2..])),
        None => (after, None),
    }
}
