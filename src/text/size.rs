//! Sizes in bytes: `100mb` in configuration, `1.50M` in INFO.

/// Reads a size in bytes: digits, then one of `b`, `k`, `kb`, `m`, `mb`, `g`, `gb` in any case, or nothing. Those with a
/// `b` are powers of 1024, those without are powers of 1000. As in Redis, no digits at all are 0, and digits beyond 64
/// bits are `u64::MAX`; a product beyond 64 bits is `None`.
pub fn parse_size(text: &[u8]) -> Option<u64> {
    let end = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let mut value = 0u64;
    for digit in digits {
        value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
    }
    value.checked_mul(unit_bytes(unit)?)
}

fn unit_bytes(unit: &[u8]) -> Option<u64> {
    match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => Some(1),
        b"k" => Some(1000),
        b"kb" => Some(1 << 10),
        b"m" => Some(1_000_000),
        b"mb" => Some(1 << 20),
        b"g" => Some(1_000_000_000),
        b"gb" => Some(1 << 30),
        _ => None,
    }
}

/// A size as INFO shows it: `512B`, `1.50K`, up to `P`; beyond, bytes again.
pub fn human(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["K", "M", "G", "T", "P"];
    match bytes {
        0..1024 | 0x1000_0000_0000_0000.. => format!("{bytes}B"),
        _ => {
            let power = bytes.ilog2() / 10;
            let unit = UNITS[power as usize - 1];
            format!("{:.2}{unit}", bytes as f64 / (1u64 << (10 * power)) as f64)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1000_or_1024() {
        let sizes = [
            ("1", 1),
            ("1b", 1),
            ("1k", 1000),
            ("1KB", 1024),
            ("100mb", 100 << 20),
            ("2m", 2_000_000),
            ("1Gb", 1 << 30),
            ("1g", 1_000_000_000),
            ("007kb", 7 << 10),
            ("", 0),
            ("kb", 0),
            ("18446744073709551616", u64::MAX),
        ];
        for (text, bytes) in sizes {
            assert_eq!(parse_size(text.as_bytes()), Some(bytes), "{text}");
        }
        for text in ["-1", "+1", " 1", "1 kb", "1.5mb", "1tb", "1kk", "50%", "99999999999gb"] {
            assert_eq!(parse_size(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn sizes_are_shown_with_two_decimals() {
        let shown = [
            (0, "0B"),
            (1023, "1023B"),
            (1024, "1.00K"),
            (1536, "1.50K"),
            ((1 << 20) - 1, "1024.00K"),
            (1_572_864, "1.50M"),
            (1 << 30, "1.00G"),
            (1 << 40, "1.00T"),
            (1 << 50, "1.00P"),
            (1 << 60, "1152921504606846976B"),
        ];
        for (bytes, text) in shown {
            assert_eq!(human(bytes), text);
        }
    }
}
