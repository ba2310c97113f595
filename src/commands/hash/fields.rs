//! `FIELDS numfields field [field ...]`, as the commands around deadlines take their fields: always last.

use std::ops::Range;

use crate::engine::{Call, Failure};
use crate::text::number::parse_i64;

const NO_POSITIVE: Failure = Failure::fixed("ERR Number of fields must be a positive integer");
const MISSING: Failure =
    Failure::fixed("ERR Mandatory argument FIELDS is missing or not at the right position");
const MISMATCH: Failure = Failure::fixed("ERR The `numfields` parameter must match the number of arguments");

/// The arguments that name fields, where the word stands at argument `i`.
pub(super) fn parse(call: &Call<'_>, i: usize) -> Result<Range<usize>, Failure> {
    parse_or(call, i, NO_POSITIVE)
}

/// The same with another error for a number that is none.
pub(super) fn parse_or(call: &Call<'_>, i: usize, no_number: Failure) -> Result<Range<usize>, Failure> {
    if !call.arg_is(i, "fields") {
        return Err(MISSING);
    }
    let count = parse_i64(call.arg(i + 1)).filter(|count| *count > 0).ok_or(no_number)?;
    let fields = i + 2..call.len();
    if count == fields.len() as i64 { Ok(fields) } else { Err(MISMATCH) }
}
