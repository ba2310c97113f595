//! One replica as its primary sees it.
//!
//! ```text
//! Greeting ──PSYNC, goes on──────────────────────────────► Streaming
//!    └──PSYNC, begins anew──► Waiting ──snapshot begins──► Loading ──all of it sent──► Streaming
//! ```
//!
//! *Waiting* it waits for a snapshot to begin, alone or with others. *Loading* it is sent the snapshot; what is written meanwhile
//! stays in the backlog from the snapshot's offset on. *Streaming* it is sent the backlog, as soon as it is *online*: when it goes
//! on, when it has got a snapshot of known length, or when it has said for the first time how far it is. For one that looks for
//! the end of its snapshot by a mark must see nothing behind the mark.

use std::net::SocketAddr;
use std::time::Duration;

use super::pressure::Pace;
use crate::runtime::Monotonic;

/// A replica that loads sends a newline each second.
const SILENCE_MAX: Duration = Duration::from_secs(5);

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// It has said something of itself, but has not asked for a history yet.
    Greeting,
    /// It waits for a snapshot.
    Waiting {
        /// Since when.
        since: Monotonic,
    },
    /// It is sent a snapshot of the data set at this offset.
    Loading {
        /// The snapshot's.
        offset: u64,
    },
    /// It is sent what is written.
    Streaming,
}

/// What a replica can do (REPLCONF capa).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Capabilities {
    /// It takes a snapshot whose length is not known before (`eof`).
    pub eof: bool,
    /// It knows of second names (`psync2`).
    pub psync2: bool,
}

/// Which parts of the data set a snapshot is to have (REPLCONF rdb-filter-only).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parts {
    /// The keys.
    pub data: bool,
    /// The libraries of functions.
    pub functions: bool,
    /// Whether it is written as Valkey 9 reads it, which cannot read Redis's hashes whose fields expire.
    pub for_valkey: bool,
}

impl Parts {
    /// Both.
    pub const ALL: Parts = Parts { data: true, functions: true, for_valkey: false };

    /// Whether nothing is left out.
    pub fn is_all(self) -> bool {
        self.data && self.functions
    }
}

/// See the module.
///
/// Invariants: `acked` and `synced` never fall while it streams; `acked` is not beyond `sent`, but for a replica that lies.
#[derive(Clone, Debug)]
pub struct Replica {
    /// Where it is.
    pub stage: Stage,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Where it listens, if it says so: 0 if not.
    pub port: u16,
    /// What it wants to be called (REPLCONF ip-address); empty if it does not care.
    pub announced_ip: Vec<u8>,
    /// It wants a snapshot and nothing behind it (REPLCONF rdb-only): never counted as a copy.
    pub only_snapshot: bool,
    /// What is to be in its snapshot.
    pub parts: Parts,
    /// It asked by SYNC: it knows nothing of offsets, and does not say how far it is.
    pub is_old: bool,
    /// What the socket has taken: an offset.
    pub sent: u64,
    /// Where what it is sent of the history began.
    began: u64,
    /// What it says it has.
    pub acked: u64,
    /// What it says is on its disk.
    pub synced: u64,
    /// When it said so last.
    pub acked_at: Monotonic,
    /// It may be sent what is written; see the module.
    pub is_online: bool,
    /// It has said how far it is, or asked to go on: `acked` is its word.
    pub has_said: bool,
    /// Of a thousand parts of its snapshot, so many have been sent to it.
    pub loaded_permille: u32,
    /// When all of its snapshot had been sent to it.
    pub loaded_at: Monotonic,
    /// There is nothing more for it at the moment than what its socket has taken.
    pub has_all: bool,
    /// What its socket has taken of the history since it last had all there was.
    pub sent_behind: u64,
    /// How fast its socket takes what there is for it.
    pub pace: Pace,
    /// Where it comes from, if that is an address of the network.
    pub peer: Option<SocketAddr>,
}

