//! What the commands of bitmaps share: offsets, and strings that are changed in place.

use crate::engine::{Call, Failure};
use crate::keyspace::{Key, NewValue, Slot, Value};
use crate::text::number::parse_i64;

const BAD_OFFSET: Failure = Failure::fixed("ERR bit offset is not an integer or out of range");

/// Reads a bit's offset. In bit fields `#n` is the n-th field of so many bits. A string may be as long as
/// `proto-max-bulk-len` says.
pub(super) fn offset(call: &Call<'_>, i: usize, field_bits: Option<u32>) -> Result<u64, Failure> {
    let (text, bits) = match (call.arg(i), field_bits) {
        ([b'#', text @ ..], Some(bits)) => (text, u64::from(bits)),
        (text, _) => (text, 1),
    };
    let number = parse_i64(text).and_then(|number| u64::try_from(number).ok());
    let offset = number.and_then(|number| number.checked_mul(bits)).ok_or(BAD_OFFSET)?;
    let limit = call.engine.config.proto_max_bulk_len_bytes;
    if offset <= i64::MAX as u64 && offset / 8 < limit { Ok(offset) } else { Err(BAD_OFFSET) }
}

/// Changes the string at a key, which is made if there is none, and is filled up with zero bytes so far that `bit` lies in
/// it. Tells also whether it has grown.
pub(super) fn edit<R>(
    call: &mut Call<'_>,
    key: &Key<'_>,
    bit: u64,
    change: impl FnOnce(&mut [u8]) -> R,
) -> Result<(R, bool), Failure> {
    let clock = call.new_clock();
    match call.slot(key) {
        Slot::Occupied(occupied) if matches!(occupied.entry().value(), Value::Object(_)) => {
            Err(Failure::WRONG_TYPE)
        }
        Slot::Occupied(mut occupied) => occupied.with_bytes(|bytes| {
            let grows = extend(bytes, bit)?;
            Ok((change(bytes), grows))
        }),
        Slot::Vacant(vacant) => {
            let mut bytes = Vec::new();
            extend(&mut bytes, bit)?;
            let result = change(&mut bytes);
            vacant.insert(NewValue::Heap(bytes), None, clock);
            Ok((result, true))
        }
    }
}

/// Fills a string up so far that a bit lies in it; true if it has grown.
fn extend(bytes: &mut Vec<u8>, bit: u64) -> Result<bool, Failure> {
    let length = usize::try_from(bit / 8 + 1).map_err(|_| Failure::NO_MEMORY)?;
    let Some(missing) = length.checked_sub(bytes.len()).filter(|missing| *missing > 0) else {
        return Ok(false);
    };
    bytes.try_reserve(missing).map_err(|_| Failure::NO_MEMORY)?;
    bytes.resize(length, 0);
    Ok(true)
}
