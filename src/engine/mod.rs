//! Runs one request at a time, to completion.
//!
//! The engine owns the data and everything that commands may look at or change: keyspace, sessions, configuration, counters.
//! It is a pure machine: the node gives it requests with the time at which they run, and takes away replies, effects and the
//! names of clients that have something to read. It never waits and never touches a clock, a socket or a file.
//!
//! The way of a request: [`Engine::prepare`] looks up the command, hashes the first key and fetches its bucket ahead
//! (a batch of pipelined requests is prepared as a whole); [`Engine::run`] passes it through the gates, calls the handler and
//! leaves the effects; [`Engine::finish`] notes how long it took. Anything that a handler cannot do because it would have to
//! wait comes back as a [`Flow`].
//!
//! Guarantees: only the engine changes the keyspace; a request either runs whole or is refused; what a request did is in the
//! effects before its reply is handed to the node.

mod blocking;
mod call;
pub mod command;
pub mod effects;
mod failure;
mod fields;
mod gates;
mod identity;
mod key_range;
mod memory;
mod monitor;
mod notify;
mod pause;
pub mod session;
pub mod table;

mod expiry;

pub use blocking::{Nothing, Wait};
pub use call::{Around, Call, Edited};
pub use expiry::ExpiryProgress;
pub use failure::Failure;
pub use identity::{Identity, REDIS_VERSION, SEAWALL_VERSION, address_text, is_local};
pub use key_range::KeyRange;
pub use notify::Class;
pub use pause::{Pause, PauseScope};

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::config::Config;
use crate::keyspace::eviction::Pool;
use crate::keyspace::{Access, Cleared, Hasher, Key, Keyspace, Removed, Value, View};
use crate::protocol::reply::Reply;
use crate::protocol::request::Request;
use crate::runtime::{Monotonic, Now, ProcessCpu, ProcessMemory};
use crate::stats::{Slowlog, Stats};

use command::{Command, Flag};
use effects::Effects;

