//! How Redis writes things: numbers, quoted strings, glob patterns, sizes.
pub mod number;
pub mod pattern;
pub mod quote;
pub mod size;

pub use number::{parse_i64, parse_u64, write_i64, write_u64};
pub use pattern::{Case, matches};
