//! The state machine that finds requests in a connection's input.
//!
//! ```text
//!             ┌── line without `*` ──────────────► inline request
//! start ──────┤
//!             └── `*N` ── N times: `$M`, M bytes ► request
//! ```
//!
//! Between two calls the unfinished request's bytes stay with the caller, at the start of its input; how far they were
//! read is kept here ([`Split`]), only while a request is unfinished.

use memchr::memchr;

use super::batch::{Batch, Place};
use crate::protocol::error::ProtocolError;
use crate::text::{number, quote};

/// The longest inline request, and the longest line that holds a length, in bytes.
pub const INLINE_BYTES_MAX: usize = 64 * 1024;
/// The most arguments of one request.
pub const ARGUMENTS_MAX: usize = 1024 * 1024;
/// The most arguments of one request before authentication.
const UNAUTHENTICATED_ARGUMENTS_MAX: usize = 10;
/// The longest argument before authentication, in bytes.
const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16 * 1024;

/// What a client may send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The longest argument, in bytes (`proto-max-bulk-len`).
    pub bulk_bytes_max: usize,
    /// Whether the client need not authenticate, or has done so. Before, at most 10 arguments of at most 16 KiB are
    /// taken; as a request may be the one that authenticates, the caller parses one at a time until then.
    pub authenticated: bool,
}

/// What one call to [`Parser::parse`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parsed {
    /// How many bytes of the input are done with. What follows is for the next call to see again.
    pub consumed: usize,
    /// What ended the connection's requests, if something did. The requests before it are in the batch, to be run and
    /// answered first.
    pub error: Option<ProtocolError>,
}

/// Reads one connection's requests. Small, and without heap memory, unless a request is unfinished.
#[derive(Default, Debug)]
pub struct Parser {
    /// How much is known of the unfinished request that the input will begin with.
    split: Option<Box<Split>>,
    /// The unfinished request's current line does not end before this position, which counts from the request's start.
    searched: usize,
    needs: usize,
}

/// An unfinished array request. Positions count from its start.
#[derive(Debug)]
struct Split {
    places: Vec<Place>,
    progress: Progress,
}

/// Where in an array request the parser is.
#[derive(Clone, Copy, Debug)]
struct Progress {
    /// Position of the next byte to read.
    at: usize,
    /// How many arguments are missing.
    left: usize,
    /// The length of the next argument, if it is known and `at` is behind it.
    bulk: Option<usize>,
}

/// A line that holds a length.
#[derive(Clone, Copy)]
enum Line {
    Count,
    Bulk,
}

impl Parser {
    /// Parses the complete requests that `input` begins with into `batch`, at most `batch_max`, forgetting those that
    /// were in it.
    ///
    /// The next call's input begins where this one's was consumed to. If fewer than `batch_max` requests are there, no
    /// further complete one is in the input. After an error the parser is of no more use.
    pub fn parse(&mut self, input: &[u8], limits: &Limits, batch_max: usize, batch: &mut Batch) -> Parsed {
        batch.clear();
        self.needs = 0;
        let mut consumed = 0;
        while consumed < input.len() && batch.len() < batch_max {
            let index = batch.len();
            match self.parse_one(input, consumed, limits, batch) {
                Ok(Some(end)) => {
                    batch.set_end(index, end);
                    consumed = end;
                    self.searched = 0;
                }
                Ok(None) => break,
                Err(error) => return Parsed { consumed, error: Some(error) },
            }
        }
        Parsed { consumed, error: None }
    }

    /// How many bytes must follow the last call's input before its unfinished argument is complete; 0 if not known.
    pub fn needs(&self) -> usize {
        self.needs
    }

    /// Whether the last call's input ended within a request's arguments.
    pub fn is_within_request(&self) -> bool {
        self.split.is_some()
    }

