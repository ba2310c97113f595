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
    /// Nobody.
    pub const NONE: Audience = Audience { log: false, replicas: false };
    /// Both.
    pub const ALL: Audience = Audience { log: true, replicas: true };
    /// Only the replicas.
    pub const REPLICAS: Audience = Audience { log: false, replicas: true };

    /// Who is in both.
    fn and(self, other: Audience) -> Audience {
        Audience { log: self.log && other.log, replicas: self.replicas && other.replicas }
    }

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
    /// Bytes of parts that are not for the log, and that are not for replicas.
    not_for_log: usize,
    not_for_replicas: usize,
}

impl Stream {
    /// The last bytes, from `start` on, are for this audience only.
    fn mark(&mut self, start: usize, audience: Audience) {
        let at = start..self.bytes.len();
        self.count(&at, audience);
        self.parts.push(Part { at, audience });
    }

    fn count(&mut self, at: &Range<usize>, audience: Audience) {
        self.not_for_log += if audience.log { 0 } else { at.len() };
        self.not_for_replicas += if audience.replicas { 0 } else { at.len() };
    }

    /// Bytes for a reader.
    fn bytes_for(&self, reader: Reader) -> usize {
        self.bytes.len()
            - match reader {
                Reader::Log => self.not_for_log,
                Reader::Replicas => self.not_for_replicas,
            }
    }

    /// Forgets all; the memory stays.
    fn clear(&mut self) {
        self.bytes.clear();
        self.parts.clear();
        (self.not_for_log, self.not_for_replicas) = (0, 0);
    }

    /// Takes what begins at `start` away.
    fn split_off(&mut self, start: usize) -> Stream {
        let mut rest = Stream { bytes: self.bytes.split_off(start), ..Stream::default() };
        let first = self.parts.partition_point(|part| part.at.start < start);
        for Part { at, audience } in self.parts.drain(first..) {
            let at = at.start - start..at.end - start;
            rest.count(&at, audience);
            rest.parts.push(Part { at, audience });
        }
        self.not_for_log -= rest.not_for_log;
        self.not_for_replicas -= rest.not_for_replicas;
        rest
    }

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
    /// Who takes the stream.
    readers: Audience,
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
            readers: Audience::NONE,
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
    /// Who takes the stream from now on. For who comes anew what follows begins with a SELECT; what was left before is for
    /// the others, and has to have been taken.
    pub fn set_readers(&mut self, readers: Audience) {
        let joins = readers.log && !self.readers.log || readers.replicas && !self.readers.replicas;
        self.readers = readers;
        if joins {
            self.select_again();
        }
        if readers == Audience::NONE {
            self.stream = Stream::default();
            self.unit_start = 0;
        }
    }

    /// Who takes the stream.
    pub fn readers(&self) -> Audience {
        self.readers
    }

    /// The database that who has read up to here has selected.
    pub fn selected(&self) -> Option<usize> {
        self.selected
    }

    /// What follows begins with a SELECT: somebody reads from here on.
    pub fn select_again(&mut self) {
        self.selected = None;
    }

    /// Whether a handler has to say what it did.
    #[inline]
    pub fn wanted(&self) -> bool {
        self.readers != Audience::NONE
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
        let Stream { bytes, parts, .. } = &mut self.stream;
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
        let audience = audience.and(self.audience);
        if audience.and(self.readers) == Audience::NONE {
            return;
        }
        let bytes = &mut self.stream.bytes;
        if self.selected != Some(db) {
            let mut text = itoa::Buffer::new();
            encode(bytes, &[b"SELECT", text.format(db).as_bytes()]);
            self.selected = Some(db);
        }
        let start = bytes.len();
        encode(bytes, arguments);
        if audience != Audience::ALL {
            self.stream.mark(start, audience);
        }
        self.unit_commands += 1;
    }

    /// Adds a command for replicas that has nothing to do with any database.
    pub fn push_aside(&mut self, arguments: &[&[u8]]) {
        if !self.readers.replicas {
            return;
        }
        let start = self.stream.bytes.len();
        encode(&mut self.stream.bytes, arguments);
        self.stream.mark(start, Audience::REPLICAS);
        self.unit_commands += 1;
    }

    /// Takes the stream: whole units only. What an open unit has left so far (a script that runs for long) stays.
    pub fn take(&mut self) -> Stream {
        if self.depth == 0 {
            return std::mem::take(&mut self.stream);
        }
        let open = self.stream.split_off(self.unit_start);
        self.unit_start = 0;
        std::mem::replace(&mut self.stream, open)
    }

    /// Hands the stream to its readers and forgets it: whole units only. Each is called once at most.
    pub fn drain(&mut self, to_log: impl FnOnce(&[u8]), to_replicas: impl FnOnce(&[u8])) {
        let Audience { log, replicas } = self.readers;
        let hand = |stream: &Stream| {
            if log {
                to_log(&stream.for_reader(Reader::Log));
            }
            if replicas {
                to_replicas(&stream.for_reader(Reader::Replicas));
            }
        };
        if self.depth == 0 {
            // Nearly always; the buffer stays.
            hand(&self.stream);
            self.stream.clear();
        } else {
            hand(&self.take());
        }
        self.stream.bytes.shrink_to(KEPT_BYTES);
    }

    /// Bytes for this reader that have not been taken, those of an open unit included.
    pub fn pending_bytes(&self, reader: Reader) -> usize {
        self.stream.bytes_for(reader)
    }

    /// Whether a part of a unit has been done.
    pub fn is_within_unit(&self) -> bool {
        self.depth > 0 && self.unit_commands > 0
    }

    /// Whether there is nothing to take.
    #[inline]
    pub fn is_empty(&self) -> bool {
        let end = if self.depth == 0 { self.stream.bytes.len() } else { self.unit_start };
        end == 0
    }
}
