//! Runs one request at a time, to completion.
//!
//! The engine owns the data and everything that commands may look at or change: keyspace, sessions, configuration, counters.
//! It is a pure machine: the node gives it requests with the time at which they run, and takes away replies, effects and the
//! names of clients that have something to read. It never waits and never touches a clock, a socket or a file.
//!
//! The way of a request: [`Engine::prepare`] looks up the command, hashes the first key and fetches its bucket ahead
//! (a batch of pipelined requests is prepared as a whole); [`Engine::run`] passes it through the gates, calls the handler and
//! leaves the effects; [`Engine::finish`] notes how long it took and serves clients that waited for what it did. Anything that a handler cannot do because it would have to
//! wait comes back as a [`Flow`].
//!
//! Guarantees: only the engine changes the keyspace; a request either runs whole or is refused; what a request did is in the
//! effects before its reply is handed to the node.

pub mod append;
mod blocking;
mod call;
mod client_memory;
pub mod command;
pub mod effects;
mod failover;
mod failure;
mod fields;
mod gates;
mod identity;
mod key_range;
mod memory;
mod monitor;
mod nested;
mod notify;
mod pause;
mod pending;
pub mod persistence;
pub mod pubsub;
pub mod replica;
pub mod replication;
mod run;
mod script;
pub mod session;
pub mod table;
pub mod tracking;
mod transaction;
mod watch;

mod expiry;

pub use blocking::{Blocked, Goal, Nothing, Unblocked, Wait, WaitFigures};
pub use call::{Around, Call, Edited};
pub use expiry::ExpiryProgress;
pub use failure::Failure;
pub use identity::{Identity, REDIS_VERSION, SEAWALL_VERSION, address_text, is_local};
pub use key_range::KeyRange;
pub use nested::{Nested, Source};
pub use notify::Class;
pub use pause::{Pause, PauseScope};
pub use pending::{Queued, Transaction, Watch};
pub use script::{
    Existing, FLAG_NAMES, Kind, Libraries, Library, LongRun, Runnable, ScriptFigures, Scripts, Sha,
};
pub use transaction::Outcome;
pub use watch::WatchFigures;

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::config::Config;
use crate::keyspace::eviction::Pool;
use crate::keyspace::{Access, Cleared, Hasher, Key, Keyspace, Object, Payload, Removed, Value, View};
use crate::protocol::request::Request;
use crate::replication::{ReplicationId, Upstream};
use crate::runtime::{Monotonic, Now, ProcessCpu, ProcessMemory};
use crate::stats::{CommandLog, LatencyMonitor, Stats};

use append::Append;
use blocking::Queues;
use effects::Effects;
use persistence::Persistence;
use pubsub::PubSub;
use replication::Replication;
use tracking::Tracking;

use session::{Closing, Session, SessionHandle, Sessions};
use table::{CommandId, CommandTable};
use watch::Watchers;

/// What the node has to do for the client after a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Send what has been answered, then close.
    Close,
    /// Close at once; what has been answered and not sent yet is dropped.
    Abort,
    /// The request did not run: keep it and try again when the pause ends (a moment of the monotonic clock) or is lifted.
    Paused(Monotonic),
    /// There is no answer yet: the client waits until the engine answers it.
    Blocked,
    /// The connection is a replica's from now on: what was answered is sent, then what it has asked for (see
    /// [`Engine::replication`]).
    Replica,
    /// A script runs for long: let others be heard, then call [`Engine::resume_script`] for this client.
    Script,
    /// Do this, write the reply that it calls for, then go on.
    Job(Job),
    /// Do this and go on; the client wants no reply.
    SilentJob(Job),
}

/// What only the node can do, since it takes time or reaches outside.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Job {
    /// DEBUG SLEEP: the whole node stands still, then `+OK`.
    Sleep(Duration),
    /// CONFIG REWRITE: read this file, give it to `Config::rewrite`, write the result, then `+OK`.
    RewriteConfig(String),
    /// REPLICAOF: follow this primary, or none, then `+OK`.
    Follow(Option<(String, u16)>),
    /// CONFIG SET of what the node listens on: do so, then `+OK`; if that fails, put these parameters back as they were and say why.
    Listen(Vec<crate::config::Changed>),
    /// SHUTDOWN: no reply, the process ends; an error if something that has to be saved cannot be.
    Shutdown(Shutdown),
    /// MEMORY PURGE: give freed memory back, then `+OK`.
    PurgeMemory,
    /// SAVE and BGSAVE: the save has begun ([`Engine::begin_save`]); bring it to its end. With `waits` the client is answered
    /// then, otherwise at once.
    Save {
        /// What stands before the entries.
        head: Box<persistence::SaveHead>,
        /// See above.
        waits: bool,
    },
    /// The jobs of a transaction, each with the replies that follow its own.
    Several(Vec<(Job, Vec<u8>)>),
}

