//! Values that are not strings: what the table asks of them, and their list (which is still empty).

/// What a table must know of the objects in it.
pub trait Payload: Clone {
    /// Bytes that the object has allocated, by [`size_class`](super::size_class), without its own `size_of`.
    fn memory_bytes(&self) -> usize;
    /// The name of its encoding, as OBJECT ENCODING prints it.
    fn encoding(&self) -> &'static str;
    /// How many elements it has.
    fn len(&self) -> usize;
    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A list, set, sorted set, hash or stream.
#[derive(Clone, Debug)]
pub enum Object {}

impl Payload for Object {
    fn memory_bytes(&self) -> usize {
        match *self {}
    }

    fn encoding(&self) -> &'static str {
        match *self {}
    }

    fn len(&self) -> usize {
        match *self {}
    }
}
