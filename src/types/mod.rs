//! Data structures, and nothing that they serve: no protocol, no clock, no randomness of their own.
//!
//! [`table`] is the hash table that databases, and large sets and hashes, are made of. Around it stand the words in which it
//! is spoken to: [`Value`] (a view of what is stored), [`NewValue`] (what is to be stored), [`Object`] (a value that is not
//! a string), [`HashKey`] (keyed hashing) and [`size_class`] (what an allocation costs). [`listpack`] is the small form of
//! most types, [`lzf`] what inner nodes of lists are compressed with; each type has a room of its own.
//!
//! `unsafe` is allowed in this room only.

pub mod bitmap;
mod frozen;
pub mod hash;
mod hash_key;
pub mod hyperloglog;
pub mod intset;
pub mod list;
pub mod listpack;
pub mod lzf;
mod object;
mod payload;
pub mod set;
mod shared;
mod size_class;
pub mod sorted_set;
pub mod stream;
pub mod table;
mod value;

pub use frozen::{Frozen, Head, Part};
pub use hash::{Field, Growth, Hash, HashRef};
pub use hash_key::HashKey;
pub use intset::{Intset, IntsetRef};
pub use list::{List, ListRef};
pub use listpack::{Item, Listpack, ListpackRef};
pub use object::{Kind, Object, ObjectRef};
pub use payload::{Never, Payload, View};
pub use set::{Set, SetRef};
pub use size_class::size_class;
pub use sorted_set::{SortedSet, SortedSetRef};
pub use stream::Stream;
pub use table::{EntryRef, OwnedEntry, Table};
pub use value::{Expiry, NewValue, Value};
