//! How long a client is willing to wait, as blocking commands take it.

use std::time::Duration;

use crate::engine::{Call, Failure};
use crate::text::number::parse_i64;

const NEGATIVE: Failure = Failure::fixed("ERR timeout is negative");
const OUT_OF_RANGE: Failure = Failure::fixed("ERR timeout is out of range");

/// Argument `i` in seconds, with a fraction; 0 waits for ever.
pub(super) fn seconds(call: &Call<'_>, i: usize) -> Result<Option<Duration>, Failure> {
    let not_float = || Failure::fixed("ERR timeout is not a float or out of range");
    let seconds = crate::text::float::parse_f64(call.arg(i)).ok_or_else(not_float)?;
    // Redis computes in long doubles; what does not fit 64 bits of milliseconds is refused.
    let millis = seconds * 1000.0;
    if millis > i64::MAX as f64 {
        return Err(OUT_OF_RANGE);
    }
    bounded(call, millis.ceil() as i64)
}

/// Argument `i` in milliseconds; 0 waits for ever.
pub(super) fn millis(call: &Call<'_>, i: usize) -> Result<Option<Duration>, Failure> {
    let millis =
        parse_i64(call.arg(i)).ok_or(Failure::fixed("ERR timeout is not an integer or out of range"))?;
    bounded(call, millis)
}

fn bounded(call: &Call<'_>, millis: i64) -> Result<Option<Duration>, Failure> {
    if millis < 0 {
        return Err(NEGATIVE);
    }
    // The moment at which the time is over must be a Unix time in milliseconds.
    if millis.checked_add(call.now.wall.millis()).is_none() {
        return Err(OUT_OF_RANGE);
    }
    Ok((millis > 0).then(|| Duration::from_millis(millis as u64)))
}
