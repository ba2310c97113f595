//! Sorted sets: members, each with a score, in the order of the scores and, among equals, of the members' bytes.
//!
//! A small one is a listpack; see `small`. A large one keeps member and score of each element in a cell (`arena`), finds cells by
//! member through a hash table (`index`) and by order through a counted B+-tree (`tree`, of `node`s). Everything is found in
//! O(log n), by member, by score or by rank. Set against a skip list with a hash table beside it, an element takes two thirds
//! of the memory, and a look at it touches a third of the cache lines.
//!
//! Places between elements are spoken of as [`Cut`]s; ranges as ranges of ranks, which [`SortedSetRef::rank`] finds.

mod arena;
mod elements;
mod index;
mod large;
mod node;
mod small;
#[cfg(test)]
mod tests;
mod tree;
mod walk;

use std::ops::Range;

use crate::types::HashKey;
use crate::types::listpack::{Listpack, ListpackRef};
use crate::types::payload::{Payload, View};
use crate::types::shared::Shared;

pub use elements::{Element, Elements};
pub use large::Large;
pub use tree::Cut;

/// Up to where a sorted set stays small.
#[derive(Clone, Copy)]
pub struct Limits {
    /// Elements.
    pub entries: u64,
    /// Bytes of a member.
    pub value_bytes: u64,
    /// The secret under which a large one hashes its members.
    pub hash_key: HashKey,
}

/// What an update did.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Update {
    /// The score before; `None` if the member was not there.
    pub old: Option<f64>,
    /// The score that was decided on; `None` to leave everything as it is.
    pub new: Option<f64>,
}

impl Update {
    /// Whether the member was added.
    pub fn added(&self) -> bool {
        self.old.is_none() && self.new.is_some()
    }

    /// Whether the member's score was changed.
    pub fn rescored(&self) -> bool {
        matches!((self.old, self.new), (Some(old), Some(new)) if old != new)
    }
}

/// See the module. No score is NaN.
#[derive(Clone, Debug)]
#[allow(missing_docs)] // their names say all
pub enum SortedSet {
    Small(Listpack),
    Large(Shared<Large>),
}

/// A view of a [`SortedSet`].
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // their names say all
pub enum SortedSetRef<'a> {
    Small(ListpackRef<'a>),
    Large(&'a Shared<Large>),
}

impl Default for SortedSet {
    fn default() -> Self {
        SortedSet::Small(Listpack::new())
    }
}

impl Payload for SortedSet {
    type Ref<'a> = SortedSetRef<'a>;

    #[inline]
    fn view(&self) -> SortedSetRef<'_> {
        match self {
            SortedSet::Small(pack) => SortedSetRef::Small(pack.view()),
            SortedSet::Large(large) => SortedSetRef::Large(large),
        }
    }

    #[inline]
    fn memory_bytes(&self) -> usize {
        match self {
            SortedSet::Small(pack) => pack.memory_bytes(),
            SortedSet::Large(large) => large.memory_bytes(),
        }
    }

    fn pack(self) -> Result<(u8, Vec<u8>), SortedSet> {
        match self {
            SortedSet::Small(pack) => Ok((0, pack.into_bytes())),
            large => Err(large),
        }
    }

    #[inline]
    fn unpack(_tag: u8, bytes: Vec<u8>) -> SortedSet {
        SortedSet::Small(Listpack::from_bytes(bytes))
    }

    #[inline]
    fn view_packed(_tag: u8, bytes: &[u8]) -> SortedSetRef<'_> {
        SortedSetRef::Small(ListpackRef::trusted(bytes))
    }

    fn dismantle(&mut self, elements: usize) -> bool {
        match self {
            SortedSet::Small(_) => true,
            SortedSet::Large(large) => large.is_watched() || large.edit().dismantle(elements),
        }
    }
}

impl View for SortedSetRef<'_> {
    fn encoding(&self) -> &'static str {
        match self {
            SortedSetRef::Small(_) => "listpack",
            // What a large one is in Redis; users know it by that name.
            SortedSetRef::Large(_) => "skiplist",
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match self {
            SortedSetRef::Small(pack) => small::len(*pack),
            SortedSetRef::Large(large) => large.len(),
        }
    }
}

