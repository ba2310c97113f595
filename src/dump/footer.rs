//! What stands behind a value, or libraries, that a client carries from server to server: the version of the format, and a
//! checksum over all before it.

use crc_fast::CrcAlgorithm::Crc64Redis;

use super::form::{Version, is_known};

const VERSION_BYTES: usize = 2;
const CHECKSUM_BYTES: usize = 8;
/// Bytes of a footer.
pub const FOOTER_BYTES: usize = VERSION_BYTES + CHECKSUM_BYTES;

/// The checksum of payloads and dump files: CRC-64 with the polynomial of Jones.
pub fn checksum(bytes: &[u8]) -> u64 {
    crc_fast::checksum(Crc64Redis, bytes)
}

/// The same of bytes that come in parts.
#[derive(Debug)]
pub struct Checksum {
    digest: crc_fast::Digest,
    bytes: u64,
}

impl Default for Checksum {
    fn default() -> Checksum {
        Checksum { digest: crc_fast::Digest::new(Crc64Redis), bytes: 0 }
    }
}

impl Checksum {
    /// Adds bytes at the end.
    pub fn add(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// The checksum, had these bytes come as well.
    pub fn value_with(&self, tail: &[u8]) -> u64 {
        crc_fast::checksum_combine(Crc64Redis, self.digest.finalize(), checksum(tail), tail.len() as u64)
    }

    /// The checksum, had these bytes stood before all others.
    pub fn value_after(&self, head: &[u8]) -> u64 {
        crc_fast::checksum_combine(Crc64Redis, checksum(head), self.digest.finalize(), self.bytes)
    }
}

/// Adds the footer.
pub fn seal(payload: &mut Vec<u8>, version: Version) {
    payload.extend(version.to_le_bytes());
    let checksum = checksum(payload);
    payload.extend(checksum.to_le_bytes());
}

/// What stands before the footer; `None` if the checksum is wrong, or the version is none that we know.
pub fn open(payload: &[u8]) -> Option<&[u8]> {
    let (signed, given) = payload.split_last_chunk::<CHECKSUM_BYTES>()?;
    let (body, version) = signed.split_last_chunk::<VERSION_BYTES>()?;
    let sound = is_known(Version::from_le_bytes(*version)) && checksum(signed) == u64::from_le_bytes(*given);
    sound.then_some(body)
}
