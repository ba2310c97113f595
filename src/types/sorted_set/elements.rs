//! Walking through a sorted set.

use std::ops::Range;

use super::large::Large;
use super::tree::At;
use super::{SortedSetRef, small};
use crate::types::View;
use crate::types::listpack::{Item, ListpackRef};

/// An element.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Element<'a> {
    /// The member; the text of an [`Item::Int`] is its digits.
    pub member: Item<'a>,
    /// The score.
    pub score: f64,
}

impl Element<'_> {
    /// A member that has not been looked at whether it is an integer.
    #[inline]
    pub(super) fn bytes(member: &[u8]) -> Item<'_> {
        Item::Bytes(member)
    }
}

/// Elements in order, or in reverse.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    walk: Walk<'a>,
    left: usize,
    reverse: bool,
}

#[derive(Clone, Debug)]
enum Walk<'a> {
    Small { pack: ListpackRef<'a>, place: usize },
    Large { large: &'a Large, at: At },
    Over,
}

impl<'a> Elements<'a> {
    pub(super) fn new(set: SortedSetRef<'a>, ranks: Range<usize>, reverse: bool) -> Elements<'a> {
        let end = ranks.end.min(set.len());
        let left = end.saturating_sub(ranks.start);
        if left == 0 {
            return Elements { walk: Walk::Over, left, reverse };
        }
        let first = if reverse { end - 1 } else { ranks.start };
        let walk = match set {
            SortedSetRef::Small(pack) => {
                Walk::Small { pack, place: pack.seek(2 * first as i64).unwrap_or(pack.end()) }
            }
            SortedSetRef::Large(large) => Walk::Large { large, at: large.at_rank(first) },
        };
        Elements { walk, left, reverse }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        self.left = self.left.checked_sub(1)?;
        match &mut self.walk {
            Walk::Small { pack, place } => {
                let score_place = pack.next(*place);
                let element =
                    Element { member: pack.get(*place), score: small::score_of(pack.get(score_place)) };
                *place = if self.reverse {
                    // Before the first there is nothing, and nothing is left then.
                    pack.prev(*place).and_then(|score| pack.prev(score)).unwrap_or(pack.end())
                } else {
                    pack.next(score_place)
                };
                Some(element)
            }
            Walk::Large { large, at } => {
                let (member, score) = large.element(*at);
                if let Some(next) = large.step(*at, self.reverse) {
                    *at = next;
                }
                Some(Element { member: Element::bytes(member), score })
            }
            Walk::Over => None,
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Elements<'_> {}
