//! Integers, strictly: the text that is read is the text that would be written.
//!
//! A text is an integer only if writing that integer gives the same text back, so a value can be stored as a number
//! and read back unchanged. That rules out `007`, `+5`, `-0`, and blanks.

/// The longest text of a 64-bit integer, in bytes: 20 digits, or a sign and 19 digits.
pub const INTEGER_BYTES_MAX: usize = 20;

/// Reads a signed integer.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] => {
            let magnitude = parse_u64(digits)?;
            (1..=i64::MIN.unsigned_abs()).contains(&magnitude).then(|| 0i64.wrapping_sub_unsigned(magnitude))
        }
        digits => i64::try_from(parse_u64(digits)?).ok(),
    }
}

/// Reads an unsigned integer.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match text {
        [b'0'] => return Some(0),
        [b'1'..=b'9', ..] if text.len() <= INTEGER_BYTES_MAX => {}
        _ => return None,
    }
    let mut value = 0u64;
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(digit))?;
    }
    Some(value)
}

/// Appends a signed integer.
pub fn write_i64(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends an unsigned integer.
pub fn write_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_would_be_written_otherwise_is_refused() {
        for text in ["", "-", "+5", "-0", "007", "00", " 5", "5 ", "1_0", "0x10", "1e3", "--1", "1\0"] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
            assert_eq!(parse_u64(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn the_ends_of_the_range_are_in() {
        assert_eq!(parse_i64(b"9223372036854775807"), Some(i64::MAX));
        assert_eq!(parse_i64(b"-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        for beyond in ["9223372036854775808", "-9223372036854775809", "18446744073709551616"] {
            assert_eq!(parse_i64(beyond.as_bytes()), None);
        }
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"99999999999999999999"), None);
        assert_eq!(parse_u64(b"100000000000000000000"), None);
    }

    proptest! {
        #[test]
        fn integers_come_back(value: i64) {
            let mut text = Vec::new();
            write_i64(&mut text, value);
            prop_assert_eq!(parse_i64(&text), Some(value));
        }

        #[test]
        fn any_text_that_is_read_is_the_one_that_is_written(text in "[-+0-9 ]{0,22}") {
            if let Some(value) = parse_i64(text.as_bytes()) {
                prop_assert_eq!(value.to_string(), text);
            }
        }
    }
}
