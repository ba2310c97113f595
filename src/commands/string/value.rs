//! Strings on their way between arguments, entries and replies.

use crate::engine::Failure;
use crate::keyspace::{NewValue, Value};
use crate::protocol::reply::Reply;
use crate::text::number::{INTEGER_BYTES_MAX, parse_i64};

/// How a text is stored.
#[inline]
pub(super) fn stored(text: &[u8]) -> NewValue<'_> {
    if text.len() > INTEGER_BYTES_MAX {
        return NewValue::Bytes(text);
    }
    parse_i64(text).map_or(NewValue::Bytes(text), NewValue::Int)
}

/// Answers with a string.
#[inline]
pub(super) fn answer(reply: &mut Reply<'_>, value: Value<'_>) -> Result<(), Failure> {
    match value {
        Value::Int(number) => reply.bulk_integer(number),
        Value::Bytes(bytes) => reply.bulk(bytes),
        Value::Object(_) => return Err(Failure::WRONG_TYPE),
    }
    Ok(())
}

/// A string's bytes; those of an integer are written into `digits`.
pub(in crate::commands) fn text<'a>(
    value: Value<'a>,
    digits: &'a mut itoa::Buffer,
) -> Result<&'a [u8], Failure> {
    match value {
        Value::Int(number) => Ok(digits.format(number).as_bytes()),
        Value::Bytes(bytes) => Ok(bytes),
        Value::Object(_) => Err(Failure::WRONG_TYPE),
    }
}

/// A string's length in bytes.
pub(super) fn length(value: Value<'_>) -> Result<usize, Failure> {
    match value {
        Value::Object(_) => Err(Failure::WRONG_TYPE),
        string => Ok(string.len()),
    }
}

/// Whether a string has these bytes.
pub(super) fn equals(value: Value<'_>, bytes: &[u8]) -> Result<bool, Failure> {
    Ok(text(value, &mut itoa::Buffer::new())? == bytes)
}
