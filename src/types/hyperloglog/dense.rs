//! Dense registers: six bits each, from the lowest bit of the first byte on.

use super::REGISTERS;

/// What they take.
pub(super) const BYTES: usize = REGISTERS * 6 / 8;
const MASK: u16 = 0x3F;

/// Raises a register to a value, if it is below; true if it was.
pub(super) fn raise(registers: &mut [u8], index: usize, value: u8) -> bool {
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    // The last register ends with its byte.
    let high = registers.get(at + 1).copied().unwrap_or(0);
    let pair = u16::from_le_bytes([registers[at], high]);
    if (pair >> shift & MASK) as u8 >= value {
        return false;
    }
    let [low, high] = (pair & !(MASK << shift) | u16::from(value) << shift).to_le_bytes();
    registers[at] = low;
    if let Some(next) = registers.get_mut(at + 1) {
        *next = high;
    }
    true
}

/// Shows all registers, by index.
pub(super) fn each(registers: &[u8], mut each: impl FnMut(usize, u8)) {
    let (threes, _) = registers.as_chunks::<3>();
    for (three, [a, b, c]) in threes.iter().enumerate() {
        let four = u32::from_le_bytes([*a, *b, *c, 0]);
        for part in 0..4 {
            each(three * 4 + part, (four >> (6 * part) & u32::from(MASK)) as u8);
        }
    }
}
