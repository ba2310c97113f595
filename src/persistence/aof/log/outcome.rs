//! What reading a log gives: units, and how it ends.

use std::fmt;

use crate::protocol::{Batch, Request};

/// What a log amounts to.
#[derive(Debug)]
pub enum Next<'a> {
    /// The next unit.
    Unit(Unit<'a>),
    /// There is no more until there are more bytes.
    More,
    /// All units have been given out, and the log ends with them.
    End,
    /// All whole units have been given out; what follows them is no unit.
    Torn(Torn),
    /// All units up to the wanted time have been given out. What follows position `cut_at` is later.
    Later {
        /// Behind the last unit.
        cut_at: u64,
    },
}

/// A command, or a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    pub(super) batch: &'a Batch,
    pub(super) bytes: &'a [u8],
    /// Whether it came in MULTI and EXEC.
    pub is_transaction: bool,
    /// Position of its first byte.
    pub start: u64,
    /// The time that was last noted before it or within it, in seconds since 1970.
    pub seconds: Option<i64>,
}

impl<'a> Unit<'a> {
    /// Its commands, without MULTI and EXEC; a transaction may be empty.
    pub fn commands(&self) -> impl Iterator<Item = Request<'a>> + use<'a> {
        let around = usize::from(self.is_transaction);
        let (batch, bytes) = (self.batch, self.bytes);
        (around..batch.len() - around).map(move |index| batch.request(index, bytes))
    }

    /// Position behind its last byte.
    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }
}

/// What a torn log ends in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TornIn {
    /// A request.
    Request,
    /// A transaction whose EXEC is missing.
    Transaction,
    /// Zeros.
    Zeros,
}

/// The end of a log that is no unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Torn {
    /// Where it begins: the length that the file is to be cut to.
    pub cut_at: u64,
    /// How many bytes are lost by that.
    pub bytes: u64,
    /// How many whole commands are among them (of an unfinished transaction, MULTI included).
    pub commands: usize,
    /// What it ends in.
    pub within: TornIn,
}

impl fmt::Display for Torn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Torn { cut_at, bytes, commands, .. } = self;
        let within = match self.within {
            TornIn::Request => "in the middle of a command",
            TornIn::Transaction => "in the middle of a MULTI/EXEC transaction",
            TornIn::Zeros => "in zeros",
        };
        write!(
            formatter,
            "ends {within}: whole up to offset {cut_at}, {bytes} bytes and {commands} whole commands beyond it"
        )
    }
}

/// Bytes that no crash can have left.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Corrupt {
    /// Position of what is wrong.
    pub at: u64,
    /// Position up to which all is well.
    pub whole: u64,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Corrupt {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Corrupt { at, whole, what } = self;
        write!(formatter, "Bad file format at offset {at}: {what}; well-formed up to offset {whole}")
    }
}

impl std::error::Error for Corrupt {}
