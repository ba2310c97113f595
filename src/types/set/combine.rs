//! Several sets together: what they all hold, what any holds, what only the first holds.

use std::ops::ControlFlow;

use super::change::copy;
use super::{Set, SetRef};
use crate::types::intset::Intset;
use crate::types::listpack::{Item, Listpack};
use crate::types::payload::{Payload, View};

/// Looking a member up costs so many times less than taking it out of a copy.
const LOOKUP_GAIN: usize = 2;

impl SetRef<'_> {
    /// A copy that can be changed.
    pub fn to_set(self) -> Set {
        match self {
            SetRef::Ints(ints) => Set::Ints(Intset::from_bytes(ints.bytes().to_vec())),
            SetRef::Small(pack) => Set::Small(Listpack::from_bytes(pack.bytes().to_vec())),
            SetRef::Large(table) => Set::Large(copy(table)),
        }
    }
}

/// Shows what all of the sets hold, until told to stop. They are put in order of size. O(N*M) with the size of the smallest
/// and the number of sets.
pub fn intersection(sets: &mut [SetRef<'_>], mut each: impl FnMut(Item<'_>) -> ControlFlow<()>) {
    sets.sort_by_key(View::len);
    let Some((smallest, others)) = sets.split_first() else { return };
    let _ = smallest.try_for_each(|member| {
        if others.iter().all(|other| other.contains_item(member)) {
            each(member)
        } else {
            ControlFlow::Continue(())
        }
    });
}

/// Shows what the first set holds and none of the others. O(N*M) with the size of the first and the number of sets, or O(N)
/// with the size of all together, whichever promises less.
pub fn difference(first: SetRef<'_>, others: &mut [SetRef<'_>], mut each: impl FnMut(Item<'_>)) {
    let all_len = others.iter().map(View::len).sum::<usize>().saturating_add(first.len());
    if first.len().saturating_mul(others.len() + 1) / LOOKUP_GAIN > all_len {
        let mut rest = first.to_set();
        for other in others {
            other.for_each(|member| {
                rest.remove_item(member);
            });
        }
        return rest.view().for_each(each);
    }
    // The largest first: it is the likeliest to hold a member.
    others.sort_by_key(|other| std::cmp::Reverse(other.len()));
    first.for_each(|member| {
        if !others.iter().any(|other| other.contains_item(member)) {
            each(member);
        }
    });
}
