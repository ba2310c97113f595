//! The wire: RESP2, RESP3 and inline commands.
//!
//! [`request`] reads what clients send, without copying it; [`reply`] writes what they get back, straight into the
//! connection's output buffer; [`client`] is the other side of both. Nothing here knows what a command means, and nothing
//! reads or writes a socket.

pub mod client;
pub mod error;
pub mod reply;
pub mod request;

pub use client::{Decoder, Value, encode};
pub use error::ProtocolError;
pub use reply::{Mark, Reply, Version};
pub use request::{Batch, Limits, OwnedRequest, Parsed, Parser, Request};
