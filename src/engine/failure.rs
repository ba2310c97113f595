//! What a command answers when it does not do what was asked: an error reply, in Redis's words.

use std::borrow::Cow;
use std::fmt;

/// An error reply: the code (`ERR`, `WRONGTYPE`, ...), a blank and the text, without the leading `-`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure(Cow<'static, [u8]>);

impl Failure {
    /// The request does not follow the command's syntax.
    pub const SYNTAX: Failure = Failure::fixed("ERR syntax error");
    /// An argument or a value should be a 64-bit integer.
    pub const NOT_INTEGER: Failure = Failure::fixed("ERR value is not an integer or out of range");
    /// An argument or a value should be a number.
    pub const NOT_FLOAT: Failure = Failure::fixed("ERR value is not a valid float");
    /// The key holds a value of another type.
    pub const WRONG_TYPE: Failure =
        Failure::fixed("WRONGTYPE Operation against a key holding the wrong kind of value");
    /// The key must exist.
    pub const NO_SUCH_KEY: Failure = Failure::fixed("ERR no such key");
    /// A string would grow beyond `proto-max-bulk-len`.
    pub const STRING_TOO_LONG: Failure =
        Failure::fixed("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    /// A string may grow so far, but there is no memory for it.
    pub const NO_MEMORY: Failure = Failure::fixed("ERR not enough memory for a string of this length");
    /// No database has this number.
    pub const DB_INDEX: Failure = Failure::fixed("ERR DB index is out of range");
    /// INCR and its kin left the range of 64 bits.
    pub const OVERFLOW: Failure = Failure::fixed("ERR increment or decrement would overflow");
    /// The client has not said who it is.
    pub const NO_AUTH: Failure = Failure::fixed("NOAUTH Authentication required.");
    /// `maxmemory` is reached and nothing could be evicted.
    pub const OOM: Failure = Failure::fixed("OOM command not allowed when used memory > 'maxmemory'.");

    /// A text known at compile time, code included.
    pub const fn fixed(text: &'static str) -> Failure {
        Failure(Cow::Borrowed(text.as_bytes()))
    }

    /// A text made for the case, code included.
    pub fn new(text: impl Into<Vec<u8>>) -> Failure {
        Failure(Cow::Owned(text.into()))
    }

    /// A request with too few or too many arguments for the command of this full name.
    pub fn arity(name: &str) -> Failure {
        Failure::new(format!("ERR wrong number of arguments for '{name}' command"))
    }

    /// A deadline that the command of this full name cannot take.
    pub fn expire_time(name: &str) -> Failure {
        Failure::new(format!("ERR invalid expire time in '{name}' command"))
    }

    /// A container's command that finds no sub-command of this word, or not with so many arguments; `parent` as in the table.
    pub fn subcommand(parent: &str, word: &[u8]) -> Failure {
        let word = String::from_utf8_lossy(&word[..word.len().min(128)]);
        let parent = parent.to_ascii_uppercase();
        Failure::new(format!(
            "ERR unknown subcommand or wrong number of arguments for '{word}'. Try {parent} HELP."
        ))
    }

    /// Code and text.
    pub fn text(&self) -> &[u8] {
        &self.0
    }

    /// The code alone: what INFO's errorstats counts.
    pub fn code(&self) -> &str {
        let code = self.0.split(|byte| *byte == b' ').next().unwrap_or_default();
        std::str::from_utf8(code).unwrap_or_default()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}
