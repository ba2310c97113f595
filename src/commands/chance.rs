//! How many elements are wanted by chance: the count of SRANDMEMBER, HRANDFIELD and ZRANDMEMBER. A negative one allows the
//! same element again.

use crate::engine::{Call, Failure};

/// The most elements that may be wanted with repetition: more than any client could take, and all would have to be written
/// before one is sent.
const REPEATED_MAX: u64 = 1 << 32;

const LEAST: Failure = Failure::fixed(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);
const OUT_OF_RANGE: Failure = Failure::fixed("ERR value is out of range");

/// Argument `i`; `parts`: how many elements of the reply each takes.
pub(super) fn count_by_chance(call: &Call<'_>, i: usize, parts: i64) -> Result<i64, Failure> {
    match call.integer(i)? {
        i64::MIN => Err(LEAST),
        count if count.abs() > i64::MAX / parts => Err(OUT_OF_RANGE),
        count => Ok(count),
    }
}

/// Refuses a count whose answer nobody could read. Where nothing is to be drawn from, any count is fine.
pub(super) fn check_repeats(count: i64) -> Result<(), Failure> {
    if count < 0 && count.unsigned_abs() > REPEATED_MAX { Err(OUT_OF_RANGE) } else { Ok(()) }
}
