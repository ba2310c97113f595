//! The client side: encodes requests, decodes replies. For the simulator's clients, and for a replica's link.

mod decoder;
#[cfg(test)]
mod tests;
mod value;

pub use decoder::{DecodeError, DecodeLimits, Decoder};
pub use value::Value;

use crate::text::number::write_u64;

/// Appends a request; the first argument is the command's name.
pub fn encode<A: AsRef<[u8]>>(out: &mut Vec<u8>, arguments: &[A]) {
    encode_count(out, arguments.len());
    for argument in arguments {
        encode_argument(out, argument.as_ref());
    }
}

/// Begins a request whose arguments are to follow one by one.
pub fn encode_count(out: &mut Vec<u8>, arguments: usize) {
    encode_length(out, b'*', arguments);
}

/// Appends an argument of a request that has been begun.
pub fn encode_argument(out: &mut Vec<u8>, argument: &[u8]) {
    encode_length(out, b'$', argument.len());
    out.extend_from_slice(argument);
    out.extend_from_slice(b"\r\n");
}

fn encode_length(out: &mut Vec<u8>, mark: u8, length: usize) {
    out.push(mark);
    write_u64(out, length as u64);
    out.extend_from_slice(b"\r\n");
}
