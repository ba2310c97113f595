//! Decodes replies as they arrive, cut anywhere.
//!
//! The decoder holds the bytes that are not decoded yet and the aggregates that are not complete yet, so that nothing is
//! decoded twice. It keeps within its limits whatever the server sends.

use std::fmt;

use memchr::memchr;

use super::value::Value;
use crate::text::{parse_f64, parse_i64};

/// The longest line, in bytes.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// Room is made for so many elements at once; for more, as they arrive.
const ELEMENTS_RESERVED_MAX: usize = 1024;
/// So many decoded bytes are kept before the rest is moved to the front.
const BYTES_BEHIND_MAX: usize = 64 * 1024;

/// What a server may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecodeLimits {
    /// How deep aggregates may nest.
    pub depth_max: usize,
    /// The longest bulk string, in bytes.
    pub bulk_bytes_max: usize,
    /// The most values of one aggregate; keys and values of a map count separately.
    pub elements_max: usize,
}

impl Default for DecodeLimits {
    fn default() -> DecodeLimits {
        DecodeLimits { depth_max: 32, bulk_bytes_max: 512 << 20, elements_max: 64 << 20 }
    }
}

/// Bytes that are no reply, or one beyond the limits. Where the next one would begin is not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DecodeError {
    /// No reply begins with this byte.
    UnknownType(u8),
    /// A line is not what its type demands.
    InvalidLine,
    /// A bulk string does not end where it should.
    MissingLineEnd,
    /// A line is longer than 64 KiB.
    LineTooLong,
    /// A bulk string or an aggregate is longer than the limits.
    TooLong,
    /// Aggregates nest deeper than the limits.
    TooDeep,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::UnknownType(byte) => {
                write!(formatter, "no reply begins with '{}'", byte.escape_ascii())
            }
            DecodeError::InvalidLine => formatter.write_str("invalid line in a reply"),
            DecodeError::MissingLineEnd => formatter.write_str("a bulk string does not end where it should"),
            DecodeError::LineTooLong => formatter.write_str("a line of a reply is too long"),
            DecodeError::TooLong => formatter.write_str("a reply is too long"),
            DecodeError::TooDeep => formatter.write_str("a reply nests too deep"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Decodes the replies of one connection.
#[derive(Default, Debug)]
pub struct Decoder {
    limits: DecodeLimits,
    buffer: Vec<u8>,
    /// What is before this is decoded.
    at: usize,
    /// Aggregates that are not complete yet, the outermost first.
    open: Vec<Frame>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Array,
    Map,
    Set,
    Push,
    Attribute,
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    /// How many values are missing; never 0.
    left: usize,
    values: Vec<Value>,
}

/// What begins at some place of the buffer.
enum Element {
    Scalar(Value),
    Aggregate(Kind, usize),
}

impl Decoder {
    /// With limits of choice.
    pub fn new(limits: DecodeLimits) -> Decoder {
        Decoder { limits, ..Decoder::default() }
    }

    /// Takes bytes that have arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.at == self.buffer.len() || self.at > BYTES_BEHIND_MAX {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next reply, if it has arrived. After an error the decoder is of no more use.
    #[expect(clippy::should_implement_trait, reason = "more may follow after None")]
    pub fn next(&mut self) -> Result<Option<Value>, DecodeError> {
        while let Some((element, end)) = element(&self.buffer, self.at, &self.limits)? {
            self.at = end;
            let complete = match element {
                Element::Scalar(value) => self.deliver(value),
                Element::Aggregate(kind, length) => self.open(kind, length)?,
            };
            if complete.is_some() {
                return Ok(complete);
            }
        }
        Ok(None)
    }

    /// Takes back the bytes that are not decoded yet: what follows the replies is something else.
    pub fn take_rest(&mut self) -> Vec<u8> {
        self.buffer.drain(..std::mem::take(&mut self.at));
        std::mem::take(&mut self.buffer)
    }

    /// Begins an aggregate; the reply that it completes, if it is empty.
    fn open(&mut self, kind: Kind, length: usize) -> Result<Option<Value>, DecodeError> {
        if length == 0 {
            return Ok(finish(kind, Vec::new()).and_then(|value| self.deliver(value)));
        }
        if self.open.len() >= self.limits.depth_max {
            return Err(DecodeError::TooDeep);
        }
        let values = Vec::with_capacity(length.min(ELEMENTS_RESERVED_MAX));
        self.open.push(Frame { kind, left: length, values });
        Ok(None)
    }

    /// Puts a value where it belongs; the reply that it completes, if it does.
    fn deliver(&mut self, mut value: Value) -> Option<Value> {
        while let Some(mut frame) = self.open.pop() {
            frame.values.push(value);
            frame.left -= 1;
            if frame.left > 0 {
                self.open.push(frame);
                return None;
            }
            value = finish(frame.kind, frame.values)?;
        }
        Some(value)
    }
}

/// A complete aggregate's value; `None` for an attribute, which stands before a value and is none.
fn finish(kind: Kind, values: Vec<Value>) -> Option<Value> {
    match kind {
        Kind::Array => Some(Value::Array(values)),
        Kind::Set => Some(Value::Set(values)),
        Kind::Push => Some(Value::Push(values)),
        Kind::Map => Some(Value::Map(pairs(values))),
        Kind::Attribute => None,
    }
}

fn pairs(values: Vec<Value>) -> Vec<(Value, Value)> {
    let mut pairs = Vec::with_capacity(values.len() / 2);
    let mut values = values.into_iter();
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        pairs.push((key, value));
    }
    pairs
}

