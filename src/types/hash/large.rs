//! The large form of a hash: a table of fields, and their deadlines in order.

use std::collections::BTreeSet;
use std::fmt;

use super::{Field, is_due};
use crate::text::number::parse_i64;
use crate::types::hash_key::HashKey;
use crate::types::listpack::Item;
use crate::types::payload::Never;
use crate::types::table::{EntryRef, Walked};
use crate::types::value::{Expiry, NewValue, Value};

/// Fields in a table.
pub struct Large {
    table: Walked,
    /// Every deadline with its field's hash. Two fields of one deadline and one hash, a chance of one in 2^64 for each pair,
    /// would share an element: then one of them is only hidden when it is due, and waits to be overwritten.
    deadlines: BTreeSet<(i64, u64)>,
    hash_key: HashKey,
}

/// What a deadline takes in the ordered set: nodes of 192 bytes hold 11 elements, and are about half full when they were filled
/// in order.
const DEADLINE_BYTES: usize = 32;

/// A number is stored as such if its text is longer than this, so that storing it as a text takes more room.
const NUMBER_TEXT_BYTES_MAX: usize = 7;

impl Large {
    pub(super) fn new(hash_key: HashKey) -> Large {
        Large { table: Walked::new(hash_key), deadlines: BTreeSet::new(), hash_key }
    }

    #[inline]
    pub(in crate::types) fn len(&self) -> usize {
        self.table.len()
    }

    #[inline]
    pub(in crate::types) fn memory_bytes(&self) -> usize {
        self.table.memory_bytes() + self.deadlines.len() * DEADLINE_BYTES
    }

    pub(in crate::types) fn soonest(&self) -> Option<i64> {
        self.deadlines.first().map(|(at_ms, _)| *at_ms)
    }

    pub(super) fn due_len(&self, now_ms: i64) -> usize {
        self.deadlines.range(..(now_ms, 0)).count()
    }

    pub(super) fn find(&self, field: &[u8]) -> Option<Field<'_>> {
        self.table.get(self.hash_key.hash(field), field).map(field_of)
    }

    pub(super) fn scan(&self, cursor: u64, now_ms: i64, each: &mut impl FnMut(Field<'_>)) -> u64 {
        self.table.scan(cursor, |entry| {
            if !is_due(entry.expiry(), now_ms) {
                each(field_of(entry));
            }
        })
    }

    /// A field by chance, due or not.
    pub(super) fn random(&self, random: &mut impl FnMut() -> u64) -> Option<Field<'_>> {
        self.table.random(random).map(field_of)
    }

    /// Adds a field that is not there.
    pub(super) fn add(&mut self, field: Field<'_>) {
        let (mut name, mut value) = (itoa::Buffer::new(), itoa::Buffer::new());
        let expiry = field.deadline.map_or(Expiry::Clear, Expiry::At);
        self.set(field.name.text(&mut name), field.value.text(&mut value), expiry);
    }

    pub(super) fn set(&mut self, field: &[u8], value: &[u8], expiry: Expiry) -> bool {
        let hash = self.hash_key.hash(field);
        let old = self.table.set(hash, field, stored(value), expiry);
        self.note_change(hash, old.flatten(), expiry.after(old.flatten()));
        old.is_none()
    }

    pub(super) fn set_deadline(&mut self, field: &[u8], deadline_ms: Option<i64>) -> bool {
        let hash = self.hash_key.hash(field);
        let Some(mut occupied) = self.table.occupied(hash, field) else { return false };
        let old = occupied.entry().expiry();
        if old != deadline_ms {
            occupied.set_expiry(deadline_ms);
            self.note_change(hash, old, deadline_ms);
        }
        true
    }

    pub(super) fn remove(&mut self, field: &[u8]) -> bool {
        let hash = self.hash_key.hash(field);
        let Some(occupied) = self.table.occupied(hash, field) else { return false };
        let removed = occupied.remove();
        self.note_change(hash, removed.expiry(), None);
        true
    }

    #[inline]
    fn note_change(&mut self, hash: u64, old: Option<i64>, new: Option<i64>) {
        if old == new {
            return;
        }
        if let Some(at_ms) = old {
            self.deadlines.remove(&(at_ms, hash));
        }
        if let Some(at_ms) = new {
            self.deadlines.insert((at_ms, hash));
        }
    }

    pub(super) fn expire(&mut self, now_ms: i64, count: usize, each: &mut dyn FnMut(&[u8])) {
        for _ in 0..count {
            let Some((at_ms, hash)) = self.deadlines.first().copied() else { return };
            if at_ms >= now_ms {
                return;
            }
            self.deadlines.pop_first();
            let mut name = None;
            self.table.each_of_hash(hash, |entry| {
                if entry.expiry() == Some(at_ms) {
                    name = Some(entry.key().to_vec());
                }
            });
            let Some(name) = name else { continue };
            each(&name);
            if let Some(occupied) = self.table.occupied(hash, &name) {
                drop(occupied.remove());
            }
        }
    }

    /// Begins a walk over the fields as they are now, due or not; false if there can be none.
    pub(in crate::types) fn begin_walk(&self) -> bool {
        self.table.begin_walk()
    }

    /// Shows about so many of them; true when all have been shown.
    pub(in crate::types) fn walk(&self, fields: usize, mut each: impl FnMut(Field<'_>)) -> bool {
        self.table.walk(fields, |entry| each(field_of(entry)))
    }

    pub(in crate::types) fn end_walk(&self) {
        self.table.end_walk();
    }

    pub(in crate::types) fn walk_bytes(&self) -> usize {
        self.table.walk_bytes()
    }

    pub(in crate::types) fn dismantle(&mut self, elements: usize) -> bool {
        for _ in 0..elements {
            if self.deadlines.pop_first().is_none() {
                return self.table.dismantle(elements);
            }
        }
        false
    }
}

impl Clone for Large {
    fn clone(&self) -> Large {
        let mut copy = Large::new(self.hash_key);
        let mut cursor = 0;
        loop {
            cursor = self.scan(cursor, i64::MIN, &mut |field| copy.add(field));
            if cursor == 0 {
                return copy;
            }
        }
    }
}

impl fmt::Debug for Large {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Large({} fields)", self.len())
    }
}

fn field_of(entry: EntryRef<'_, Never>) -> Field<'_> {
    let value = match entry.value() {
        Value::Int(number) => Item::Int(number),
        Value::Bytes(bytes) => Item::Bytes(bytes),
        Value::Object(never) => match never {},
    };
    Field { name: Item::Bytes(entry.key()), value, deadline: entry.expiry() }
}

#[inline]
fn stored(value: &[u8]) -> NewValue<'_, Never> {
    let number = if value.len() > NUMBER_TEXT_BYTES_MAX { parse_i64(value) } else { None };
    number.map_or(NewValue::Bytes(value), NewValue::Int)
}
