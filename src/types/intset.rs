//! Intset: the small form of sets whose members are all integers, sorted, in one run of bytes.
//!
//! The bytes are those of Redis's own format, as dump files hold them:
//!
//! | part | bytes |
//! |---|---|
//! | width of a member in bytes: 2, 4 or 8 | 4, little endian |
//! | number of members | 4, little endian |
//! | members, ascending | that width each, little endian |
//!
//! The width is that of the widest member that ever came; it grows when a wider one comes, and never shrinks. No bytes at
//! all are an empty set as well, so that one without members allocates nothing.
//!
//! Guarantee: an [`IntsetRef`] made by [`IntsetRef::parse`], and every [`Intset`], is well formed: strictly ascending.

use crate::types::size_class;

const HEADER_BYTES: usize = 8;

/// An intset that can be changed.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Intset(Vec<u8>);

/// A view of an intset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IntsetRef<'a>(&'a [u8]);

impl Intset {
    /// One without members.
    pub fn new() -> Intset {
        Intset::default()
    }

    /// Takes bytes that are an intset, as [`Intset::into_bytes`] gave them away. Bytes from elsewhere go through
    /// [`IntsetRef::parse`].
    pub fn from_bytes(bytes: Vec<u8>) -> Intset {
        debug_assert!(bytes.is_empty() || IntsetRef::parse(&bytes).is_some());
        Intset(bytes)
    }

    /// The bytes of the format.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// A view of it.
    #[inline]
    pub fn view(&self) -> IntsetRef<'_> {
        IntsetRef(&self.0)
    }

    /// Bytes allocated, by size class.
    #[inline]
    pub fn memory_bytes(&self) -> usize {
        size_class(self.0.capacity())
    }

    /// Adds a member; false if it is there already.
    pub fn insert(&mut self, member: i64) -> bool {
        let Err(index) = self.view().search(member) else { return false };
        let (width, wanted) = (self.view().width(), width_of(member));
        if wanted > width || self.0.is_empty() {
            self.widen(wanted.max(width));
        }
        let width = self.view().width();
        let at = HEADER_BYTES + index * width;
        let end = self.0.len();
        self.reserve(width);
        self.0.resize(end + width, 0);
        self.0.copy_within(at..end, at + width);
        self.0[at..at + width].copy_from_slice(&member.to_le_bytes()[..width]);
        self.set_len(self.view().len() + 1);
        true
    }

    /// Takes a member out; false if it is not there.
    pub fn remove(&mut self, member: i64) -> bool {
        let Ok(index) = self.view().search(member) else { return false };
        self.remove_at(index);
        true
    }

    /// Takes the member at an index out; there must be one.
    pub fn remove_at(&mut self, index: usize) {
        let (width, len) = (self.view().width(), self.view().len());
        let at = HEADER_BYTES + index * width;
        self.0.drain(at..at + width);
        self.set_len(len - 1);
        self.shrink();
    }

    /// Keeps only the members for which `keep` says so; it is asked in ascending order.
    pub fn retain(&mut self, mut keep: impl FnMut(i64) -> bool) {
        let (width, len) = (self.view().width(), self.view().len());
        let mut kept = 0;
        for index in 0..len {
            if keep(self.view().at(index)) {
                let (from, to) = (HEADER_BYTES + index * width, HEADER_BYTES + kept * width);
                self.0.copy_within(from..from + width, to);
                kept += 1;
            }
        }
        if kept < len {
            self.0.truncate(HEADER_BYTES + kept * width);
            self.set_len(kept);
            self.shrink();
        }
    }

    /// Rewrites all members in another width, and writes a header where there is none.
    fn widen(&mut self, width: usize) {
        let old = self.view();
        let mut wide = Vec::with_capacity(size_class(HEADER_BYTES + (old.len() + 1) * width));
        wide.extend_from_slice(&(width as u32).to_le_bytes());
        wide.extend_from_slice(&(old.len() as u32).to_le_bytes());
        for member in old.iter() {
            wide.extend_from_slice(&member.to_le_bytes()[..width]);
        }
        self.0 = wide;
    }

    /// Makes room for `extra` bytes, and no more than the allocator gives anyway.
    fn reserve(&mut self, extra: usize) {
        let wanted = self.0.len() + extra;
        if wanted > self.0.capacity() {
            self.0.reserve_exact(size_class(wanted) - self.0.len());
        }
    }

    fn shrink(&mut self) {
        if size_class(self.0.len()) * 2 <= self.0.capacity() {
            self.0.shrink_to(size_class(self.0.len()));
        }
    }

    fn set_len(&mut self, len: usize) {
        let len = u32::try_from(len).expect("a set turns into a table long before 2^32 integers");
        self.0[4..HEADER_BYTES].copy_from_slice(&len.to_le_bytes());
    }
}

impl IntsetRef<'static> {
    /// One without members.
    pub const EMPTY: IntsetRef<'static> = IntsetRef(&[]);
}

