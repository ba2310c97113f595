//! A log's bytes, read as units: a command, or a transaction as a whole.
//!
//! A log is requests in RESP as the engine's effects leave them, and lines that begin with `#` between them, of which
//! `#TS:<unix seconds>` says when what follows was written (`aof-timestamp-enabled`). It is read more strictly than a client's
//! requests are, as nobody writes one by hand, and without their limits, as effects may be wider than any request.
//!
//! ```text
//!             ┌── all is whole ───────────────────────────────────────► End
//!  reading ───┼── the bytes end in a request or a transaction ────────► Torn: may be cut
//!             ├── malformed ── nothing but zeros to the end ──────────► Torn
//!             │                └─ something else ─────────────────────► Corrupt: refused
//!             └── an argument longer than the rest of the file
//!                              ├─ no whole request in that rest ──────► Torn
//!                              └─ one is there: its length is wrong ──► Corrupt
//! ```
//!
//! **Torn** is what a crash leaves: the end of what was being appended is missing, or the file is longer already, but the
//! data is not there (zeros). What is cut off was in no unit that was whole. Redis calls zeros a bad format and refuses to start;
//! nothing was ever acknowledged of them, so here they are cut as any other tail.
//!
//! **Corrupt** is what no crash leaves. Redis takes an argument's damaged length for a torn end, and with
//! `aof-load-truncated` cuts everything behind it, however much; here the file is refused if commands stand there.
//!
//! Units before the end are given out as they are found, so that a file can turn out to be corrupt when most of it
//! has been given out: it is the caller who then drops what was loaded. Memory: the longest unit and a chunk; a forged length
//! takes none.

use std::fmt;

use memchr::{memchr, memmem};

use crate::protocol::{Batch, Request};
use crate::text::number::{parse_i64, write_i64};

/// The longest line that begins with `#`, its end included, in bytes.
const ANNOTATION_BYTES_MAX: usize = 1024;
/// The most digits of a length.
const DIGITS_MAX: usize = 18;
/// Within so many bytes a request behind a damaged length is recognised.
const SEARCH_BYTES: usize = 64 * 1024;
const TIME: &[u8] = b"#TS:";

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
    batch: &'a Batch,
    bytes: &'a [u8],
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

/// Reads one log, fed in pieces of any size.
#[derive(Debug)]
pub struct Reader {
    buffer: Vec<u8>,
    /// Position in the file of the buffer's first byte.
    origin: u64,
    file_bytes: u64,
    is_all: bool,
    state: State,
    /// Where in the buffer the unit begins that is being read. All positions below count from there.
    start: usize,
    /// The next byte to read.
    at: usize,
    /// The unit's requests, and the arguments found of an unfinished one.
    batch: Batch,
    request: Option<Unfinished>,
    in_transaction: bool,
    /// The unit has been given out: it ends at `at`.
    is_given: bool,
    /// The last whole unit ends here, in the file.
    whole: u64,
    seconds: Option<i64>,
    until: Option<i64>,
}

/// A request that is being read.
#[derive(Clone, Copy, Debug)]
struct Unfinished {
    start: usize,
    arguments: usize,
    missing: usize,
}

#[derive(Clone, Debug)]
enum State {
    Reading,
    /// Something was wrong; so far there were but zeros from there on.
    Zeros(Corrupt),
    /// An argument reaches beyond the file.
    TooLong(Corrupt),
    Broken(Corrupt),
}

/// What a step of reading came to.
enum Found {
    /// Something whole; `at` is behind it.
    Unit,
    Part,
    Later,
}

/// Why there was no step.
enum Obstacle {
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

    /// Where the last whole unit that was given out ends.
    pub fn position(&self) -> u64 {
        if self.is_given { self.place(self.at) } else { self.whole }
    }

