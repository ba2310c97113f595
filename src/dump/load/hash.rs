//! Reading hashes. Fields past their deadline are kept: the clock takes them away.

use std::borrow::Cow;

use super::pack;
use crate::dump::form::Form;
use crate::dump::limits::Limits;
use crate::dump::reader::Reader;
use crate::types::{Expiry, Hash, Item, Listpack};

/// The greatest deadline that any server gives a field, in Unix milliseconds.
const DEADLINE_MAX_MS: i64 = (1 << 48) - 1;

type FieldRead<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>, Expiry);

/// A deadline as Valkey writes it behind a field; -1 for none.
fn valkey(from: &mut Reader<'_>) -> Option<Expiry> {
    match from.millis()? {
        -1 => Some(Expiry::Clear),
        at_ms => checked(at_ms),
    }
}

fn checked(at_ms: i64) -> Option<Expiry> {
    (1..=DEADLINE_MAX_MS).contains(&at_ms).then_some(Expiry::At(at_ms))
}

/// Fields and values, with deadlines where the form has them.
#[derive(Debug)]
pub(super) struct Building {
    hash: Hash,
    form: Form,
    /// In the timed form; the deadlines of fields are distances to it.
    soonest_ms: i64,
    left: usize,
}

impl Building {
    pub(super) fn begin(form: Form, from: &mut Reader<'_>, limits: &Limits) -> Option<Building> {
        let soonest_ms = if form == Form::HashTimed { from.millis()? } else { 0 };
        let left = from.count()?;
        if left == 0 {
            return from.is_empty_value();
        }
        let mut hash = Hash::default();
        hash.expect(left, limits.hash);
        Some(Building { hash, form, soonest_ms, left })
    }

    pub(super) fn go_on(&mut self, from: &mut Reader<'_>, limits: &Limits) -> Option<Hash> {
        while self.left > 0 {
            let (name, value, expiry) = from.whole(|from| self.field(from))?;
            if !self.hash.set(&name, &value, expiry, limits.hash) {
                return None;
            }
            self.left -= 1;
        }
        Some(std::mem::take(&mut self.hash))
    }

    fn field<'a>(&self, from: &mut Reader<'a>) -> Option<FieldRead<'a>> {
        let before = if self.form == Form::HashTimed { self.distance(from)? } else { Expiry::Clear };
        let (name, value) = (from.text()?, from.text()?);
        let expiry = if self.form == Form::HashValkey { valkey(from)? } else { before };
        Some((name, value, expiry))
    }

    /// A deadline: how far behind the soonest it is, plus one; 0 for none.
    fn distance(&self, from: &mut Reader<'_>) -> Option<Expiry> {
        match from.length()?.checked_sub(1) {
            None => Some(Expiry::Clear),
            Some(distance) => checked(self.soonest_ms.checked_add_unsigned(distance)?),
        }
    }
}

pub(super) fn zipmap(from: &mut Reader<'_>, limits: &Limits) -> Option<Hash> {
    let fields = pack::zipmap(from)?;
    packed(from, fields, limits)
}

pub(super) fn ziplist(from: &mut Reader<'_>, limits: &Limits) -> Option<Hash> {
    let fields = pack::ziplist(from)?;
    packed(from, fields, limits)
}

pub(super) fn listpack(from: &mut Reader<'_>, limits: &Limits) -> Option<Hash> {
    let fields = pack::listpack(from)?;
    packed(from, fields, limits)
}

/// Fields and values in turn.
fn packed(from: &mut Reader<'_>, fields: Listpack, limits: &Limits) -> Option<Hash> {
    let view = fields.view();
    let count = view.len();
    if count == 0 {
        return from.is_empty_value();
    }
    if !count.is_multiple_of(2) || !pack::is_distinct(view, 2) {
        return None;
    }
    if is_small(&fields, count / 2, limits) {
        return Some(Hash::Small(fields));
    }
    let (mut hash, mut items) = (Hash::default(), view.iter());
    while let (Some(name), Some(value)) = (items.next(), items.next()) {
        add(&mut hash, name, value, Expiry::Clear, limits);
    }
    Some(hash)
}

fn is_small(pack: &Listpack, fields: usize, limits: &Limits) -> bool {
    fields <= limits.hash.fields_max && pack.view().bytes().len() <= pack::BYTES_MAX
}

/// The soonest deadline, then a listpack of fields, values and deadlines, 0 for none.
pub(super) fn timed_listpack(from: &mut Reader<'_>, limits: &Limits) -> Option<Hash> {
    // The deadlines themselves tell which is the soonest.
    from.millis()?;
    let fields = pack::listpack(from)?;
    let view = fields.view();
    let count = view.len();
    if count == 0 {
        return from.is_empty_value();
    }
    if !count.is_multiple_of(3) || !pack::is_distinct(view, 3) {
        return None;
    }
    let (mut soonest_ms, mut items) = (None, view.iter().skip(2).step_by(3));
    items.try_for_each(|item| {
        if let Expiry::At(at_ms) = deadline(item)? {
            soonest_ms = Some(soonest_ms.map_or(at_ms, |soonest: i64| soonest.min(at_ms)));
        }
        Some(())
    })?;
    if is_small(&fields, count / 3, limits) {
        let mut pack = fields;
        pack.push_front(Item::Int(soonest_ms.unwrap_or(0)));
        return Some(Hash::Timed(pack));
    }
    let (mut hash, mut items) = (Hash::default(), view.iter());
    while let (Some(name), Some(value), Some(at)) = (items.next(), items.next(), items.next()) {
        add(&mut hash, name, value, deadline(at)?, limits);
    }
    Some(hash)
}

fn deadline(item: Item<'_>) -> Option<Expiry> {
    match item {
        Item::Int(0) => Some(Expiry::Clear),
        Item::Int(at_ms) => checked(at_ms),
        Item::Bytes(_) => None,
    }
}

fn add(hash: &mut Hash, name: Item<'_>, value: Item<'_>, expiry: Expiry, limits: &Limits) {
    let (mut name_digits, mut value_digits) = (itoa::Buffer::new(), itoa::Buffer::new());
    hash.set(name.text(&mut name_digits), value.text(&mut value_digits), expiry, limits.hash);
}
