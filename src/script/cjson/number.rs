//! Numbers as `printf("%.14g")` writes them, and as `strtod` reads them.

/// With so many significant digits, without zeros at the end.
pub(super) fn write(out: &mut Vec<u8>, value: f64, digits: usize) {
    if !value.is_finite() {
        let sign = if value.is_sign_negative() { "-" } else { "" };
        let name = if value.is_nan() { "nan" } else { "inf" };
        return out.extend_from_slice(format!("{sign}{name}").as_bytes());
    }
    let scientific = format!("{:.*e}", digits - 1, value);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if exponent < -4 || exponent >= digits as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        let text = format!("{}e{sign}{:02}", without_zeros(mantissa), exponent.abs());
        return out.extend_from_slice(text.as_bytes());
    }
    let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
    out.extend_from_slice(without_zeros(&format!("{value:.decimals$}")).as_bytes());
}

fn without_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

/// The number at the beginning of a text and its length, in decimal or hexadecimal, or a name of what is no number.
pub(super) fn read(text: &[u8]) -> Option<(f64, usize)> {
    let signed = usize::from(matches!(text.first(), Some(b'-' | b'+')));
    let sign = if text.first() == Some(&b'-') { -1.0 } else { 1.0 };
    let rest = &text[signed..];
    let named =
        |name: &str| rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()));
    for (name, value) in [("infinity", f64::INFINITY), ("inf", f64::INFINITY), ("nan", f64::NAN)] {
        if named(name) {
            return Some((sign * value, signed + name.len()));
        }
    }
    if rest.len() > 2 && rest[0] == b'0' && rest[1] | 0x20 == b'x' && rest[2].is_ascii_hexdigit() {
        let (value, length) = hexadecimal(&rest[2..]);
        return Some((sign * value, signed + 2 + length));
    }
    let length = decimal_length(rest)?;
    let digits = std::str::from_utf8(&rest[..length]).ok()?;
    digits.parse::<f64>().ok().map(|value| (sign * value, signed + length))
}

fn hexadecimal(digits: &[u8]) -> (f64, usize) {
    let length = digits.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let digit = |byte: &u8| f64::from((*byte as char).to_digit(16).unwrap_or_default());
    (digits[..length].iter().fold(0.0, |value, byte| value * 16.0 + digit(byte)), length)
}

fn decimal_length(text: &[u8]) -> Option<usize> {
    let count = |from: usize| text[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = count(0);
    let mut end = whole;
    if text.get(end) == Some(&b'.') {
        end += 1 + count(end + 1);
    }
    if whole == 0 && end <= 1 {
        return None;
    }
    if matches!(text.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(end + 1), Some(b'-' | b'+')));
        let digits = if end + 1 + sign <= text.len() { count(end + 1 + sign) } else { 0 };
        if digits > 0 {
            end += 1 + sign + digits;
        }
    }
    Some(end)
}
