//! Strings as rows of bits, and as rows of integers of any width.
//!
//! Bit 0 is the highest of the first byte. A string is followed by as many zero bits as one likes to look at.

use std::ops::RangeInclusive;

/// How many bits are set.
pub fn count(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let whole: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    whole + rest.iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// How many of the bits from the first to the last are set; both lie within the string.
pub fn count_bits(bytes: &[u8], bits: RangeInclusive<u64>) -> u64 {
    let (first, last) = (*bits.start(), *bits.end());
    let whole = &bytes[(first / 8) as usize..=(last / 8) as usize];
    let before = head(bytes, first);
    let behind = u64::from((bytes[(last / 8) as usize] & tail_mask(last)).count_ones());
    count(whole) - before - behind
}

/// How many bits are set in the byte of a bit before that bit.
fn head(bytes: &[u8], bit: u64) -> u64 {
    let mask = !(0xFF_u8 >> (bit % 8));
    u64::from((bytes[(bit / 8) as usize] & mask).count_ones())
}

/// The bits of a byte that lie behind a bit.
fn tail_mask(bit: u64) -> u8 {
    (0x7F_u16 >> (bit % 8)) as u8
}

/// The first bit with a value from the first to the last, which both lie within the string.
pub fn find(bytes: &[u8], value: bool, bits: RangeInclusive<u64>) -> Option<u64> {
    let (first, last) = (*bits.start(), *bits.end());
    let skipped = if value { 0 } else { 0xFF };
    let mut at = first;
    while at <= last {
        let byte = bytes[(at / 8) as usize];
        if at % 8 == 0 && byte == skipped {
            let rest = &bytes[(at / 8) as usize..=(last / 8) as usize];
            at += 8 * run(rest, skipped) as u64;
            continue;
        }
        if (byte >> (7 - at % 8) & 1 == 1) == value {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// How many bytes are this one before the first other.
fn run(bytes: &[u8], byte: u8) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let whole = 8 * words.iter().take_while(|word| **word == [byte; 8]).count();
    whole + bytes[whole..].iter().take_while(|other| **other == byte).count()
}

/// The bit at an offset.
pub fn get(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / 8).ok().and_then(|at| bytes.get(at));
    byte.is_some_and(|byte| byte >> (7 - offset % 8) & 1 == 1)
}

/// Sets the bit at an offset, which lies within the string, and tells what it was.
pub fn set(bytes: &mut [u8], offset: u64, value: bool) -> bool {
    let byte = &mut bytes[(offset / 8) as usize];
    let mask = 0x80 >> (offset % 8);
    let old = *byte & mask != 0;
    *byte = if value { *byte | mask } else { *byte & !mask };
    old
}

/// How strings are combined, bit by bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // their names say all
pub enum Operation {
    And,
    Or,
    Xor,
    Not,
}

/// Combines strings; the result is as long as the longest of them. NOT takes one.
pub fn combine<'s>(
    operation: Operation,
    mut sources: impl Iterator<Item = &'s [u8]>,
    length: usize,
) -> Vec<u8> {
    let mut result = sources.next().unwrap_or_default().to_vec();
    result.resize(length, 0);
    if operation == Operation::Not {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    for source in sources {
        let (both, rest) = result.split_at_mut(source.len());
        let pairs = both.iter_mut().zip(source);
        match operation {
            Operation::And => {
                pairs.for_each(|(byte, other)| *byte &= other);
                rest.fill(0);
            }
            Operation::Or => pairs.for_each(|(byte, other)| *byte |= other),
            Operation::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
            Operation::Not => {}
        }
    }
    result
}

/// The kind of an integer in a bit field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Two's complement.
    pub signed: bool,
    /// 1 to 64 if signed, else to 63.
    pub bits: u32,
}

/// What becomes of a number that does not fit its field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)] // their names say all
pub enum Overflow {
    Wrap,
    Saturate,
    Fail,
}

impl Field {
    /// The least and the greatest number.
    fn bounds(self) -> (i128, i128) {
        match self.signed {
            true => (-(1 << (self.bits - 1)), (1 << (self.bits - 1)) - 1),
            false => (0, (1 << self.bits) - 1),
        }
    }

    /// The number whose low bits these are.
    fn of_bits(self, raw: u64) -> i64 {
        let unused = 64 - self.bits;
        if self.signed { (raw << unused) as i64 >> unused } else { (raw << unused >> unused) as i64 }
    }

    /// Reads the number at a bit offset.
    pub fn read(self, bytes: &[u8], offset: u64) -> i64 {
        let (mut window, end) = (0_u128, offset + u64::from(self.bits));
        let last = (end - 1) / 8;
        for at in offset / 8..=last {
            let byte = usize::try_from(at).ok().and_then(|at| bytes.get(at));
            window = window << 8 | u128::from(byte.copied().unwrap_or(0));
        }
        self.of_bits((window >> ((last + 1) * 8 - end)) as u64)
    }

    /// Writes a number at a bit offset; the string must reach so far.
    pub fn write(self, bytes: &mut [u8], offset: u64, number: i64) {
        for bit in 0..self.bits {
            set(bytes, offset + u64::from(bit), number >> (self.bits - 1 - bit) & 1 == 1);
        }
    }

    /// A number as the field holds it; `None` if it does not fit and shall not be made to. An unsigned field takes what is
    /// given as its 64 bits.
    pub fn fit(self, number: i64, overflow: Overflow) -> Option<i64> {
        let number = if self.signed { i128::from(number) } else { i128::from(number as u64) };
        self.fit_wide(number, overflow)
    }

    /// The sum of what the field holds and an increment, likewise.
    pub fn add(self, number: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        self.fit_wide(i128::from(number) + i128::from(increment), overflow)
    }

    fn fit_wide(self, number: i128, overflow: Overflow) -> Option<i64> {
        let (least, greatest) = self.bounds();
        match overflow {
            _ if (least..=greatest).contains(&number) => Some(number as i64),
            Overflow::Wrap => Some(self.of_bits(number as u64)),
            Overflow::Saturate => Some(number.clamp(least, greatest) as i64),
            Overflow::Fail => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn bits(bytes: &[u8]) -> Vec<bool> {
        (0..bytes.len() as u64 * 8).map(|bit| get(bytes, bit)).collect()
    }

    proptest! {
        #[test]
        fn counting_and_finding_agree_with_single_bits(
            bytes in vec(prop_oneof![Just(0_u8), Just(0xFF), any::<u8>()], 1..40),
            ends in any::<(u64, u64)>(),
            value: bool,
        ) {
            let (a, b) = (ends.0 % (bytes.len() as u64 * 8), ends.1 % (bytes.len() as u64 * 8));
            let (first, last) = (a.min(b), a.max(b));
            let part = &bits(&bytes)[first as usize..=last as usize];
            prop_assert_eq!(count_bits(&bytes, first..=last), part.iter().filter(|bit| **bit).count() as u64);
            let found = part.iter().position(|bit| *bit == value).map(|at| first + at as u64);
            prop_assert_eq!(find(&bytes, value, first..=last), found);
        }

        #[test]
        fn a_field_reads_what_was_written(
            mut bytes in vec(any::<u8>(), 20),
            offset in 0..90_u64,
            (signed, bits) in prop_oneof![(Just(true), 1..=64_u32), (Just(false), 1..=63_u32)],
            number: i64,
        ) {
            let field = Field { signed, bits };
            let before = super::tests::bits(&bytes);
            let fitted = field.fit(number, Overflow::Wrap).expect("wrapped");
            field.write(&mut bytes, offset, fitted);
            prop_assert_eq!(field.read(&bytes, offset), fitted);
            let after = super::tests::bits(&bytes);
            let field = offset as usize..offset as usize + bits as usize;
            prop_assert!((0..160).all(|bit| field.contains(&bit) || before[bit] == after[bit]));
        }
    }
}
