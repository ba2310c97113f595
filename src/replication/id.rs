//! Names of histories.

use std::fmt;

/// 40 hexadecimal digits, drawn at random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReplicationId([u8; ReplicationId::LENGTH]);

impl ReplicationId {
    /// Bytes of the text.
    pub const LENGTH: usize = 40;

    /// The name that these random numbers make.
    pub fn from_random(numbers: [u64; 3]) -> ReplicationId {
        let digits: Vec<u8> =
            numbers.iter().flat_map(|number| format!("{number:016x}").into_bytes()).collect();
        let mut id = [0; Self::LENGTH];
        id.copy_from_slice(&digits[..Self::LENGTH]);
        ReplicationId(id)
    }

    /// The name that this text is, if it has the right length.
    pub fn parse(text: &[u8]) -> Option<ReplicationId> {
        Some(ReplicationId(text.try_into().ok()?))
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for ReplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for ReplicationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
