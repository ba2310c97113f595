//! How Redis writes things: numbers, quoted strings, glob patterns, sizes.
//!
//! The lowest room: it imports no other one. Everything here is a function of its arguments, takes bytes rather than
//! `str` (nothing that a client sends need be UTF-8), and answers bad input with `None`. Where formats of Redis differ
//! by version, redis-server 7.0.15 is what counts.

pub mod float;
pub mod long_double;
pub mod number;
pub mod pattern;
pub mod quote;
mod shortest;
pub mod size;

pub use float::{DoubleText, parse_f64, write_f64};
pub use long_double::LongDouble;
pub use number::{parse_i64, parse_u64, write_i64, write_u64};
pub use pattern::{Case, matches};
