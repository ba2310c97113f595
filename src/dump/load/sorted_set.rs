//! Reading sorted sets.

use super::pack;
use crate::dump::form::Form;
use crate::dump::limits::Limits;
use crate::dump::reader::Reader;
use crate::text::float::parse_f64;
use crate::types::{Item, Listpack, ListpackRef, SortedSet};

/// A score in eight bytes.
fn binary(from: &mut Reader<'_>) -> Option<f64> {
    from.array().map(f64::from_le_bytes).filter(|score| !score.is_nan())
}

/// A score as a short text; three lengths stand for numbers that have none.
fn decimal(from: &mut Reader<'_>) -> Option<f64> {
    match from.byte()? {
        255 => Some(f64::NEG_INFINITY),
        254 => Some(f64::INFINITY),
        253 => None,
        length => parse_f64(from.raw(usize::from(length))?),
    }
}

/// Members with their scores.
#[derive(Debug)]
pub(super) struct Building {
    set: SortedSet,
    score: fn(&mut Reader<'_>) -> Option<f64>,
    left: usize,
}

impl Building {
    pub(super) fn begin(form: Form, from: &mut Reader<'_>, limits: &Limits) -> Option<Building> {
        let left = from.count()?;
        if left == 0 {
            return from.is_empty_value();
        }
        let mut set = SortedSet::default();
        set.expect(left, &limits.sorted_set);
        Some(Building { set, score: if form == Form::SortedSet { binary } else { decimal }, left })
    }

    pub(super) fn go_on(&mut self, from: &mut Reader<'_>, limits: &Limits) -> Option<SortedSet> {
        while self.left > 0 {
            let (member, score) = from.whole(|from| Some((from.text()?, (self.score)(from)?)))?;
            if !self.set.set(&member, score, &limits.sorted_set).added() {
                return None;
            }
            self.left -= 1;
        }
        Some(std::mem::take(&mut self.set))
    }
}

pub(super) fn ziplist(from: &mut Reader<'_>, limits: &Limits) -> Option<SortedSet> {
    let elements = pack::ziplist(from)?;
    packed(from, elements, limits)
}

pub(super) fn listpack(from: &mut Reader<'_>, limits: &Limits) -> Option<SortedSet> {
    let elements = pack::listpack(from)?;
    packed(from, elements, limits)
}

/// Members and scores in turn.
fn packed(from: &mut Reader<'_>, elements: Listpack, limits: &Limits) -> Option<SortedSet> {
    let view = elements.view();
    let pairs = pairs(view)?;
    if pairs.is_empty() {
        return from.is_empty_value();
    }
    if !pack::is_distinct(view, 2) {
        return None;
    }
    let small = pairs.len() as u64 <= limits.sorted_set.entries && view.bytes().len() <= pack::BYTES_MAX;
    if small && is_sorted(&pairs) {
        return Some(SortedSet::Small(elements));
    }
    let mut set = SortedSet::default();
    set.expect(pairs.len(), &limits.sorted_set);
    for (member, score) in pairs {
        set.set(member.text(&mut itoa::Buffer::new()), score, &limits.sorted_set);
    }
    Some(set)
}

fn pairs(view: ListpackRef<'_>) -> Option<Vec<(Item<'_>, f64)>> {
    let (mut items, mut pairs) = (view.iter(), Vec::new());
    while let Some(member) = items.next() {
        let score = match items.next()? {
            Item::Int(number) => number as f64,
            Item::Bytes(text) => parse_f64(text)?,
        };
        pairs.push((member, score));
    }
    Some(pairs)
}

fn is_sorted(pairs: &[(Item<'_>, f64)]) -> bool {
    let (mut one, mut other) = (itoa::Buffer::new(), itoa::Buffer::new());
    pairs.windows(2).all(|pair| {
        let [(a, a_score), (b, b_score)] = pair else { return true };
        a_score < b_score || a_score == b_score && a.text(&mut one) < b.text(&mut other)
    })
}
