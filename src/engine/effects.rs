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
//! Nothing is collected while nobody wants it.

use crate::protocol::client::encode;

/// The stream of effects since it was last taken.
#[derive(Debug, Default)]
pub struct Effects {
    wanted: bool,
    /// Nothing is collected for now (redis.set_repl).
    muted: bool,
    bytes: Vec<u8>,
    /// The database that the stream's reader has selected when it has read up to here.
    selected: Option<usize>,
    depth: u32,
    /// Where the open unit began, with the database then selected, and how many commands it has left.
    unit_start: usize,
    unit_commands: u32,
}

impl Effects {
    /// Whether somebody takes the stream. When that begins, the stream starts with a SELECT.
    pub fn set_wanted(&mut self, wanted: bool) {
        self.wanted = wanted;
        self.selected = None;
        self.bytes.clear();
    }

    /// Whether a handler has to say what it did.
    #[inline]
    pub fn wanted(&self) -> bool {
        self.wanted
    }

    /// Leaves out what is done from now on, or no more.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Opens a unit.
    #[inline]
    pub fn begin(&mut self) {
        if self.depth == 0 {
            self.unit_start = self.bytes.len();
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
        self.bytes.splice(self.unit_start..self.unit_start, MULTI.iter().copied());
        encode(&mut self.bytes, &[b"EXEC"]);
    }

    /// Adds a command of the open unit, to be run in database `db`.
    pub fn push(&mut self, db: usize, arguments: &[&[u8]]) {
        if !self.wanted || self.muted {
            return;
        }
        if self.selected != Some(db) {
            let mut text = itoa::Buffer::new();
            encode(&mut self.bytes, &[b"SELECT", text.format(db).as_bytes()]);
            self.selected = Some(db);
        }
        encode(&mut self.bytes, arguments);
        self.unit_commands += 1;
    }

    /// Takes the stream: requests in RESP, whole units only.
    pub fn take(&mut self) -> Vec<u8> {
        debug_assert_eq!(self.depth, 0, "effects are taken between units");
        std::mem::take(&mut self.bytes)
    }

    /// Whether there is anything to take.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}
