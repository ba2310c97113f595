//! Changing sets: members come and go, forms change.

use super::read::{Choice, place_of};
use super::{Limits, Set, SetRef};
use crate::text::number::parse_i64;
use crate::types::HashKey;
use crate::types::intset::Intset;
use crate::types::listpack::{Item, Listpack};
use crate::types::payload::{Never, Payload, View};
use crate::types::shared::Shared;
use crate::types::table::{OwnedEntry, Walked};

/// More members than this no intset takes, whatever the parameters say.
const INTS_MAX: usize = 1 << 30;
/// Further than this no listpack grows, whatever the parameters say.
const SMALL_BYTES_MAX: usize = 1 << 30;

/// A table with the same members under the same secret.
pub(super) fn copy(table: &Shared<Walked>) -> Shared<Walked> {
    let mut copy = Walked::new(table.hash_key());
    SetRef::Large(table).for_each(|member| {
        copy.add(member.text(&mut itoa::Buffer::new()));
    });
    Shared::new(copy)
}

/// A member that has left its set.
pub enum Popped {
    /// It was an integer.
    Int(i64),
    /// A copy of its text.
    Text(Vec<u8>),
    /// The entry of a large set.
    Entry(OwnedEntry<Never>),
}

impl Popped {
    /// The text of the member; digits are written into the buffer.
    pub fn text<'a>(&'a self, digits: &'a mut itoa::Buffer) -> &'a [u8] {
        match self {
            Popped::Int(number) => digits.format(*number).as_bytes(),
            Popped::Text(text) => text,
            Popped::Entry(entry) => entry.key(),
        }
    }
}

impl Set {
    /// Takes the form that suits `count` members to come, of which `first` is the first.
    pub fn expect(&mut self, first: &[u8], count: usize, limits: &Limits, secret: HashKey) {
        let fits = match self {
            Set::Ints(ints) if ints.view().is_empty() => {
                let (few, small) = (count <= limits.ints, count <= limits.small);
                let takes_ints = few && parse_i64(first).is_some();
                if small && !takes_ints {
                    *self = Set::Small(Listpack::new());
                }
                small || takes_ints
            }
            Set::Ints(_) => count <= limits.ints,
            Set::Small(_) => count <= limits.small,
            Set::Large(_) => true,
        };
        if !fits {
            self.enlarge(secret);
        }
    }

    /// Adds a member; false if it is there already. `secret` is that of the table that a set may have to become.
    #[inline]
    pub fn add(&mut self, text: &[u8], limits: &Limits, secret: HashKey) -> bool {
        match self {
            Set::Large(table) => table.edit().add(text),
            _ => self.add_item(Item::of(text), limits, secret),
        }
    }

    /// The same with a member of another set.
    pub fn add_item(&mut self, member: Item<'_>, limits: &Limits, secret: HashKey) -> bool {
        let added = match (&mut *self, member) {
            (Set::Ints(ints), Item::Int(number)) => {
                let added = ints.insert(number);
                if added && ints.view().len() > limits.ints.min(INTS_MAX) {
                    self.enlarge(secret);
                }
                return added;
            }
            // A member of a large set, which may be an integer.
            (Set::Ints(_), Item::Bytes(text)) if parse_i64(text).is_some() => {
                return self.add_item(Item::of(text), limits, secret);
            }
            (Set::Ints(ints), _) => {
                let pack = spelt_out(ints, limits, member);
                pack.map(|pack| *self = Set::Small(pack)).is_some()
            }
            (Set::Small(pack), _) => {
                let member = if let Item::Bytes(text) = member { Item::of(text) } else { member };
                if place_of(pack.view(), member).is_some() {
                    return false;
                }
                let takes = takes_one_more(pack, limits, member);
                if takes {
                    pack.push_back(member);
                }
                takes
            }
            (Set::Large(table), _) => return table.edit().add(member.text(&mut itoa::Buffer::new())),
        };
        if !added {
            self.enlarge(secret);
            return self.add_item(member, limits, secret);
        }
        added
    }

    /// Takes a member out; false if it is not there.
    #[inline]
    pub fn remove(&mut self, text: &[u8]) -> bool {
        match self {
            Set::Ints(ints) => parse_i64(text).is_some_and(|number| ints.remove(number)),
            Set::Small(pack) => match place_of(pack.view(), Item::of(text)) {
                Some(place) => {
                    pack.remove(place);
                    pack.shrink();
                    true
                }
                None => false,
            },
            Set::Large(table) => {
                let hash = table.hash_of(text);
                table.edit().occupied(hash, text).map(|occupied| drop(occupied.remove())).is_some()
            }
        }
    }

