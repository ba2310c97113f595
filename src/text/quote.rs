//! Quoting: how bytes are shown on one line, and how a line is split into arguments.
//!
//! The two are each other's inverse: what [`write_quoted`] writes, [`split_args`] reads back. MONITOR, SLOWLOG and
//! CONFIG REWRITE write; redis.conf, inline commands and CONFIG SET's lists are read.

/// A line's quotes do not match, or a closing quote is not followed by a blank.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unbalanced;

impl std::fmt::Display for Unbalanced {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("unbalanced quotes")
    }
}

impl std::error::Error for Unbalanced {}

/// Appends `bytes` in double quotes; whatever is not printable ASCII is escaped.
pub fn write_quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    for byte in bytes {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', *byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            7 => out.extend_from_slice(b"\\a"),
            8 => out.extend_from_slice(b"\\b"),
            b' '..=b'~' => out.push(*byte),
            _ => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                out.extend_from_slice(&[b'\\', b'x', HEX[high], HEX[low]]);
            }
        }
    }
    out.push(b'"');
}

/// Splits a line into its arguments.
pub fn split_args(line: &[u8]) -> Result<Vec<Vec<u8>>, Unbalanced> {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    split_args_into(line, &mut bytes, |end| ends.push(end))?;
    let mut start = 0;
    Ok(ends.into_iter().map(|end| bytes[std::mem::replace(&mut start, end)..end].to_vec()).collect())
}

/// Splits a line into its arguments, one after the other at the end of `out`; `on_end` is told `out`'s length after each.
/// An argument begins where the one before ended. After an error, what was appended means nothing.
///
/// Arguments are separated by blanks. In double quotes `\n`, `\r`, `\t`, `\a`, `\b` and `\xHH` stand for bytes, and `\`
/// before any other byte for that byte; in single quotes only `\'` is special. Quotes may begin inside an argument, but
/// where they end the argument ends. A NUL ends the line.
pub fn split_args_into(
    line: &[u8],
    out: &mut Vec<u8>,
    mut on_end: impl FnMut(usize),
) -> Result<(), Unbalanced> {
    let line = line.split(|byte| *byte == 0).next().unwrap_or_default();
    let mut rest = line.trim_prefix_blanks();
    while !rest.is_empty() {
        rest = take_argument(rest, out)?.trim_prefix_blanks();
        on_end(out.len());
    }
    Ok(())
}

trait Blanks {
    fn trim_prefix_blanks(&self) -> &Self;
}

impl Blanks for [u8] {
    fn trim_prefix_blanks(&self) -> &[u8] {
        let start = self.iter().position(|byte| !is_blank(*byte)).unwrap_or(self.len());
        &self[start..]
    }
}

/// C's `isspace`.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// Appends the argument that `line` begins with; returns what follows it.
fn take_argument<'a>(line: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Unbalanced> {
    let mut rest = line;
    loop {
        match rest {
            // Vertical tab and form feed separate arguments only after quotes and before the first.
            [] | [b' ' | b'\n' | b'\r' | b'\t', ..] => return Ok(rest),
            [b'"', inside @ ..] => return after_quote(take_double_quoted(inside, out)?),
            [b'\'', inside @ ..] => return after_quote(take_single_quoted(inside, out)?),
            [byte, after @ ..] => {
                out.push(*byte);
                rest = after;
            }
        }
    }
}

fn after_quote(rest: &[u8]) -> Result<&[u8], Unbalanced> {
    match rest {
        [byte, ..] if !is_blank(*byte) => Err(Unbalanced),
        _ => Ok(rest),
    }
}

fn take_double_quoted<'a>(inside: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Unbalanced> {
    let mut rest = inside;
    loop {
        let (byte, after) = match rest {
            [] => return Err(Unbalanced),
            [b'"', after @ ..] => return Ok(after),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex_digit(*high) << 4 | hex_digit(*low), after)
            }
            [b'\\', escaped, after @ ..] => (unescaped(*escaped), after),
            [byte, after @ ..] => (*byte, after),
        };
        out.push(byte);
        rest = after;
    }
}

fn take_single_quoted<'a>(inside: &'a [u8], out: &mut Vec<u8>) -> Result<&'a [u8], Unbalanced> {
    let mut rest = inside;
    loop {
        let (byte, after) = match rest {
            [] => return Err(Unbalanced),
            [b'\'', after @ ..] => return Ok(after),
            [b'\\', b'\'', after @ ..] => (b'\'', after),
            [byte, after @ ..] => (*byte, after),
        };
        out.push(byte);
        rest = after;
    }
}

fn hex_digit(digit: u8) -> u8 {
    // Both callers have checked that it is one.
    (digit as char).to_digit(16).unwrap_or(0) as u8
}

fn unescaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'a' => 7,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(line: &str) -> Option<Vec<String>> {
        let arguments = split_args(line.as_bytes()).ok()?;
        Some(arguments.into_iter().map(|argument| String::from_utf8(argument).unwrap()).collect())
    }

    fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| text.to_string()).collect()
    }

    #[test]
    fn shows_what_cannot_be_printed() {
        let mut out = Vec::new();
        write_quoted(&mut out, b"a \"\\\n\r\t\x07\x08\x00\x7f\xff");
        assert_eq!(out, br#""a \"\\\n\r\t\a\b\x00\x7f\xff""#);
    }

    #[test]
    fn lines_are_split_as_the_server_splits_them() {
        let lines: &[(&str, &[&str])] = &[
            ("", &[]),
            (" \t\r\n\x0b\x0c", &[]),
            ("set a b", &["set", "a", "b"]),
            ("  ping \x0bx", &["ping", "x"]),
            ("ping\x0bx", &["ping\x0bx"]),
            (r#"ping "\x41\n\q""#, &["ping", "A\nq"]),
            (r#""\x4""#, &["x4"]),
            (r"'a\'b\n'", &[r"a'b\n"]),
            (r#"a"b c" 'd'"#, &["ab c", "d"]),
            (r#""" ''"#, &["", ""]),
            (r"a\ b", &["a\\", "b"]),
            ("a\0b c", &["a"]),
        ];
        for (line, arguments) in lines {
            assert_eq!(split(line).as_deref(), Some(strings(arguments).as_slice()), "{line:?}");
        }
    }

    #[test]
    fn quotes_must_match() {
        for line in [r#"""#, "'", r#""a"b"#, "'a'b", r#"'a'"b""#, r#""a\""#, "a 'b", "'a\0'"] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_split_back(arguments: Vec<Vec<u8>>) {
            let mut line = Vec::new();
            for argument in &arguments {
                write_quoted(&mut line, argument);
                line.push(b' ');
            }
            prop_assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)));
            prop_assert_eq!(split_args(&line), Ok(arguments));
        }

        #[test]
        fn no_line_is_too_odd(line: Vec<u8>) {
            let _ = split_args(&line);
        }
    }
}
