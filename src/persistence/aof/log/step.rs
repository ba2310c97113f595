//! Reading one thing after the other: requests, and lines between them.

use memchr::memchr;

use crate::text::number::parse_i64;

use super::annotation::{PLACE, TIME};
use super::reader::{Found, Obstacle, Reader, Unfinished};

/// The longest line that begins with `#`, its end included, in bytes.
const ANNOTATION_BYTES_MAX: usize = 1024;

impl Reader {
    /// Reads a line between requests, a request's beginning, or the rest of a request.
    pub(super) fn step(&mut self) -> Result<Found, Obstacle> {
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
        let place = line.strip_prefix(PLACE).map(|words| words.trim_ascii_end().to_vec());
        self.at += end + 1;
        if !self.in_transaction {
            self.pass();
            self.last_place = place.map(|words| (self.whole, words));
        }
        Ok(Found::Part)
    }
}
