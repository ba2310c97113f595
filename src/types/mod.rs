//! Data structures, and nothing that they serve: no protocol, no clock, no randomness.
//!
//! [`table`] is the hash table that databases are made of. Around it stand the words in which it is spoken to:
//! [`Value`] (a view of what is stored), [`NewValue`] (what is to be stored), [`Object`] (a value that is not a string),
//! [`HashKey`] (keyed hashing) and [`size_class`] (what an allocation costs).
//!
//! `unsafe` is allowed in this room only, and only inside [`table`].

mod hash;
mod object;
mod size_class;
pub mod table;
mod value;

pub use hash::HashKey;
pub use object::{Object, Payload};
pub use size_class::size_class;
pub use table::{EntryRef, OwnedEntry, Table};
pub use value::{Expiry, NewValue, Value};
