//! What the engine knows of a client: who it is, what it has chosen, what waits for it.
//!
//! A session is made when a connection is accepted and ends with it. The node owns the connection; the engine owns the
//! session, so that CLIENT LIST, CLIENT KILL and MONITOR need no look at sockets. Bytes that others send to a client (a line
//! for MONITOR, later messages and invalidations) collect in its outbox, and the engine names the client in
//! [`Engine::take_woken`](super::Engine::take_woken), so that the node sends them.

use super::blocking::Blocked;
use super::pending::{Transaction, Watch};
use super::pubsub::Subscriptions;
use super::tracking::ClientTracking;
use crate::config::ClientClass;
use crate::protocol::reply::Version;
use crate::runtime::{Address, Monotonic, Now};

/// The engine's short name for a session: valid from connect to disconnect, then used again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct SessionHandle(u32);

impl SessionHandle {
    /// A small number that no two living sessions share: an index for what the node keeps beside them.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What CLIENT REPLY has chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ReplyMode {
    /// Every command is answered.
    #[default]
    On,
    /// None is.
    Off,
    /// The next one is not (SKIP was just given).
    SkipNext,
    /// The one that runs is not.
    Skip,
}

/// Counters of a connection, kept by the node and shown by CLIENT LIST.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Traffic {
    /// Bytes of an unfinished request.
    pub query_bytes: usize,
    /// Room left in that buffer.
    pub query_free_bytes: usize,
    /// Bytes of replies that the socket has not taken yet.
    pub output_bytes: usize,
    /// Bytes received since connecting.
    pub received_bytes: u64,
    /// Bytes sent since connecting.
    pub sent_bytes: u64,
}

/// One client.
#[derive(Debug)]
pub struct Session {
    /// Unique for the life of the process, rising.
    pub id: u64,
    /// The client's address.
    pub peer: Address,
    /// The address it connected to.
    pub local: Address,
    /// CLIENT SETNAME; empty for none.
    pub name: Vec<u8>,
    /// CLIENT SETINFO LIB-NAME.
    pub library_name: Vec<u8>,
    /// CLIENT SETINFO LIB-VER.
    pub library_version: Vec<u8>,
    /// The selected database; always less than `databases`.
    pub db: usize,
    /// RESP2 or RESP3.
    pub version: Version,
    /// Whether it may do more than authenticate.
    pub authenticated: bool,
    /// When it connected.
    pub connected: Now,
    /// When it last sent a command.
    pub active: Now,
    /// The full name of its last command.
    pub last_command: &'static str,
    /// Commands run.
    pub commands: u64,
    /// Whether it receives every command that others run.
    pub monitor: bool,
    /// CLIENT NO-EVICT.
    pub no_evict: bool,
    /// CLIENT NO-TOUCH.
    pub no_touch: bool,
    /// Whether its next request waits for the end of a pause.
    pub waiting: bool,
    /// What it has queued since MULTI, if it has begun a transaction.
    pub transaction: Option<Box<Transaction>>,
    /// What it watches.
    pub watch: Watch,
    /// What it waits for, if it does.
    pub blocked: Option<Box<Blocked>>,
    /// CLIENT REPLY.
    pub reply_mode: ReplyMode,
    /// The connection has to close: at once, or when what is in its buffers is sent.
    pub closing: Option<Closing>,
    /// What it has subscribed to.
    pub subscriptions: Option<Box<Subscriptions>>,
    /// What it is to this node.
    pub role: ClientRole,
    /// How much had been written when its last write was done: an offset of the history.
    pub write_offset: u64,
    /// The same as a position of the append log.
    pub log_position: u64,
    /// How it tracks what it has read, if it does.
    pub tracking: Option<Box<ClientTracking>>,
    /// Bytes that others sent to it, not yet taken by the node.
    pub outbox: Vec<u8>,
    /// What the connection holds.
    pub traffic: Traffic,
    /// Its part of the sum that [`Sessions`] keeps.
    accounted_bytes: usize,
}

/// What a client is to this node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ClientRole {
    /// A program that uses it.
    #[default]
    Ordinary,
    /// A replica that is sent its history (from PSYNC on).
    Replica,
    /// Its primary, whose history it repeats.
    Primary,
}

/// How a connection ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Closing {
    /// Without another byte.
    Now,
    /// After what has been answered is sent.
    AfterReply,
}

impl Session {
    /// What RESET restores: the state of a connection just made.
    pub fn reset(&mut self, authenticated: bool) {
        self.name.clear();
        self.db = 0;
        self.version = Version::Resp2;
        self.authenticated = authenticated;
        self.monitor = false;
        self.no_evict = false;
        self.no_touch = false;
        self.reply_mode = ReplyMode::On;
    }

    /// Whether it is in RESP2's subscriber mode: every reply is a message, and few commands are allowed.
    #[inline]
    pub fn is_subscriber(&self) -> bool {
        self.subscriptions.is_some() && self.version == Version::Resp2
    }

    /// Who gets its invalidations: an id, 0 for itself, -1 if it does not track.
    pub fn redirect_id(&self) -> i64 {
        let Some(tracking) = &self.tracking else { return -1 };
        tracking.redirect.map_or(0, |target| target.id as i64)
    }

