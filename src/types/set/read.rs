//! Reading sets: membership, all members, some by chance, walks.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::SetRef;
use crate::text::number::parse_i64;
use crate::types::listpack::{Item, ListpackRef};
use crate::types::payload::View;
use crate::types::table::below;

/// A set with fewer than so many times the members wanted is read through to choose some; of a larger one they are drawn.
const DRAWN_SHARE: usize = 3;

/// Where a listpack holds a member.
pub(super) fn place_of(pack: ListpackRef<'_>, member: Item<'_>) -> Option<usize> {
    let mut place = pack.start();
    while place < pack.end() {
        if pack.get(place) == member {
            return Some(place);
        }
        place = pack.next(place);
    }
    None
}

impl<'a> SetRef<'a> {
    /// Whether a text is a member.
    #[inline]
    pub fn contains(self, text: &[u8]) -> bool {
        match self {
            SetRef::Ints(ints) => parse_i64(text).is_some_and(|number| ints.contains(number)),
            SetRef::Small(pack) => place_of(pack, Item::of(text)).is_some(),
            SetRef::Large(table) => table.get(table.hash_of(text), text).is_some(),
        }
    }

    /// The same of a member of another set.
    pub fn contains_item(self, member: Item<'_>) -> bool {
        match (self, member) {
            (SetRef::Ints(ints), Item::Int(number)) => ints.contains(number),
            _ => self.contains(member.text(&mut itoa::Buffer::new())),
        }
    }

    /// Shows the members until told to stop. The order is that of the form: ascending, as they came, or any. Members of a
    /// large set come as [`Item::Bytes`], even if they are integers.
    pub fn try_for_each(self, mut each: impl FnMut(Item<'a>) -> ControlFlow<()>) -> ControlFlow<()> {
        match self {
            SetRef::Ints(ints) => ints.iter().map(Item::Int).try_for_each(each),
            SetRef::Small(pack) => pack.iter().try_for_each(each),
            SetRef::Large(table) => {
                let (mut cursor, mut flow) = (0, ControlFlow::Continue(()));
                loop {
                    cursor = table.scan(cursor, |entry| {
                        if flow.is_continue() {
                            flow = each(Item::Bytes(entry.key()));
                        }
                    });
                    if cursor == 0 || flow.is_break() {
                        return flow;
                    }
                }
            }
        }
    }

    /// Shows all members.
    pub fn for_each(self, mut each: impl FnMut(Item<'a>)) {
        let _ = self.try_for_each(|member| {
            each(member);
            ControlFlow::Continue(())
        });
    }

    /// Shows some members and returns the next cursor. A walk begins at cursor 0 and ends when 0 comes back; a member that
    /// is there throughout is shown at least once. Small sets are shown whole.
    pub fn scan(self, cursor: u64, mut each: impl FnMut(Item<'a>)) -> u64 {
        match self {
            SetRef::Large(table) => table.scan(cursor, |entry| each(Item::Bytes(entry.key()))),
            _ => {
                self.for_each(each);
                0
            }
        }
    }

    /// A member, each as likely as any other; `None` of an empty set.
    pub fn random(self, random: &mut impl FnMut() -> u64) -> Option<Item<'a>> {
        if self.is_empty() {
            return None;
        }
        match self {
            SetRef::Ints(ints) => Some(Item::Int(ints.at(below(random(), ints.len())))),
            SetRef::Small(pack) => {
                let place = pack.seek(below(random(), pack.len()) as i64)?;
                Some(pack.get(place))
            }
            SetRef::Large(table) => table.random(random).map(|entry| Item::Bytes(entry.key())),
        }
    }

    /// Shows `count` different members (all, if there are no more), any of them as likely as any other.
    pub fn random_distinct(
        self,
        count: usize,
        random: &mut impl FnMut() -> u64,
        mut each: impl FnMut(Item<'a>),
    ) {
        match self {
            SetRef::Large(table) if count < table.len() / DRAWN_SHARE => {
                let mut drawn = BTreeSet::new();
                while drawn.len() < count {
                    let Some(entry) = table.random(random) else { return };
                    if drawn.insert(entry.key()) {
                        each(Item::Bytes(entry.key()));
                    }
                }
            }
            _ => {
                let mut choice = Choice::new(count, self.len());
                self.for_each(|member| {
                    if choice.takes_next(random) {
                        each(member);
                    }
                });
            }
        }
    }
}

/// Chooses so many of a row of known length, in one pass, all choices equally likely (selection sampling: Knuth, The Art of
/// Computer Programming 2, algorithm 3.4.2 S).
pub(super) struct Choice {
    wanted: usize,
    left: usize,
}

impl Choice {
    pub(super) fn new(wanted: usize, length: usize) -> Choice {
        Choice { wanted, left: length }
    }

    /// Whether the next of the row is among the chosen.
    pub(super) fn takes_next(&mut self, random: &mut impl FnMut() -> u64) -> bool {
        let takes = below(random(), self.left) < self.wanted;
        self.left -= 1;
        self.wanted -= usize::from(takes);
        takes
    }
}
