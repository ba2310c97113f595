//! Lists: rows of texts that are pushed and popped at both ends.
//!
//! A short list is one listpack. Beyond `list-max-listpack-size` it is a [`Quicklist`], a row of listpacks, and comes back when it
//! is left with one node of half that size; Redis calls the two forms `listpack` and `quicklist`.
//!
//! All positions count from 0 at the front. What costs what: pushing and popping at either end O(1); reaching the middle one
//! step for each node on the way from the nearer end; everything else in the middle the same, and a copy of one node.

mod change;
mod limits;
mod load;
mod node;
mod quicklist;
mod walk;

use std::ops::{ControlFlow, Range};

pub use limits::Limits;
pub use node::Content;
pub use quicklist::Quicklist;

use crate::types::listpack::{Item, Listpack, ListpackRef};
use crate::types::payload::{Payload, View};
use crate::types::shared::Shared;
use quicklist::{pop_from, push_to};

/// An end of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// Where the element of position 0 stands; Redis's LEFT.
    Front,
    /// The other one; Redis's RIGHT.
    Back,
}

/// A list that can be changed.
#[derive(Clone, Debug)]
pub enum List {
    /// One listpack.
    Small(Listpack),
    /// A row of them.
    Large(Shared<Quicklist>),
}

/// A view of a [`List`].
#[derive(Clone, Copy, Debug)]
pub enum ListRef<'a> {
    /// One listpack.
    Small(ListpackRef<'a>),
    /// A row of them.
    Large(&'a Shared<Quicklist>),
}

impl Default for List {
    fn default() -> Self {
        List::Small(Listpack::new())
    }
}

impl Payload for List {
    type Ref<'a> = ListRef<'a>;

    #[inline]
    fn view(&self) -> ListRef<'_> {
        match self {
            List::Small(pack) => ListRef::Small(pack.view()),
            List::Large(list) => ListRef::Large(list),
        }
    }

    #[inline]
    fn memory_bytes(&self) -> usize {
        match self {
            List::Small(pack) => pack.memory_bytes(),
            List::Large(list) => list.memory_bytes(),
        }
    }

    fn pack(self) -> Result<(u8, Vec<u8>), List> {
        match self {
            List::Small(pack) => Ok((0, pack.into_bytes())),
            large => Err(large),
        }
    }

    #[inline]
    fn unpack(_tag: u8, bytes: Vec<u8>) -> List {
        List::Small(Listpack::from_bytes(bytes))
    }

    #[inline]
    fn view_packed(_tag: u8, bytes: &[u8]) -> ListRef<'_> {
        ListRef::Small(ListpackRef::trusted(bytes))
    }

    fn dismantle(&mut self, elements: usize) -> bool {
        match self {
            List::Small(_) => true,
            List::Large(list) => list.is_watched() || list.edit().dismantle(elements),
        }
    }
}

impl View for ListRef<'_> {
    fn encoding(&self) -> &'static str {
        match self {
            ListRef::Small(_) => "listpack",
            ListRef::Large(_) => "quicklist",
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match self {
            ListRef::Small(pack) => pack.len(),
            ListRef::Large(list) => list.len(),
        }
    }

    #[inline]
    fn is_empty(&self) -> bool {
        match self {
            ListRef::Small(pack) => pack.is_empty(),
            ListRef::Large(list) => list.len() == 0,
        }
    }
}

