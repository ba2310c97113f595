//! Sets: texts without order, each once.
//!
//! Three forms, named as Redis names them: `intset` while all members are integers and few, `listpack` while all are short
//! and few, `hashtable` beyond. A set moves on when a member comes that its form does not take ([`Limits`]), and never back.
//! The small forms are nothing but bytes, so that a view of them can be made wherever the bytes stand.
//!
//! Randomness arrives as an argument: a source of uniform words.

mod change;
pub mod combine;
mod read;
#[cfg(test)]
mod tests;

use std::fmt;

pub use change::Popped;

use crate::types::intset::{Intset, IntsetRef};
use crate::types::listpack::{Listpack, ListpackRef};
use crate::types::payload::{Payload, View};
use crate::types::shared::Shared;
use crate::types::table::Walked;

/// When a set leaves its form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The most members of an intset.
    pub ints: usize,
    /// The most members of a listpack.
    pub small: usize,
    /// The longest member of a listpack, in bytes.
    pub small_bytes: usize,
}

/// A set that can be changed.
pub enum Set {
    /// Integers only.
    Ints(Intset),
    /// Few and short members, as they came.
    Small(Listpack),
    /// Any: the members are the keys, and the values are empty.
    Large(Shared<Walked>),
}

/// A view of a [`Set`].
#[derive(Clone, Copy)]
pub enum SetRef<'a> {
    /// See [`Set::Ints`].
    Ints(IntsetRef<'a>),
    /// See [`Set::Small`].
    Small(ListpackRef<'a>),
    /// See [`Set::Large`].
    Large(&'a Shared<Walked>),
}

impl SetRef<'static> {
    /// A set without members.
    pub const EMPTY: SetRef<'static> = SetRef::Ints(IntsetRef::EMPTY);
}

impl Default for Set {
    fn default() -> Set {
        Set::Ints(Intset::new())
    }
}

impl Clone for Set {
    fn clone(&self) -> Set {
        match self {
            Set::Ints(ints) => Set::Ints(ints.clone()),
            Set::Small(pack) => Set::Small(pack.clone()),
            Set::Large(table) => Set::Large(change::copy(table)),
        }
    }
}

impl fmt::Debug for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.view().fmt(f)
    }
}

impl fmt::Debug for SetRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_set();
        self.for_each(|member| {
            shown.entry(&String::from_utf8_lossy(&member.to_vec()));
        });
        shown.finish()
    }
}

impl Payload for Set {
    type Ref<'a> = SetRef<'a>;

    #[inline]
    fn view(&self) -> SetRef<'_> {
        match self {
            Set::Ints(ints) => SetRef::Ints(ints.view()),
            Set::Small(pack) => SetRef::Small(pack.view()),
            Set::Large(table) => SetRef::Large(table),
        }
    }

    #[inline]
    fn memory_bytes(&self) -> usize {
        match self {
            Set::Ints(ints) => ints.memory_bytes(),
            Set::Small(pack) => pack.memory_bytes(),
            Set::Large(table) => Shared::<Walked>::BYTES + table.memory_bytes(),
        }
    }

    fn pack(self) -> Result<(u8, Vec<u8>), Set> {
        match self {
            Set::Ints(ints) => Ok((0, ints.into_bytes())),
            Set::Small(pack) => Ok((1, pack.into_bytes())),
            large => Err(large),
        }
    }

    #[inline]
    fn unpack(tag: u8, bytes: Vec<u8>) -> Set {
        if tag == 0 { Set::Ints(Intset::from_bytes(bytes)) } else { Set::Small(Listpack::from_bytes(bytes)) }
    }

    #[inline]
    fn view_packed(tag: u8, bytes: &[u8]) -> SetRef<'_> {
        if tag == 0 {
            SetRef::Ints(IntsetRef::trusted(bytes))
        } else {
            SetRef::Small(ListpackRef::trusted(bytes))
        }
    }

    fn dismantle(&mut self, elements: usize) -> bool {
        match self {
            Set::Ints(_) | Set::Small(_) => true,
            Set::Large(table) => table.is_watched() || table.edit().dismantle(elements),
        }
    }
}

impl View for SetRef<'_> {
    fn encoding(&self) -> &'static str {
        match self {
            SetRef::Ints(_) => "intset",
            SetRef::Small(_) => "listpack",
            SetRef::Large(_) => "hashtable",
        }
    }

    #[inline]
    fn len(&self) -> usize {
        match self {
            SetRef::Ints(ints) => ints.len(),
            SetRef::Small(pack) => pack.len(),
            SetRef::Large(table) => table.len(),
        }
    }
}