/// How a node is to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Shutdown {
    /// Whether the data set is saved first; `None`: if the node saves by itself.
    pub save: Option<bool>,
    /// Ends also if that fails.
    pub force: bool,
}

/// A request whose command has been looked up and whose first key has been hashed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Prepared {
    /// The command, if there is one of this name.
    pub command: Option<CommandId>,
    /// The first key's hash and slot, if the command has a key at a fixed place and the request reaches it.
    key: Option<(u64, u16)>,
}

/// The machine.
pub struct Engine {
    /// The data.
    pub keyspace: Keyspace,
    /// The clients.
    pub sessions: Sessions,
    /// The parameters in force.
    pub config: Config,
    /// The counters.
    pub stats: Stats,
    /// The log of slow commands.
    pub slowlog: CommandLog,
    /// The log of large requests.
    pub large_requests: CommandLog,
    /// The log of large replies.
    pub large_replies: CommandLog,
    /// What took long lately.
    pub latency: LatencyMonitor,
    /// What requests did, for append log and replicas.
    pub effects: Effects,
    /// Who this node is.
    pub identity: Identity,
    /// CLIENT PAUSE.
    pub pause: Pause,
    /// Who has subscribed to what.
    pub pubsub: PubSub,
    /// Who is told of which changes.
    pub tracking: Tracking,
    /// Saving and loading.
    pub persistence: Persistence,
    /// The append log.
    pub append: Append,
    /// The history that is written or repeated, and who repeats it.
    pub replication: Replication,
    /// What this node needs as a replica.
    pub replica: replica::Replica,
    /// Whether expired keys are looked for (DEBUG SET-ACTIVE-EXPIRE).
    pub active_expire: bool,
    /// The process's memory as last measured by the node.
    pub process_memory: ProcessMemory,
    /// The process's processor time as last measured by the node.
    pub process_cpu: ProcessCpu,
    /// Parameters changed by CONFIG SET that the node must act on; it takes them.
    pub config_changes: Vec<crate::config::Changed>,
    /// Changes of the data set since the start (Redis's `dirty`).
    pub changes: u64,
    /// Reads the node's monotonic clock, to measure how long requests take that run inside others, or for clients that
    /// waited. Nothing is ever decided by it.
    pub stopwatch: fn() -> Monotonic,
    table: CommandTable,
    random: ChaCha8Rng,
    woken: Vec<SessionHandle>,
    /// The size of the last reply.
    reply_bytes: usize,
    monitors: usize,
    /// How deep commands run inside others (EXEC, scripts): within, nobody may wait.
    nesting: u32,
    /// The request that ran last is not to be counted yet: it waits, or was queued.
    uncounted: bool,
    /// What FLUSHALL ASYNC took away, and large values that went, freed in slices.
    garbage: Vec<Garbage>,
    /// Clients that wait for keys.
    waiting: Queues,
    watchers: Watchers,
    /// Scripts and functions.
    pub scripts: Scripts,
    expiry: expiry::ExpiryCycle,
    eviction: Pool,
    /// Bytes that the keyspace held when the last command asked for room.
    keyspace_bytes_seen: usize,
    access: Access,
}

