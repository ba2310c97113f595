//! The text of FUNCTION DUMP: libraries as a dump file holds them, and the [footer].

use crate::dump::{Reader, VERSION_MIN, Writer, footer};
use crate::engine::Failure;

/// Before each library.
const LIBRARY: u8 = 245;

const WRONG: Failure = Failure::fixed("ERR DUMP payload version or checksum are wrong");
const NOT_READ: Failure = Failure::fixed("ERR failed loading functions");

/// Libraries as one text; long ones compressed if wanted.
pub(super) fn write<'a>(libraries: impl Iterator<Item = &'a [u8]>, compress: bool) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), compress);
    for text in libraries {
        writer.out.push(LIBRARY);
        writer.packed(text);
    }
    footer::seal(&mut writer.out, VERSION_MIN);
    writer.out
}

/// The libraries of a text.
pub(super) fn read(payload: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut reader = Reader::new(footer::open(payload).ok_or(WRONG)?);
    let mut libraries = Vec::new();
    while let Some(kind) = reader.byte() {
        if kind != LIBRARY {
            return Err(Failure::fixed("ERR given type is not a function"));
        }
        libraries.push(reader.text().ok_or(NOT_READ)?.into_owned());
    }
    Ok(libraries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let texts: [&[u8]; 3] = [b"#!lua name=a\n", &[7; 100], &[8; 20_000]];
        for compress in [false, true] {
            let read = read(&write(texts.iter().copied(), compress)).unwrap();
            assert_eq!(read, texts.map(<[u8]>::to_vec));
        }
    }
}
