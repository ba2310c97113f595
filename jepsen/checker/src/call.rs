//! What clients ask of one key, and what they are told.
//!
//! The notation of both is that of [`crate::notation`]; `Display` writes it.

use crate::quote::{quoted, word};
use std::fmt;

/// The words of a request; the first is the command's name, in upper case.
pub type Request = Vec<Vec<u8>>;

/// One operation on one key. The key itself stands in the history.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Call {
    /// `GET`: the value, or nil.
    Get,
    /// `EXISTS`: 1 or 0.
    Exists,
    /// `SET`, in all its forms; `SETNX` and `GETSET` but for the shape of the first one's reply.
    Set {
        /// The new value.
        value: Vec<u8>,
        /// When it is set at all.
        condition: Condition,
        /// Whether the reply is the old value (`GET`) rather than OK, or nil where the condition failed.
        get: bool,
    },
    /// `DEL`: how many keys went, 1 or 0.
    Del,
    /// `GETDEL`: the old value, or nil.
    GetDel,
    /// `INCRBY`, and with it `INCR`, `DECR`, `DECRBY`: the new value, or an error if the old one is no integer or the
    /// sum leaves 64 bits.
    IncrBy(i64),
    /// `APPEND`: the new length in bytes.
    Append(Vec<u8>),
    /// Compare and set, which clients build from WATCH or a script: 1 if the key held `expected` and now holds
    /// `value`, otherwise 0.
    Cas {
        /// What the key must hold.
        expected: Vec<u8>,
        /// What it then holds.
        value: Vec<u8>,
    },
    /// One request, or several that take effect as one, on the keys that the history's key stands for (see
    /// [`Store`](crate::Store)): a transaction or a script. The reply of several is an array.
    Run(Vec<Request>),
    /// Everything is lost in a crash. Nobody calls this: the history puts it beside the calls on every key.
    Wipe,
}

/// When a `SET` takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Condition {
    /// Whatever the key holds.
    Always,
    /// Only if there is no such key (`NX`).
    Absent,
    /// Only if there is one (`XX`).
    Present,
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reply {
    /// The simple string OK.
    Ok,
    /// Nil.
    Nil,
    /// An integer.
    Int(i64),
    /// A string.
    Bytes(Vec<u8>),
    /// Several replies.
    Array(Vec<Reply>),
    /// An error that the call itself brings with it on what the key held. A refusal (`LOADING`, `READONLY`, `OOM`, ...)
    /// is not a reply but a failed operation.
    Error(String),
}

impl Call {
    /// A plain `SET`.
    pub fn set(value: impl Into<Vec<u8>>) -> Self {
        Self::Set { value: value.into(), condition: Condition::Always, get: false }
    }

    /// Whether the call changes nothing, whatever the key holds.
    pub fn is_read(&self) -> bool {
        matches!(self, Self::Get | Self::Exists)
    }

    /// The command's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Exists => "EXISTS",
            Self::Set { .. } => "SET",
            Self::Del => "DEL",
            Self::GetDel => "GETDEL",
            Self::IncrBy(_) => "INCRBY",
            Self::Append(_) => "APPEND",
            Self::Cas { .. } => "CAS",
            Self::Run(_) => "RUN",
            Self::Wipe => "WIPE",
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Set { value, condition, get } => {
                let get = if *get { " GET" } else { "" };
                write!(f, " {}{condition}{get}", word(value))
            }
            Self::IncrBy(by) => write!(f, " {by}"),
            Self::Append(tail) => write!(f, " {}", word(tail)),
            Self::Cas { expected, value } => write!(f, " {} {}", word(expected), word(value)),
            Self::Run(requests) => {
                let line = |request: &Request| request.iter().map(|w| word(w)).collect::<Vec<_>>().join(" ");
                write!(f, " {}", requests.iter().map(line).collect::<Vec<_>>().join(" ; "))
            }
            Self::Get | Self::Exists | Self::Del | Self::GetDel | Self::Wipe => Ok(()),
        }
    }
}

/// The option as it follows the value, with a space before it; nothing for [`Condition::Always`].
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Always => "",
            Self::Absent => " NX",
            Self::Present => " XX",
        })
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("OK"),
            Self::Nil => f.write_str("nil"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => f.write_str(&quoted(bytes)),
            Self::Array(replies) => {
                f.write_str("[ ")?;
                replies.iter().try_for_each(|reply| write!(f, "{reply} "))?;
                f.write_str("]")
            }
            Self::Error(text) => write!(f, "error {}", quoted(text.as_bytes())),
        }
    }
}