/// What begins at `at`, and where it ends; `None` if it has not all arrived.
fn element(buffer: &[u8], at: usize, limits: &DecodeLimits) -> Result<Option<(Element, usize)>, DecodeError> {
    let Some((line, end)) = line(buffer, at)? else { return Ok(None) };
    let [mark, rest @ ..] = line else { return Err(DecodeError::InvalidLine) };
    let element = match mark {
        b'+' => Element::Scalar(Value::Simple(rest.to_vec())),
        b'-' => Element::Scalar(Value::Error(rest.to_vec())),
        b':' => Element::Scalar(Value::Integer(parse_i64(rest).ok_or(DecodeError::InvalidLine)?)),
        b'_' if rest.is_empty() => Element::Scalar(Value::Null),
        b'#' => Element::Scalar(Value::Boolean(boolean(rest)?)),
        b',' => Element::Scalar(Value::Double(double(rest)?)),
        b'(' => Element::Scalar(Value::BigNumber(big_number(rest)?)),
        b'$' | b'*' if rest == b"-1" => Element::Scalar(Value::Null),
        b'$' | b'!' | b'=' => return bulk(buffer, *mark, length(rest, limits.bulk_bytes_max)?, end),
        b'*' => Element::Aggregate(Kind::Array, length(rest, limits.elements_max)?),
        b'~' => Element::Aggregate(Kind::Set, length(rest, limits.elements_max)?),
        b'>' => Element::Aggregate(Kind::Push, length(rest, limits.elements_max)?),
        b'%' => Element::Aggregate(Kind::Map, 2 * length(rest, limits.elements_max / 2)?),
        b'|' => Element::Aggregate(Kind::Attribute, 2 * length(rest, limits.elements_max / 2)?),
        other => return Err(DecodeError::UnknownType(*other)),
    };
    Ok(Some((element, end)))
}

/// The line at `at` without its end, and where the next begins.
fn line(buffer: &[u8], at: usize) -> Result<Option<(&[u8], usize)>, DecodeError> {
    let rest = &buffer[at..];
    let Some(end) = memchr(b'\n', rest) else {
        return if rest.len() > LINE_BYTES_MAX { Err(DecodeError::LineTooLong) } else { Ok(None) };
    };
    if end > LINE_BYTES_MAX {
        return Err(DecodeError::LineTooLong);
    }
    let line = rest[..end].strip_suffix(b"\r").ok_or(DecodeError::InvalidLine)?;
    Ok(Some((line, at + end + 1)))
}

fn length(digits: &[u8], max: usize) -> Result<usize, DecodeError> {
    let length = parse_i64(digits).and_then(|length| usize::try_from(length).ok());
    let length = length.ok_or(DecodeError::InvalidLine)?;
    if length > max { Err(DecodeError::TooLong) } else { Ok(length) }
}

fn boolean(text: &[u8]) -> Result<bool, DecodeError> {
    match text {
        b"t" => Ok(true),
        b"f" => Ok(false),
        _ => Err(DecodeError::InvalidLine),
    }
}

fn double(text: &[u8]) -> Result<f64, DecodeError> {
    match text {
        b"nan" | b"-nan" => Ok(f64::NAN),
        _ => parse_f64(text).ok_or(DecodeError::InvalidLine),
    }
}

fn big_number(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let valid = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if valid { Ok(text.to_vec()) } else { Err(DecodeError::InvalidLine) }
}

/// The bulk of a string, error or verbatim string, which begins at `start`.
fn bulk(
    buffer: &[u8],
    mark: u8,
    length: usize,
    start: usize,
) -> Result<Option<(Element, usize)>, DecodeError> {
    let end = start + length;
    let Some(line_end) = buffer.get(end..end + 2) else { return Ok(None) };
    if line_end != b"\r\n" {
        return Err(DecodeError::MissingLineEnd);
    }
    let bytes = &buffer[start..end];
    let value = match (mark, bytes) {
        (b'$', _) => Value::Bulk(bytes.to_vec()),
        (b'!', _) => Value::Error(bytes.to_vec()),
        (_, [a, b, c, b':', text @ ..]) => Value::Verbatim { format: [*a, *b, *c], text: text.to_vec() },
        _ => return Err(DecodeError::InvalidLine),
    };
    Ok(Some((Element::Scalar(value), end + 2)))
}
