//! The small forms of a hash: listpacks.
//!
//! *Plain*: field, value, field, value. *Timed*: the soonest deadline of all, then field, value, deadline, field, value,
//! deadline. A deadline is a Unix time in milliseconds, or 0 for none. What holds for every timed one: the number at its
//! beginning is the least of its deadlines that are not 0, or 0.

use super::{Field, PACK_BYTES_MAX, is_due};
use crate::types::listpack::{Item, Listpack, ListpackRef};
use crate::types::value::Expiry;

/// A view of pairs.
#[derive(Clone, Copy)]
pub(super) struct Plain<'a>(pub ListpackRef<'a>);

/// A view of triples.
#[derive(Clone, Copy)]
pub(super) struct Timed<'a>(pub ListpackRef<'a>);

impl<'a> Plain<'a> {
    #[inline]
    pub(super) fn len(self) -> usize {
        self.0.len() / 2
    }

    /// The place of a field.
    #[inline]
    pub(super) fn find(self, field: &[u8]) -> Option<usize> {
        self.0.find(self.0.start(), field, 1)
    }

    #[inline]
    pub(super) fn get(self, field: &[u8]) -> Option<Item<'a>> {
        self.find(field).map(|place| self.0.get(self.0.next(place)))
    }

    /// The field at a place.
    pub(super) fn at(self, place: usize) -> Field<'a> {
        Field { name: self.0.get(place), value: self.0.get(self.0.next(place)), deadline: None }
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Field<'a>> {
        let mut items = self.0.iter();
        std::iter::from_fn(move || Some(Field { name: items.next()?, value: items.next()?, deadline: None }))
    }
}

impl<'a> Timed<'a> {
    pub(super) fn len(self) -> usize {
        self.0.len() / 3
    }

    pub(super) fn soonest(self) -> Option<i64> {
        deadline(self.0.get(self.0.start()))
    }

    fn first(self) -> usize {
        self.0.next(self.0.start())
    }

    pub(super) fn find(self, field: &[u8]) -> Option<usize> {
        self.0.find(self.first(), field, 2)
    }

    pub(super) fn at(self, place: usize) -> Field<'a> {
        let value = self.0.next(place);
        Field { name: self.0.get(place), value: self.0.get(value), deadline: self.deadline_behind(value) }
    }

    /// The deadline that stands behind a value.
    fn deadline_behind(self, value: usize) -> Option<i64> {
        deadline(self.0.get(self.0.next(value)))
    }

    pub(super) fn iter(self) -> impl Iterator<Item = Field<'a>> {
        let mut items = self.0.iter_from(self.first());
        std::iter::from_fn(move || {
            let (name, value) = (items.next()?, items.next()?);
            Some(Field { name, value, deadline: deadline(items.next()?) })
        })
    }

    pub(super) fn due_len(self, now_ms: i64) -> usize {
        if !is_due(self.soonest(), now_ms) {
            return 0;
        }
        self.iter().filter(|field| field.is_due(now_ms)).count()
    }
}

fn deadline(item: Item<'_>) -> Option<i64> {
    match item {
        Item::Int(at_ms) if at_ms != 0 => Some(at_ms),
        _ => None,
    }
}

fn item(deadline_ms: Option<i64>) -> Item<'static> {
    Item::Int(deadline_ms.unwrap_or(0))
}

/// Sets a field of a plain one: true if it is new, `None` if it would become too large.
#[inline]
pub(super) fn set_plain(pack: &mut Listpack, field: &[u8], value: &[u8], fields_max: usize) -> Option<bool> {
    let view = Plain(pack.view());
    if let Some(place) = view.find(field) {
        let value_at = view.0.next(place);
        return replace(pack, value_at, Item::of(value)).then_some(false);
    }
    let (name, value) = (Item::of(field), Item::of(value));
    let bytes = name.packed_bytes() + value.packed_bytes();
    if view.len() >= fields_max || view.0.bytes().len() + bytes > PACK_BYTES_MAX {
        return None;
    }
    pack.reserve(bytes);
    pack.push_back(name);
    pack.push_back(value);
    Some(true)
}

