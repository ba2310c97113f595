//! The files that keep the data: their formats, and nothing else. Who writes them, when, and what they mean stands above.
//!
//! Nothing in here sees a file, a clock or the keyspace: bytes come in as they were read, in parts cut anywhere, and go out to be
//! written.

pub mod aof;
pub mod rdb;
