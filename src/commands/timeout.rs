//! How long a client is willing to wait, as blocking commands take it.

use std::time::Duration;

use crate::engine::{Call, Failure};
use crate::text::LongDouble;
use crate::text::number::parse_i64;

const NEGATIVE: Failure = Failure::fixed("ERR timeout is negative");
const OUT_OF_RANGE: Failure = Failure::fixed("ERR timeout is out of range");

/// Argument `i` in seconds, with a fraction; 0 waits for ever.
pub(super) fn seconds(call: &Call<'_>, i: usize) -> Result<Option<Duration>, Failure> {
    let not_float = || Failure::fixed("ERR timeout is not a float or out of range");
    let seconds = LongDouble::parse(call.arg(i)).ok_or_else(not_float)?;
    bounded(call, seconds.thousandths_rounded_up())
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
