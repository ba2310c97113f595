//! How long a list may be in its small form, how long its nodes may be, and which are compressed.

/// The longest node of a list whose nodes are limited by elements, in bytes.
const SAFE_BYTES_MAX: usize = 8192;
/// Sizes of nodes that `list-max-listpack-size` names -1 to -5, in bytes.
const NODE_BYTES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// Bytes around the elements of a listpack.
const LISTPACK_FRAME_BYTES: usize = 7;

/// What `list-max-listpack-size` and `list-compress-depth` say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Most bytes of a node.
    bytes_max: usize,
    /// Most elements of a node; `u32::MAX` if only bytes count.
    count_max: u32,
    /// Nodes at either end that are not compressed; 0 compresses none.
    depth: u32,
}

impl Limits {
    /// `size`: most elements of a node, or one of five sizes in bytes from -1 to -5. `depth`: nodes at either end that are
    /// not compressed; 0 compresses none.
    #[inline]
    pub fn new(size: i64, depth: u32) -> Limits {
        let (bytes_max, count_max) = match size {
            0.. => (SAFE_BYTES_MAX, size.clamp(1, i64::from(u32::MAX - 1)) as u32),
            _ => (NODE_BYTES[(-1 - size).min(4) as usize], u32::MAX),
        };
        Limits { bytes_max, count_max, depth }
    }

    /// Whether a node may have so many bytes and elements.
    #[inline]
    pub(super) fn admit(self, bytes: usize, count: usize) -> bool {
        bytes <= self.bytes_max && count <= self.count_max as usize
    }

    /// Whether two nodes may become one.
    pub(super) fn admit_both(self, bytes: usize, count: usize) -> bool {
        self.admit(bytes - LISTPACK_FRAME_BYTES, count)
    }

    /// Whether a large list is short enough to become small again: well below the limit, so that it does not go to and fro.
    #[inline]
    pub(super) fn admit_return(self, bytes: usize, count: usize) -> bool {
        // A limit in elements alone leaves the bytes to the safe limit of the nodes themselves.
        let bytes_max = if self.count_max == u32::MAX { self.bytes_max / 2 } else { usize::MAX };
        bytes <= bytes_max && count <= self.count_max as usize / 2
    }

    /// Whether a text of so many bytes gets a node of its own.
    #[inline]
    pub(super) fn is_large(self, bytes: usize) -> bool {
        bytes > self.bytes_max
    }

    /// Bytes from which on a node is divided, though its elements were only replaced by longer ones.
    pub(super) fn divide_from_bytes(self) -> usize {
        self.bytes_max * 4
    }

    #[inline]
    pub(super) fn depth(self) -> usize {
        self.depth as usize
    }
}
