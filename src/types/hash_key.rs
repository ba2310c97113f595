//! Keyed hashing that withstands flooding: SipHash-1-3 (Aumasson and Bernstein), as Rust's and Redis's own tables use.

use siphasher::sip::SipHasher13;

/// The 128-bit secret of a table's hash function. Whoever does not know it cannot aim at one bucket.
#[derive(Clone, Copy)]
pub struct HashKey {
    k0: u64,
    k1: u64,
}

impl HashKey {
    /// A secret from two random words.
    pub fn new(k0: u64, k1: u64) -> Self {
        Self { k0, k1 }
    }

    /// The hash of `bytes` under this secret.
    #[inline]
    pub fn hash(&self, bytes: &[u8]) -> u64 {
        SipHasher13::new_with_keys(self.k0, self.k1).hash(bytes)
    }
}
