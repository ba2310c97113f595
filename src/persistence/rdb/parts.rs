//! What a dump file consists of.

use std::borrow::Cow;

use crate::dump::Loaded;

/// What is known of a key's use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Used {
    /// Nothing.
    Unknown,
    /// How many seconds ago it was used.
    IdleSeconds(u64),
    /// How often it is used, on the logarithmic scale of `maxmemory-policy` with LFU.
    Frequency(u8),
}

/// A part of a file.
#[derive(Debug)]
pub enum Part<'a> {
    /// Something to know about the file. Names that are not known mean nothing.
    Aux {
        /// Its name.
        name: Cow<'a, [u8]>,
        /// Its value.
        value: Cow<'a, [u8]>,
    },
    /// The entries that follow are of this database; before the first such part, of database 0.
    Database(u64),
    /// About how many entries of this database will come.
    Sizes {
        /// All.
        keys: u64,
        /// Those with an expiry.
        volatile: u64,
    },
    /// A library of functions, by its code.
    Library(Cow<'a, [u8]>),
    /// A key with its value.
    Entry {
        /// The key.
        key: Cow<'a, [u8]>,
        /// The value.
        value: Loaded<'a>,
        /// When it expires, in Unix milliseconds; it may have.
        expiry_ms: Option<i64>,
        /// What is known of its use.
        used: Used,
    },
    /// The file is whole, and was all of it.
    End,
}
