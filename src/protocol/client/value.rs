//! A reply as a value.

use std::fmt;

/// A reply, decoded. RESP2's two nulls are one; attributes are not kept.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// A status, without its mark.
    Simple(Vec<u8>),
    /// An error, with its code, without its mark.
    Error(Vec<u8>),
    /// An integer.
    Integer(i64),
    /// A bulk string.
    Bulk(Vec<u8>),
    /// The absence of a value or of an array.
    Null,
    /// An array.
    Array(Vec<Value>),
    /// A map, in the order that it came in.
    Map(Vec<(Value, Value)>),
    /// A set, in the order that it came in.
    Set(Vec<Value>),
    /// A message that answers no request.
    Push(Vec<Value>),
    /// A double.
    Double(f64),
    /// A truth value.
    Boolean(bool),
    /// An integer of any size, as its decimal digits.
    BigNumber(Vec<u8>),
    /// A text to be shown as it is.
    Verbatim {
        /// `txt`, `mkd`, …
        format: [u8; 3],
        /// The text.
        text: Vec<u8>,
    },
}

impl Value {
    /// The text of a status, bulk string, big number or verbatim string.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Value::Simple(bytes) | Value::Bulk(bytes) | Value::BigNumber(bytes) => Some(bytes),
            Value::Verbatim { text, .. } => Some(text),
            _ => None,
        }
    }

    /// An integer's value.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Value::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// An error's text.
    pub fn as_error(&self) -> Option<&[u8]> {
        match self {
            Value::Error(text) => Some(text),
            _ => None,
        }
    }

    /// The values of an array, set or push message.
    pub fn as_values(&self) -> Option<&[Value]> {
        match self {
            Value::Array(values) | Value::Set(values) | Value::Push(values) => Some(values),
            _ => None,
        }
    }

    /// Whether this is the status `OK`.
    pub fn is_ok(&self) -> bool {
        matches!(self, Value::Simple(text) if text == b"OK")
    }
}

/// One line, bytes escaped: `[+OK, "a\n", 3, null]`.
impl fmt::Debug for Value {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Simple(text) => write!(formatter, "+{}", text.escape_ascii()),
            Value::Error(text) => write!(formatter, "-{}", text.escape_ascii()),
            Value::Integer(value) => write!(formatter, "{value}"),
            Value::Bulk(bytes) => write!(formatter, "\"{}\"", bytes.escape_ascii()),
            Value::Null => formatter.write_str("null"),
            Value::Array(values) => formatter.debug_list().entries(values).finish(),
            Value::Map(pairs) => {
                formatter.debug_map().entries(pairs.iter().map(|(key, value)| (key, value))).finish()
            }
            Value::Set(values) => formatter.debug_set().entries(values).finish(),
            Value::Push(values) => {
                formatter.write_str(">")?;
                formatter.debug_list().entries(values).finish()
            }
            Value::Double(value) => write!(formatter, "{value:?}"),
            Value::Boolean(value) => write!(formatter, "{value}"),
            Value::BigNumber(digits) => write!(formatter, "({}", digits.escape_ascii()),
            Value::Verbatim { format, text } => {
                write!(formatter, "{}:\"{}\"", format.escape_ascii(), text.escape_ascii())
            }
        }
    }
}
