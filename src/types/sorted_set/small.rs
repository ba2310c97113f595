//! The small form: a listpack of members and their scores in turn, in order. The bytes are those that Redis has in memory and
//! writes to dump files: whole scores as integers, others as texts.

use std::cmp::Ordering;

use super::tree::Cut;
use crate::text::float::{DoubleText, parse_f64, whole};
use crate::types::listpack::{Item, Listpack, ListpackRef};

/// The score that an element of a listpack denotes.
#[inline]
pub(super) fn score_of(item: Item<'_>) -> f64 {
    match item {
        Item::Int(number) => number as f64,
        // Whoever fills a listpack from outside sees to it that scores are numbers.
        Item::Bytes(text) => parse_f64(text).unwrap_or_default(),
    }
}

/// How many elements there are.
#[inline]
pub(super) fn len(pack: ListpackRef<'_>) -> usize {
    pack.len() / 2
}

/// The place of a member.
#[inline]
pub(super) fn find(pack: ListpackRef<'_>, member: &[u8]) -> Option<usize> {
    pack.find(pack.start(), member, 1)
}

/// The place of the score of the member at a place, and that score.
#[inline]
pub(super) fn score_at(pack: ListpackRef<'_>, place: usize) -> f64 {
    score_of(pack.get(pack.next(place)))
}

/// The place of the first element behind a cut, and its rank.
pub(super) fn behind(pack: ListpackRef<'_>, cut: Cut<'_>) -> (usize, usize) {
    let (mut place, mut rank) = (pack.start(), 0);
    while place < pack.end() {
        let score_place = pack.next(place);
        if !is_after(cut, pack.get(place), score_of(pack.get(score_place))) {
            break;
        }
        place = pack.next(score_place);
        rank += 1;
    }
    (place, rank)
}

/// Whether an element is before a cut; looks at the member only where the score does not decide.
#[inline]
fn is_after(cut: Cut<'_>, member: Item<'_>, score: f64) -> bool {
    match cut {
        Cut::Score { .. } | Cut::Start | Cut::End => cut.is_after(score, b""),
        Cut::Element { score: bound, .. } if score != bound => score < bound,
        _ => cut.is_after(score, member.text(&mut itoa::Buffer::new())),
    }
}

/// Adds an element whose member is not there.
pub(super) fn insert(pack: &mut Listpack, member: &[u8], score: f64) {
    let (place, _) = behind(pack.view(), Cut::Element { score, member, after: false });
    let item = Item::of(member);
    pack.insert(place, item);
    let behind = pack.view().next(place);
    match if score == 0.0 { Some(0) } else { whole(score) } {
        Some(number) => pack.insert(behind, Item::Int(number)),
        None => pack.insert(behind, Item::Bytes(&DoubleText::of(score))),
    }
}

/// Lets `decide` see a member's score, and gives it the score that comes back, if the member is there.
pub(super) fn update(
    pack: &mut Listpack,
    member: &[u8],
    decide: impl FnOnce(Option<f64>) -> Option<f64>,
) -> (Option<f64>, Option<f64>) {
    let place = find(pack.view(), member);
    let old = place.map(|place| score_at(pack.view(), place));
    let new = decide(old);
    if let (Some(place), Some(new)) = (place, new)
        && old.and_then(|old| old.partial_cmp(&new)) != Some(Ordering::Equal)
    {
        pack.remove_many(place, 2);
        insert(pack, member, new);
    }
    (old, new)
}
