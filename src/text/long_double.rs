//! The arithmetic of INCRBYFLOAT and HINCRBYFLOAT: x87 extended precision, 17 digits after the point.
//!
//! Redis computes these in C's `long double`, which on x86-64 has a significand of 64 bits. Replies and stored values
//! must be the same texts, so [`LongDouble`] has that precision on every machine, and prints the value that it has
//! exactly, rounded once, to the digits that are shown.

use std::ops::Add;

use rustc_apfloat::ieee::X87DoubleExtended;
use rustc_apfloat::{Float, Round};

use super::float::{Form, form, parse_extended};

/// Longer texts are not read as numbers, in bytes.
pub const LONG_DOUBLE_BYTES_MAX: usize = 5 * 1024 - 1;

/// Digits after the point.
const FRACTION_DIGITS: usize = 17;

/// A number in x87 extended precision; may be infinite, or NaN as a sum of infinities.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LongDouble(X87DoubleExtended);

impl LongDouble {
    /// Reads a number as `strtold` does, with the same refusals as [`super::parse_f64`]; also refuses texts longer than
    /// [`LONG_DOUBLE_BYTES_MAX`].
    pub fn parse(text: &[u8]) -> Option<LongDouble> {
        if text.len() > LONG_DOUBLE_BYTES_MAX {
            return None;
        }
        let zero = match form(text)? {
            Form::Infinity if text[0] == b'-' => return Some(LongDouble(-X87DoubleExtended::INFINITY)),
            Form::Infinity => return Some(LongDouble(X87DoubleExtended::INFINITY)),
            Form::Decimal { zero } | Form::Hex { zero } => zero,
        };
        let value: X87DoubleExtended = parse_extended(text)?;
        (value.is_finite() && (zero || !value.is_zero())).then_some(LongDouble(value))
    }

    /// Neither infinite nor NaN: what INCRBYFLOAT demands of its result.
    pub fn is_finite(self) -> bool {
        self.0.is_finite()
    }

    /// Appends the value with up to 17 digits after the point, without trailing zeros and without an exponent; up to
    /// 4,952 bytes. Infinities are `inf` and `-inf`, NaN is `nan`.
    pub fn write(self, out: &mut Vec<u8>) {
        if self.0.is_nan() {
            return out.extend_from_slice(b"nan");
        }
        let sign: &[u8] = if self.0.is_negative() { b"-" } else { b"" };
        if self.0.is_infinite() {
            out.extend_from_slice(sign);
            return out.extend_from_slice(b"inf");
        }
        let mut text = self.magnitude();
        if text.contains(&b'.') {
            let kept = text.iter().rposition(|byte| *byte != b'0').map_or(0, |last| last + 1);
            text.truncate(kept);
            if text.last() == Some(&b'.') {
                text.pop();
            }
        }
        if text != b"0" {
            out.extend_from_slice(sign);
        }
        out.extend_from_slice(&text);
    }

    /// The decimal text of a finite value's magnitude.
    fn magnitude(self) -> Vec<u8> {
        let (significand, exponent) = self.parts();
        if exponent >= 0 {
            return whole(significand, exponent.unsigned_abs());
        }
        let scaled = scaled_fraction(significand, exponent.unsigned_abs());
        let unit = 10u128.pow(FRACTION_DIGITS as u32);
        format!("{}.{:0FRACTION_DIGITS$}", scaled / unit, scaled % unit).into_bytes()
    }

    /// A finite value's magnitude as `significand * 2^exponent`.
    fn parts(self) -> (u64, i32) {
        /// The exponent's bias, and the 63 bits of the significand below its first.
        const BIAS: i32 = 16383 + 63;
        let bits = self.0.to_bits();
        let exponent = ((bits >> 64) & 0x7fff) as i32;
        (bits as u64, exponent.max(1) - BIAS)
    }
}

/// The sum, rounded to nearest; infinite beyond the range.
impl Add for LongDouble {
    type Output = LongDouble;

    fn add(self, other: LongDouble) -> LongDouble {
        LongDouble(self.0.add_r(other.0, Round::NearestTiesToEven).value)
    }
}

/// `significand * 10^17 / 2^shift`, rounded to nearest, ties to even.
fn scaled_fraction(significand: u64, shift: u32) -> u128 {
    // 64 and 57 bits: below 2^121, so that all of it is less than half a unit from a shift of 122 on.
    let product = u128::from(significand) * 10u128.pow(FRACTION_DIGITS as u32);
    if shift >= 122 {
        return 0;
    }
    let (floor, rest, half) = (product >> shift, product & ((1 << shift) - 1), 1u128 << (shift - 1));
    floor + u128::from(rest > half || (rest == half && floor & 1 == 1))
}

/// The digits of `significand * 2^exponent`.
fn whole(significand: u64, exponent: u32) -> Vec<u8> {
    if exponent < 64 {
        return (u128::from(significand) << exponent).to_string().into_bytes();
    }
    /// Each limb holds nine digits, the least significant limb first.
    const LIMB: u64 = 1_000_000_000;
    let mut limbs = vec![significand % LIMB, significand / LIMB % LIMB, significand / LIMB / LIMB];
    let mut left = exponent;
    while left > 0 {
        // A limb is below 2^30, so that 32 bits more fit.
        let step = left.min(32);
        let mut carry = 0;
        for limb in &mut limbs {
            let product = (*limb << step) + carry;
            *limb = product % LIMB;
            carry = product / LIMB;
        }
        while carry > 0 {
            limbs.push(carry % LIMB);
            carry /= LIMB;
        }
        left -= step;
    }
    let mut digits: Vec<u8> = limbs.iter().rev().flat_map(|limb| format!("{limb:09}").into_bytes()).collect();
    let leading = digits.iter().position(|digit| *digit != b'0').unwrap_or(digits.len() - 1);
    digits.drain(..leading);
    digits
}