impl Engine {
    /// An empty node with these commands. `seed` decides the hash key and every random choice.
    pub fn new(config: Config, mut table: CommandTable, identity: Identity, seed: u64) -> Engine {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for rename in &config.renames {
            table.rename(&rename.from, &rename.to);
        }
        let id = ReplicationId::from_random([random.next_u64(), random.next_u64(), random.next_u64()]);
        let hasher = Hasher::new(random.next_u64(), random.next_u64(), false);
        let replication = Replication::new(id, configured_primary(&config, identity.started.mono));
        Engine {
            keyspace: Keyspace::new(config.databases as usize, hasher),
            sessions: Sessions::default(),
            stats: Stats::new(table.rows().len()),
            slowlog: CommandLog::default(),
            large_requests: CommandLog::default(),
            large_replies: CommandLog::default(),
            reply_bytes: 0,
            latency: LatencyMonitor::default(),
            effects: Effects::default(),
            identity,
            pause: Pause::default(),
            pubsub: PubSub::default(),
            tracking: Tracking::new(&mut random),
            persistence: Persistence::default(),
            append: Append::new(&config),
            replication,
            replica: replica::Replica::default(),
            active_expire: true,
            process_memory: ProcessMemory::default(),
            process_cpu: ProcessCpu::default(),
            config_changes: Vec::new(),
            changes: 0,
            stopwatch: Monotonic::default,
            table,
            random,
            woken: Vec::new(),
            monitors: 0,
            nesting: 0,
            uncounted: false,
            garbage: Vec::new(),
            waiting: Queues::default(),
            watchers: Watchers::default(),
            scripts: Scripts::default(),
            expiry: expiry::ExpiryCycle::default(),
            eviction: Pool::default(),
            keyspace_bytes_seen: 0,
            access: memory::access(&config),
            config,
        }
    }

    /// The commands.
    pub fn table(&self) -> &CommandTable {
        &self.table
    }

    /// A random number from the engine's own stream.
    pub fn random(&mut self) -> u64 {
        self.random.next_u64()
    }

    /// Looks up the command, hashes the first key and fetches its bucket ahead.
    #[inline]
    pub fn prepare(&self, db: usize, request: Request<'_>) -> Prepared {
        let Some(mut id) = self.table.find(request.arg(0)) else { return Prepared::default() };
        let mut row = self.table.row(id);
        if !row.subcommands.is_empty()
            && request.len() > 1
            && let Some(sub) = self.table.find_subcommand(id, request.arg(1))
        {
            (id, row) = (sub, self.table.row(sub));
        }
        let mut key = None;
        if row.first_key != 0 && row.first_key < request.len() {
            let hashed = self.keyspace.hasher().key(request.arg(row.first_key));
            self.keyspace.databases[db].prefetch_bucket(&hashed);
            key = Some((hashed.hash, hashed.slot));
        }
        Prepared { command: Some(id), key }
    }

    /// The second look ahead: fetches the entry that the bucket points to.
    #[inline]
    pub fn prefetch(&self, db: usize, prepared: &Prepared) {
        if let Some((hash, slot)) = prepared.key {
            self.keyspace.databases[db].prefetch_entry(&Key { bytes: &[], hash, slot });
        }
    }

    /// Whether this client may use DEBUG (`enable-debug-command`).
    fn debug_allowed(&self, session: &Session) -> bool {
        self.config.enable_debug_command.allows(is_local(&session.peer))
    }

    /// Ends a client's connection from outside (CLIENT KILL, time-out): the node is told to look.
    pub fn close_session(&mut self, client: SessionHandle, how: Closing) {
        if how == Closing::Now {
            // From here on nothing must be done for it, such as taking an element from a list.
            self.stop_waiting(client);
        }
        self.sessions[client].closing = Some(how);
        self.wake(client);
    }

    /// Closes a client that leaves too much of what it was sent unread.
    #[cold]
    pub fn close_over_limit(&mut self, client: SessionHandle, unsent: usize) {
        self.stats.client_output_buffer_limit_disconnections += 1;
        let session = &mut self.sessions[client];
        session.outbox = Vec::new();
        tracing::warn!(
            "Client {} closed for overcoming of output buffer limits ({unsent} bytes unsent).",
            address_text(&session.peer)
        );
        self.close_session(client, Closing::Now);
    }

    /// Forgets a client whose connection has ended.
    pub fn disconnect(&mut self, client: SessionHandle) {
        if self.sessions[client].monitor {
            self.monitors -= 1;
        }
        self.unsubscribe_all(client);
        self.stop_tracking(client);
        self.stop_waiting(client);
        self.unwatch(client);
        self.replication.replicas.remove(&client);
        self.woken.retain(|woken| *woken != client);
        self.sessions.close(client);
    }

