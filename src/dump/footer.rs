//! What stands behind a value, or libraries, that a client carries from server to server: the version of the format, and a
//! checksum over all before it.

use crc::{CRC_64_REDIS, Crc, Table};

use super::form::{Version, is_known};

const VERSION_BYTES: usize = 2;
const CHECKSUM_BYTES: usize = 8;
/// Bytes of a footer.
pub const FOOTER_BYTES: usize = VERSION_BYTES + CHECKSUM_BYTES;

const CHECKSUM: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// The checksum of payloads and dump files: CRC-64 with the polynomial of Jones.
pub fn checksum(bytes: &[u8]) -> u64 {
    static TABLES: Crc<u64, Table<16>> = CHECKSUM;
    TABLES.checksum(bytes)
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
