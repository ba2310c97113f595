//! Which register a text belongs to, and to what it raises it.
//!
//! The hash is MurmurHash64A (Appleby, public domain) under Redis's seed, read as little endian.

use super::{INDEX_BITS, PATTERN_BITS, REGISTERS};

const SEED: u64 = 0xadc8_3b19;
const FACTOR: u64 = 0xc6a4_a793_5bd1_e995;
const SHIFT: u32 = 47;

fn murmur(text: &[u8]) -> u64 {
    let mut hash = SEED ^ (text.len() as u64).wrapping_mul(FACTOR);
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(FACTOR);
        word ^= word >> SHIFT;
        hash = (hash ^ word.wrapping_mul(FACTOR)).wrapping_mul(FACTOR);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(FACTOR);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(FACTOR);
    hash ^ hash >> SHIFT
}

/// The register's index, and the number of zero bits before the first one, that one included.
pub(super) fn register_of(text: &[u8]) -> (usize, u8) {
    let hash = murmur(text);
    let index = hash as usize & (REGISTERS - 1);
    let pattern = hash >> INDEX_BITS | 1 << PATTERN_BITS;
    (index, pattern.trailing_zeros() as u8 + 1)
}
