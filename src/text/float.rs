//! Doubles: what C's `strtod` reads in a command's argument, and the shortest text that reads back, for replies.
//!
//! Redis writes doubles so since 7.2; up to 7.0 it wrote 17 significant digits (`0.10000000000000001`).

use super::shortest::{DIGITS_MAX, digits_of};
use rustc_apfloat::{Float, Round, ieee};

/// No text of a double is longer, in bytes: a sign, 17 digits, and 7 zeros or a point and zeros before or `e-308` behind.
pub const DOUBLE_BYTES_MAX: usize = 32;

/// Up to here every whole double is written as the `i64` that it equals.
pub const WHOLE_MAX: f64 = (i64::MAX / 2) as f64;

/// How a text denotes a number, once it is known to denote one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Form {
    /// `inf` or `infinity`, in any case.
    Infinity,
    /// Digits, point, exponent of ten. `zero`: no digit differs from 0.
    Decimal { zero: bool },
    /// The same in base 16 after `0x`, with an exponent of two.
    Hex { zero: bool },
}

/// Tells how a text denotes a number: `None` if it does not, or if it denotes NaN. There may be a sign, and nothing else
/// before or after.
pub(super) fn form(text: &[u8]) -> Option<Form> {
    let magnitude = unsigned(text);
    match magnitude {
        [b'i' | b'I', ..] => (magnitude.eq_ignore_ascii_case(b"inf")
            || magnitude.eq_ignore_ascii_case(b"infinity"))
        .then_some(Form::Infinity),
        [b'0', b'x' | b'X', rest @ ..] => {
            positional(rest, u8::is_ascii_hexdigit, b'p').map(|zero| Form::Hex { zero })
        }
        _ => positional(magnitude, u8::is_ascii_digit, b'e').map(|zero| Form::Decimal { zero }),
    }
}

/// The text after its sign.
pub(super) fn unsigned(text: &[u8]) -> &[u8] {
    match text {
        [b'+' | b'-', rest @ ..] => rest,
        _ => text,
    }
}

/// Checks `digits[.digits][e[sign]digits]` and tells whether the digits are all 0.
fn positional(text: &[u8], is_digit: fn(&u8) -> bool, exponent_mark: u8) -> Option<bool> {
    let end = text.iter().position(|byte| byte.eq_ignore_ascii_case(&exponent_mark)).unwrap_or(text.len());
    let (mantissa, exponent) = text.split_at(end);
    let points = mantissa.iter().filter(|byte| **byte == b'.').count();
    let only_digits = mantissa.iter().all(|byte| *byte == b'.' || is_digit(byte));
    if points > 1 || !only_digits || mantissa.len() == points {
        return None;
    }
    if let [_, exponent @ ..] = exponent {
        let digits = unsigned(exponent);
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
    }
    Some(mantissa.iter().all(|byte| matches!(byte, b'0' | b'.')))
}

