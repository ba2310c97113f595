//! Keys, hashed once on their way in.

use crate::types::HashKey;

/// How many hash slots a cluster has.
pub const SLOT_COUNT: u16 = 16384;

/// A key with its hash, and its hash slot if the node is a cluster's.
#[derive(Clone, Copy)]
pub struct Key<'a> {
    /// The key itself.
    pub bytes: &'a [u8],
    /// Its hash under the keyspace's secret.
    pub hash: u64,
    /// Its hash slot; 0 outside a cluster.
    pub slot: u16,
}

/// Where a key belongs: what is known of it without its bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    hash: u64,
    slot: u16,
}

impl Place {
    /// The key that this place was [of](Key::place), which must have these bytes.
    #[inline]
    pub fn key(self, bytes: &[u8]) -> Key<'_> {
        Key { bytes, hash: self.hash, slot: self.slot }
    }
}

impl Key<'_> {
    /// Where it belongs.
    #[inline]
    pub fn place(&self) -> Place {
        Place { hash: self.hash, slot: self.slot }
    }
}

/// Makes [`Key`]s.
#[derive(Clone, Copy)]
pub struct Hasher {
    hash_key: HashKey,
    cluster: bool,
}

impl Hasher {
    /// A hasher with a 128-bit secret; `cluster` says whether keys have slots.
    pub fn new(k0: u64, k1: u64, cluster: bool) -> Self {
        Self { hash_key: HashKey::new(k0, k1), cluster }
    }

    /// Hashes a key.
    #[inline]
    pub fn key<'a>(&self, bytes: &'a [u8]) -> Key<'a> {
        let slot = if self.cluster { hash_slot(bytes) } else { 0 };
        Key { bytes, hash: self.hash_key.hash(bytes), slot }
    }

    /// Whether keys have slots.
    pub fn is_cluster(&self) -> bool {
        self.cluster
    }

    /// The secret of the tables that take this hasher's keys.
    pub fn hash_key(&self) -> HashKey {
        self.hash_key
    }
}

/// The hash slot of a key: CRC-16/XMODEM of its hash tag, modulo [`SLOT_COUNT`].
pub fn hash_slot(key: &[u8]) -> u16 {
    crc16::State::<crc16::XMODEM>::calculate(hash_tag(key)) % SLOT_COUNT
}

/// What stands between the first `{` and the next `}`, if that is not empty; else the whole key.
fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = key.iter().position(|byte| *byte == b'{') else { return key };
    let tag = &key[open + 1..];
    match tag.iter().position(|byte| *byte == b'}') {
        None | Some(0) => key,
        Some(close) => &tag[..close],
    }
}

#[cfg(test)]
mod tests {
    use super::hash_slot;

    #[test]
    fn slots_are_those_that_cluster_keyslot_answers() {
        let answers: [(&[u8], u16); 6] = [
            (b"foo", 12182),
            (b"{user1000}.following", 3443),
            (b"user1000", 3443),
            (b"foo{}{bar}", 8363),
            (b"foo{{bar}}zap", 4015),
            (b"", 0),
        ];
        for (key, slot) in answers {
            assert_eq!(hash_slot(key), slot, "{}", String::from_utf8_lossy(key));
        }
    }
}
