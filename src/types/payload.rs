//! What a table asks of what it stores beside strings.

/// An object in a table.
pub trait Payload: Clone {
    /// Whether entries keep an access clock.
    const CLOCK: bool = true;
    /// How an object is read: small ones may be nothing but bytes, so a reference to the object is not always to be had.
    type Ref<'a>: View
    where
        Self: 'a;
    /// A view of it.
    fn view(&self) -> Self::Ref<'_>;
    /// Bytes that the object has allocated, by [`size_class`](crate::types::size_class), without its own `size_of`. Asked
    /// before and after each change, so it must be known and not computed.
    fn memory_bytes(&self) -> usize;
    /// The bytes of a small object, with a tag that says what they are (from 1 to 7 where a table is to keep
    /// them); or the object itself. Objects of few bytes are kept so, within their entries.
    fn pack(self) -> Result<(u8, Vec<u8>), Self> {
        Err(self)
    }
    /// The object again. The table calls it only with what [`Payload::pack`] gave.
    fn unpack(tag: u8, bytes: Vec<u8>) -> Self {
        let _ = bytes;
        unreachable!("objects that are never packed are never unpacked: tag {tag}")
    }
    /// A view of bytes that [`Payload::pack`] gave.
    fn view_packed(tag: u8, bytes: &[u8]) -> Self::Ref<'_> {
        let _ = bytes;
        unreachable!("objects that are never packed are never viewed so: tag {tag}")
    }
    /// Frees about so many elements of an object that nobody needs any more; true when what is left can be dropped at once.
    fn dismantle(&mut self, elements: usize) -> bool {
        let _ = elements;
        true
    }
}

/// What a view of an object tells to those who do not know its type.
pub trait View: Copy {
    /// The name of its encoding, as OBJECT ENCODING prints it.
    fn encoding(&self) -> &'static str;
    /// How many elements it has.
    fn len(&self) -> usize;
    /// Whether it has none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The payload of tables that hold strings only: sets, and the fields of hashes.
#[derive(Clone, Copy, Debug)]
pub enum Never {}

impl Payload for Never {
    const CLOCK: bool = false;
    type Ref<'a> = Never;

    fn view(&self) -> Never {
        *self
    }

    fn memory_bytes(&self) -> usize {
        match *self {}
    }
}

impl View for Never {
    fn encoding(&self) -> &'static str {
        match *self {}
    }

    fn len(&self) -> usize {
        match *self {}
    }
}