    /// The next unit, or how the log ends. A corrupt log stays that.
    #[expect(clippy::should_implement_trait, reason = "it lends")]
    pub fn next(&mut self) -> Result<Next<'_>, Corrupt> {
        self.pass_unit();
        loop {
            match &self.state {
                State::Reading => {}
                State::Zeros(_) => return self.go_on_in_zeros(),
                State::TooLong(_) => return self.go_on_searching(),
                State::Broken(corrupt) => return Err(corrupt.clone()),
            }
            match self.step() {
                Ok(Found::Part) => {}
                Ok(Found::Later) => return Ok(Next::Later { cut_at: self.whole }),
                Ok(Found::Unit) => {
                    self.is_given = true;
                    return Ok(Next::Unit(self.unit()));
                }
                Err(Obstacle::Short) => return Ok(self.on_short()),
                Err(Obstacle::Malformed(at, what)) => {
                    self.state = State::Zeros(self.corrupt(at, what));
                    self.drop_before(at);
                }
                Err(Obstacle::TooLong(at)) => {
                    let what = "an argument's length is wrong: commands stand where it would be";
                    self.state = State::TooLong(self.corrupt(at, what.into()));
                    self.drop_before(at);
                }
            }
        }
    }

    /// Position in the file of what is at `at` in the unit.
    fn place(&self, at: usize) -> u64 {
        self.origin + (self.start + at) as u64
    }

    fn corrupt(&self, at: usize, what: String) -> Corrupt {
        Corrupt { at: self.place(at), whole: self.whole, what }
    }

    fn unit(&self) -> Unit<'_> {
        Unit {
            batch: &self.batch,
            bytes: &self.buffer[self.start..self.start + self.at],
            is_transaction: self.batch.len() > 1,
            start: self.place(0),
            seconds: self.seconds,
        }
    }

    /// Leaves a unit behind that has been given out.
    fn pass_unit(&mut self) {
        if std::mem::take(&mut self.is_given) {
            self.batch.clear();
            self.pass();
        }
    }

    fn pass(&mut self) {
        self.whole = self.place(self.at);
        self.start += self.at;
        self.at = 0;
    }

    /// The unit that is being read is none: only what is from `at` on is looked at.
    fn drop_before(&mut self, at: usize) {
        self.start += at;
        self.at = 0;
    }

    fn on_short(&self) -> Next<'_> {
        if !self.is_all {
            return Next::More;
        }
        if self.fed() == self.whole {
            return Next::End;
        }
        let within = if self.in_transaction { TornIn::Transaction } else { TornIn::Request };
        Next::Torn(self.torn(within))
    }

    fn torn(&self, within: TornIn) -> Torn {
        Torn { cut_at: self.whole, bytes: self.fed() - self.whole, commands: self.batch.len(), within }
    }

    /// Reads a line between requests, a request's beginning, or the rest of a request.
    fn step(&mut self) -> Result<Found, Obstacle> {
        let request = match self.request {
            Some(request) => request,
            None if self.byte(self.at)? == b'#' => return self.take_annotation(),
            None => {
                let (count, at) = self.length(self.at, b'*')?;
                if count == 0 {
                    return Err(Obstacle::Malformed(self.at + 1, "a command without a name".into()));
                }
                Unfinished { start: std::mem::replace(&mut self.at, at), arguments: count, missing: count }
            }
        };
        self.request = Some(request);
        self.take_arguments(request)
    }

    fn byte(&self, at: usize) -> Result<u8, Obstacle> {
        self.buffer.get(self.start + at).copied().ok_or(Obstacle::Short)
    }

    /// Requires these bytes at `at`.
    fn require(&self, at: usize, bytes: &[u8]) -> Result<(), Obstacle> {
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
    fn length(&self, at: usize, mark: u8) -> Result<(usize, usize), Obstacle> {
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

    /// Reads arguments until none is missing.
    fn take_arguments(&mut self, mut request: Unfinished) -> Result<Found, Obstacle> {
        while request.missing > 0 {
            let (length, at) = self.length(self.at, b'$')?;
            let end = at.saturating_add(length);
            if self.place(at).saturating_add(length as u64).saturating_add(2) > self.file_bytes {
                return Err(Obstacle::TooLong(at));
            }
            if self.start + end + 2 > self.buffer.len() {
                return Err(Obstacle::Short);
            }
            self.require(end, b"\r\n")?;
            self.batch.push_argument(at, length);
            self.at = end + 2;
            request.missing -= 1;
            self.request = Some(request);
        }
        self.request = None;
        self.batch.push_request(request.arguments, request.start..self.at);
        self.on_request(request.start)
    }

    /// A request is whole: so may be a unit.
    fn on_request(&mut self, start: usize) -> Result<Found, Obstacle> {
        let bytes = &self.buffer[self.start..];
        let name = self.batch.request(self.batch.len() - 1, bytes).name();
        let (opens, closes) = (name.eq_ignore_ascii_case(b"MULTI"), name.eq_ignore_ascii_case(b"EXEC"));
        match (self.in_transaction, opens, closes) {
            (true, true, _) => Err(Obstacle::Malformed(start, "MULTI within MULTI".into())),
            (false, _, true) => Err(Obstacle::Malformed(start, "EXEC without MULTI".into())),
            (true, _, closes) | (false, closes, _) if closes != self.in_transaction => {
                self.in_transaction = true;
                Ok(Found::Part)
            }
            _ => {
                self.in_transaction = false;
                Ok(Found::Unit)
            }
        }
    }

    /// Reads a line that begins with `#`.
    fn take_annotation(&mut self) -> Result<Found, Obstacle> {
        let bytes = &self.buffer[self.start + self.at..];
        let seen = &bytes[..bytes.len().min(ANNOTATION_BYTES_MAX)];
        let end = memchr(b'\n', seen);
        let line = &seen[..end.unwrap_or(seen.len())];
        if let Some(zero) = memchr(0, line) {
            return Err(Obstacle::Malformed(self.at + zero, "a zero in an annotation".into()));
        }
        let Some(end) = end else {
            let is_long = seen.len() == ANNOTATION_BYTES_MAX;
            let too_long = || Obstacle::Malformed(self.at + seen.len() - 1, "a too long annotation".into());
            return Err(if is_long { too_long() } else { Obstacle::Short });
        };
        if let Some(seconds) = line.strip_prefix(TIME).and_then(|digits| parse_i64(digits.trim_ascii_end())) {
            if self.until.is_some_and(|until| seconds > until) {
                return Ok(Found::Later);
            }
            self.seconds = Some(seconds);
        }
        self.at += end + 1;
        if !self.in_transaction {
            self.pass();
        }
        Ok(Found::Part)
    }

    /// Something was wrong: was that because the rest is not there?
    fn go_on_in_zeros(&mut self) -> Result<Next<'_>, Corrupt> {
        if let State::Zeros(corrupt) = &self.state
            && self.buffer[self.start..].iter().any(|byte| *byte != 0)
        {
            let corrupt = corrupt.clone();
            self.state = State::Broken(corrupt.clone());
            return Err(corrupt);
        }
        self.drop_before(self.buffer.len() - self.start);
        Ok(if self.is_all { Next::Torn(self.torn(TornIn::Zeros)) } else { Next::More })
    }

    /// An argument is longer than the file: is it torn, or is its length wrong?
    fn go_on_searching(&mut self) -> Result<Next<'_>, Corrupt> {
        const BEGINNING: &[u8] = b"\r\n*";
        while let Some(found) = memmem::find(&self.buffer[self.start..], BEGINNING) {
            let at = found + BEGINNING.len() - 1;
            match self.skip_request(at) {
                Ok(()) => {
                    let State::TooLong(corrupt) = std::mem::replace(&mut self.state, State::Reading) else {
                        unreachable!("only called while searching")
                    };
                    self.state = State::Broken(corrupt.clone());
                    return Err(corrupt);
                }
                Err(Obstacle::Short)
                    if !self.is_all && self.buffer.len() - self.start - at < SEARCH_BYTES =>
                {
                    self.drop_before(found);
                    return Ok(Next::More);
                }
                Err(_) => self.drop_before(at),
            }
        }
        let rest = self.buffer.len() - self.start;
        self.drop_before(rest.saturating_sub(BEGINNING.len() - 1));
        let within = if self.in_transaction { TornIn::Transaction } else { TornIn::Request };
        Ok(if self.is_all { Next::Torn(self.torn(within)) } else { Next::More })
    }

    /// Whether a whole request stands at `at`.
    fn skip_request(&self, at: usize) -> Result<(), Obstacle> {
        let (count, mut at) = self.length(at, b'*')?;
        for _ in 0..count {
            let (length, argument) = self.length(at, b'$')?;
            at = argument.saturating_add(length);
            if at > self.buffer.len() {
                return Err(Obstacle::Short);
            }
            self.require(at, b"\r\n")?;
            at += 2;
        }
        if count == 0 { Err(Obstacle::Malformed(at, String::new())) } else { Ok(()) }
    }
}

/// Notes times in a log that is being written (`aof-timestamp-enabled`).
#[derive(Clone, Copy, Default, Debug)]
pub struct Annotator {
    last: i64,
}

impl Annotator {
    /// Appends a line if a new second has begun since the last one. Before a unit, never within one.
    pub fn annotate(&mut self, seconds: i64, out: &mut Vec<u8>) {
        if seconds > self.last {
            self.last = seconds;
            out.extend_from_slice(TIME);
            write_i64(out, seconds);
            out.extend_from_slice(b"\r\n");
        }
    }
}
