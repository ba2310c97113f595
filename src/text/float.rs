//! Doubles: what C's `strtod` reads in a command's argument, and what `%.17g` writes in a reply.
//!
//! 17 significant digits tell any two doubles apart, at the price of `0.10000000000000001`; newer servers write the
//! shortest text instead.

use std::fmt::Write as _;

use rustc_apfloat::{Float, Round, ieee};

/// The longest text that [`write_f64`] appends, in bytes: a sign, 17 digits, a point, and `e-308`.
pub const DOUBLE_BYTES_MAX: usize = 24;

/// Up to here every whole double is written without an exponent and equals an `i64`.
const WHOLE_MAX: f64 = 1e15;

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
    let (value, zero) = match form(text)? {
        Form::Infinity => {
            return Some(if text[0] == b'-' { f64::NEG_INFINITY } else { f64::INFINITY });
        }
        Form::Decimal { zero } => (std::str::from_utf8(text).ok()?.parse::<f64>().ok()?, zero),
        Form::Hex { zero } => (f64::from_bits(parse_extended::<ieee::Double>(text)?.to_bits() as u64), zero),
    };
    (value.is_finite() && (value != 0.0 || zero)).then_some(value)
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

/// Appends a double as C's `%.17g` does; infinities as `inf` and `-inf`, NaN as `nan`.
pub fn write_f64(out: &mut Vec<u8>, value: f64) {
    if value == value.trunc() && value.abs() < WHOLE_MAX && (value != 0.0 || value.is_sign_positive()) {
        super::number::write_i64(out, value as i64);
    } else if value.is_nan() {
        out.extend_from_slice(b"nan");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"inf" } else { b"-inf" });
    } else {
        write_general(out, value);
    }
}

/// A finite number, as `%.17g`: 17 significant digits, correctly rounded, without trailing zeros; in positional notation
/// if the exponent is from -4 to 16.
fn write_general(out: &mut Vec<u8>, value: f64) {
    let mut scientific = Scratch::default();
    // Cannot fail: a sign, 17 digits, a point and an exponent fit.
    let _ = write!(scientific, "{:.16e}", value.abs());
    let text = &scientific.bytes[..scientific.len];
    let mark = text.iter().position(|byte| *byte == b'e').unwrap_or(text.len());
    let exponent = super::number::parse_i64(text.get(mark + 1..).unwrap_or_default()).unwrap_or(0);
    let mut digits = [0; 17];
    digits[0] = text[0];
    digits[1..].copy_from_slice(&text[2..18]);
    let kept = digits.iter().rposition(|digit| *digit != b'0').map_or(1, |last| last + 1);
    if value.is_sign_negative() {
        out.push(b'-');
    }
    match exponent {
        -4..0 => write_below_one(out, &digits[..kept], exponent.unsigned_abs() as usize),
        0..17 => write_positional(out, &digits, kept, exponent as usize + 1),
        _ => write_scientific(out, &digits[..kept], exponent),
    }
}

fn write_below_one(out: &mut Vec<u8>, digits: &[u8], zeros: usize) {
    out.extend_from_slice(&b"0.000"[..zeros + 1]);
    out.extend_from_slice(digits);
}

fn write_positional(out: &mut Vec<u8>, digits: &[u8; 17], kept: usize, whole: usize) {
    out.extend_from_slice(&digits[..whole]);
    if kept > whole {
        out.push(b'.');
        out.extend_from_slice(&digits[whole..kept]);
    }
}

fn write_scientific(out: &mut Vec<u8>, digits: &[u8], exponent: i64) {
    out.push(digits[0]);
    if digits.len() > 1 {
        out.push(b'.');
        out.extend_from_slice(&digits[1..]);
    }
    out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
    if exponent.abs() < 10 {
        out.push(b'0');
    }
    super::number::write_i64(out, exponent.abs());
}

/// Room on the stack for the formatting machinery.
#[derive(Default)]
struct Scratch {
    bytes: [u8; 32],
    len: usize,
}

impl std::fmt::Write for Scratch {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Writes the shortest text that reads as this number, as Redis does from 7.2 on: whole numbers without exponent as far as
/// 64 bits reach, otherwise an exponent where there would be many zeros. The digits' layout is that of the fpconv library
/// (<https://github.com/night-shift/fpconv>).
pub fn write_shortest(out: &mut Vec<u8>, value: f64) {
    const WHOLE_MAX: f64 = 9_223_372_036_854_775_807.0;
    if value.abs() < WHOLE_MAX && value.trunc() == value {
        return out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
    }
    if !value.is_finite() {
        return write_f64(out, value);
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if value < 0.0 {
        out.push(b'-');
    }
    write_digits(out, &digits, exponent);
}

/// `digits` with the point behind the first, times ten to the `exponent`.
fn write_digits(out: &mut Vec<u8>, digits: &[u8], exponent: i32) {
    let count = digits.len() as i32;
    // The last digit counts tens of this power.
    let last = exponent - (count - 1);
    if last >= 0 && exponent < count + 7 {
        out.extend_from_slice(digits);
        out.resize(out.len() + last as usize, b'0');
    } else if last < 0 && (last > -7 || exponent.abs() < 4) {
        match usize::try_from(exponent) {
            Ok(whole) => {
                out.extend_from_slice(&digits[..=whole]);
                out.push(b'.');
                out.extend_from_slice(&digits[whole + 1..]);
            }
            Err(_) => {
                out.extend_from_slice(b"0.");
                out.resize(out.len() + (-exponent - 1) as usize, b'0');
                out.extend_from_slice(digits);
            }
        }
    } else {
        out.push(digits[0]);
        if count > 1 {
            out.push(b'.');
            out.extend_from_slice(&digits[1..]);
        }
        let sign = if exponent < 0 { '-' } else { '+' };
        out.extend_from_slice(format!("e{sign}{}", exponent.abs()).as_bytes());
    }
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

    /// Scores given to ZADD, and what ZSCORE of redis-server 7.0.15 answered.
    #[test]
    fn reads_and_writes_as_the_server_does() {
        let answers = [
            ("iNf", "inf"),
            ("-Infinity", "-inf"),
            ("0x10", "16"),
            ("0x1.8", "1.5"),
            ("-0x1P-1", "-0.5"),
            (".5", "0.5"),
            ("5.", "5"),
            ("+5", "5"),
            ("-0", "-0"),
            ("0e999999999999", "0"),
            ("0.1", "0.10000000000000001"),
            ("3.141", "3.141"),
            ("1e-320", "9.9998886718268301e-321"),
            ("5e-324", "4.9406564584124654e-324"),
            ("1e-5", "1.0000000000000001e-05"),
            ("0.0001", "0.0001"),
            ("0.00012345", "0.00012344999999999999"),
            ("1e15", "1000000000000000"),
            ("1e16", "10000000000000000"),
            ("1e17", "1e+17"),
            ("123456789012345678", "1.2345678901234568e+17"),
            ("4503599627370497.5", "4503599627370498"),
            ("9007199254740993", "9007199254740992"),
            ("140737488355328.125", "140737488355328.12"),
            ("140737488355328.375", "140737488355328.38"),
            ("1e100", "1e+100"),
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
