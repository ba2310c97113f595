//! What is wrong with a request that is no request.

use std::fmt;

/// Bytes that are no request. The client is told, and its connection closed: where the next request would begin is not
/// known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProtocolError {
    /// The number of arguments is no number, or too large.
    InvalidMultibulkLength,
    /// More arguments than a client may send before it has authenticated.
    UnauthenticatedMultibulkLength,
    /// The length of an argument is no number, negative, or too large.
    InvalidBulkLength,
    /// A longer argument than a client may send before it has authenticated.
    UnauthenticatedBulkLength,
    /// An argument does not begin with `$` but with this byte.
    ExpectedDollar(u8),
    /// The line with the number of arguments does not end.
    TooBigCount,
    /// The line with the length of an argument does not end.
    TooBigBulkLength,
    /// An inline request does not end.
    TooBigInline,
    /// The quotes of an inline request do not match.
    UnbalancedQuotes,
}

impl ProtocolError {
    /// Appends the error reply.
    pub fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"-ERR Protocol error: ");
        match self {
            ProtocolError::ExpectedDollar(byte) => {
                let shown = if matches!(byte, b'\r' | b'\n') { b' ' } else { byte };
                out.extend_from_slice(b"expected '$', got '");
                out.extend_from_slice(&[shown, b'\'']);
            }
            _ => out.extend_from_slice(self.text().as_bytes()),
        }
        out.extend_from_slice(b"\r\n");
    }

    fn text(self) -> &'static str {
        match self {
            ProtocolError::InvalidMultibulkLength => "invalid multibulk length",
            ProtocolError::UnauthenticatedMultibulkLength => "unauthenticated multibulk length",
            ProtocolError::InvalidBulkLength => "invalid bulk length",
            ProtocolError::UnauthenticatedBulkLength => "unauthenticated bulk length",
            ProtocolError::ExpectedDollar(_) => "expected '$'",
            ProtocolError::TooBigCount => "too big mbulk count string",
            ProtocolError::TooBigBulkLength => "too big bulk count string",
            ProtocolError::TooBigInline => "too big inline request",
            ProtocolError::UnbalancedQuotes => "unbalanced quotes in request",
        }
    }
}

impl fmt::Display for ProtocolError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProtocolError::ExpectedDollar(byte) => {
                write!(formatter, "expected '$', got '{}'", byte.escape_ascii())
            }
            _ => formatter.write_str(self.text()),
        }
    }
}

impl std::error::Error for ProtocolError {}
