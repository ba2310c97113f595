//! The way of a request: through the gates, into its handler, out with reply and effects.

use std::time::Duration;

use super::command::{Command, Flag, Group};
use super::identity::address_text;
use super::nested::Source;
use super::session::{ClientRole, ReplyMode, SessionHandle};
use super::table::CommandId;
use super::{Call, Engine, Failure, Flow, PauseScope, Prepared, gates, monitor};
use crate::protocol::reply::{Reply, Version};
use crate::protocol::request::Request;
use crate::runtime::{Monotonic, Now};

/// A request that goes to its handler.
pub(super) struct Running {
    pub client: SessionHandle,
    pub command: &'static Command,
    pub id: CommandId,
    /// See [`Prepared`].
    pub key: Option<(u64, u16)>,
    /// How the reply is written.
    pub version: Version,
    pub source: Source,
}

impl Engine {
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
        self.uncounted = false;
        session.commands += 1;
        let version = session.version;
        let flow = match self.admit(client, request, prepared, now) {
            Ok(Admitted::Queue(command)) => {
                self.sessions[client].last_command = command.name;
                self.queue(client, request, prepared, out);
                Flow::Continue
            }
            Ok(Admitted::Run(command, id)) => {
                self.sessions[client].last_command = command.name;
                let key = prepared.key;
                let running = Running { client, command, id, key, version, source: Source::Client };
                self.execute(request, running, out, now)
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
                let failure = self.refuse_transaction(client, prepared, failure);
                self.count_rejected(prepared, &failure);
                Reply::new(out, version).error(failure.text());
                Flow::Continue
            }
        };
        if flow == Flow::Script {
            return flow;
        }
        let wanted = self.apply_reply_mode(client, out, start);
        if self.tracking.is_on() {
            self.tracked_request_ended(client);
        }
        // What the command sent to its own client comes behind its reply.
        let outbox = &mut self.sessions[client].outbox;
        if !outbox.is_empty() {
            out.extend_from_slice(&std::mem::take(outbox));
        }
        match flow {
            Flow::Job(job) if !wanted => Flow::SilentJob(job),
            Flow::Blocked => {
                if let Some(blocked) = &mut self.sessions[client].blocked {
                    blocked.silent = !wanted;
                }
                flow
            }
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
        let command = row.command;
        if self.is_script_suspended()
            && let Some(until) = self.while_script_runs(row, now)?
        {
            return Ok(Admitted::Wait(until));
        }
        let session = &self.sessions[client];
        gates::check(self, session, row)?;
        let (flags, queues) = match &session.transaction {
            None => (row.flags, false),
            Some(transaction) => (transaction.flags(row), !row.has(Flag::Unqueued)),
        };
        self.make_room_if_limited(flags & Flag::DenyOom.bit() != 0, now)?;
        if let Some((scope, until)) = self.pause.active(now.mono) {
            let waits = scope == PauseScope::All || flags & Flag::Write.bit() != 0;
            let is_replica = self.sessions[client].role == ClientRole::Replica;
            if waits && flags & Flag::RunsPaused.bit() == 0 && !is_replica {
                return Ok(Admitted::Wait(until));
            }
        }
        if queues {
            return Ok(Admitted::Queue(command));
        }
        if self.replication.holds_writers()
            && (flags & Flag::Write.bit() != 0 || command.group == Group::Scripting)
            && let Some(until) = self.writers_wait(now)
        {
            return Ok(Admitted::Wait(until));
        }
        // `resolve` has seen that there is a command.
        Ok(Admitted::Run(command, prepared.command.unwrap_or_default()))
    }

