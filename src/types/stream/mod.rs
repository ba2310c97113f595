//! Streams. Not there yet: the shape that the room above builds on.

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Stream {}

impl Stream {
    /// Bytes allocated, by size class.
    pub fn memory_bytes(&self) -> usize {
        0
    }

    /// See [`Payload::dismantle`](crate::types::Payload::dismantle).
    pub fn dismantle(&mut self, _elements: usize) -> bool {
        true
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        true
    }

    /// `stream`: there is no other.
    pub fn encoding(&self) -> &'static str {
        "stream"
    }
}
