//! Values on their way in and out of a table.

use super::object::{Object, ObjectRef};
use super::payload::View;

/// The longest string that OBJECT ENCODING calls `embstr`.
const EMBSTR_BYTES_MAX: usize = 44;

/// A view of a stored value; `R` is how objects are read.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a, R = ObjectRef<'a>> {
    /// A string that is an integer in canonical form.
    Int(i64),
    /// Any other string.
    Bytes(&'a [u8]),
    /// Anything else.
    Object(R),
}

impl<R: View> Value<'_, R> {
    /// Length in bytes of the string form; for an object the number of its elements.
    pub fn len(&self) -> usize {
        match self {
            Value::Int(number) => itoa::Buffer::new().format(*number).len(),
            Value::Bytes(bytes) => bytes.len(),
            Value::Object(object) => object.len(),
        }
    }

    /// Whether [`len`](Self::len) is 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The encoding of such a value when it has just been stored. A string that was edited in place is `raw` whatever its
    /// length: ask the entry ([`EntryRef::encoding`](super::EntryRef::encoding)).
    pub fn encoding(&self) -> &'static str {
        match self {
            Value::Int(_) => "int",
            Value::Bytes(bytes) if bytes.len() <= EMBSTR_BYTES_MAX => "embstr",
            Value::Bytes(_) => "raw",
            Value::Object(object) => object.encoding(),
        }
    }

    /// Appends the string form; nothing for an object.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            Value::Int(number) => out.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes()),
            Value::Bytes(bytes) => out.extend_from_slice(bytes),
            Value::Object(_) => {}
        }
    }
}

/// A value to be stored.
#[derive(Debug)]
pub enum NewValue<'a, V = Object> {
    /// A string that the caller found to be an integer in canonical form.
    Int(i64),
    /// A string, to be copied.
    Bytes(&'a [u8]),
    /// A string that the caller has built and gives away; it counts as edited in place (`raw`).
    Heap(Vec<u8>),
    /// Anything else.
    Object(V),
}

/// What becomes of an entry's expiry when its value is overwritten.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expiry {
    /// It stays as it is.
    Keep,
    /// The entry no longer expires.
    Clear,
    /// The entry expires at this Unix time in milliseconds.
    At(i64),
}

impl Expiry {
    /// The expiry that an entry with `current` has afterwards.
    #[inline]
    pub fn after(self, current: Option<i64>) -> Option<i64> {
        match self {
            Expiry::Keep => current,
            Expiry::Clear => None,
            Expiry::At(at_ms) => Some(at_ms),
        }
    }
}