    /// Calls the handler inside a unit of effects.
    #[inline]
    pub(super) fn execute(
        &mut self,
        request: Request<'_>,
        Running { client, command, id, key, version, source }: Running,
        out: &mut Vec<u8>,
        now: Now,
    ) -> Flow {
        let start = out.len();
        let session = &self.sessions[client];
        let (db, no_touch) = (session.db, session.no_touch);
        self.stats.total_commands_processed += 1;
        self.stats.commands[id as usize].calls += 1;
        self.effects.begin();
        let reply = Reply::new(out, version);
        let (before, first_key) = (self.changes, self.table.row(id).first_key);
        let mut call =
            Call::new(self, client, request, reply, now).with_key(first_key, key).in_database(db, no_touch);
        let result = (command.handler)(&mut call);
        let (flow, spoken_for) = call.finish();
        if self.changes != before && !spoken_for {
            self.propagate_request(db, request);
        }
        if flow == Flow::Script {
            // The unit stays open until the script has ended.
            self.uncounted = true;
            self.note_suspended(id);
            return flow;
        }
        self.effects.end();
        if self.changes != before && self.replication.is_replica() && self.persistence.replaying().is_none() {
            // Of what a client has done here the primary knows nothing.
            self.note_own_deadlines(client, request, id);
        }
        if self.changes != before && self.effects.wanted() {
            self.note_write(client);
        }
        if let Err(failure) = result {
            self.stats.commands[id as usize].failed += 1;
            self.stats.count_error(failure.code());
            // An error takes the place of whatever the handler had begun to answer.
            out.truncate(start);
            Reply::new(out, version).error(failure.text());
        }
        self.reply_bytes = out.len() - start;
        if self.tracking.is_on() && command.has(Flag::ReadOnly) {
            self.remember_reads(client, command, request);
        }
        if flow == Flow::Blocked {
            // It counts when it is answered.
            self.uncounted = true;
            self.stats.total_commands_processed -= 1;
            self.stats.commands[id as usize].calls -= 1;
        }
        // As in Redis, monitors see neither what is administrative nor QUIT.
        if self.monitors > 0
            && source != Source::Waiting
            && !(command.has(Flag::SkipMonitor) || command.has(Flag::Admin) || flow == Flow::Close)
        {
            self.feed_monitors(client, command, request, source, now);
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

    pub(super) fn count_rejected(&mut self, prepared: Prepared, failure: &Failure) {
        if let Some(id) = prepared.command {
            self.stats.commands[id as usize].rejected += 1;
        }
        self.stats.count_error(failure.code());
    }

    /// CLIENT REPLY: takes an unwanted reply back and moves the mode on, as Redis does when a command has ended. True if the
    /// reply is wanted.
    #[inline]
    pub(super) fn apply_reply_mode(
        &mut self,
        client: SessionHandle,
        out: &mut Vec<u8>,
        start: usize,
    ) -> bool {
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

    /// To be called after [`Engine::run`]: notes how long that took, then serves clients that wait for what it did.
    #[inline]
    pub fn finish(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        prepared: Prepared,
        elapsed: Duration,
        now: Now,
    ) {
        self.count_time(client, request, prepared, elapsed, now);
        self.serve_waiting(now);
    }

    /// Command statistics and slow log.
    #[inline]
    pub fn count_time(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        prepared: Prepared,
        elapsed: Duration,
        now: Now,
    ) {
        let Some(id) = prepared.command else { return };
        if self.uncounted {
            return self.finish_later(client, elapsed);
        }
        self.stats.commands[id as usize].duration += elapsed;
        if self.config.latency_tracking {
            self.stats.durations[id as usize].get_or_insert_default().record(elapsed);
        }
        if self.config.latency_monitor_threshold_ms != 0 {
            let event = if self.table.row(id).has(Flag::Fast) { "fast-command" } else { "command" };
            self.note_latency(event, elapsed, now);
        }
        let (config, micros) = (&self.config, elapsed.as_micros() as i64);
        let exceeds = |figure: i64, limit: i64| limit >= 0 && figure >= limit;
        if exceeds(micros, config.slowlog_log_slower_than_us)
            || exceeds(request.bytes() as i64, config.commandlog_request_larger_than_bytes)
            || exceeds(self.reply_bytes as i64, config.commandlog_reply_larger_than_bytes)
        {
            self.log_command(client, request, id, micros, now);
        }
    }

    #[cold]
    fn finish_later(&mut self, client: SessionHandle, elapsed: Duration) {
        if let Some(blocked) = &mut self.sessions[client].blocked {
            blocked.ran += elapsed;
        }
    }

    /// Enters a command into the logs whose limits it exceeds.
    #[cold]
    fn log_command(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        id: CommandId,
        micros: i64,
        now: Now,
    ) {
        let row = self.table.row(id);
        if row.has(Flag::SkipCommandLog) {
            return;
        }
        let (session, config) = (&self.sessions[client], &self.config);
        let words: Vec<&[u8]> = monitor::shown_words(row.command, request);
        let large_request = (
            request.bytes() as i64,
            config.commandlog_request_larger_than_bytes,
            config.commandlog_large_request_max_len,
        );
        let large_reply = (
            self.reply_bytes as i64,
            config.commandlog_reply_larger_than_bytes,
            config.commandlog_large_reply_max_len,
        );
        let logs = [
            (&mut self.slowlog, (micros, config.slowlog_log_slower_than_us, config.slowlog_max_len)),
            (&mut self.large_requests, large_request),
            (&mut self.large_replies, large_reply),
        ];
        for (log, (figure, limit, length_max)) in logs {
            if limit >= 0 && figure >= limit && length_max > 0 {
                let who = (address_text(&session.peer), session.name.clone());
                log.add(words.iter().copied(), who, (now.wall, figure as u64), length_max as usize);
            }
        }
    }
}

/// How a request came out of the gates.
enum Admitted {
    Run(&'static Command, CommandId),
    Queue(&'static Command),
    Wait(Monotonic),
}
