//! What running requests did to the data set: the stream that the append log and the replicas take.
//!
//! Replication is of effects: each entry is deterministic, so that whoever applies the stream reaches the same data set
//! whatever its clock and its random numbers say. A command that is deterministic goes in as it came; a handler whose command
//! is not puts in what it did instead (SET with EX becomes SET with PXAT, a key that was found expired becomes DEL).
//!
//! **Units.** One request, one transaction, one script, one firing of the expiry cycle is one unit. A unit that left more than one
//! command is wrapped in MULTI and EXEC when it ends, so that nobody ever applies half of it. Units nest: only the outermost
//! one counts (EXEC runs requests inside its own).
//!
//! **Blocking.** A client that waits leaves nothing; when it is served, that is a unit of its own, in which it leaves the command
//! that serving it amounted to.
//!
//! **Readers.** Append log and replicas take the same stream, but for commands that are meant for one of them: messages that
//! were published go to replicas only, and a script may choose (`redis.set_repl`). SELECT, MULTI and EXEC are for both.
//!
//! Nothing is collected while nobody wants it.

use std::borrow::Cow;
use std::ops::Range;

use crate::protocol::client::encode;

/// A buffer that a large unit has swollen gives the memory beyond this back.
const KEPT_BYTES: usize = 256 * 1024;

/// Who takes the stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    /// The append log.
    Log,
    /// The replicas.
    Replicas,
}

/// Which readers a command is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Audience {
    /// The append log.
    pub log: bool,
    /// The replicas.
    pub replicas: bool,
}

impl Audience {
    /// Both.
    pub const ALL: Audience = Audience { log: true, replicas: true };
    /// Only the replicas.
    pub const REPLICAS: Audience = Audience { log: false, replicas: true };

    fn has(self, reader: Reader) -> bool {
        match reader {
            Reader::Log => self.log,
            Reader::Replicas => self.replicas,
        }
    }
}

/// A part of the stream that is for some readers.
#[derive(Debug)]
struct Part {
    at: Range<usize>,
    audience: Audience,
}

/// A stretch of the stream: whole units.
#[derive(Debug, Default)]
pub struct Stream {
    bytes: Vec<u8>,
    /// In order; they do not overlap.
    parts: Vec<Part>,
}

impl Stream {
    /// The requests for a reader, in RESP.
    pub fn for_reader(&self, reader: Reader) -> Cow<'_, [u8]> {
        if self.parts.iter().all(|part| part.audience.has(reader)) {
            return Cow::Borrowed(&self.bytes);
        }
        let (mut kept, mut from) = (Vec::with_capacity(self.bytes.len()), 0);
        for part in self.parts.iter().filter(|part| !part.audience.has(reader)) {
            kept.extend_from_slice(&self.bytes[from..part.at.start]);
            from = part.at.end;
        }
        kept.extend_from_slice(&self.bytes[from..]);
        Cow::Owned(kept)
    }
}

/// The stream of effects since it was last taken.
#[derive(Debug)]
pub struct Effects {
    wanted: bool,
    /// Whom all commands are for at most for now (redis.set_repl).
    audience: Audience,
    stream: Stream,
    /// The database that the stream's reader has selected when it has read up to here.
    selected: Option<usize>,
    depth: u32,
    /// Where the open unit began, with the database then selected, and how many commands it has left.
    unit_start: usize,
    unit_commands: u32,
}

impl Default for Effects {
    fn default() -> Effects {
        Effects {
            wanted: false,
            audience: Audience::ALL,
            stream: Stream::default(),
            selected: None,
            depth: 0,
            unit_start: 0,
            unit_commands: 0,
        }
    }
}

impl Effects {
    /// Whether somebody takes the stream. When that begins, the stream starts with a SELECT.
    pub fn set_wanted(&mut self, wanted: bool) {
        self.wanted = wanted;
        self.selected = None;
        self.stream = Stream::default();
    }

    /// Whether a handler has to say what it did.
    #[inline]
    pub fn wanted(&self) -> bool {
        self.wanted
    }

    /// Whom what is done from now on is for at most.
    pub fn set_audience(&mut self, audience: Audience) {
        self.audience = audience;
    }

    /// Opens a unit.
    #[inline]
    pub fn begin(&mut self) {
        if self.depth == 0 {
            self.unit_start = self.stream.bytes.len();
            self.unit_commands = 0;
        }
        self.depth += 1;
    }

    /// Ends a unit.
    #[inline]
    pub fn end(&mut self) {
        self.depth -= 1;
        if self.depth == 0 && self.unit_commands > 1 {
            self.wrap_unit();
        }
    }

    fn wrap_unit(&mut self) {
        const MULTI: &[u8] = b"*1\r\n$5\r\nMULTI\r\n";
        let Stream { bytes, parts } = &mut self.stream;
        bytes.splice(self.unit_start..self.unit_start, MULTI.iter().copied());
        encode(bytes, &[b"EXEC"]);
        for part in parts.iter_mut().rev().take_while(|part| part.at.start >= self.unit_start) {
            part.at = part.at.start + MULTI.len()..part.at.end + MULTI.len();
        }
    }

    /// Adds a command of the open unit, to be run in database `db`.
    pub fn push(&mut self, db: usize, arguments: &[&[u8]]) {
        self.push_for(Audience::ALL, db, arguments);
    }

    /// The same of a command that is for some readers.
    pub fn push_for(&mut self, audience: Audience, db: usize, arguments: &[&[u8]]) {
        let Audience { log, replicas } = self.audience;
        let audience = Audience { log: audience.log && log, replicas: audience.replicas && replicas };
        if !self.wanted || !audience.log && !audience.replicas {
            return;
        }
        let Stream { bytes, parts } = &mut self.stream;
        if self.selected != Some(db) {
            let mut text = itoa::Buffer::new();
            encode(bytes, &[b"SELECT", text.format(db).as_bytes()]);
            self.selected = Some(db);
        }
        let start = bytes.len();
        encode(bytes, arguments);
        if audience != Audience::ALL {
            parts.push(Part { at: start..bytes.len(), audience });
        }
        self.unit_commands += 1;
    }

    /// Takes the stream: whole units only. What an open unit has left so far (a script that runs for long) stays.
    pub fn take(&mut self) -> Stream {
        if self.depth == 0 {
            return std::mem::take(&mut self.stream);
        }
        let Stream { bytes, parts } = &mut self.stream;
        let mut open = Stream { bytes: bytes.split_off(self.unit_start), parts: Vec::new() };
        let first = parts.partition_point(|part| part.at.start < self.unit_start);
        let moved =
            |part: Part| Part { at: part.at.start - self.unit_start..part.at.end - self.unit_start, ..part };
        open.parts = parts.drain(first..).map(moved).collect();
        self.unit_start = 0;
        std::mem::replace(&mut self.stream, open)
    }

    /// Appends the stream to a buffer, for one reader, and forgets it: whole units only.
    pub fn drain_into(&mut self, reader: Reader, out: &mut Vec<u8>) {
        if self.depth == 0 && self.stream.parts.is_empty() {
            // Nearly always; the buffer stays.
            out.extend_from_slice(&self.stream.bytes);
            self.stream.bytes.clear();
        } else {
            out.extend_from_slice(&self.take().for_reader(reader));
        }
        self.stream.bytes.shrink_to(KEPT_BYTES);
    }

    /// Whether there is nothing to take.
    #[inline]
    pub fn is_empty(&self) -> bool {
        let end = if self.depth == 0 { self.stream.bytes.len() } else { self.unit_start };
        end == 0
    }
}
