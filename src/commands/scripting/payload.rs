//! The text of FUNCTION DUMP: libraries as a snapshot file holds them, the version of that format, a checksum
//! (<https://github.com/sripathikrishnan/redis-rdb-tools/wiki/Redis-RDB-Dump-File-Format> describes the parts).

use crate::engine::Failure;

/// Before each library.
const LIBRARY: u8 = 245;
/// The format of Redis 7.0, which all later servers read.
const VERSION: u16 = 10;
/// The newest format that we read.
const VERSION_MAX: u16 = 255;
const FOOTER_BYTES: usize = 10;

const WRONG: Failure = Failure::fixed("ERR DUMP payload version or checksum are wrong");
const NOT_READ: Failure = Failure::fixed("ERR failed loading functions");

/// Libraries as one text.
pub(super) fn write<'a>(libraries: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut out = Vec::new();
    for text in libraries {
        out.push(LIBRARY);
        write_length(&mut out, text.len());
        out.extend_from_slice(text);
    }
    out.extend(VERSION.to_le_bytes());
    let checksum = crc64(&out);
    out.extend(checksum.to_le_bytes());
    out
}

fn write_length(out: &mut Vec<u8>, length: usize) {
    match length {
        0..64 => out.push(length as u8),
        64..16384 => out.extend([0x40 | (length >> 8) as u8, length as u8]),
        _ => match u32::try_from(length) {
            Ok(length) => {
                out.push(0x80);
                out.extend(length.to_be_bytes());
            }
            Err(_) => {
                out.push(0x81);
                out.extend((length as u64).to_be_bytes());
            }
        },
    }
}

/// The libraries of a text.
pub(super) fn read(payload: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let (body, footer) =
        payload.len().checked_sub(FOOTER_BYTES).map(|at| payload.split_at(at)).ok_or(WRONG)?;
    let version = u16::from_le_bytes([footer[0], footer[1]]);
    let checksum = footer[2..].try_into().map_or(0, u64::from_le_bytes);
    if version > VERSION_MAX || checksum != 0 && checksum != crc64(&payload[..payload.len() - 8]) {
        return Err(WRONG);
    }
    let mut reader = Reader { rest: body };
    let mut libraries = Vec::new();
    while let Some((kind, rest)) = reader.rest.split_first() {
        if *kind != LIBRARY {
            return Err(Failure::fixed("ERR given type is not a function"));
        }
        reader.rest = rest;
        libraries.push(reader.string().ok_or(NOT_READ)?);
    }
    Ok(libraries)
}

struct Reader<'a> {
    rest: &'a [u8],
}

/// A length, or how else a string is written.
enum Form {
    Plain(usize),
    Integer(usize),
    Compressed,
}

impl<'a> Reader<'a> {
    fn bytes(&mut self, count: usize) -> Option<&'a [u8]> {
        let (bytes, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(bytes)
    }

    fn form(&mut self) -> Option<Form> {
        let first = self.bytes(1)?[0];
        Some(match (first >> 6, first & 0x3f) {
            (0, low) => Form::Plain(usize::from(low)),
            (1, low) => Form::Plain(usize::from(low) << 8 | usize::from(self.bytes(1)?[0])),
            (2, 0) => Form::Plain(u32::from_be_bytes(self.bytes(4)?.try_into().ok()?) as usize),
            (2, 1) => Form::Plain(u64::from_be_bytes(self.bytes(8)?.try_into().ok()?) as usize),
            (3, bytes @ 0..=2) => Form::Integer(1 << bytes),
            (3, 3) => Form::Compressed,
            _ => return None,
        })
    }

    fn length(&mut self) -> Option<usize> {
        match self.form()? {
            Form::Plain(length) => Some(length),
            _ => None,
        }
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        match self.form()? {
            Form::Plain(length) => Some(self.bytes(length)?.to_vec()),
            Form::Integer(bytes) => {
                let mut whole = [0; 8];
                whole[..bytes].copy_from_slice(self.bytes(bytes)?);
                let unused = 64 - 8 * bytes as u32;
                Some((i64::from_le_bytes(whole) << unused >> unused).to_string().into_bytes())
            }
            Form::Compressed => {
                let (compressed, length) = (self.length()?, self.length()?);
                decompress(self.bytes(compressed)?, length)
            }
        }
    }
}

/// LZF: runs of plain bytes, and references back into what is there already.
fn decompress(mut from: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut out: Vec<u8> = Vec::new();
    let mut byte = || {
        let (first, rest) = from.split_first()?;
        from = rest;
        Some(usize::from(*first))
    };
    while out.len() < length {
        let control = byte()?;
        if control < 32 {
            for _ in 0..=control {
                out.push(byte()? as u8);
            }
            continue;
        }
        let mut count = control >> 5;
        if count == 7 {
            count += byte()?;
        }
        let back = ((control & 31) << 8 | byte()?) + 1;
        let start = out.len().checked_sub(back)?;
        for at in start..start + count + 2 {
            out.push(out[at]);
        }
    }
    (out.len() == length).then_some(out)
}

/// CRC-64 of Jones: reflected, polynomial 0xad93d23594c935a9, nothing inverted.
fn crc64(bytes: &[u8]) -> u64 {
    const REFLECTED: u64 = 0x95ac_9329_ac4b_c9b5;
    bytes.iter().fold(0, |mut crc, byte| {
        crc ^= u64::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ REFLECTED };
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_the_one_of_redis() {
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let texts: [&[u8]; 3] = [b"#!lua name=a\n", &[7; 100], &[8; 20_000]];
        let read = read(&write(texts.iter().copied())).unwrap();
        assert_eq!(read, texts.map(<[u8]>::to_vec));
    }
}
