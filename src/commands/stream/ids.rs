//! Ids and intervals as arguments.

use crate::engine::{Call, Failure};
use crate::types::stream::StreamId;

pub(super) const INVALID: Failure =
    Failure::fixed("ERR Invalid stream ID specified as stream command argument");

/// An id; what is missing behind the milliseconds is 0.
pub(super) fn id(text: &[u8]) -> Result<StreamId, Failure> {
    StreamId::parse(text, 0).ok_or(INVALID)
}

/// An id, or `-` or `+` for the ends.
pub(super) fn id_or_end(text: &[u8], missing_seq: u64) -> Result<StreamId, Failure> {
    match text {
        b"-" => Ok(StreamId::MIN),
        b"+" => Ok(StreamId::MAX),
        _ => StreamId::parse(text, missing_seq).ok_or(INVALID),
    }
}

/// Where an interval begins; `(` excludes the id itself.
pub(super) fn start(text: &[u8]) -> Result<StreamId, Failure> {
    match text {
        [b'(', text @ ..] if !text.is_empty() => {
            id(text)?.next().ok_or(Failure::fixed("ERR invalid start ID for the interval"))
        }
        _ => id_or_end(text, 0),
    }
}

/// Where an interval ends, that id included; `(` excludes it.
pub(super) fn end(text: &[u8]) -> Result<StreamId, Failure> {
    match text {
        [b'(', text @ ..] if !text.is_empty() => {
            let id = StreamId::parse(text, u64::MAX).ok_or(INVALID)?;
            id.prev().ok_or(Failure::fixed("ERR invalid end ID for the interval"))
        }
        _ => id_or_end(text, u64::MAX),
    }
}

/// COUNT at argument `i`; what is negative counts as 0.
pub(super) fn count(call: &Call<'_>, i: usize) -> Result<usize, Failure> {
    Ok(usize::try_from(call.integer(i)?.max(0)).unwrap_or(usize::MAX))
}

/// The error of commands whose group must be there.
pub(super) fn no_group(key: &[u8], group: &[u8]) -> Failure {
    Failure::new([b"NOGROUP No such key '", key, b"' or consumer group '", group, b"'"].concat())
}
