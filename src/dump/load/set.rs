//! Reading sets.

use super::pack;
use crate::dump::limits::Limits;
use crate::dump::reader::Reader;
use crate::types::{Intset, IntsetRef, Item, Set};

/// Members.
#[derive(Debug)]
pub(super) struct Building {
    set: Set,
    count: usize,
    left: usize,
}

impl Building {
    pub(super) fn begin(from: &mut Reader<'_>) -> Option<Building> {
        let count = from.count()?;
        if count == 0 {
            return from.is_empty_value();
        }
        Some(Building { set: Set::default(), count, left: count })
    }

    pub(super) fn go_on(&mut self, from: &mut Reader<'_>, limits: &Limits) -> Option<Set> {
        while self.left > 0 {
            let member = from.whole(Reader::text)?;
            if self.left == self.count {
                self.set.expect(&member, self.count, &limits.set, limits.hash.hash_key);
            }
            if !self.set.add(&member, &limits.set, limits.hash.hash_key) {
                return None;
            }
            self.left -= 1;
        }
        Some(std::mem::take(&mut self.set))
    }
}

pub(super) fn intset(from: &mut Reader<'_>, limits: &Limits) -> Option<Set> {
    let bytes = from.text()?;
    let ints = IntsetRef::parse(&bytes)?;
    if ints.is_empty() {
        return from.is_empty_value();
    }
    if ints.len() > limits.set.ints {
        return Some(spread(ints.iter().map(Item::Int), ints.len(), limits));
    }
    Some(Set::Ints(Intset::from_bytes(bytes.into_owned())))
}

pub(super) fn listpack(from: &mut Reader<'_>, limits: &Limits) -> Option<Set> {
    let members = pack::listpack(from)?;
    let view = members.view();
    if view.is_empty() {
        return from.is_empty_value();
    }
    if !pack::is_distinct(view, 1) {
        return None;
    }
    if view.len() > limits.set.small || view.bytes().len() > pack::BYTES_MAX {
        return Some(spread(view.iter(), view.len(), limits));
    }
    Some(Set::Small(members))
}

/// A set with these members in the form that suits so many.
fn spread<'i>(members: impl Iterator<Item = Item<'i>>, count: usize, limits: &Limits) -> Set {
    let mut set = Set::default();
    for (i, member) in members.enumerate() {
        if i == 0 {
            set.expect(member.text(&mut itoa::Buffer::new()), count, &limits.set, limits.hash.hash_key);
        }
        set.add_item(member, &limits.set, limits.hash.hash_key);
    }
    set
}