/// Reads a double as `strtod` does: decimal or hexadecimal, `inf` and `infinity` in any case. Refused are NaN, numbers
/// beyond the range, numbers other than 0 that are too small to differ from 0, and anything before or after.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    if let Some(number) = super::number::parse_i64(text)
        && number.unsigned_abs() < 1 << f64::MANTISSA_DIGITS
    {
        return Some(number as f64);
    }
    let (value, zero) = match form(text)? {
        Form::Infinity => {
            return Some(if text[0] == b'-' { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        Form::Decimal { zero } => (std::str::from_utf8(text).ok()?.parse::<f64>().ok()?, zero),
        Form::Hex { zero } => (f64::from_bits(parse_extended::<ieee::Double>(text)?.to_bits() as u64), zero),
    };
    (value.is_finite() && (value != 0.0 || zero)).then_some(value)
}

/// Reads a double as bounds of ranges are read: decimal only; no text at all is 0, and what is beyond the range is an infinity
/// or 0.
pub fn parse_f64_saturating(text: &[u8]) -> Option<f64> {
    if text.is_empty() {
        return Some(0.0);
    }
    match form(text)? {
        Form::Hex { .. } => None,
        Form::Infinity => parse_f64(text),
        Form::Decimal { .. } => std::str::from_utf8(text).ok()?.parse().ok(),
    }
}

/// Reads a text that [`form`] has found to be a number, not an infinity, in a precision of choice; rounds to nearest.
pub(super) fn parse_extended<F: Float>(text: &[u8]) -> Option<F> {
    /// Beyond this, an exponent's exact value no longer matters: no text is long enough for its digits to make up for it.
    const EXPONENT_MAX: i32 = 1_000_000;
    let text = std::str::from_utf8(text).ok()?;
    let hex = unsigned(text.as_bytes()).get(1).is_some_and(|byte| byte.eq_ignore_ascii_case(&b'x'));
    let marks: &[char] = if hex { &['p', 'P'] } else { &['e', 'E'] };
    let (mantissa, exponent) = text.split_once(marks).unwrap_or((text, "0"));
    let too_large = if exponent.starts_with('-') { -EXPONENT_MAX } else { EXPONENT_MAX };
    let exponent = exponent.parse().unwrap_or(too_large).clamp(-EXPONENT_MAX, EXPONENT_MAX);
    let canonical = format!("{mantissa}{}{exponent}", marks[0]);
    F::from_str_r(&canonical, Round::NearestTiesToEven).ok().map(|parsed| parsed.value)
}

/// Appends a double as Redis does since 7.2: see [`DoubleText`].
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&DoubleText::of(value));
}

/// The text of a double as Redis writes it since 7.2: the fewest digits that read back as the same double (see
/// `shortest`); infinities as `inf` and `-inf`, NaN as `nan`.
#[derive(Clone, Copy, Debug)]
pub struct DoubleText {
    bytes: [u8; DOUBLE_BYTES_MAX],
    len: usize,
}

impl std::ops::Deref for DoubleText {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

impl DoubleText {
    /// The text of this double.
    pub fn of(value: f64) -> DoubleText {
        let mut text = DoubleText { bytes: [0; DOUBLE_BYTES_MAX], len: 0 };
        if let Some(whole) = whole(value) {
            text.add_number(whole);
        } else if value.is_nan() {
            text.add(b"nan");
        } else if value.is_infinite() {
            text.add(if value > 0.0 { b"inf" } else { b"-inf" });
        } else if value == 0.0 {
            text.add(b"-0");
        } else {
            text.add_shortest(value);
        }
        text
    }

    /// A finite number other than 0: positional notation where that takes few zeros, else scientific. The limits are those of
    /// the routine that Redis uses (`fpconv`).
    fn add_shortest(&mut self, value: f64) {
        let mut room = [0; DIGITS_MAX];
        let (count, power) = digits_of(value.abs(), &mut room);
        let digits = &room[..count];
        if value.is_sign_negative() {
            self.add(b"-");
        }
        let exponent = power + count as i32 - 1;
        if power >= 0 && exponent < count as i32 + 7 {
            self.add(digits);
            self.add_zeros(power as usize);
        } else if power < 0 && (power > -7 || exponent.abs() < 4) {
            self.add_fraction(digits, power.unsigned_abs() as usize);
        } else {
            self.add_scientific(digits, exponent);
        }
    }

    /// Digits of which the last `places` stand behind the point.
    fn add_fraction(&mut self, digits: &[u8], places: usize) {
        let whole = digits.len().saturating_sub(places);
        if whole == 0 {
            self.add(b"0.");
            self.add_zeros(places - digits.len());
        } else {
            self.add(&digits[..whole]);
            self.add(b".");
        }
        self.add(&digits[whole..]);
    }

    fn add_scientific(&mut self, digits: &[u8], exponent: i32) {
        self.add(&digits[..1]);
        if digits.len() > 1 {
            self.add(b".");
            self.add(&digits[1..]);
        }
        self.add(if exponent < 0 { b"e-" } else { b"e+" });
        self.add_number(i64::from(exponent.abs()));
    }

