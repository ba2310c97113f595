//! HyperLogLog: how many different texts there were, from 16384 registers (Flajolet et al. 2007, with a 64-bit hash).
//!
//! A sketch is a string, byte for byte as Redis makes it, so that one made here can be read there and the other way round:
//!
//! | part | bytes |
//! |---|---|
//! | `HYLL` | 4 |
//! | 0: dense, 1: sparse | 1 |
//! | nothing | 3 |
//! | the last count, little endian; its highest bit says that it is out of date | 8 |
//! | registers: `dense`, 12288, or `sparse`, as many as needed | |
//!
//! A sketch begins sparse, and becomes dense when that would take more than a limit, or when a register does not fit.
//! Strings come from anywhere: a dense sketch has the right length, but a sparse one may be malformed, which is found only
//! where it is read ([`Corrupted`]).

mod count;
mod dense;
mod hash;
mod sparse;
#[cfg(test)]
mod tests;

pub use count::Registers;
pub use sparse::{Run, runs};

/// How many registers a sketch has.
pub const REGISTERS: usize = 1 << INDEX_BITS;
const INDEX_BITS: u32 = 14;
/// Bits of the hash that are looked at for zeros.
const PATTERN_BITS: u32 = 64 - INDEX_BITS;
const HEADER_BYTES: usize = 16;
const MAGIC: &[u8] = b"HYLL";
const ENCODING_AT: usize = 4;
const DENSE: u8 = 0;
const SPARSE: u8 = 1;
const COUNT_AT: usize = 8;
const OUTDATED: u64 = 1 << 63;

/// The registers of a sketch are malformed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Corrupted;

/// A sketch of nothing.
pub fn create() -> Vec<u8> {
    let mut sketch = vec![0; HEADER_BYTES];
    sketch[..MAGIC.len()].copy_from_slice(MAGIC);
    sketch[ENCODING_AT] = SPARSE;
    sparse::push_zeros(&mut sketch, REGISTERS);
    sketch
}

/// Whether a string is a sketch, as far as its header and length tell. All functions here that take a sketch want one for
/// which this holds.
pub fn is_sketch(bytes: &[u8]) -> bool {
    bytes.len() >= HEADER_BYTES
        && bytes.starts_with(MAGIC)
        && match bytes[ENCODING_AT] {
            DENSE => bytes.len() == HEADER_BYTES + dense::BYTES,
            encoding => encoding == SPARSE,
        }
}

/// Whether a sketch is dense.
pub fn is_dense(sketch: &[u8]) -> bool {
    sketch[ENCODING_AT] == DENSE
}

/// The last count, if it still holds.
pub fn last_count(sketch: &[u8]) -> Option<u64> {
    let (count, _) = sketch[COUNT_AT..HEADER_BYTES].as_chunks::<8>();
    let count = u64::from_le_bytes(count[0]);
    (count & OUTDATED == 0).then_some(count)
}

/// Notes the count.
pub fn set_last_count(sketch: &mut [u8], count: u64) {
    sketch[COUNT_AT..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
}

/// Notes that the last count no longer holds.
pub fn outdate(sketch: &mut [u8]) {
    sketch[HEADER_BYTES - 1] |= (OUTDATED >> 56) as u8;
}

/// Counts a text in; true if that changed a register. A sparse sketch stays so up to `sparse_max` bytes.
pub fn add(sketch: &mut Vec<u8>, text: &[u8], sparse_max: usize) -> Result<bool, Corrupted> {
    let (index, value) = hash::register_of(text);
    raise(sketch, index, value, sparse_max)
}

/// Raises a register to a value, if it is below; true if it was.
pub fn raise(sketch: &mut Vec<u8>, index: usize, value: u8, sparse_max: usize) -> Result<bool, Corrupted> {
    if !is_dense(sketch) {
        match sparse::raise(sketch, index, value, sparse_max)? {
            sparse::Raised::Yes => outdate(sketch),
            sparse::Raised::No => return Ok(false),
            sparse::Raised::NoRoom => {
                make_dense(sketch)?;
                dense::raise(&mut sketch[HEADER_BYTES..], index, value);
            }
        }
        return Ok(true);
    }
    Ok(dense::raise(&mut sketch[HEADER_BYTES..], index, value))
}

/// Makes a sketch dense; false if it is so already.
pub fn make_dense(sketch: &mut Vec<u8>) -> Result<bool, Corrupted> {
    if is_dense(sketch) {
        return Ok(false);
    }
    let mut dense = vec![0; HEADER_BYTES + dense::BYTES];
    sparse::each_run(sketch, |run, first| {
        for index in first..first + run.length {
            dense::raise(&mut dense[HEADER_BYTES..], index, run.value);
        }
    })?;
    dense[..HEADER_BYTES].copy_from_slice(&sketch[..HEADER_BYTES]);
    dense[ENCODING_AT] = DENSE;
    *sketch = dense;
    Ok(true)
}

/// Makes the registers of a sketch these, dense if wanted or needed. Those of the sketch must not be above them.
pub fn store(
    sketch: &mut Vec<u8>,
    registers: &Registers,
    dense: bool,
    sparse_max: usize,
) -> Result<(), Corrupted> {
    if dense {
        make_dense(sketch)?;
    }
    for (index, value) in registers.iter().enumerate().filter(|(_, value)| *value > 0) {
        raise(sketch, index, value, sparse_max)?;
    }
    outdate(sketch);
    Ok(())
}

/// About how many different texts were counted in.
pub fn count(sketch: &[u8]) -> Result<u64, Corrupted> {
    let mut histogram = [0; 64];
    if is_dense(sketch) {
        dense::each(&sketch[HEADER_BYTES..], |_, value| histogram[usize::from(value)] += 1);
    } else {
        sparse::each_run(sketch, |run, _| histogram[usize::from(run.value)] += run.length as u32)?;
    }
    Ok(count::estimate(&histogram))
}

/// Whether registers can be set and read back, and the count comes near the truth in both forms: what PFSELFTEST asks.
pub fn is_sound() -> bool {
    let (mut sketch, mut dense) = (create(), create());
    let mut sound = make_dense(&mut dense) == Ok(true);
    for number in 0..20_000_u64 {
        let text = number.to_le_bytes();
        let changed = add(&mut sketch, &text, 3000);
        sound &= changed.is_ok() && changed == add(&mut dense, &text, 0);
        if (number + 1).is_power_of_two() {
            let (counted, truth) = (count(&sketch), number + 1);
            let near = counted.is_ok_and(|counted| counted.abs_diff(truth) * 20 <= truth + 20);
            sound &= near && counted == count(&dense);
        }
    }
    sound
}
