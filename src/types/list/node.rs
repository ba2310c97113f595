//! A node of a large list: a listpack, the same compressed, or a single long text.

use std::ops::ControlFlow;

use super::End;
use crate::types::listpack::{Item, Listpack, ListpackRef};
use crate::types::{lzf, size_class};

/// Shorter nodes are not compressed.
const COMPRESSED_BYTES_MIN: usize = 48;
/// Compression must save so much.
const SAVED_BYTES_MIN: usize = 8;
/// Before a compressed node stands its length in bytes, uncompressed.
const LENGTH_BYTES: usize = 4;

#[derive(Clone, Debug)]
enum Body {
    Packed(Listpack),
    /// The length and the compressed bytes of a listpack.
    Compressed(Box<[u8]>),
    Plain(Box<[u8]>),
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Node {
    body: Body,
    /// How many elements; none only while a list is being changed.
    count: u32,
}

/// What a node holds, to be read.
#[derive(Clone, Copy, Debug)]
pub enum Content<'a> {
    /// Elements.
    Packed(ListpackRef<'a>),
    /// A single long text.
    Plain(&'a [u8]),
}

impl Node {
    pub(super) fn packed(pack: Listpack) -> Node {
        let count = pack.view().len() as u32;
        Node { body: Body::Packed(pack), count }
    }

    pub(super) fn plain(text: &[u8]) -> Node {
        Node { body: Body::Plain(text.into()), count: 1 }
    }

    /// A node of one element.
    pub(super) fn of_one(text: &[u8]) -> Node {
        let item = Item::of(text);
        let mut pack = Listpack::with_capacity(item.packed_bytes());
        pack.push_back(item);
        Node { body: Body::Packed(pack), count: 1 }
    }

    #[inline]
    pub(super) fn count(&self) -> usize {
        self.count as usize
    }

    /// Bytes of the listpack, compressed or not, or of the text.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        match &self.body {
            Body::Packed(pack) => pack.view().bytes().len(),
            Body::Compressed(compressed) => uncompressed_bytes(compressed),
            Body::Plain(text) => text.len(),
        }
    }

    #[inline]
    pub(super) fn memory_bytes(&self) -> usize {
        match &self.body {
            Body::Packed(pack) => pack.memory_bytes(),
            Body::Compressed(bytes) | Body::Plain(bytes) => size_class(bytes.len()),
        }
    }

    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.body, Body::Plain(_))
    }

    #[cfg(test)]
    pub(super) fn is_compressed(&self) -> bool {
        matches!(self.body, Body::Compressed(_))
    }

    /// What it holds; a compressed node is written into the buffer.
    #[inline]
    pub(super) fn content<'a>(&'a self, buffer: &'a mut Vec<u8>) -> Content<'a> {
        match &self.body {
            Body::Packed(pack) => Content::Packed(pack.view()),
            Body::Plain(text) => Content::Plain(text),
            Body::Compressed(compressed) => {
                uncompress(compressed, buffer);
                Content::Packed(ListpackRef::trusted(buffer))
            }
        }
    }

    /// Changes the listpack, which is not compressed afterwards; `None` if there is none.
    #[inline]
    pub(super) fn edit<R>(&mut self, edit: impl FnOnce(&mut Listpack) -> R) -> Option<R> {
        self.uncompress();
        let Body::Packed(pack) = &mut self.body else { return None };
        let result = edit(pack);
        self.count = pack.view().len() as u32;
        Some(result)
    }

    /// The listpack, if it is one and not compressed.
    pub(super) fn into_pack(self) -> Option<Listpack> {
        if let Body::Packed(pack) = self.body { Some(pack) } else { None }
    }

    /// Compresses a listpack, if that is worth it; otherwise gives back what it does not use.
    pub(super) fn compress(&mut self) {
        let Body::Packed(pack) = &mut self.body else { return };
        pack.shrink();
        let bytes = pack.view().bytes();
        if bytes.len() < COMPRESSED_BYTES_MIN {
            return;
        }
        if let Some(compressed) = lzf::compress(bytes, bytes.len() - SAVED_BYTES_MIN - LENGTH_BYTES) {
            let length = (bytes.len() as u32).to_le_bytes();
            self.body = Body::Compressed([&length, compressed.as_slice()].concat().into());
        }
    }

    pub(super) fn uncompress(&mut self) {
        if let Body::Compressed(compressed) = &self.body {
            let mut bytes = Vec::new();
            uncompress(compressed, &mut bytes);
            self.body = Body::Packed(Listpack::from_bytes(bytes));
        }
    }
}

fn uncompressed_bytes(compressed: &[u8]) -> usize {
    let [a, b, c, d, ..] = *compressed else { return 0 };
    u32::from_le_bytes([a, b, c, d]) as usize
}

fn uncompress(compressed: &[u8], buffer: &mut Vec<u8>) {
    let whole = lzf::decompress_into(&compressed[LENGTH_BYTES..], uncompressed_bytes(compressed), buffer);
    assert!(whole, "only Node::compress makes compressed nodes");
}

impl<'a> Content<'a> {
    /// Visits the elements from one end on, without the first `skip`, which must not be more than there are.
    #[inline]
    pub(super) fn walk(
        self,
        from: End,
        skip: usize,
        visit: &mut impl FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self {
            Content::Plain(text) if skip == 0 => visit(Item::Bytes(text)),
            Content::Plain(_) => ControlFlow::Continue(()),
            Content::Packed(pack) => walk(pack, from, skip, visit),
        }
    }

    /// The place of the first element with this text; in a plain node there is but one, 0.
    pub(super) fn find(self, text: &[u8]) -> Option<usize> {
        match self {
            Content::Plain(whole) => (whole == text).then_some(0),
            Content::Packed(pack) => pack.find(pack.start(), text, 0),
        }
    }
}

#[inline]
fn walk(
    pack: ListpackRef<'_>,
    from: End,
    skip: usize,
    visit: &mut impl FnMut(Item<'_>) -> ControlFlow<()>,
) -> ControlFlow<()> {
    match from {
        End::Front => {
            let start = if skip == 0 { Some(pack.start()) } else { pack.seek(skip as i64) };
            pack.iter_from(start.unwrap_or(pack.end())).try_for_each(visit)
        }
        End::Back => {
            let mut before = pack.seek(-(skip as i64) - 1);
            while let Some(place) = before {
                visit(pack.get(place))?;
                before = pack.prev(place);
            }
            ControlFlow::Continue(())
        }
    }
}