impl SortedSet {
    /// Lets `decide` see the score of a member, `None` if it is not there, and gives the member the score that comes back, which
    /// must not be NaN. `None` leaves everything as it is. One lookup.
    pub fn update(
        &mut self,
        member: &[u8],
        limits: &Limits,
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) -> Update {
        let (old, new) = match self {
            SortedSet::Large(large) => large.edit().update(member, decide),
            SortedSet::Small(pack) => {
                let (old, new) = small::update(pack, member, decide);
                if let (None, Some(score)) = (old, new) {
                    self.add(member, score, limits);
                }
                (old, new)
            }
        };
        Update { old, new }
    }

    /// Gives a member a score, whatever it had before.
    pub fn set(&mut self, member: &[u8], score: f64, limits: &Limits) -> Update {
        self.update(member, limits, |_| Some(score))
    }

    /// Adds a member that is not there.
    fn add(&mut self, member: &[u8], score: f64, limits: &Limits) {
        if let SortedSet::Small(pack) = self {
            let fits = (small::len(pack.view()) as u64) < limits.entries
                && member.len() as u64 <= limits.value_bytes;
            if fits && pack.view().bytes().len() + member.len() < SMALL_BYTES_MAX {
                return small::insert(pack, member, score);
            }
            self.enlarge(limits.hash_key);
        }
        self.update(member, limits, |_| Some(score));
    }

    /// Takes the large form at once if so many elements are about to come.
    pub fn expect(&mut self, elements: usize, limits: &Limits) {
        if elements as u64 > limits.entries && matches!(self, SortedSet::Small(_)) {
            self.enlarge(limits.hash_key);
        }
    }

    fn enlarge(&mut self, hash_key: HashKey) {
        let mut large = Large::new(hash_key);
        let view = self.view();
        let mut digits = itoa::Buffer::new();
        for Element { member, score } in view.elements(0..view.len(), false) {
            large.update(member.text(&mut digits), |_| Some(score));
        }
        *self = SortedSet::Large(Shared::new(large));
    }

    /// Takes a member out; tells its score if it was there.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match self {
            SortedSet::Large(large) => large.edit().remove(member),
            SortedSet::Small(pack) => {
                let place = small::find(pack.view(), member)?;
                let score = small::score_at(pack.view(), place);
                pack.remove_many(place, 2);
                Some(score)
            }
        }
    }

    /// Takes out the elements of these ranks, as far as there are such.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) {
        let end = ranks.end.min(self.view().len());
        let count = end.saturating_sub(ranks.start);
        match self {
            SortedSet::Large(large) => large.edit().remove_ranks(ranks.start, count),
            SortedSet::Small(pack) if count > 0 => {
                let place = pack.view().seek(2 * ranks.start as i64).unwrap_or(pack.view().end());
                pack.remove_many(place, 2 * count);
            }
            SortedSet::Small(_) => {}
        }
    }
}

/// A small set does not become larger than this, whatever the limits allow.
const SMALL_BYTES_MAX: usize = 1 << 30;

impl<'a> SortedSetRef<'a> {
    /// The score of a member.
    #[inline]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            SortedSetRef::Small(pack) => small::find(pack, member).map(|place| small::score_at(pack, place)),
            SortedSetRef::Large(large) => large.score(member),
        }
    }

    /// How many elements are before a cut.
    pub fn rank(self, cut: Cut<'_>) -> usize {
        match self {
            SortedSetRef::Small(pack) => small::behind(pack, cut).1,
            SortedSetRef::Large(large) => large.rank(cut),
        }
    }

    /// The elements of these ranks, as far as there are such; from the last to the first if `reverse`.
    #[inline]
    pub fn elements(self, ranks: Range<usize>, reverse: bool) -> Elements<'a> {
        Elements::new(self, ranks, reverse)
    }

    /// Shows some elements and returns the next cursor; 0 begins and ends a walk. A small set shows all at once. An element that
    /// is there throughout a walk is shown at least once.
    pub fn scan(self, cursor: u64, mut each: impl FnMut(Element<'_>)) -> u64 {
        match self {
            SortedSetRef::Small(_) => {
                self.elements(0..self.len(), false).for_each(each);
                0
            }
            SortedSetRef::Large(large) => {
                large.scan(cursor, |member, score| each(Element { member: Element::bytes(member), score }))
            }
        }
    }
}
