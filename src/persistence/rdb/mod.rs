//! Dump files: everything that a server holds at one moment, in Redis's format.
//!
//! A file is a header, a row of parts, each with an opcode before it, and a checksum. [`Saver`] makes one, [`Loader`] reads
//! one, [`Check`] tells what is in one and what is wrong with it. Sources of the format: Redis, `rdb.h` and `rdb.c`; Valkey,
//! the same.
//!
//! Guarantees: a file says of itself that it is whole, so one that was cut is never taken for whole, and one that was changed only
//! if it has no checksum. Reading takes memory for one element of a value beyond what has been loaded, and never more than the file
//! is long, whatever lengths stand in it.

mod check;
mod input;
mod load;
mod parse;
mod parts;
mod save;
#[cfg(test)]
mod tests;

pub use check::{Check, Keys, Report};
pub use load::{Broken, Loader};
pub use parts::{Part, Used};
pub use save::{Options, Saver};

/// Bytes of the header: magic and version.
pub const HEADER_BYTES: usize = 9;

/// What stands before a part. Every other byte is the form of a value, which a key precedes.
pub(crate) mod code {
    /// Valkey: slots that were being moved here.
    pub const SLOT_IMPORT: u8 = 243;
    /// Numbers of keys in a hash slot.
    pub const SLOT_INFO: u8 = 244;
    /// A library of functions.
    pub const LIBRARY: u8 = 245;
    /// The same as release candidates of Redis 7.0 wrote it.
    pub const LIBRARY_OLD: u8 = 246;
    /// Data that a module keeps beside the keys.
    pub const MODULE: u8 = 247;
    /// For the next key: seconds since it was used.
    pub const IDLE: u8 = 248;
    /// For the next key: how often it is used.
    pub const FREQUENCY: u8 = 249;
    /// A name and a value.
    pub const AUX: u8 = 250;
    /// Numbers of keys.
    pub const SIZES: u8 = 251;
    /// For the next key: when it expires, in milliseconds.
    pub const EXPIRY_MS: u8 = 252;
    /// The same in seconds.
    pub const EXPIRY_SECONDS: u8 = 253;
    /// The database of the keys that follow.
    pub const DATABASE: u8 = 254;
    /// The end.
    pub const END: u8 = 255;
}
