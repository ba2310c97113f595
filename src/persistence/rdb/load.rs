//! Reading a dump file that comes in parts.
//!
//! States: header, parts (perhaps with a value of which some elements are still to come), ended or broken.

use std::fmt;

use super::HEADER_BYTES;
use super::input::Input;
use super::parse::{Got, Parser, Stop};
use super::parts::Part;
use crate::dump::{Limits, Reader, Version};
use crate::text::quote::write_quoted;

/// Why a file cannot be read, or not any further.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broken {
    /// Where: bytes from the beginning.
    pub at: u64,
    /// The key whose value cannot be read, if it is that.
    pub key: Option<Vec<u8>>,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at offset {}", self.what, self.at)?;
        if let Some(key) = &self.key {
            let mut quoted = Vec::new();
            write_quoted(&mut quoted, key);
            write!(f, ", key {}", String::from_utf8_lossy(&quoted))?;
        }
        f.write_str(")")
    }
}

/// A file that is being read. It is fed pieces, gives parts, and keeps only what an unfinished part needs.
pub struct Loader {
    input: Input,
    parsing: Parsing,
}

struct Parsing {
    parser: Parser,
    /// There is no use in trying before so many bytes wait.
    wanted: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Going,
    Ended,
    Broken(Broken),
}

impl Loader {
    /// A loader of a file of so many bytes, with what may follow the end of the dump in it; `u64::MAX` if that is not known. The limits
    /// decide how values are stored.
    pub fn new(limits: Limits, file_bytes: u64, verify_checksum: bool) -> Loader {
        Loader {
            input: Input::new(file_bytes, verify_checksum),
            parsing: Parsing {
                parser: Parser::new(limits),
                wanted: HEADER_BYTES as u64,
                state: State::Going,
            },
        }
    }

    /// Takes the next bytes of the file.
    pub fn feed(&mut self, chunk: &[u8]) {
        self.input.feed(chunk);
    }

    /// There are no more bytes, whatever the file's length was said to be: what is not whole now is broken.
    pub fn finish(&mut self) {
        self.input.finish();
        self.parsing.wanted = 0;
    }

    /// The next part; `None` if more bytes are needed for it, or the end has been reached. After an error it stays.
    #[allow(clippy::should_implement_trait, reason = "a part borrows from the loader")]
    pub fn next(&mut self) -> Result<Option<Part<'_>>, Broken> {
        let Loader { input, parsing } = self;
        parsing.next(input)
    }

    /// Up to so many parts, as [`next`](Self::next) gives them; none if more bytes are needed, or the end has been reached. An
    /// error comes when what stands before it has been given. `each` sees every part as soon as it is read, with its number.
    pub fn batch(
        &mut self,
        count: usize,
        mut each: impl FnMut(usize, &Part<'_>),
    ) -> Result<Vec<Part<'_>>, Broken> {
        let Loader { input, parsing } = self;
        let mut parts = Vec::with_capacity(count);
        while parts.len() < count {
            match parsing.next(input) {
                Ok(Some(part)) => {
                    each(parts.len(), &part);
                    parts.push(part);
                }
                Err(broken) if parts.is_empty() => return Err(broken),
                Ok(None) | Err(_) => break,
            }
        }
        Ok(parts)
    }

    /// How many bytes of the file have become parts; after the end, where what follows begins.
    pub fn position(&self) -> u64 {
        self.input.position()
    }

    /// Bytes that were fed and have not become parts; after the end, the first of what follows.
    pub fn rest(&self) -> &[u8] {
        &self.input.buffer[self.input.at.get()..]
    }

    /// The version that the header names, once it was read.
    pub fn version(&self) -> Option<Version> {
        self.parsing.parser.version()
    }

    /// How many keys with no element in their value were left out: servers of old wrote such.
    pub fn empty_keys(&self) -> u64 {
        self.parsing.parser.empty_keys
    }
}

impl Parsing {
    fn next<'a>(&mut self, input: &'a Input) -> Result<Option<Part<'a>>, Broken> {
        let Parsing { parser, wanted, state } = self;
        if let State::Broken(broken) = state {
            return Err(broken.clone());
        }
        if matches!(state, State::Ended) || (input.unread() as u64) < *wanted {
            return Ok(None);
        }
        let mut from = Reader::of_part(&input.buffer[input.at.get()..], input.later());
        let got = parser.read(&mut from);
        input.at.set(input.buffer.len() - from.rest().len());
        *wanted = 0;
        match got {
            Ok(Got::Part(part)) => Ok(Some(part)),
            Ok(Got::End(checksum)) if checksum.is_none_or(|given| input.is_right(given)) => {
                *state = State::Ended;
                Ok(Some(Part::End))
            }
            Ok(Got::End(_)) => {
                let what = "the checksum is wrong: something before it was changed".to_owned();
                Err(state.break_off(Broken {
                    at: input.position() - size_of::<u64>() as u64,
                    key: None,
                    what,
                }))
            }
            Err(Stop::Missing(bytes)) => {
                *wanted = from.rest().len() as u64 + bytes;
                Ok(None)
            }
            Err(Stop::Broken { left, key, what }) => {
                Err(state.break_off(Broken { at: input.place(left), key, what }))
            }
        }
    }
}

impl State {
    fn break_off(&mut self, broken: Broken) -> Broken {
        *self = State::Broken(broken.clone());
        broken
    }
}