    fn add_number(&mut self, number: i64) {
        self.add(itoa::Buffer::new().format(number).as_bytes());
    }

    fn add_zeros(&mut self, count: usize) {
        (0..count).for_each(|_| self.add(b"0"));
    }

    fn add(&mut self, part: &[u8]) {
        self.bytes[self.len..][..part.len()].copy_from_slice(part);
        self.len += part.len();
    }
}

/// The integer that a double is written as: any whole number up to [`WHOLE_MAX`], save -0.
pub fn whole(value: f64) -> Option<i64> {
    let is_whole = value == value.trunc() && value.abs() <= WHOLE_MAX;
    (is_whole && (value != 0.0 || value.is_sign_positive())).then_some(value as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(value: f64) -> String {
        let mut text = Vec::new();
        write_f64(&mut text, value);
        String::from_utf8(text).unwrap()
    }

    /// Scores given to ZADD, and what ZSCORE of redis-server 8.0.6 answered.
    #[test]
    fn reads_and_writes_as_the_server_does() {
        let answers = [
            ("-0", "-0"),
            ("iNf", "inf"),
            ("-Infinity", "-inf"),
            ("0x10", "16"),
            ("0x1.8", "1.5"),
            ("-0x1P-1", "-0.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+5", "5"),
            ("0e999999999999", "0"),
            ("0.1", "0.1"),
            ("3.141", "3.141"),
            ("1e-320", "1e-320"),
            ("5e-324", "5e-324"),
            ("1e-5", "0.00001"),
            ("1e-6", "0.000001"),
            ("1e-7", "1e-7"),
            ("1.5e-7", "1.5e-7"),
            ("12345e-10", "1.2345e-6"),
            ("0.0001", "0.0001"),
            ("0.00012345", "1.2345e-4"),
            ("1e15", "1000000000000000"),
            ("1e17", "100000000000000000"),
            ("4.6e18", "4600000000000000000"),
            ("4.7e18", "4.7e+18"),
            ("1e19", "1e+19"),
            ("123456789012345678", "123456789012345680"),
            ("123456789012345680000", "123456789012345680000"),
            ("12345678901234567890123", "12345678901234568000000"),
            ("1234567890123456789012345", "1.2345678901234568e+24"),
            ("4503599627370497.5", "4503599627370498"),
            ("9007199254740993", "9007199254740992"),
            ("140737488355328.125", "140737488355328.13"),
            ("1e100", "1e+100"),
            ("-1.2e25", "-1.2e+25"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("123456.789e3", "123456789"),
            ("0.00123", "0.00123"),
            ("-1.5e-9", "-1.5e-9"),
        ];
        for (text, answer) in answers {
            assert_eq!(parse_f64(text.as_bytes()).map(written).as_deref(), Some(answer), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let refused = "nan|nan(1)|infinit|0x|0x.p1|0x1p|0xp1|1e400|-1e400|1e-400|2e-324|.|+|-|+-5|--5| 5|5 |1e|1e+|e5|\
                       1..2|1.2.3|1d3|1_0|1,5|1e5.0|0x1e+|5\0";
        for text in refused.split('|').chain([""]) {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_f64(b"\xff"), None);
    }

    proptest! {
        #[test]
        fn every_double_comes_back(bits: u64) {
            let value = f64::from_bits(bits);
            let text = written(value);
            prop_assert!(text.len() <= DOUBLE_BYTES_MAX);
            if !value.is_nan() {
                prop_assert_eq!(parse_f64(text.as_bytes()).map(f64::to_bits), Some(bits), "{}", text);
            }
        }

        #[test]
        fn base_16_means_the_same_number(mantissa in 0u64..1 << 53, exponent in -1000i32..900) {
            let text = format!("0x{mantissa:x}p{exponent}");
            prop_assert_eq!(parse_f64(text.as_bytes()), Some(mantissa as f64 * 2f64.powi(exponent)));
        }
    }
}
