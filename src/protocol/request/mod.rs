//! Requests as clients send them: arrays of bulk strings, or inline lines; pipelined, and cut anywhere by the network.
//!
//! A [`Parser`] (one for each connection) finds the complete requests at the start of the connection's input buffer and
//! notes in a [`Batch`] (one for all connections) where their arguments lie; nothing is copied. A [`Request`] is a view of
//! batch and input together.
//!
//! What must hold: the same bytes give the same requests and the same error, wherever the network cut them. No byte of a
//! request's arguments is looked at twice, however many reads it takes to arrive.

mod batch;
mod parser;
#[cfg(test)]
mod tests;

pub use batch::{Arguments, Batch, OwnedRequest, Request};
pub use parser::{ARGUMENTS_MAX, INLINE_BYTES_MAX, Limits, Parsed, Parser};
