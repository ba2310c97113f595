//! A history as it comes from a primary, split into units: a command, or a transaction as a whole. Nobody may see half of one.
//!
//! It is read as a log is, without the limits of clients' requests, since effects may be wider than any request. What has
//! been read of an unfinished unit is not read again, however many pieces it comes in. Blank lines between units belong to the
//! one that follows.
//!
//! Invariants: `at` and all places count from the first byte that has not been passed; the units found are without gaps.

use std::fmt;
use std::ops::Range;

use crate::protocol::{Batch, Request};

/// The most digits of a length.
const DIGITS_MAX: usize = 18;

/// Where a unit lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    /// Its requests in the batch, MULTI and EXEC included.
    pub requests: Range<usize>,
    /// Where its bytes end.
    pub end: usize,
}

impl Span {
    /// The requests that are to be run: without MULTI and EXEC.
    pub fn commands(&self) -> Range<usize> {
        match self.requests.len() {
            1 => self.requests.clone(),
            _ => self.requests.start + 1..self.requests.end - 1,
        }
    }
}

/// Bytes that are no history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Units {
    batch: Batch,
    /// The next byte to read.
    at: usize,
    /// The request that is being read: where it begins, how many arguments it has, and how many of them are missing.
    request: Option<(usize, usize, usize)>,
    in_transaction: bool,
    whole: Vec<Span>,
}

/// Why there was no step.
enum Obstacle {
    Short,
    Malformed(Malformed),
}

fn malformed<T>(what: impl Into<String>) -> Result<T, Obstacle> {
    Err(Obstacle::Malformed(Malformed(what.into())))
}

impl Units {
    /// Reads on in what has come and was not passed, up to the unit with which there are `requests_max`.
    pub fn read(&mut self, input: &[u8], requests_max: usize) -> Result<(), Malformed> {
        while self.whole.last().map_or(0, |last| last.requests.end) < requests_max {
            match self.step(input) {
                Ok(()) => {}
                Err(Obstacle::Short) => return Ok(()),
                Err(Obstacle::Malformed(malformed)) => return Err(malformed),
            }
        }
        Ok(())
    }

    /// The units that are whole and were not passed.
    pub fn whole(&self) -> &[Span] {
        &self.whole
    }

    /// Request `index`; `input` is what was given to [`Units::read`].
    #[inline]
    pub fn request<'a>(&'a self, index: usize, input: &'a [u8]) -> Request<'a> {
        self.batch.request(index, input)
    }

    /// Leaves the first `count` units behind. How many bytes are to be dropped before more is read.
    pub fn pass(&mut self, count: usize) -> usize {
        let Some(Span { requests, end }) =
            count.checked_sub(1).and_then(|last| self.whole.get(last)).cloned()
        else {
            return 0;
        };
        self.whole.drain(..count);
        for span in &mut self.whole {
            span.requests = span.requests.start - requests.end..span.requests.end - requests.end;
            span.end -= end;
        }
        self.at -= end;
        if let Some((start, ..)) = &mut self.request {
            *start -= end;
        }
        if self.at == 0 && self.whole.is_empty() {
            self.batch.clear();
        } else {
            self.batch.drop_front(requests.end, end);
        }
        end
    }

    /// Reads a request, or what has come of it.
    fn step(&mut self, input: &[u8]) -> Result<(), Obstacle> {
        let (start, count, mut missing) = match self.request {
            Some(request) => request,
            None => {
                while matches!(byte(input, self.at)?, b'\r' | b'\n') {
                    self.at += 1;
                }
                let (count, behind) = length(input, self.at, b'*')?;
                if count == 0 {
                    return malformed("a command without a name");
                }
                (std::mem::replace(&mut self.at, behind), count, count)
            }
        };
        self.request = Some((start, count, missing));
        while missing > 0 {
            let (bytes, at) = length(input, self.at, b'$')?;
            let end = at.saturating_add(bytes);
            match input.get(end..end.saturating_add(2)) {
                Some(b"\r\n") => {}
                Some(_) => return malformed("an argument does not end where it should"),
                None => return Err(Obstacle::Short),
            }
            self.batch.push_argument(at, bytes);
            self.at = end + 2;
            missing -= 1;
            self.request = Some((start, count, missing));
        }
        self.request = None;
        self.batch.push_request(count, start..self.at);
        self.on_request(input)
    }

    /// A request is whole: so may be a unit.
    fn on_request(&mut self, input: &[u8]) -> Result<(), Obstacle> {
        let name = self.batch.request(self.batch.len() - 1, input).name();
        let opens = name.eq_ignore_ascii_case(b"MULTI");
        let closes = name.eq_ignore_ascii_case(b"EXEC");
        match (self.in_transaction, opens, closes) {
            (true, true, _) => return malformed("MULTI within MULTI"),
            (false, _, true) => return malformed("EXEC without MULTI"),
            (in_transaction, ..) => self.in_transaction = (in_transaction || opens) && !closes,
        }
        if !self.in_transaction {
            let first = self.whole.last().map_or(0, |last| last.requests.end);
            self.whole.push(Span { requests: first..self.batch.len(), end: self.at });
        }
        Ok(())
    }

