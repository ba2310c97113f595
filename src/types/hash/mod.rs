//! Hashes: fields with values, each of which may have a deadline.
//!
//! Three forms. *Small*: a listpack of field, value, field, value. *Timed*: small with deadlines, see `small.rs`; a hash becomes so
//! when its first field is given a deadline and stays so. *Large*: a [table](crate::types::table) of fields, with an
//! ordered set of their deadlines beside it. A hash becomes large when it has too many fields or too long a text ([`Growth`])
//! and stays large.
//!
//! Nothing in here knows what time it is. Who reads gives the time, and is shown no field that is due (its deadline is
//! before that time). Who writes must have taken the due ones among the fields that it names away before
//! ([`Hash::take_due`], [`Hash::expire`]).

mod large;
mod random;
mod small;
#[cfg(test)]
mod tests;

pub use large::Large;

use crate::types::hash_key::HashKey;
use crate::types::listpack::{Item, Listpack, ListpackRef};
use crate::types::payload::{Payload, View};
use crate::types::shared::{Edit, Shared};
use crate::types::value::Expiry;

use small::{Plain, Timed};

/// When a hash becomes large, and the secret of its table then.
#[derive(Clone, Copy)]
pub struct Growth {
    /// The most fields that a small hash has.
    pub fields_max: usize,
    /// The longest field or value that a small hash has, in bytes.
    pub text_bytes_max: usize,
    /// The secret.
    pub hash_key: HashKey,
}

/// A field as it is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field<'a> {
    /// Its name.
    pub name: Item<'a>,
    /// Its value.
    pub value: Item<'a>,
    /// The Unix time in milliseconds after which it is no more.
    pub deadline: Option<i64>,
}

impl Field<'_> {
    /// Whether its deadline is past.
    #[inline]
    pub fn is_due(&self, now_ms: i64) -> bool {
        is_due(self.deadline, now_ms)
    }
}

#[inline]
fn is_due(deadline: Option<i64>, now_ms: i64) -> bool {
    deadline.is_some_and(|at_ms| at_ms < now_ms)
}

/// A hash.
#[derive(Clone, Debug)]
pub enum Hash {
    /// Pairs.
    Small(Listpack),
    /// Triples with the soonest deadline before them.
    Timed(Listpack),
    /// A table.
    Large(Shared<Large>),
}

/// A view of a [`Hash`](enum@Hash).
#[derive(Clone, Copy, Debug)]
pub enum HashRef<'a> {
    /// Pairs.
    Small(ListpackRef<'a>),
    /// Triples with the soonest deadline before them.
    Timed(ListpackRef<'a>),
    /// A table.
    Large(&'a Shared<Large>),
}

impl Default for Hash {
    fn default() -> Self {
        Hash::Small(Listpack::with_capacity(NEW_BYTES))
    }
}

/// Room that a new hash has for its fields: what fits the smallest allocation but one.
const NEW_BYTES: usize = 9;

/// A listpack that would become longer than this becomes a table instead.
const PACK_BYTES_MAX: usize = 1 << 30;

impl Payload for Hash {
    type Ref<'a> = HashRef<'a>;

    #[inline]
    fn view(&self) -> HashRef<'_> {
        match self {
            Hash::Small(pack) => HashRef::Small(pack.view()),
            Hash::Timed(pack) => HashRef::Timed(pack.view()),
            Hash::Large(large) => HashRef::Large(large),
        }
    }

    #[inline]
    fn memory_bytes(&self) -> usize {
        match self {
            Hash::Small(pack) | Hash::Timed(pack) => pack.memory_bytes(),
            Hash::Large(large) => Shared::<Large>::BYTES + large.memory_bytes(),
        }
    }

    fn pack(self) -> Result<(u8, Vec<u8>), Hash> {
        match self {
            Hash::Small(pack) => Ok((0, pack.into_bytes())),
            Hash::Timed(pack) => Ok((1, pack.into_bytes())),
            large => Err(large),
        }
    }

    #[inline]
    fn unpack(tag: u8, bytes: Vec<u8>) -> Hash {
        let pack = Listpack::from_bytes(bytes);
        if tag == 0 { Hash::Small(pack) } else { Hash::Timed(pack) }
    }

    #[inline]
    fn view_packed(tag: u8, bytes: &[u8]) -> HashRef<'_> {
        let pack = ListpackRef::trusted(bytes);
        if tag == 0 { HashRef::Small(pack) } else { HashRef::Timed(pack) }
    }

    fn dismantle(&mut self, elements: usize) -> bool {
        match self {
            Hash::Small(_) | Hash::Timed(_) => true,
            Hash::Large(large) => large.is_watched() || large.edit().dismantle(elements),
        }
    }
}

impl View for HashRef<'_> {
    fn encoding(&self) -> &'static str {
        match self {
            HashRef::Small(_) => "listpack",
            HashRef::Timed(_) => "listpackex",
            HashRef::Large(_) => "hashtable",
        }
    }

    /// Fields that are due count, as long as they are there.
    #[inline]
    fn len(&self) -> usize {
        match self {
            HashRef::Small(pack) => Plain(*pack).len(),
            HashRef::Timed(pack) => Timed(*pack).len(),
            HashRef::Large(large) => large.len(),
        }
    }
}