    /// Asks the node to look after a client: something is in its outbox, or it has to close, or a pause was lifted.
    pub fn wake(&mut self, client: SessionHandle) {
        self.woken.push(client);
    }

    /// The clients to look after since the last call.
    #[inline]
    pub fn take_woken(&mut self) -> Vec<SessionHandle> {
        self.broadcast_invalidations();
        std::mem::take(&mut self.woken)
    }

    /// Has the node look after every client: a pause has ended.
    pub fn wake_all(&mut self) {
        let all = self.sessions.iter().map(|(client, _)| client);
        self.woken.extend(all);
    }

    /// Notes the counters from which INFO's rates are computed.
    pub fn sample_rates(&mut self, now: Monotonic) {
        let stats = &mut self.stats;
        stats.operations.sample(now, stats.total_commands_processed);
        stats.input.sample(now, stats.total_net_input_bytes);
        stats.output.sample(now, stats.total_net_output_bytes);
        let used = self.used_memory();
        self.stats.peak_memory_bytes = self.stats.peak_memory_bytes.max(used);
    }

    /// Notes that something took so long, if that is long enough for LATENCY.
    #[inline]
    pub fn note_latency(&mut self, event: &'static str, elapsed: Duration, now: Now) {
        let threshold = self.config.latency_monitor_threshold_ms;
        if threshold != 0 && elapsed.as_millis() as u64 >= threshold {
            self.latency.add(event, now.wall.seconds(), elapsed);
        }
    }

    /// Begins to measure for [`Engine::note_since`], if anybody wants to know.
    pub(crate) fn measure(&self) -> Option<Monotonic> {
        (self.config.latency_monitor_threshold_ms != 0).then(|| (self.stopwatch)())
    }

    /// Notes what was measured since then.
    pub(crate) fn note_since(&mut self, event: &'static str, begin: Option<Monotonic>, now: Now) {
        if let Some(begin) = begin {
            self.note_latency(event, (self.stopwatch)() - begin, now);
        }
    }

    /// Keeps what was cleared for being freed in slices by [`Engine::collect_garbage`].
    pub fn discard_later(&mut self, cleared: Cleared) {
        self.garbage.push(Garbage::Databases(cleared));
    }

    /// Frees an entry that has left its database: at once if that is quick, otherwise in slices.
    #[inline]
    pub fn discard(&mut self, removed: impl Into<Option<Removed>>) {
        let Some(removed) = removed.into() else { return };
        if matches!(removed.value(), Value::Object(object) if object.len() > FREED_AT_ONCE_MAX) {
            self.garbage.push(Garbage::Entry(removed));
        }
    }

    /// The same for a value that was overwritten.
    #[inline]
    pub fn discard_value(&mut self, value: Option<Box<Object>>) {
        if let Some(value) = value
            && value.view().len() > FREED_AT_ONCE_MAX
        {
            self.garbage.push(Garbage::Value(value));
        }
    }

    /// How many large values, and keys of emptied databases, are yet to be freed.
    pub fn garbage_len(&self) -> usize {
        let len = |garbage: &Garbage| match garbage {
            Garbage::Databases(cleared) => cleared.len(),
            Garbage::Entry(_) | Garbage::Value(_) => 1,
        };
        self.garbage.iter().map(len).sum()
    }

    /// Frees up to `entries` of what was discarded; false when nothing is left.
    pub fn collect_garbage(&mut self, entries: usize) -> bool {
        let freed = self.garbage.last_mut().is_some_and(|last| match last {
            Garbage::Databases(cleared) => cleared.free_step(entries),
            Garbage::Entry(removed) => removed.dismantle(entries),
            Garbage::Value(value) => value.dismantle(entries),
        });
        if freed {
            self.garbage.pop();
        }
        !self.garbage.is_empty()
    }
}

/// The primary that `replicaof` names.
fn configured_primary(config: &Config, now: Monotonic) -> Option<Upstream> {
    let (host, port) = config.replicaof.split_once(' ')?;
    Some(Upstream::new(host, port.parse().ok()?, now))
}

/// Values with more elements are freed in slices.
const FREED_AT_ONCE_MAX: usize = 64;

/// What is freed in slices.
enum Garbage {
    Databases(Cleared),
    Entry(Removed),
    Value(Box<Object>),
}
