//! Bytes as words of a text line, and back.
//!
//! A word is bare (`user:1`) or quoted (`"two words\n\xff"`). Every byte string has exactly one written form, and
//! reading it gives the bytes back.

/// One word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// What it says, escapes resolved.
    pub(crate) bytes: Vec<u8>,
    /// Whether it stood in quotes: `"5"` is a string where `5` is a number.
    pub(crate) quoted: bool,
}

impl Word {
    /// The word as a keyword or number; none if it is quoted or not ASCII.
    pub(crate) fn bare(&self) -> Option<&str> {
        let text = std::str::from_utf8(&self.bytes).ok()?;
        (!self.quoted).then_some(text)
    }
}

/// The bytes in quotes, anything but printable ASCII escaped.
pub(crate) fn quoted(bytes: &[u8]) -> String {
    format!("\"{}\"", bytes.escape_ascii())
}

/// The bytes as they are if nothing in them can be misread, otherwise in quotes.
pub(crate) fn word(bytes: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-:.{}".contains(byte);
    if !bytes.is_empty() && bytes.iter().all(plain) {
        String::from_utf8_lossy(bytes).into_owned()
    } else {
        quoted(bytes)
    }
}

/// Splits a line into words at white space. The error says what is wrong with a quoted word.
pub(crate) fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('"') {
            Some(inside) => quoted_word(inside)?,
            None => bare_word(rest),
        };
        words.push(word);
        rest = after.trim_start();
    }
    Ok(words)
}

fn bare_word(text: &str) -> (Word, &str) {
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let bytes = word.as_bytes().to_vec();
    (Word { bytes, quoted: false }, rest)
}

/// Reads up to the closing quote; `text` begins after the opening one.
fn quoted_word(text: &str) -> Result<(Word, &str), String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    loop {
        let next = rest.chars().next().ok_or("a quoted word has no end")?;
        let after = &rest[next.len_utf8()..];
        match next {
            '"' => {
                return Ok((Word { bytes, quoted: true }, after));
            }
            '\\' => {
                let (byte, after_escape) = escape(after)?;
                bytes.push(byte);
                rest = after_escape;
            }
            _ => {
                bytes.extend_from_slice(&rest.as_bytes()[..next.len_utf8()]);
                rest = after;
            }
        }
    }
}

/// One escape, after its backslash.
fn escape(text: &str) -> Result<(u8, &str), String> {
    let kind = text.chars().next().ok_or("a quoted word has no end")?;
    let rest = &text[kind.len_utf8()..];
    let byte = match kind {
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        '"' => b'"',
        '\'' => b'\'',
        '\\' => b'\\',
        'x' => return hex(rest),
        _ => return Err(format!("unknown escape \\{kind}")),
    };
    Ok((byte, rest))
}

fn hex(text: &str) -> Result<(u8, &str), String> {
    let digits = text.get(..2).ok_or("\\x needs two hexadecimal digits")?;
    match u8::from_str_radix(digits, 16) {
        Ok(byte) if !digits.starts_with('+') => Ok((byte, &text[2..])),
        _ => Err(format!("\\x{digits} is not a byte")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_byte_string_comes_back(bytes: Vec<u8>) {
            for text in [word(&bytes), quoted(&bytes)] {
                let read = words(&text).expect("what was written can be read");
                prop_assert_eq!(read.len(), 1);
                prop_assert_eq!(&read[0].bytes, &bytes);
            }
        }

        #[test]
        fn no_line_panics(line: String) {
            let _ = words(&line);
        }
    }

    #[test]
    fn faults_are_named() {
        for line in ["\"open", "\"\\", "\"\\q\"", "\"\\x4\"", "\"\\x+4\"", "\"\\xé\""] {
            assert!(words(line).is_err(), "{line}");
        }
    }
}