impl ListRef<'_> {
    /// Visits the elements from one end on, without the first `skip`, until the visitor breaks off.
    #[inline]
    pub fn walk(self, from: End, skip: usize, mut visit: impl FnMut(Item<'_>) -> ControlFlow<()>) {
        let _ = match self {
            ListRef::Small(pack) => Content::Packed(pack).walk(from, skip, &mut visit),
            ListRef::Large(list) => list.walk(from, skip, &mut visit),
        };
    }

    /// Visits so many elements from one end on, without the first `skip`.
    #[inline]
    pub fn take(self, from: End, skip: usize, count: usize, mut visit: impl FnMut(Item<'_>)) {
        let mut left = count;
        if left == 0 {
            return;
        }
        self.walk(from, skip, |item| {
            visit(item);
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    /// The position that an index names, which may count from the end (-1 is the last); `None` beyond either end.
    pub fn position(self, index: i64) -> Option<usize> {
        let len = self.len();
        let position = if index < 0 { index.checked_add(len as i64)? } else { index };
        usize::try_from(position).ok().filter(|position| *position < len)
    }

    /// The positions from one index to another, both included, either of which may count from the end.
    pub fn range(self, start: i64, end: i64) -> Range<usize> {
        let len = self.len() as i64;
        let from_front = |index: i64| if index < 0 { (index + len).max(-1) } else { index };
        let (start, end) = (from_front(start).max(0), from_front(end).min(len - 1));
        if start > end { 0..0 } else { start as usize..end as usize + 1 }
    }
}

impl List {
    /// Adds elements at an end, one after the other, so that the last one is the outermost.
    #[inline]
    pub fn push<'t>(&mut self, end: End, texts: impl Iterator<Item = &'t [u8]> + Clone, limits: Limits) {
        self.make_room(texts.clone(), limits);
        match self {
            List::Small(pack) => texts.for_each(|text| push_to(pack, end, Item::of(text))),
            List::Large(list) => {
                let mut list = list.edit();
                texts.for_each(|text| list.push(end, text));
            }
        }
    }

    /// Makes the list large if it would be too long with these texts.
    #[inline]
    fn make_room<'t>(&mut self, texts: impl Iterator<Item = &'t [u8]> + Clone, limits: Limits) {
        let List::Small(pack) = self else { return };
        let (view, empty) = (pack.view(), pack.view().is_empty());
        let (mut bytes, mut count) = (view.bytes().len(), view.len());
        texts.clone().for_each(|text| (bytes, count) = (bytes + text.len(), count + 1));
        if !limits.admit(bytes, count) {
            *self = List::Large(Shared::new(Quicklist::new(std::mem::take(pack), limits)));
        } else if empty {
            *pack = Listpack::with_capacity(texts.map(|text| Item::of(text).packed_bytes()).sum());
        }
    }

    /// Takes up to `count` elements off an end and shows each, the outermost first.
    #[inline]
    pub fn pop(&mut self, end: End, count: usize, limits: Limits, visit: impl FnMut(Item<'_>)) {
        let len = self.view().len();
        let count = count.min(len);
        if count == 0 {
            return;
        }
        self.view().take(end, 0, count, visit);
        match end {
            _ if count == 1 => self.pop_one(end),
            End::Front => self.remove(0..count),
            End::Back => self.remove(len - count..len),
        }
        self.shrink(limits);
    }

    /// Takes the first or last element out. There must be one.
    #[inline]
    fn pop_one(&mut self, end: End) {
        match self {
            List::Small(pack) => pop_from(pack, end),
            List::Large(list) => list.edit().pop(end),
        }
    }

    /// Takes the element at one end off, shows it, and puts it at the other or the same end. There must be one.
    pub fn rotate(&mut self, from: End, to: End, limits: Limits, mut visit: impl FnMut(Item<'_>)) {
        let mut text = Vec::new();
        self.view().take(from, 0, 1, |item| {
            visit(item);
            text = item.to_vec();
        });
        self.pop_one(from);
        self.push(to, std::iter::once(text.as_slice()), limits);
        self.shrink(limits);
    }

    /// Takes elements out by their positions.
    fn remove(&mut self, range: Range<usize>) {
        match self {
            List::Small(pack) => {
                let place = pack.view().seek(range.start as i64).unwrap_or(pack.view().end());
                pack.remove_many(place, range.len());
            }
            List::Large(list) => list.edit().remove(range),
        }
    }

    /// After elements have gone: makes the list small if it is short enough, and gives back room that it does not need.
    #[inline]
    fn shrink(&mut self, limits: Limits) {
        match self {
            List::Small(pack) => pack.shrink_sparse(),
            List::Large(list) => {
                let small = list.edit().take_small(limits);
                if let Some(pack) = small {
                    *self = List::Small(pack);
                }
            }
        }
    }

    /// Leaves only the elements of these positions. True if some went.
    pub fn trim(&mut self, range: Range<usize>, limits: Limits) -> bool {
        let len = self.view().len();
        if range.len() == len {
            self.shrink(limits);
            return false;
        }
        self.remove(range.end..len);
        self.remove(0..range.start);
        self.shrink(limits);
        true
    }

    /// Puts a text in place of an element. False if there is none at this index, which may count from the end.
    pub fn set(&mut self, index: i64, text: &[u8], limits: Limits) -> bool {
        self.make_room(std::iter::once(text), limits);
        let Some(position) = self.view().position(index) else { return false };
        match self {
            List::Small(pack) => {
                let place = pack.view().seek(position as i64).unwrap_or(pack.view().start());
                pack.replace(place, Item::of(text));
            }
            List::Large(list) => list.edit().replace(position, text),
        }
        self.shrink(limits);
        true
    }

    /// Puts an element before or after the first one with the text `pivot`. False if there is none.
    pub fn insert(&mut self, pivot: &[u8], after: bool, text: &[u8], limits: Limits) -> bool {
        self.make_room(std::iter::once(text), limits);
        match self {
            List::Small(pack) => {
                let Some(place) = pack.view().find(pack.view().start(), pivot, 0) else { return false };
                let place = if after { pack.view().next(place) } else { place };
                pack.insert(place, Item::of(text));
            }
            List::Large(list) => {
                let Some((at, place)) = list.find(pivot) else { return false };
                list.edit().insert_beside(at, place, after, text);
            }
        }
        true
    }

    /// Takes out the elements with this text; up to `count` of them from the front, or from the back if negative, or all if 0.
    /// How many that were.
    pub fn remove_equal(&mut self, text: &[u8], count: i64, limits: Limits) -> usize {
        let from = if count < 0 { End::Back } else { End::Front };
        let count_max = if count == 0 { usize::MAX } else { count.unsigned_abs() as usize };
        let removed = match self {
            List::Small(pack) => change::remove_equal(pack, text, count_max, from),
            List::Large(list) => list.edit().remove_equal(text, count_max, from),
        };
        if removed > 0 {
            self.shrink(limits);
        }
        removed
    }
}

#[cfg(test)]
mod tests;