impl<'a> IntsetRef<'a> {
    /// The bytes of an intset from elsewhere, if they are well formed to the last member.
    pub fn parse(bytes: &'a [u8]) -> Option<IntsetRef<'a>> {
        let view = IntsetRef(bytes);
        let (width, members) = (view.width(), bytes.get(HEADER_BYTES..)?);
        if !matches!(width, 2 | 4 | 8) || view.len().checked_mul(width)? != members.len() {
            return None;
        }
        view.iter().is_sorted_by(|a, b| a < b).then_some(view)
    }

    /// A view of bytes that are known to be an intset.
    #[inline]
    pub fn trusted(bytes: &'a [u8]) -> IntsetRef<'a> {
        IntsetRef(bytes)
    }

    /// The bytes of the format; none if there never was a member.
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    #[inline]
    fn header(self, at: usize) -> Option<usize> {
        let field = self.0.get(at..at + 4)?.try_into().ok()?;
        Some(u32::from_le_bytes(field) as usize)
    }

    /// Bytes that a member takes.
    #[inline]
    fn width(self) -> usize {
        self.header(0).unwrap_or(2)
    }

    /// How many members there are.
    #[inline]
    pub fn len(self) -> usize {
        self.header(4).unwrap_or(0)
    }

    /// Whether there are none.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The member at an index, which must be below the length.
    #[inline]
    pub fn at(self, index: usize) -> i64 {
        let width = self.width();
        let at = HEADER_BYTES + index * width;
        let bytes = &self.0[at..at + width];
        match *bytes {
            [a, b] => i64::from(i16::from_le_bytes([a, b])),
            [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
            _ => {
                let mut wide = [0; 8];
                wide[..width.min(8)].copy_from_slice(&bytes[..width.min(8)]);
                i64::from_le_bytes(wide)
            }
        }
    }

    /// Where a member stands, or where it would have to.
    fn search(self, member: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // Most sets are filled in ascending order.
        if high > 0 && self.at(high - 1) < member {
            return Err(high);
        }
        while low < high {
            let middle = (low + high) / 2;
            match self.at(middle).cmp(&member) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return Ok(middle),
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Err(low)
    }

    /// Whether this is a member.
    #[inline]
    pub fn contains(self, member: i64) -> bool {
        self.search(member).is_ok()
    }

    /// The members, ascending.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator + use<'a> {
        (0..self.len()).map(move |index| self.at(index))
    }
}

/// Bytes that a number needs.
fn width_of(number: i64) -> usize {
    if i16::try_from(number).is_ok() {
        2
    } else if i32::try_from(number).is_ok() {
        4
    } else {
        8
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{Intset, IntsetRef};

    fn member() -> impl Strategy<Value = i64> {
        let edges = vec![
            0,
            i64::from(i16::MAX),
            i64::from(i16::MIN) - 1,
            i64::from(i32::MAX) + 1,
            i64::from(i32::MIN),
            i64::MIN,
            i64::MAX,
        ];
        prop_oneof![8 => -20..20_i64, 1 => proptest::sample::select(edges)]
    }

    proptest! {
        #[test]
        fn agrees_with_an_ordered_set(steps in vec((member(), any::<bool>()), 0..80)) {
            let (mut set, mut model) = (Intset::new(), BTreeSet::new());
            for (member, adds) in steps {
                if adds {
                    prop_assert_eq!(set.insert(member), model.insert(member));
                } else {
                    prop_assert_eq!(set.remove(member), model.remove(&member));
                }
                let view = set.view();
                prop_assert!(view.bytes().is_empty() || IntsetRef::parse(view.bytes()).is_some());
                prop_assert!(view.iter().eq(model.iter().copied()));
                prop_assert_eq!(view.contains(member), model.contains(&member));
            }
            set.retain(|member| member % 3 == 0);
            model.retain(|member| member % 3 == 0);
            prop_assert!(set.view().iter().eq(model.iter().copied()));
        }

        #[test]
        fn any_bytes_are_refused_or_ascend(mut bytes in vec(any::<u8>(), 0..40), width in 0..9_u8) {
            bytes.splice(..bytes.len().min(4), [width, 0, 0, 0]);
            if let Some(view) = IntsetRef::parse(&bytes) {
                prop_assert!(view.iter().is_sorted());
            }
        }
    }

    /// What `DUMP` of the sets 1, 5, -3 and 1, 70000 holds, made by redis-server 7.0.15.
    #[test]
    fn is_byte_for_byte_what_redis_writes() {
        let mut set = Intset::new();
        [5, 1, -3].into_iter().for_each(|member| assert!(set.insert(member)));
        assert_eq!(set.view().bytes(), [2, 0, 0, 0, 3, 0, 0, 0, 0xFD, 0xFF, 1, 0, 5, 0]);
        let mut set = Intset::new();
        [1, 70000].into_iter().for_each(|member| assert!(set.insert(member)));
        assert_eq!(set.view().bytes(), [4, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0x70, 0x11, 1, 0]);
    }
}