impl<'a> HashRef<'a> {
    /// The value of a field.
    #[inline]
    pub fn get(self, field: &[u8], now_ms: i64) -> Option<Item<'a>> {
        match self {
            HashRef::Small(pack) => Plain(pack).get(field),
            _ => self.find(field, now_ms).map(|found| found.value),
        }
    }

    /// A field with all that belongs to it.
    pub fn find(self, field: &[u8], now_ms: i64) -> Option<Field<'a>> {
        let found = match self {
            HashRef::Small(pack) => Plain(pack).find(field).map(|place| Plain(pack).at(place)),
            HashRef::Timed(pack) => Timed(pack).find(field).map(|place| Timed(pack).at(place)),
            HashRef::Large(large) => large.find(field),
        };
        found.filter(|found| !found.is_due(now_ms))
    }

    /// How many fields there are that are not due.
    #[inline]
    pub fn live_len(self, now_ms: i64) -> usize {
        match self {
            HashRef::Small(_) => self.len(),
            HashRef::Timed(pack) => self.len() - Timed(pack).due_len(now_ms),
            HashRef::Large(large) => self.len() - large.due_len(now_ms),
        }
    }

    /// The soonest deadline of all.
    #[inline]
    pub fn soonest(self) -> Option<i64> {
        match self {
            HashRef::Small(_) => None,
            HashRef::Timed(pack) => Timed(pack).soonest(),
            HashRef::Large(large) => large.soonest(),
        }
    }

    /// Shows the fields that are not due: of a small hash in the order in which they were made.
    pub fn each(self, now_ms: i64, mut each: impl FnMut(Field<'_>)) {
        match self {
            HashRef::Small(pack) => Plain(pack).iter().for_each(each),
            HashRef::Timed(pack) => Timed(pack).iter().filter(|field| !field.is_due(now_ms)).for_each(each),
            HashRef::Large(large) => {
                let mut cursor = 0;
                loop {
                    cursor = large.scan(cursor, now_ms, &mut each);
                    if cursor == 0 {
                        return;
                    }
                }
            }
        }
    }

    /// Shows a part of the fields that are not due and returns the next cursor. A walk begins at cursor 0 and ends when 0
    /// comes back; a field that is there all the time is shown at least once. Small hashes are shown whole, large ones by
    /// the bucket.
    pub fn scan(self, cursor: u64, now_ms: i64, mut each: impl FnMut(Field<'_>)) -> u64 {
        match self {
            HashRef::Large(large) => large.scan(cursor, now_ms, &mut each),
            _ => {
                self.each(now_ms, each);
                0
            }
        }
    }
}

impl Hash {
    /// Sets a field; true if it is new. `expiry` says what becomes of its deadline.
    #[inline]
    pub fn set(&mut self, field: &[u8], value: &[u8], expiry: Expiry, growth: Growth) -> bool {
        if let (Hash::Small(_), Expiry::At(_)) = (&*self, expiry) {
            self.make_timed();
        }
        let fits = field.len().max(value.len()) <= growth.text_bytes_max;
        let done = match self {
            Hash::Large(large) => return large.edit().set(field, value, expiry),
            Hash::Small(pack) if fits => small::set_plain(pack, field, value, growth.fields_max),
            Hash::Timed(pack) if fits => small::set_timed(pack, field, value, expiry, growth.fields_max),
            _ => None,
        };
        match done {
            Some(created) => created,
            None => self.make_large(growth.hash_key).set(field, value, expiry),
        }
    }

    /// Gives a field a deadline (Unix milliseconds) or takes it away; false if there is no such field.
    pub fn set_deadline(&mut self, field: &[u8], deadline_ms: Option<i64>) -> bool {
        if let (Hash::Small(pack), Some(_)) = (&*self, deadline_ms) {
            if Plain(pack.view()).find(field).is_none() {
                return false;
            }
            self.make_timed();
        }
        match self {
            Hash::Small(pack) => Plain(pack.view()).find(field).is_some(),
            Hash::Timed(pack) => small::set_deadline(pack, field, deadline_ms),
            Hash::Large(large) => large.edit().set_deadline(field, deadline_ms),
        }
    }

    /// Takes a field away; false if there is none.
    pub fn remove(&mut self, field: &[u8]) -> bool {
        match self {
            Hash::Small(pack) => small::remove_plain(pack, field),
            Hash::Timed(pack) => small::remove_timed(pack, field),
            Hash::Large(large) => large.edit().remove(field),
        }
    }

    /// Takes a field away if it is due; true if so.
    pub fn take_due(&mut self, field: &[u8], now_ms: i64) -> bool {
        let view = self.view();
        if !is_due(view.soonest(), now_ms) {
            return false;
        }
        let is_due = view.find(field, i64::MIN).is_some_and(|found| found.is_due(now_ms));
        is_due && self.remove(field)
    }

    /// Takes up to `count` fields away that are due (of a small hash all), and shows their names.
    pub fn expire(&mut self, now_ms: i64, count: usize, mut each: impl FnMut(&[u8])) {
        if !is_due(self.view().soonest(), now_ms) {
            return;
        }
        match self {
            Hash::Small(_) => {}
            Hash::Timed(pack) => small::expire(pack, now_ms, &mut each),
            Hash::Large(large) => large.edit().expire(now_ms, count, &mut each),
        }
    }

    fn make_timed(&mut self) {
        if let Hash::Small(pack) = self {
            *self = Hash::Timed(small::timed_of(Plain(pack.view())));
        }
    }

    #[cold]
    /// Takes the large form at once if so many fields are about to come.
    pub fn expect(&mut self, fields: usize, growth: Growth) {
        if fields > growth.fields_max {
            self.make_large(growth.hash_key);
        }
    }

    fn make_large(&mut self, hash_key: HashKey) -> Edit<'_, Large> {
        if !matches!(self, Hash::Large(_)) {
            let mut large = Large::new(hash_key);
            self.view().each(i64::MIN, |field| large.add(field));
            *self = Hash::Large(Shared::new(large));
        }
        match self {
            Hash::Large(large) => large.edit(),
            _ => unreachable!("it was made large above"),
        }
    }
}