use session::{Closing, ReplyMode, Session, SessionHandle, Sessions};
use table::{CommandId, CommandTable};

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
    /// CONFIG SET of what the node listens on: do so, then `+OK`; if that fails, put these parameters back as they were and say why.
    Listen(Vec<crate::config::Changed>),
    /// SHUTDOWN: no reply, the process ends.
    Shutdown,
    /// MEMORY PURGE: give freed memory back, then `+OK`.
    PurgeMemory,
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
    /// The slow log.
    pub slowlog: Slowlog,
    /// What requests did, for append log and replicas.
    pub effects: Effects,
    /// Who this node is.
    pub identity: Identity,
    /// CLIENT PAUSE.
    pub pause: Pause,
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
    table: CommandTable,
    random: ChaCha8Rng,
    woken: Vec<SessionHandle>,
    monitors: usize,
    /// How deep commands run inside others (EXEC, scripts): within, nobody may wait.
    nesting: u32,
    /// What FLUSHALL ASYNC took away, and large values that went, freed in slices.
    garbage: Vec<Garbage>,
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
        let hasher = Hasher::new(random.next_u64(), random.next_u64(), false);
        Engine {
            keyspace: Keyspace::new(config.databases as usize, hasher),
            sessions: Sessions::default(),
            stats: Stats::new(table.rows().len()),
            slowlog: Slowlog::default(),
            effects: Effects::default(),
            identity,
            pause: Pause::default(),
            active_expire: true,
            process_memory: ProcessMemory::default(),
            process_cpu: ProcessCpu::default(),
            config_changes: Vec::new(),
            changes: 0,
            table,
            random,
            woken: Vec::new(),
            monitors: 0,
            nesting: 0,
            garbage: Vec::new(),
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

    /// Runs a request of a client; its reply is appended to `out`.
    pub fn run(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        prepared: Prepared,
        out: &mut Vec<u8>,
        now: Now,
    ) -> Flow {
        let start = out.len();
        let session = &mut self.sessions[client];
        session.active = now;
        session.waiting = false;
        session.commands += 1;
        let version = session.version;
        let flow = match self.admit(client, request, prepared, now) {
            Ok(Admitted::Run(command, id)) => {
                self.execute(client, request, (command, id, prepared), out, now)
            }
            Ok(Admitted::Wait(until)) => {
                let session = &mut self.sessions[client];
                session.commands -= 1;
                session.waiting = true;
                return Flow::Paused(until);
            }
            Err(_) if prepared.command.is_none() && gates::is_http(request) => {
                tracing::warn!(
                    "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to \
                     Redis. This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise \
                     your instance. Connection aborted."
                );
                Flow::Abort
            }
            Err(failure) => {
                self.count_rejected(prepared, &failure);
                Reply::new(out, version).error(failure.text());
                Flow::Continue
            }
        };
        let wanted = self.apply_reply_mode(client, out, start);
        match flow {
            Flow::Job(job) if !wanted => Flow::SilentJob(job),
            flow => flow,
        }
    }

    /// All that stands between a request and its handler.
    #[inline]
    fn admit(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        prepared: Prepared,
        now: Now,
    ) -> Result<Admitted, Failure> {
        let row = gates::resolve(&self.table, prepared, request)?;
        let (command, flags) = (row.command, row.flags);
        gates::check(self, &self.sessions[client], row)?;
        if self.config.maxmemory_bytes != 0 {
            self.make_room(flags & Flag::DenyOom.bit() != 0, now)?;
        }
        if let Some((scope, until)) = self.pause.active(now.mono) {
            let waits = scope == PauseScope::All || flags & Flag::Write.bit() != 0;
            if waits && flags & Flag::RunsPaused.bit() == 0 {
                return Ok(Admitted::Wait(until));
            }
        }
        // `resolve` has seen that there is a command.
        Ok(Admitted::Run(command, prepared.command.unwrap_or_default()))
    }

    /// Calls the handler inside a unit of effects.
    #[inline]
    fn execute(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        (command, id, prepared): (&'static Command, CommandId, Prepared),
        out: &mut Vec<u8>,
        now: Now,
    ) -> Flow {
        let start = out.len();
        let session = &mut self.sessions[client];
        session.last_command = command.name;
        let (db, version, no_touch) = (session.db, session.version, session.no_touch);
        self.stats.total_commands_processed += 1;
        self.stats.commands[id as usize].calls += 1;
        self.effects.begin();
        let reply = Reply::new(out, version);
        let (before, first_key) = (self.changes, self.table.row(id).first_key);
        let mut call = Call::new(self, client, request, reply, now)
            .with_key(first_key, prepared.key)
            .in_database(db, no_touch);
        let result = (command.handler)(&mut call);
        let (flow, spoken_for) = call.finish();
        if self.changes != before && !spoken_for {
            self.propagate_request(db, request);
        }
        self.effects.end();
        if let Err(failure) = result {
            self.stats.commands[id as usize].failed += 1;
            self.stats.count_error(failure.code());
            // An error takes the place of whatever the handler had begun to answer.
            out.truncate(start);
            Reply::new(out, version).error(failure.text());
        }
        // As in Redis, monitors see neither what is administrative nor QUIT.
        if self.monitors > 0
            && !(command.has(Flag::SkipMonitor) || command.has(Flag::Admin) || flow == Flow::Close)
        {
            self.feed_monitors(client, command, request, now);
        }
        flow
    }

    /// Leaves a command that changed something in the effects as it came.
    fn propagate_request(&mut self, db: usize, request: Request<'_>) {
        if self.effects.wanted() {
            let arguments: Vec<&[u8]> = request.iter().collect();
            self.effects.push(db, &arguments);
        }
    }

    fn count_rejected(&mut self, prepared: Prepared, failure: &Failure) {
        if let Some(id) = prepared.command {
            self.stats.commands[id as usize].rejected += 1;
        }
        self.stats.count_error(failure.code());
    }

    /// CLIENT REPLY: takes an unwanted reply back and moves the mode on, as Redis does when a command has ended. True if the
    /// reply is wanted.
    #[inline]
    fn apply_reply_mode(&mut self, client: SessionHandle, out: &mut Vec<u8>, start: usize) -> bool {
        let session = &mut self.sessions[client];
        if session.reply_mode == ReplyMode::On {
            return true;
        }
        out.truncate(start);
        session.reply_mode = match session.reply_mode {
            ReplyMode::SkipNext => ReplyMode::Skip,
            ReplyMode::Skip => ReplyMode::On,
            mode => mode,
        };
        false
    }

    /// Notes how long a request took: command statistics and slow log.
    #[inline]
    pub fn finish(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        prepared: Prepared,
        elapsed: Duration,
        now: Now,
    ) {
        let Some(id) = prepared.command else { return };
        self.stats.commands[id as usize].duration += elapsed;
        let slower_than = self.config.slowlog_log_slower_than_us;
        if slower_than >= 0 && elapsed.as_micros() >= slower_than as u128 {
            self.log_slow(client, request, id, elapsed, now);
        }
    }

    #[cold]
    fn log_slow(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        id: CommandId,
        elapsed: Duration,
        now: Now,
    ) {
        let row = self.table.row(id);
        if row.has(Flag::SkipCommandLog) || self.config.slowlog_max_len == 0 {
            return;
        }
        let session = &self.sessions[client];
        let who = (address_text(&session.peer), session.name.clone());
        let words: Vec<&[u8]> = monitor::shown_words(row.command, request);
        self.slowlog.add(words.into_iter(), who, (now.wall, elapsed), self.config.slowlog_max_len as usize);
    }

    /// Whether this client may use DEBUG (`enable-debug-command`).
    fn debug_allowed(&self, session: &Session) -> bool {
        self.config.enable_debug_command.allows(is_local(&session.peer))
    }

    /// Ends a client's connection from outside (CLIENT KILL, time-out): the node is told to look.
    pub fn close_session(&mut self, client: SessionHandle, how: Closing) {
        self.sessions[client].closing = Some(how);
        self.wake(client);
    }

    /// Forgets a client whose connection has ended.
    pub fn disconnect(&mut self, client: SessionHandle) {
        if self.sessions[client].monitor {
            self.monitors -= 1;
        }
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

    /// Keeps what was cleared for being freed in slices by [`Engine::collect_garbage`].
    pub fn discard_later(&mut self, cleared: Cleared) {
        self.garbage.push(Garbage::Databases(cleared));
    }

    /// Frees an entry that has left its database: at once if that is quick, otherwise in slices.
    #[inline]
    pub fn discard(&mut self, removed: Removed) {
        if matches!(removed.value(), Value::Object(object) if object.len() > FREED_AT_ONCE_MAX) {
            self.garbage.push(Garbage::Entry(removed));
        }
    }

    /// Frees up to `entries` of what was discarded; false when nothing is left.
    pub fn collect_garbage(&mut self, entries: usize) -> bool {
        let freed = self.garbage.last_mut().is_some_and(|last| match last {
            Garbage::Databases(cleared) => cleared.free_step(entries),
            Garbage::Entry(removed) => removed.dismantle(entries),
        });
        if freed {
            self.garbage.pop();
        }
        !self.garbage.is_empty()
    }
}

/// Values with more elements are freed in slices.
const FREED_AT_ONCE_MAX: usize = 64;

/// What is freed in slices.
enum Garbage {
    Databases(Cleared),
    Entry(Removed),
}

/// How a request came out of the gates.
enum Admitted {
    Run(&'static Command, CommandId),
    Wait(Monotonic),
}
