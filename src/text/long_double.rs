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

    /// A thousand times the value, rounded up; what is beyond the range becomes its end.
    pub fn thousandths_rounded_up(self) -> i64 {
        let thousand = X87DoubleExtended::from_u128(1000).value;
        let scaled = self.0.mul_r(thousand, Round::NearestTiesToEven).value;
        scaled.to_i128_r(64, Round::TowardPositive, &mut false).value as i64
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

#[cfg(test)]
mod tests {
    use super::*;

    /// SET to the first, INCRBYFLOAT by the second, and what redis-server 7.0.15 on x86-64 answered.
    const ANSWERS: &[(&str, &str, Result<&str, &str>)] = &[
        ("3", "0.1", Ok("3.1")),
        ("0.1", "0.2", Ok("0.3")),
        ("10.50", "0.1", Ok("10.6")),
        ("5.0e3", "2.0e2", Ok("5200")),
        ("-5", "5", Ok("0")),
        ("0", "-1e-18", Ok("0")),
        ("0", "5e-18", Ok("0")),
        ("0", "1.5e-17", Ok("0.00000000000000002")),
        ("0", "2.5e-17", Ok("0.00000000000000002")),
        ("0", "1e-17", Ok("0.00000000000000001")),
        ("1", "-1e-17", Ok("0.99999999999999999")),
        ("9007199254740993", "0.5", Ok("9007199254740993.5")),
        ("18446744073709551615", "1", Ok("18446744073709551616")),
        ("18446744073709551615", "0.5", Ok("18446744073709551616")),
        ("36893488147419103232", "1", Ok("36893488147419103232")),
        ("1e22", "-1", Ok("10000000000000000000000")),
        ("1e21", "0.00000000000000001", Ok("1000000000000000000000")),
        ("0x1p63", "0x.8", Ok("9223372036854775808")),
        ("0x1.8p1", "-0X1P-60", Ok("3")),
        ("1e40", "1e20", Ok("9999999999999999999783686092270256259072")),
        ("1e60", "0", Ok("999999999999999999999373423426722168652130621984886772203520")),
        ("-1e30", "1e-30", Ok("-1000000000000000000024696061952")),
        ("3.6e-4951", "3.6e-4951", Ok("0")),
        ("inf", "1", Err("increment would produce NaN or Infinity")),
        ("-inf", "inf", Err("increment would produce NaN or Infinity")),
        ("1e4932", "1e4932", Err("increment would produce NaN or Infinity")),
        ("1.1e4932", "0.1e4932", Err("increment would produce NaN or Infinity")),
        ("1e5000", "0", Err("value is not a valid float")),
        ("1e-5000", "0", Err("value is not a valid float")),
        ("nan", "0", Err("value is not a valid float")),
        ("0.000000000018960784662672197535", "-632.1821836587134", Ok("-632.1821836586944392")),
        ("876.2505420388875", "2915.876016891529616259504109621048", Ok("3792.12655893041711619")),
        ("-918.90358967157241173549e-4940", "24.60713683222901707", Ok("24.60713683222901707")),
        ("9859071188210589483.762939453125", "749.5955902902044", Ok("9859071188210590234")),
        ("9752167052477133", "+137.1021125e-3671", Ok("9752167052477133")),
        ("-901.0322914519713", "78.00532215355", Ok("-823.02696929842130003")),
        ("2.031663984245262e-68", "0.000000051223534505926949072041", Ok("0.00000005122353451")),
        ("0.001237819101746290891691293368", "40.722576156357975872", Ok("40.72381397545972216")),
        ("334.249478956933", "-828298901320557", Ok("-828298901320222.75054931640625")),
        ("-6823315708632", "0xe4fAA6a6CE7EA", Ok("4021419706797330")),
        ("-7370976", "0xaB175FF3c24ddc50ab74F164", Ok("52950195094676914807687348224")),
        ("3032159908305426980.0000000000000000000003125", "954324983", Ok("3032159909259751963")),
        ("-385994682519", "-727.20924776921", Ok("-385994683246.20924776792526245")),
        ("28.5e-17", "-100733348803568676985", Ok("-100733348803568676984")),
        ("INFINITY", "1.7976931348623158e308", Err("increment would produce NaN or Infinity")),
        ("83853257225442", "+inf", Err("increment would produce NaN or Infinity")),
        ("11070272549949520876.30517578125", "32.07135752", Ok("11070272549949520908")),
        ("2.9046746042940487e-86", "15207345156224699495.25", Ok("15207345156224699495")),
        ("601.5e-19", "923.5e-17", Ok("0.0000000000000093")),
        ("854.5e-19", "942.4393988417726", Ok("942.43939884177260013")),
        ("45786100894", "17398362890073283922.95367431640625", Ok("17398362935859384817")),
        ("6.54947826", "752.5e-17", Ok("6.54947826000000752")),
    ];

    fn increment(value: &str, by: &str) -> Result<String, &'static str> {
        let invalid = "value is not a valid float";
        let value = LongDouble::parse(value.as_bytes()).ok_or(invalid)?;
        let sum = value + LongDouble::parse(by.as_bytes()).ok_or(invalid)?;
        if !sum.is_finite() {
            return Err("increment would produce NaN or Infinity");
        }
        let mut text = Vec::new();
        sum.write(&mut text);
        Ok(String::from_utf8(text).unwrap())
    }

    #[test]
    fn increments_as_the_server_does() {
        for (value, by, answer) in ANSWERS {
            assert_eq!(increment(value, by), answer.map(str::to_string), "{value} by {by}");
        }
    }

    #[test]
    fn the_largest_number_is_written_in_full() {
        let text = increment("1e4932", "0").unwrap();
        assert_eq!(text.len(), 4933);
        assert!(text.starts_with("100000000000000000000601894938796389132383777425453"));
        assert_eq!(increment(&text, "0"), Ok(text));
    }

    #[test]
    fn long_texts_are_no_numbers() {
        assert_eq!(increment(&"0".repeat(LONG_DOUBLE_BYTES_MAX), "1"), Ok("1".to_string()));
        assert!(increment(&"0".repeat(LONG_DOUBLE_BYTES_MAX + 1), "1").is_err());
    }

    #[test]
    fn what_is_no_sum_is_shown_as_such() {
        let shown = |value: LongDouble| {
            let mut text = Vec::new();
            value.write(&mut text);
            text
        };
        let infinity = LongDouble::parse(b"inf").unwrap();
        let negative = LongDouble::parse(b"-inf").unwrap();
        assert_eq!(shown(infinity), b"inf");
        assert_eq!(shown(negative), b"-inf");
        assert_eq!(shown(infinity + negative), b"nan");
    }
}