/// Puts another value at a place; false if that is too long.
#[inline]
fn replace(pack: &mut Listpack, place: usize, value: Item<'_>) -> bool {
    let fits = pack.view().bytes().len() + value.packed_bytes() <= PACK_BYTES_MAX;
    if fits {
        pack.replace(place, value);
    }
    fits
}

/// The same of a timed one.
pub(super) fn set_timed(
    pack: &mut Listpack,
    field: &[u8],
    value: &[u8],
    expiry: Expiry,
    fields_max: usize,
) -> Option<bool> {
    let view = Timed(pack.view());
    if let Some(place) = view.find(field) {
        let value_at = view.0.next(place);
        if !replace(pack, value_at, Item::of(value)) {
            return None;
        }
        let old = Timed(pack.view()).deadline_behind(value_at);
        change_deadline(pack, value_at, old, expiry.after(old));
        return Some(false);
    }
    let row = [Item::of(field), Item::of(value), item(expiry.after(None))];
    let bytes: usize = row.iter().map(|item| item.packed_bytes()).sum();
    if view.len() >= fields_max || view.0.bytes().len() + bytes > PACK_BYTES_MAX {
        return None;
    }
    pack.reserve(bytes);
    row.into_iter().for_each(|item| pack.push_back(item));
    note_change(pack, None, expiry.after(None));
    Some(true)
}

/// Gives a field of a timed one a deadline or takes it away; false if there is no such field.
pub(super) fn set_deadline(pack: &mut Listpack, field: &[u8], deadline_ms: Option<i64>) -> bool {
    let view = Timed(pack.view());
    let Some(place) = view.find(field) else { return false };
    let value_at = view.0.next(place);
    change_deadline(pack, value_at, view.deadline_behind(value_at), deadline_ms);
    true
}

/// Changes the deadline that stands behind a value.
fn change_deadline(pack: &mut Listpack, value_at: usize, old: Option<i64>, new: Option<i64>) {
    if old != new {
        pack.replace(pack.view().next(value_at), item(new));
        note_change(pack, old, new);
    }
}

/// Brings the soonest deadline up to date, after one has changed.
fn note_change(pack: &mut Listpack, old: Option<i64>, new: Option<i64>) {
    let soonest = Timed(pack.view()).soonest();
    if new.is_some_and(|new| soonest.is_none_or(|soonest| new < soonest)) {
        pack.replace(pack.view().start(), item(new));
    } else if old.is_some() && old == soonest {
        find_soonest(pack);
    }
}

fn find_soonest(pack: &mut Listpack) {
    let soonest = Timed(pack.view()).iter().filter_map(|field| field.deadline).min();
    pack.replace(pack.view().start(), item(soonest));
}

pub(super) fn remove_plain(pack: &mut Listpack, field: &[u8]) -> bool {
    let Some(place) = Plain(pack.view()).find(field) else { return false };
    pack.remove_many(place, 2);
    true
}

pub(super) fn remove_timed(pack: &mut Listpack, field: &[u8]) -> bool {
    let view = Timed(pack.view());
    let Some(place) = view.find(field) else { return false };
    let old = view.at(place).deadline;
    pack.remove_many(place, 3);
    note_change(pack, old, None);
    true
}

/// Takes all fields away that are due.
pub(super) fn expire(pack: &mut Listpack, now_ms: i64, each: &mut dyn FnMut(&[u8])) {
    let mut place = Timed(pack.view()).first();
    while place < pack.view().end() {
        let view = Timed(pack.view());
        let field = view.at(place);
        if field.is_due(now_ms) {
            each(field.name.text(&mut itoa::Buffer::new()));
            pack.remove_many(place, 3);
        } else {
            place = (0..3).fold(place, |place, _| view.0.next(place));
        }
    }
    find_soonest(pack);
}

/// The timed form of a plain one.
pub(super) fn timed_of(plain: Plain<'_>) -> Listpack {
    let mut pack = Listpack::with_capacity(plain.0.bytes().len() + 2 * plain.len() + 12);
    pack.push_back(item(None));
    for field in plain.iter() {
        [field.name, field.value, item(None)].into_iter().for_each(|item| pack.push_back(item));
    }
    pack
}
