//! A reader's place in the log, and the smallest things that it reads there: bytes and lengths.

use crate::protocol::Batch;

use super::outcome::{Corrupt, Torn, TornIn, Unit};

/// The most digits of a length.
const DIGITS_MAX: usize = 18;

/// Reads one log, fed in pieces of any size.
#[derive(Debug)]
pub struct Reader {
    pub(super) buffer: Vec<u8>,
    /// Position in the file of the buffer's first byte.
    pub(super) origin: u64,
    pub(super) file_bytes: u64,
    pub(super) is_all: bool,
    pub(super) state: State,
    /// Where in the buffer the unit begins that is being read. All positions below count from there.
    pub(super) start: usize,
    /// The next byte to read.
    pub(super) at: usize,
    /// The unit's requests, and the arguments found of an unfinished one.
    pub(super) batch: Batch,
    pub(super) request: Option<Unfinished>,
    pub(super) in_transaction: bool,
    /// The unit has been given out: it ends at `at`.
    pub(super) is_given: bool,
    /// The last whole unit ends here, in the file.
    pub(super) whole: u64,
    pub(super) seconds: Option<i64>,
    pub(super) until: Option<i64>,
    /// What was last said of the place in a history, and where that line ends.
    pub(super) last_place: Option<(u64, Vec<u8>)>,
}

/// A request that is being read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unfinished {
    pub(super) start: usize,
    pub(super) arguments: usize,
    pub(super) missing: usize,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    Reading,
    /// Something was wrong; so far there were but zeros from there on.
    Zeros(Corrupt),
    /// An argument reaches beyond the file.
    TooLong(Corrupt),
    Broken(Corrupt),
}

/// What a step of reading came to.
pub(super) enum Found {
    /// Something whole; `at` is behind it.
    Unit,
    Part,
    Later,
}

/// Why there was no step.
pub(super) enum Obstacle {
    Short,
    /// At this position.
    Malformed(usize, String),
    TooLong(usize),
}

impl Reader {
    /// Reads a log that begins at position `origin` of a file of `file_bytes` (behind a preamble in dump form, or 0).
    pub fn new(origin: u64, file_bytes: u64) -> Reader {
        Reader {
            buffer: Vec::new(),
            origin,
            file_bytes,
            is_all: false,
            state: State::Reading,
            start: 0,
            at: 0,
            batch: Batch::default(),
            request: None,
            in_transaction: false,
            is_given: false,
            whole: origin,
            seconds: None,
            until: None,
            last_place: None,
        }
    }

    /// Reads only what was written up to this time, in seconds since 1970.
    pub fn until(mut self, seconds: i64) -> Reader {
        self.until = Some(seconds);
        self
    }

    /// Takes in the file's next bytes.
    pub fn feed(&mut self, chunk: &[u8]) {
        self.pass_unit();
        self.buffer.drain(..self.start);
        self.origin += self.start as u64;
        self.start = 0;
        self.buffer.extend_from_slice(chunk);
        self.file_bytes = self.file_bytes.max(self.fed());
    }

    /// Those were all bytes.
    pub fn end(&mut self) {
        self.is_all = true;
    }

    /// How many bytes of the file have been seen: where it goes on.
    pub fn fed(&self) -> u64 {
        self.origin + self.buffer.len() as u64
    }

    /// The place in a history at which the log ends, if it ends with a line that says so.
    pub fn place_at_end(&self) -> Option<&[u8]> {
        let (end, words) = self.last_place.as_ref()?;
        (*end == self.fed()).then_some(words)
    }

    /// Where the last whole unit that was given out ends.
    pub fn position(&self) -> u64 {
        if self.is_given { self.place(self.at) } else { self.whole }
    }

    /// Position in the file of what is at `at` in the unit.
    pub(super) fn place(&self, at: usize) -> u64 {
        self.origin + (self.start + at) as u64
    }

    pub(super) fn corrupt(&self, at: usize, what: String) -> Corrupt {
        Corrupt { at: self.place(at), whole: self.whole, what }
    }

    pub(super) fn torn(&self, within: TornIn) -> Torn {
        Torn { cut_at: self.whole, bytes: self.fed() - self.whole, commands: self.batch.len(), within }
    }

    pub(super) fn unit(&self) -> Unit<'_> {
        Unit {
            batch: &self.batch,
            bytes: &self.buffer[self.start..self.start + self.at],
            is_transaction: self.batch.len() > 1,
            start: self.place(0),
            seconds: self.seconds,
        }
    }

    /// Leaves a unit behind that has been given out.
    pub(super) fn pass_unit(&mut self) {
        if std::mem::take(&mut self.is_given) {
            self.batch.clear();
            self.pass();
        }
    }

    pub(super) fn pass(&mut self) {
        self.whole = self.place(self.at);
        self.start += self.at;
        self.at = 0;
    }

    /// The unit that is being read is none: only what is from `at` on is looked at.
    pub(super) fn drop_before(&mut self, at: usize) {
        self.start += at;
        self.at = 0;
    }

    pub(super) fn byte(&self, at: usize) -> Result<u8, Obstacle> {
        self.buffer.get(self.start + at).copied().ok_or(Obstacle::Short)
    }

    /// Requires these bytes at `at`.
    pub(super) fn require(&self, at: usize, bytes: &[u8]) -> Result<(), Obstacle> {
        for (offset, wanted) in bytes.iter().enumerate() {
            let found = self.byte(at + offset)?;
            if found != *wanted {
                let (wanted, found) = (wanted.escape_ascii(), found.escape_ascii());
                return Err(Obstacle::Malformed(at + offset, format!("expected '{wanted}', got '{found}'")));
            }
        }
        Ok(())
    }

    /// Reads the line at `at`: a mark and a number. The number, and where the line ends.
    #[inline]
    pub(super) fn length(&self, at: usize, mark: u8) -> Result<(usize, usize), Obstacle> {
        // Nearly all.
        if let Some(&[first, digit, b'\r', b'\n']) = self.buffer.get(self.start + at..self.start + at + 4)
            && first == mark
            && digit.is_ascii_digit()
        {
            return Ok((usize::from(digit - b'0'), at + 4));
        }
        self.length_of_any_size(at, mark)
    }

    fn length_of_any_size(&self, at: usize, mark: u8) -> Result<(usize, usize), Obstacle> {
        self.require(at, &[mark])?;
        let (first, mut end, mut value) = (at + 1, at + 1, 0_usize);
        while let digit @ b'0'..=b'9' = self.byte(end)? {
            let is_too_much = end - first == DIGITS_MAX || (end > first && value == 0);
            if is_too_much {
                return Err(Obstacle::Malformed(end, "a length that is none".into()));
            }
            value = value * 10 + usize::from(digit - b'0');
            end += 1;
        }
        if end == first {
            return Err(Obstacle::Malformed(end, "expected a length".into()));
        }
        self.require(end, b"\r\n")?;
        Ok((value, end + 2))
    }
}