    /// The same with a member of another set.
    pub fn remove_item(&mut self, member: Item<'_>) -> bool {
        self.remove(member.text(&mut itoa::Buffer::new()))
    }

    /// Takes a member out by chance, each as likely as any other; `None` of an empty set.
    pub fn pop(&mut self, random: &mut impl FnMut() -> u64) -> Option<Popped> {
        if let Set::Large(table) = self {
            return table.edit().take_random(random).map(Popped::Entry);
        }
        let popped = match self.view().random(random)? {
            Item::Int(number) => Popped::Int(number),
            Item::Bytes(text) => Popped::Text(text.to_vec()),
        };
        self.remove(popped.text(&mut itoa::Buffer::new()));
        Some(popped)
    }

    /// Takes `count` members out, fewer than there are, any of them as likely as any other, and shows them. The members
    /// that stay are moved to a new set where they are few, which may be of a smaller form then.
    pub fn pop_many(
        &mut self,
        count: usize,
        limits: &Limits,
        secret: HashKey,
        random: &mut impl FnMut() -> u64,
        mut each: impl FnMut(&[u8]),
    ) {
        let left = self.view().len() - count;
        match self {
            Set::Large(table) if left <= count / MOVED_SHARE => {
                let mut kept = Set::Small(Listpack::new());
                for entry in std::iter::from_fn(|| table.edit().take_random(random)).take(left) {
                    kept.add(entry.key(), limits, secret);
                }
                let rest = std::mem::replace(self, kept);
                rest.view().for_each(|member| each(member.text(&mut itoa::Buffer::new())));
            }
            Set::Large(table) => {
                std::iter::from_fn(|| table.edit().take_random(random))
                    .take(count)
                    .for_each(|entry| each(entry.key()));
            }
            _ => self.pop_chosen(Choice::new(count, left + count), random, each),
        }
    }

    /// The same of a small set, by one pass.
    fn pop_chosen(
        &mut self,
        mut choice: Choice,
        random: &mut impl FnMut() -> u64,
        mut each: impl FnMut(&[u8]),
    ) {
        let mut goes = |member: Item<'_>| {
            let goes = choice.takes_next(random);
            if goes {
                each(member.text(&mut itoa::Buffer::new()));
            }
            goes
        };
        match self {
            Set::Ints(ints) => ints.retain(|number| !goes(Item::Int(number))),
            Set::Small(pack) => {
                let mut kept = Listpack::new();
                for member in pack.view().iter().filter(|member| !goes(*member)) {
                    kept.push_back(member);
                }
                *pack = kept;
            }
            Set::Large(_) => {}
        }
    }

    /// Turns a set of integers that came as texts into an intset, as far as the limits allow; gives room back.
    pub fn settle(&mut self, limits: &Limits) {
        let Set::Small(pack) = self else { return };
        let all = pack.view();
        let fits = all.len() <= limits.ints && all.iter().all(|member| matches!(member, Item::Int(_)));
        if !fits {
            return pack.shrink();
        }
        let mut ints = Intset::new();
        for member in all.iter() {
            if let Item::Int(number) = member {
                ints.insert(number);
            }
        }
        *self = Set::Ints(ints);
    }

    /// Becomes a table.
    #[cold]
    fn enlarge(&mut self, secret: HashKey) {
        if matches!(self, Set::Large(_)) {
            return;
        }
        let mut table = Walked::new(secret);
        self.view().for_each(|member| {
            table.add(member.text(&mut itoa::Buffer::new()));
        });
        *self = Set::Large(Shared::new(table));
    }
}

/// A large set of which no more than one part in so many stays gives that part away instead of the rest.
const MOVED_SHARE: usize = 5;

/// Whether a listpack may take one more member.
fn takes_one_more(pack: &Listpack, limits: &Limits, member: Item<'_>) -> bool {
    let view = pack.view();
    view.len() < limits.small
        && member.text_len() <= limits.small_bytes
        && view.bytes().len() + member.packed_bytes() <= SMALL_BYTES_MAX
}

/// The members of an intset and one more that is no integer, as a listpack, if it takes them.
fn spelt_out(ints: &Intset, limits: &Limits, member: Item<'_>) -> Option<Listpack> {
    let view = ints.view();
    let digits = |number: Option<i64>| number.map_or(0, |number| Item::Int(number).text_len());
    let longest = digits(view.iter().next()).max(digits(view.iter().next_back()));
    if view.len() >= limits.small || member.text_len().max(longest) > limits.small_bytes {
        return None;
    }
    let members = || view.iter().map(Item::Int).chain([member]);
    let mut pack = Listpack::with_capacity(members().map(Item::packed_bytes).sum());
    members().for_each(|member| pack.push_back(member));
    Some(pack)
}
