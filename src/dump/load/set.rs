//! Reading sets.

use super::pack;
use crate::dump::limits::Limits;
use crate::dump::reader::Reader;
use crate::types::{Intset, IntsetRef, Item, Set};

pub(super) fn members(from: &mut Reader<'_>, limits: &Limits) -> Option<Set> {
    let count = from.count().filter(|count| *count > 0)?;
    let mut set = Set::default();
    for i in 0..count {
        let member = from.text()?;
        if i == 0 {
            set.expect(&member, count, &limits.set, limits.hash.hash_key);
        }
        if !set.add(&member, &limits.set, limits.hash.hash_key) {
            return None;
        }
    }
    Some(set)
}

pub(super) fn intset(from: &mut Reader<'_>, limits: &Limits) -> Option<Set> {
    let bytes = from.text()?;
    let ints = IntsetRef::parse(&bytes).filter(|ints| !ints.is_empty())?;
    if ints.len() > limits.set.ints {
        return Some(spread(ints.iter().map(Item::Int), ints.len(), limits));
    }
    Some(Set::Ints(Intset::from_bytes(bytes.into_owned())))
}

pub(super) fn listpack(from: &mut Reader<'_>, limits: &Limits) -> Option<Set> {
    let members = pack::listpack(from)?;
    let view = members.view();
    if view.is_empty() || !pack::is_distinct(view, 1) {
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