impl Replica {
    /// One that has just said hello.
    pub fn new(peer: Option<SocketAddr>, now: Monotonic) -> Replica {
        Replica {
            stage: Stage::Greeting,
            capabilities: Capabilities::default(),
            port: 0,
            announced_ip: Vec::new(),
            only_snapshot: false,
            parts: Parts::ALL,
            is_old: false,
            sent: 0,
            began: 0,
            acked: 0,
            synced: 0,
            acked_at: now,
            is_online: false,
            has_said: false,
            loaded_permille: 0,
            loaded_at: now,
            has_all: true,
            sent_behind: 0,
            pace: Pace::new(now),
            peer,
        }
    }

    /// It says that it has this much (REPLCONF ACK), and, if it says so, that so much is on its disk (FACK).
    pub fn on_ack(&mut self, acked: u64, synced: Option<u64>, now: Monotonic) {
        self.acked = self.acked.max(acked);
        self.synced = self.synced.max(synced.unwrap_or(0));
        self.acked_at = now;
        self.is_online |= self.stage == Stage::Streaming;
        self.has_said |= self.stage == Stage::Streaming;
    }

    /// It goes on in the history from here.
    pub fn goes_on(&mut self, from: u64, now: Monotonic) {
        (self.stage, self.is_online, self.has_said) = (Stage::Streaming, true, true);
        (self.sent, self.began, self.acked, self.acked_at) = (from, from, from, now);
        self.pace = Pace::new(now);
    }

    /// It begins anew, and waits for a snapshot.
    pub fn begins_anew(&mut self, now: Monotonic) {
        (self.stage, self.is_online, self.has_said) = (Stage::Waiting { since: now }, false, false);
        (self.acked, self.synced, self.acked_at) = (0, 0, now);
    }

    /// The snapshot at this offset begins.
    pub fn loads(&mut self, offset: u64, now: Monotonic) {
        (self.stage, self.loaded_permille) = (Stage::Loading { offset }, 0);
        (self.sent, self.began) = (offset, offset);
        self.pace = Pace::new(now);
    }

    /// All of the snapshot has been sent. `length_known`: it knows by itself where the snapshot ends.
    pub fn has_loaded(&mut self, length_known: bool, now: Monotonic) {
        (self.stage, self.acked_at, self.loaded_at) = (Stage::Streaming, now, now);
        self.is_online = length_known;
        self.pace = Pace::new(now);
    }

    /// The socket has taken so many bytes of the history.
    pub fn on_sent(&mut self, bytes: u64) {
        self.sent += bytes;
        self.sent_behind += bytes;
        self.pace.took(bytes);
    }

    /// Whether there is more for it.
    pub fn note_rest(&mut self, has_all: bool) {
        self.has_all = has_all;
        if has_all {
            self.sent_behind = 0;
        }
    }

    /// Whether it makes progress. While it loads what it has been sent, there is no sign of that but that it lives.
    pub fn is_moving(&self, now: Monotonic) -> bool {
        if self.stage == Stage::Streaming && !self.is_online {
            return now - self.acked_at <= SILENCE_MAX;
        }
        self.pace.is_moving()
    }

    /// From which offset on it asks to go on, if its link breaks: there or later.
    pub fn has_at_least(&self) -> u64 {
        self.acked.min(self.sent).max(self.began)
    }

    /// From which offset on it still needs what is written.
    pub fn needs_from(&self) -> Option<u64> {
        match self.stage {
            Stage::Greeting | Stage::Waiting { .. } => None,
            Stage::Loading { offset } => Some(offset),
            Stage::Streaming => Some(self.sent),
        }
    }

    /// Where it says it is to be reached, or else where it comes from.
    pub fn address(&self) -> String {
        match &self.announced_ip[..] {
            [] => self.peer.map_or(String::new(), |peer| peer.ip().to_string()),
            announced => String::from_utf8_lossy(announced).into_owned(),
        }
    }

    /// Whether this is where it is to be reached.
    pub fn is_at(&self, host: &str, port: u16) -> bool {
        self.port == port && self.address() == host
    }

    /// Whole seconds since it was last heard of.
    pub fn lag_seconds(&self, now: Monotonic) -> u64 {
        (now - self.acked_at).as_secs()
    }
}
