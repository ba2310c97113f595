//! Sparse registers: runs of equal ones.
//!
//! | run | bytes |
//! |---|---|
//! | 1 to 64 zeros | `00` and six bits: length less one |
//! | 1 to 16384 zeros | `01` and fourteen bits: length less one |
//! | 1 to 4 of a value from 1 to 32 | `1`, five bits: value less one, two bits: length less one |

use super::{Corrupted, HEADER_BYTES, REGISTERS};

const SHORT_MAX: usize = 64;
const VALUE_MAX: u8 = 32;
const EQUALS_MAX: usize = 4;
/// How many runs are looked at for neighbours to join after a change.
const JOIN_RUNS: usize = 5;

/// Registers with the same value in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// What they hold.
    pub value: u8,
    /// How many there are.
    pub length: usize,
    /// Bytes that the run takes; 2 is the long form of zeros.
    pub bytes: usize,
}

impl Run {
    /// The run that begins at a place; `None` if it is cut off.
    fn at(bytes: &[u8], place: usize) -> Option<Run> {
        let head = *bytes.get(place)?;
        Some(match head >> 6 {
            0 => Run { value: 0, length: usize::from(head) + 1, bytes: 1 },
            1 => {
                let low = *bytes.get(place + 1)?;
                Run { value: 0, length: (usize::from(head & 0x3F) << 8 | usize::from(low)) + 1, bytes: 2 }
            }
            _ => Run { value: (head >> 2 & 0x1F) + 1, length: usize::from(head & 3) + 1, bytes: 1 },
        })
    }
}

/// What became of the wish to raise a register.
pub(super) enum Raised {
    Yes,
    /// It is as high already.
    No,
    /// That would be too long, or the value is too high.
    NoRoom,
}

/// The runs of a sparse sketch, up to a cut one.
pub fn runs(sketch: &[u8]) -> impl Iterator<Item = Run> {
    let mut place = HEADER_BYTES;
    std::iter::from_fn(move || {
        let run = Run::at(sketch, place)?;
        place += run.bytes;
        Some(run)
    })
}

/// Shows all runs with the index of their first register.
pub(super) fn each_run(sketch: &[u8], mut each: impl FnMut(Run, usize)) -> Result<(), Corrupted> {
    let mut index = 0;
    for run in runs(sketch) {
        if index + run.length > REGISTERS {
            return Err(Corrupted);
        }
        each(run, index);
        index += run.length;
    }
    if index == REGISTERS { Ok(()) } else { Err(Corrupted) }
}

/// A few bytes.
#[derive(Default)]
struct Few {
    bytes: [u8; 5],
    length: usize,
}

impl Few {
    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    fn push_zeros(&mut self, length: usize) {
        match length {
            0 => {}
            1..=SHORT_MAX => self.push((length - 1) as u8),
            _ => {
                self.push(0x40 | ((length - 1) >> 8) as u8);
                self.push((length - 1) as u8);
            }
        }
    }

    /// A run of as many as it takes at most.
    fn push_equals(&mut self, value: u8, length: usize) {
        if length > 0 {
            self.push(equals(value, length));
        }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

fn equals(value: u8, length: usize) -> u8 {
    0x80 | (value - 1) << 2 | (length - 1) as u8
}

/// Adds a run of zeros at the end.
pub(super) fn push_zeros(sketch: &mut Vec<u8>, length: usize) {
    let mut few = Few::default();
    few.push_zeros(length);
    sketch.extend_from_slice(few.as_slice());
}

/// Where a register's run stands.
struct Found {
    run: Run,
    place: usize,
    /// The index of its first register.
    first: usize,
    /// Where the run before it stands; the run itself if it is the first.
    before: usize,
}

fn find(sketch: &[u8], index: usize) -> Result<Found, Corrupted> {
    let (mut place, mut before, mut first) = (HEADER_BYTES, HEADER_BYTES, 0);
    loop {
        let run = Run::at(sketch, place).ok_or(Corrupted)?;
        if index < first + run.length {
            return Ok(Found { run, place, first, before });
        }
        before = place;
        place += run.bytes;
        first += run.length;
    }
}

/// Raises a register to a value, if it is below. The sketch may become `bytes_max` long.
pub(super) fn raise(
    sketch: &mut Vec<u8>,
    index: usize,
    value: u8,
    bytes_max: usize,
) -> Result<Raised, Corrupted> {
    if value > VALUE_MAX {
        return Ok(Raised::NoRoom);
    }
    let Found { run, place, first, before } = find(sketch, index)?;
    if run.value >= value {
        return Ok(Raised::No);
    }
    if run.length == 1 && run.bytes == 1 {
        sketch[place] = equals(value, 1);
    } else {
        let parts = split(run, index - first, value);
        if parts.length > run.bytes && sketch.len() + parts.length - run.bytes > bytes_max {
            return Ok(Raised::NoRoom);
        }
        sketch.splice(place..place + run.bytes, parts.as_slice().iter().copied());
    }
    join(sketch, before);
    Ok(Raised::Yes)
}

/// A run with one of its registers, the `at`-th, raised to a value.
fn split(run: Run, at: usize, value: u8) -> Few {
    let (mut parts, behind) = (Few::default(), run.length - at - 1);
    if run.value == 0 {
        parts.push_zeros(at);
        parts.push_equals(value, 1);
        parts.push_zeros(behind);
    } else {
        parts.push_equals(run.value, at);
        parts.push_equals(value, 1);
        parts.push_equals(run.value, behind);
    }
    parts
}

/// Joins neighbours with the same value, among a few runs from a place on.
fn join(sketch: &mut Vec<u8>, mut place: usize) {
    for _ in 0..JOIN_RUNS {
        let Some(run) = Run::at(sketch, place) else { return };
        let next = Run::at(sketch, place + run.bytes);
        match next {
            Some(next)
                if run.value > 0 && next.value == run.value && run.length + next.length <= EQUALS_MAX =>
            {
                sketch[place + 1] = equals(run.value, run.length + next.length);
                sketch.remove(place);
            }
            _ => place += run.bytes,
        }
    }
}