    /// The class whose output limit it is under.
    #[inline]
    pub fn class(&self) -> ClientClass {
        match self.role {
            ClientRole::Replica => ClientClass::Replica,
            _ if self.subscriptions.is_some() => ClientClass::PubSub,
            _ => ClientClass::Normal,
        }
    }

    /// When its wait for a key ends, if it waits and not for ever.
    pub fn blocked_until(&self) -> Option<Monotonic> {
        self.blocked.as_ref().and_then(|blocked| blocked.deadline())
    }

    /// Bytes of memory that the connection's buffers take, as far as the engine knows.
    pub fn memory_bytes(&self) -> usize {
        // What a replica has yet to be sent stands in the backlog, once for all of them.
        let output_bytes = if self.role == ClientRole::Replica { 0 } else { self.traffic.output_bytes };
        size_of::<Session>()
            + self.outbox.capacity()
            + self.name.capacity()
            + self.watch.memory_bytes()
            + self.transaction.as_ref().map_or(0, |transaction| transaction.memory_bytes())
            + self.blocked.as_ref().map_or(0, |blocked| blocked.memory_bytes())
            + self.traffic.query_bytes
            + self.traffic.query_free_bytes
            + output_bytes
            + self.subscriptions.as_ref().map_or(0, |subscriptions| subscriptions.memory_bytes())
    }
}

/// All sessions.
#[derive(Debug, Default)]
pub struct Sessions {
    places: Vec<Option<Session>>,
    free: Vec<u32>,
    last_id: u64,
    /// The sum of the sessions' memory, as of their last [`Sessions::set_traffic`].
    memory_bytes: usize,
}

impl Sessions {
    /// A session for a connection just accepted.
    pub fn open(&mut self, peer: Address, local: Address, authenticated: bool, now: Now) -> SessionHandle {
        self.last_id += 1;
        let session = Session {
            id: self.last_id,
            peer,
            local,
            name: Vec::new(),
            library_name: Vec::new(),
            library_version: Vec::new(),
            db: 0,
            version: Version::Resp2,
            authenticated,
            connected: now,
            active: now,
            last_command: "NULL",
            commands: 0,
            monitor: false,
            no_evict: false,
            no_touch: false,
            waiting: false,
            transaction: None,
            watch: Watch::default(),
            blocked: None,
            reply_mode: ReplyMode::On,
            closing: None,
            subscriptions: None,
            role: ClientRole::Ordinary,
            write_offset: 0,
            log_position: 0,
            tracking: None,
            outbox: Vec::new(),
            traffic: Traffic::default(),
            accounted_bytes: 0,
        };
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() as u32 - 1
        });
        self.places[place as usize] = Some(session);
        SessionHandle(place)
    }

    /// Forgets a session.
    pub fn close(&mut self, handle: SessionHandle) {
        if let Some(session) = self.places[handle.index()].take() {
            self.memory_bytes = self.memory_bytes.saturating_sub(session.accounted_bytes);
            self.free.push(handle.0);
        }
    }

    /// Notes what a connection holds, and counts its memory anew.
    #[inline]
    pub fn set_traffic(&mut self, handle: SessionHandle, traffic: Traffic) {
        let session = &mut self[handle];
        session.traffic = traffic;
        let bytes = session.memory_bytes();
        let before = std::mem::replace(&mut session.accounted_bytes, bytes);
        self.memory_bytes = self.memory_bytes + bytes - before;
    }

    /// Bytes of memory that all connections take.
    pub fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    /// The living sessions, in the order of their ids.
    pub fn by_id(&self) -> Vec<(SessionHandle, &Session)> {
        let mut all: Vec<_> = self.iter().collect();
        all.sort_by_key(|(_, session)| session.id);
        all
    }

    /// The living sessions.
    pub fn iter(&self) -> impl Iterator<Item = (SessionHandle, &Session)> {
        let place = |(i, session): (usize, &'_ Option<Session>)| (SessionHandle(i as u32), session.is_some());
        self.places.iter().enumerate().map(place).filter(|(_, lives)| *lives).map(|(h, _)| (h, &self[h]))
    }

    /// The session that has this handle now.
    pub fn get(&self, handle: SessionHandle) -> Option<&Session> {
        self.places.get(handle.index()).and_then(Option::as_ref)
    }

    /// The session of this id, if its connection still lives.
    pub fn find(&self, id: u64) -> Option<SessionHandle> {
        self.iter().find(|(_, session)| session.id == id).map(|(handle, _)| handle)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

// A handle lives as long as its session (see `SessionHandle`), so an empty place is a mistake of this program.
impl std::ops::Index<SessionHandle> for Sessions {
    type Output = Session;
    #[inline]
    fn index(&self, handle: SessionHandle) -> &Session {
        self.places[handle.index()].as_ref().expect("a handle outlives its session")
    }
}

impl std::ops::IndexMut<SessionHandle> for Sessions {
    #[inline]
    fn index_mut(&mut self, handle: SessionHandle) -> &mut Session {
        self.places[handle.index()].as_mut().expect("a handle outlives its session")
    }
}