    /// How much is still to come of the argument that is being read, as far as that is known.
    pub fn needs(&self, input: &[u8]) -> usize {
        if self.request.is_none() {
            return 0;
        }
        match length(input, self.at, b'$') {
            Ok((bytes, at)) => at.saturating_add(bytes).saturating_add(2).saturating_sub(input.len()),
            Err(_) => 0,
        }
    }
}

#[inline]
fn byte(input: &[u8], at: usize) -> Result<u8, Obstacle> {
    input.get(at).copied().ok_or(Obstacle::Short)
}

/// Reads the line at `at`: a mark and a number. The number, and where the line ends.
#[inline]
fn length(input: &[u8], at: usize, mark: u8) -> Result<(usize, usize), Obstacle> {
    // Nearly all.
    if let Some(&[first, digit, b'\r', b'\n']) = input.get(at..at + 4)
        && first == mark
        && digit.is_ascii_digit()
    {
        return Ok((usize::from(digit - b'0'), at + 4));
    }
    length_of_any_size(input, at, mark)
}

fn length_of_any_size(input: &[u8], at: usize, mark: u8) -> Result<(usize, usize), Obstacle> {
    let found = byte(input, at)?;
    if found != mark {
        return malformed(format!("expected '{}', got '{}'", mark.escape_ascii(), found.escape_ascii()));
    }
    let (first, mut end, mut value) = (at + 1, at + 1, 0_usize);
    while let digit @ b'0'..=b'9' = byte(input, end)? {
        if end - first == DIGITS_MAX {
            return malformed("a length that is none");
        }
        value = value * 10 + usize::from(digit - b'0');
        end += 1;
    }
    if end == first {
        return malformed("expected a length");
    }
    if byte(input, end)? != b'\r' || byte(input, end + 1)? != b'\n' {
        return malformed("a line does not end where it should");
    }
    Ok((value, end + 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::client::encode;
    use proptest::prelude::*;

    fn words(units: &Units, input: &[u8], span: &Span) -> Vec<Vec<Vec<u8>>> {
        let request = |index| units.request(index, input).iter().map(<[u8]>::to_vec).collect();
        span.commands().map(request).collect()
    }

    proptest! {
        #[test]
        fn units_are_the_same_however_the_bytes_come(
            sent in prop::collection::vec(
                (any::<bool>(), prop::collection::vec(prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..5), 1..4)),
                1..12,
            ),
            pieces in prop::collection::vec(1_usize..60, 1..40),
            requests_max in 1_usize..6,
        ) {
            let (mut bytes, mut wanted) = (Vec::new(), Vec::new());
            for (is_transaction, commands) in &sent {
                let commands: Vec<_> = commands.iter().filter(|c| !c[0].eq_ignore_ascii_case(b"multi") && !c[0].eq_ignore_ascii_case(b"exec")).cloned().collect();
                if *is_transaction {
                    encode(&mut bytes, &[b"multi"]);
                }
                for command in &commands {
                    encode(&mut bytes, &command.iter().map(Vec::as_slice).collect::<Vec<_>>());
                    if !is_transaction {
                        wanted.push((vec![command.clone()], bytes.len()));
                    }
                }
                if *is_transaction {
                    encode(&mut bytes, &[b"EXEC"]);
                    wanted.push((commands, bytes.len()));
                }
            }
            let (mut units, mut input, mut found, mut done) = (Units::default(), Vec::new(), Vec::new(), 0);
            let (mut rest, mut piece) = (&bytes[..], pieces.iter().cycle());
            while !rest.is_empty() {
                let (now, later) = rest.split_at((*piece.next().expect("endless")).min(rest.len()));
                (rest, input) = (later, [&input[..], now].concat());
                loop {
                    units.read(&input, requests_max).expect("well formed");
                    let count = units.whole().len();
                    if count == 0 {
                        break;
                    }
                    // Not always all of them.
                    let take = count.div_ceil(2);
                    for span in &units.whole()[..take] {
                        found.push((words(&units, &input, span), done + span.end));
                    }
                    let dropped = units.pass(take);
                    input.drain(..dropped);
                    done += dropped;
                }
            }
            prop_assert_eq!(found, wanted);
            prop_assert_eq!(done, bytes.len());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop::sample::select(b"*$0123456789\r\nMULTIEXEC".to_vec()), 0..80)) {
            let mut units = Units::default();
            let _ = units.read(&bytes, 100);
            let passed = units.pass(units.whole().len());
            prop_assert!(passed <= bytes.len());
        }
    }
}
