//! Reading hashes. Fields past their deadline are kept: the clock takes them away.

use super::pack;
use crate::dump::limits::Limits;
use crate::dump::reader::Reader;
use crate::types::{Expiry, Hash, Item, Listpack};

/// The greatest deadline that any server gives a field, in Unix milliseconds.
const DEADLINE_MAX_MS: i64 = (1 << 48) - 1;

/// The deadline of a field that has none.
pub(super) fn lasting(_: &mut Reader<'_>) -> Option<Expiry> {
    Some(Expiry::Clear)
}

/// A deadline as Valkey writes it behind a field; -1 for none.
pub(super) fn valkey(from: &mut Reader<'_>) -> Option<Expiry> {
    match from.millis()? {
        -1 => Some(Expiry::Clear),
        at_ms => checked(at_ms),
    }
}

fn checked(at_ms: i64) -> Option<Expiry> {
    (1..=DEADLINE_MAX_MS).contains(&at_ms).then_some(Expiry::At(at_ms))
}

/// Fields and values in turn, with a deadline behind each where the form has them there.
pub(super) fn fields(
    from: &mut Reader<'_>,
    limits: &Limits,
    deadline: fn(&mut Reader<'_>) -> Option<Expiry>,
) -> Option<Hash> {
    let count = from.count().filter(|count| *count > 0)?;
    let mut hash = Hash::default();
    for _ in 0..count {
        let (name, value) = (from.text()?, from.text()?);
        let expiry = deadline(from)?;
        if !hash.set(&name, &value, expiry, limits.hash) {
            return None;
        }
    }
    Some(hash)
}

/// The soonest deadline, then deadlines as distances to it, each before its field and value.
pub(super) fn timed(from: &mut Reader<'_>, limits: &Limits) -> Option<Hash> {
    let soonest_ms = from.millis()?;
    let count = from.count().filter(|count| *count > 0)?;
    let mut hash = Hash::default();
    for _ in 0..count {
        let expiry = match from.length()?.checked_sub(1) {
            None => Expiry::Clear,
            Some(distance) => checked(soonest_ms.checked_add_unsigned(distance)?)?,
        };
        let (name, value) = (from.text()?, from.text()?);
        if !hash.set(&name, &value, expiry, limits.hash) {
            return None;
        }
    }
    Some(hash)
}

/// Fields and values in turn.
pub(super) fn packed(fields: Listpack, limits: &Limits) -> Option<Hash> {
    let view = fields.view();
    let count = view.len();
    if count == 0 || !count.is_multiple_of(2) || !pack::is_distinct(view, 2) {
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
pub(super) fn timed_packed(from: &mut Reader<'_>, limits: &Limits) -> Option<Hash> {
    // The deadlines themselves tell which is the soonest.
    from.millis()?;
    let fields = pack::listpack(from)?;
    let view = fields.view();
    let count = view.len();
    if count == 0 || !count.is_multiple_of(3) || !pack::is_distinct(view, 3) {
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