    /// Parses the request at `start`. Where it ends, or `None` if it is unfinished.
    #[inline(always)]
    fn parse_one(
        &mut self,
        input: &[u8],
        start: usize,
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<Option<usize>, ProtocolError> {
        if self.split.is_some() {
            return self.resume(input, limits, batch);
        }
        if input[start] != b'*' {
            return self.parse_inline(input, start, batch);
        }
        let Some((count, at)) = self.length(input, start, start, Line::Count)? else { return Ok(None) };
        let Some(left) = checked_count(count, limits)? else { return Ok(Some(at)) };
        let first = batch.places.len();
        let mut progress = Progress { at, left, bulk: None };
        if self.take_arguments(input, start, &mut progress, limits, &mut batch.places)? {
            batch.finish(first, progress.at - start, false);
            return Ok(Some(progress.at));
        }
        self.split_off(first, start, progress, batch);
        Ok(None)
    }

    /// Moves an unfinished request's arguments from the batch to the parser.
    #[cold]
    fn split_off(&mut self, first: usize, start: usize, mut progress: Progress, batch: &mut Batch) {
        let moved = batch.places.drain(first..);
        let places = moved.map(|place| Place { start: place.start - start, ..place }).collect();
        progress.at -= start;
        self.split = Some(Box::new(Split { places, progress }));
    }

    /// Goes on with the unfinished request, which is the first of the input.
    #[cold]
    fn resume(
        &mut self,
        input: &[u8],
        limits: &Limits,
        batch: &mut Batch,
    ) -> Result<Option<usize>, ProtocolError> {
        let Some(mut split) = self.split.take() else { return Ok(None) };
        let Split { places, progress } = &mut *split;
        if !self.take_arguments(input, 0, progress, limits, places)? {
            self.split = Some(split);
            return Ok(None);
        }
        let (first, end) = (batch.places.len(), progress.at);
        batch.places.append(places);
        batch.finish(first, end, false);
        Ok(Some(end))
    }

    /// Reads arguments until none is missing (true) or the input ends (false).
    #[inline(always)]
    fn take_arguments(
        &mut self,
        input: &[u8],
        start: usize,
        progress: &mut Progress,
        limits: &Limits,
        places: &mut Vec<Place>,
    ) -> Result<bool, ProtocolError> {
        while progress.left > 0 {
            let length = match progress.bulk {
                Some(length) => length,
                None => {
                    let Some((length, at)) = self.length(input, start, progress.at, Line::Bulk)? else {
                        return Ok(false);
                    };
                    progress.at = at;
                    checked_bulk(length, limits)?
                }
            };
            // What ends an argument is skipped unread, as Redis does.
            let end = progress.at.saturating_add(length).saturating_add(2);
            if end > input.len() {
                progress.bulk = Some(length);
                self.needs = end - input.len();
                return Ok(false);
            }
            places.push(Place { start: progress.at, length });
            *progress = Progress { at: end, left: progress.left - 1, bulk: None };
        }
        Ok(true)
    }

    /// Reads the line at `at`: a mark, a number, a carriage return and one more byte. The number and where the line ends;
    /// `None` if it does not end yet.
    #[inline(always)]
    fn length(
        &mut self,
        input: &[u8],
        start: usize,
        at: usize,
        line: Line,
    ) -> Result<Option<(i64, usize)>, ProtocolError> {
        match short_length(&input[at..], line.mark()) {
            Some((value, line_bytes)) => Ok(Some((value, at + line_bytes))),
            None => self.length_of_any_size(input, start, at, line),
        }
    }

    #[cold]
    fn length_of_any_size(
        &mut self,
        input: &[u8],
        start: usize,
        at: usize,
        line: Line,
    ) -> Result<Option<(i64, usize)>, ProtocolError> {
        let Some(end) = self.find(b'\r', input, start, at).map_err(|TooFar| line.too_big())? else {
            return Ok(None);
        };
        if end + 1 >= input.len() {
            self.searched = end - start;
            return Ok(None);
        }
        let mark = input[at];
        if matches!(line, Line::Bulk) && mark != b'$' {
            return Err(ProtocolError::ExpectedDollar(mark));
        }
        let value = number::parse_i64(&input[at + 1..end]).ok_or(line.invalid())?;
        Ok(Some((value, end + 2)))
    }

    /// Parses the inline request at `start`. A line without arguments is none.
    #[cold]
    fn parse_inline(
        &mut self,
        input: &[u8],
        start: usize,
        batch: &mut Batch,
    ) -> Result<Option<usize>, ProtocolError> {
        let Some(end) =
            self.find(b'\n', input, start, start).map_err(|TooFar| ProtocolError::TooBigInline)?
        else {
            return Ok(None);
        };
        let line = &input[start..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let first = batch.places.len();
        let mut place = batch.unquoted.len();
        let Batch { places, unquoted, .. } = batch;
        let split = quote::split_args_into(line, unquoted, |end| {
            places.push(Place { start: place, length: end - place });
            place = end;
        });
        if split.is_err() {
            batch.places.truncate(first);
            return Err(ProtocolError::UnbalancedQuotes);
        }
        if batch.places.len() > first {
            batch.finish(first, end + 1 - start, true);
        }
        Ok(Some(end + 1))
    }

    /// Finds the byte that ends the line at `at`, searching only what was not searched before.
    fn find(&mut self, byte: u8, input: &[u8], start: usize, at: usize) -> Result<Option<usize>, TooFar> {
        let from = at.max(start + self.searched).min(input.len());
        let found = memchr(byte, &input[from..]).map(|offset| from + offset);
        if found.unwrap_or(input.len()) - at > INLINE_BYTES_MAX {
            return Err(TooFar);
        }
        if found.is_none() {
            self.searched = input.len() - start;
        }
        Ok(found)
    }
}

/// A line is longer than [`INLINE_BYTES_MAX`].
struct TooFar;

impl Line {
    #[inline(always)]
    fn mark(self) -> u8 {
        match self {
            Line::Count => b'*',
            Line::Bulk => b'$',
        }
    }

    fn too_big(self) -> ProtocolError {
        match self {
            Line::Count => ProtocolError::TooBigCount,
            Line::Bulk => ProtocolError::TooBigBulkLength,
        }
    }

    fn invalid(self) -> ProtocolError {
        match self {
            Line::Count => ProtocolError::InvalidMultibulkLength,
            Line::Bulk => ProtocolError::InvalidBulkLength,
        }
    }
}

/// Reads a line with a number of one to three digits, as nearly all are, if it is there and six bytes are: the number,
/// and the line's length in bytes.
#[inline(always)]
fn short_length(line: &[u8], mark: u8) -> Option<(i64, usize)> {
    let &[first, a, b, c, d, _] = line.first_chunk::<6>()?;
    let digit = |byte: u8| byte.wrapping_sub(b'0');
    if first != mark || digit(a) > 9 {
        return None;
    }
    let value = i64::from(digit(a));
    if b == b'\r' {
        return Some((value, 4));
    }
    if value == 0 || digit(b) > 9 {
        return None;
    }
    let value = value * 10 + i64::from(digit(b));
    if c == b'\r' {
        return Some((value, 5));
    }
    (digit(c) <= 9 && d == b'\r').then(|| (value * 10 + i64::from(digit(c)), 6))
}

/// How many arguments follow; `None` if none do, which is no request.
#[inline]
fn checked_count(count: i64, limits: &Limits) -> Result<Option<usize>, ProtocolError> {
    let Ok(count) = usize::try_from(count) else { return Ok(None) };
    if count > ARGUMENTS_MAX {
        return Err(ProtocolError::InvalidMultibulkLength);
    }
    if count > UNAUTHENTICATED_ARGUMENTS_MAX && !limits.authenticated {
        return Err(ProtocolError::UnauthenticatedMultibulkLength);
    }
    Ok((count > 0).then_some(count))
}

#[inline]
fn checked_bulk(length: i64, limits: &Limits) -> Result<usize, ProtocolError> {
    let length = usize::try_from(length).map_err(|_| ProtocolError::InvalidBulkLength)?;
    if length > limits.bulk_bytes_max {
        return Err(ProtocolError::InvalidBulkLength);
    }
    if length > UNAUTHENTICATED_BULK_BYTES_MAX && !limits.authenticated {
        return Err(ProtocolError::UnauthenticatedBulkLength);
    }
    Ok(length)
}
