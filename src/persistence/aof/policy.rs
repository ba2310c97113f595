//! When effects are written, synced and answered for; when writes are refused; when the log is rewritten. Pure: it is told what
//! happened, and says what to do.
//!
//! ```text
//!  Off ──turn_on──► Waiting ──rewrite started──► Fresh ──it ended well──► On ◄─────────────────────┐
//!   ▲                  ▲                           │                      │ rewrite (beside) started │
//!   │                  ├────── a failure ──────────┘                      ▼                          │
//!   │                  ├────── a sync failed ────────────────────────── On, Switching ── left file ──┘
//!   │                  │                                                  │              is durable
//!   └── Closing ◄──────┼────────────────────── turn_off ──────────────────┘
//!        └─ turn_on ───┘          always: a failed write or sync in On, Switching, Closing: Exit
//! ```
//!
//! - **Off**: nothing is collected. **Closing**: what was collected is being written and synced.
//! - **Waiting**: what the disk holds can't be gone on with. A fresh rewrite has been asked for; until its snapshot
//!   begins, effects need not be collected, as they will be in it.
//! - **Fresh**: they go to a temporary file beside the base that is being written; both together become the log.
//! - **On**: they are appended to the last increment. A rewrite may be running.
//! - **Switching**: a rewrite has just begun, with a new increment. Effects up to the boundary belong to the file that is
//!   left, and later ones are held until that is durable: else a crash could keep the later ones without the earlier ones.
//!
//! Positions count the bytes of effects since the node started, through all files:
//! `acknowledged`, `synced` ≤ `written` ≤ `accepted`.
//!
//! **Acknowledging.** The replies to whatever was done when `accepted` was X may leave once [`Action::Acknowledge`] says X.
//!
//! - `always`: when a sync that began after X was written has ended well. While one sync runs, further effects are written
//!   behind it; the next covers them all.
//! - `everysec`: at once, as long as the oldest byte that is not durable was accepted less than two seconds ago; otherwise
//!   when it is durable. So at most what was done within two seconds is lost, however slow the disk. (Redis goes on acknowledging.)
//! - `no`, or a rewrite under `no-appendfsync-on-rewrite`: at once.
//!
//! **After a failed sync nothing is known** of what was written since the last good one, and a later sync that ends well says nothing of
//! it. The file is never written to again. `always` exits, as Redis does. Otherwise writes are refused (MISCONF) and a fresh
//! rewrite brings all that is in memory into new files; when these are in force, writes are accepted again. (Redis accepts them
//! again after the next good sync of the same file.) Replies that were being held stay held until then.
//!
//! **After a failed write** the file ends in half a unit at worst. `always` exits; otherwise writes are refused, and the rest is tried
//! again every second where the first attempt ended.

use std::time::Duration;

use crate::runtime::Monotonic;

/// `everysec`: so long after a sync began, the next one does.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);
/// `everysec`: so long a write waits for a running sync, and so old may be what is acknowledged and not durable.
const EXPOSURE_MAX: Duration = Duration::from_secs(2);
/// So long after a failed write the next one is tried.
const WRITE_RETRY: Duration = Duration::from_secs(1);
/// The longest wait for another fresh rewrite.
const FRESH_RETRY_MAX: Duration = Duration::from_secs(60);
/// So many automatic rewrites may fail in a row before they are held back, from one minute to an hour.
const REWRITE_FAILURES_FREE: u32 = 3;
const REWRITE_RETRY_MAX: Duration = Duration::from_secs(3600);

/// `appendfsync`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fsync {
    /// Before the reply.
    Always,
    /// Each second.
    EverySecond,
    /// When the operating system likes.
    No,
}

/// The parameters that matter here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// `appendfsync`
    pub fsync: Fsync,
    /// `no-appendfsync-on-rewrite`
    pub no_fsync_on_rewrite: bool,
    /// `auto-aof-rewrite-percentage`; 0 for never.
    pub rewrite_percentage: u64,
    /// `auto-aof-rewrite-min-size`
    pub rewrite_bytes_min: u64,
}

/// A kind of rewrite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rewrite {
    /// The log goes on, in a new increment: `Manifest::begin_rewrite`.
    Beside,
    /// There is no log that could go on: `Manifest::begin_fresh`.
    Fresh,
}

/// What the node has to do, in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Append the first `bytes` of the held effects to the current file, now, and tell by [`AppendLog::on_written`] before
    /// anything else happens. What was written is not held any more.
    Write {
        /// More than none.
        bytes: u64,
    },
    /// Begin to sync the current file; tell by [`AppendLog::on_synced`].
    Sync {
        /// To be given back.
        ticket: u64,
    },
    /// From now on write to the file that the rewrite has opened.
    NextFile,
    /// Forget the first `bytes` of the held effects: a snapshot has them.
    Discard {
        /// More than none.
        bytes: u64,
    },
    /// Replies up to this position may leave.
    Acknowledge {
        /// Greater than all before.
        through: u64,
    },
    /// Begin a rewrite, as soon as possible; tell by [`AppendLog::on_rewrite_started`], or by
    /// [`AppendLog::on_rewrite_ended`] that it could not begin.
    StartRewrite(Rewrite),
    /// The rewrite that runs or begins is of no use; its files may go. Nothing need be told.
    AbandonRewrite,
    /// From now on clients' writes are refused with MISCONF.
    Refuse {
        /// What the disk said.
        error: String,
    },
    /// Writes are accepted again.
    Accept,
    /// The promise can't be kept: end the process, and let no reply leave.
    Exit {
        /// What the disk said.
        error: String,
    },
}

/// How a write went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// All of it was written.
    All,
    /// Only so many bytes were, maybe none.
    Part {
        /// Less than wanted.
        bytes: u64,
        /// What the disk said.
        error: String,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Off,
    Closing {
        /// To be turned on again afterwards.
        reopen: bool,
    },
    Waiting {
        /// The log was in force: writes are refused, and replies held.
        promised: bool,
    },
    Fresh {
        promised: bool,
    },
    On,
    Switching {
        /// No sync of the file that is left has failed.
        is_sound: bool,
    },
}

#[derive(Clone, Copy, Debug)]
struct Running {
    ticket: u64,
    /// What it will have made durable.
    through: u64,
    /// When the oldest of that was accepted.
    exposed: Option<Monotonic>,
}

/// See the module. Each input may call for actions, which are appended to `out`.
#[derive(Debug)]
pub struct AppendLog {
    settings: Settings,
    state: State,
    /// A rewrite beside is running: only in On and Switching.
    rewriting: bool,
    /// A rewrite was asked for, and nothing was heard yet.
    asked: bool,
    accepted: u64,
    written: u64,
    synced: u64,
    acknowledged: u64,
    /// Where the last rewrite's snapshot stands in the stream.
    boundary: u64,
    /// In Fresh: what will be durable once the new files are in force.
    fresh_synced: u64,
    running: Option<Running>,
    ticket: u64,
    /// When the oldest byte that neither is durable nor will be by the running sync was accepted.
    exposed: Option<Monotonic>,
    synced_at: Monotonic,
    /// Since when a write waits for a sync.
    postponed: Option<Monotonic>,
    error: Option<String>,
    write_retry: Option<Monotonic>,
    rewrite_retry: Option<Monotonic>,
    rewrite_failures: u32,
    /// Of all files of the log.
    log_bytes: u64,
    /// What that was after the last rewrite, or at the start.
    base_bytes: u64,
    delayed_syncs: u64,
    has_exited: bool,
}

impl AppendLog {
    /// The log is off.
    pub fn off(settings: Settings) -> AppendLog {
        AppendLog {
            settings,
            state: State::Off,
            rewriting: false,
            asked: false,
            accepted: 0,
            written: 0,
            synced: 0,
            acknowledged: 0,
            boundary: 0,
            fresh_synced: 0,
            running: None,
            ticket: 0,
            exposed: None,
            synced_at: Monotonic::default(),
            postponed: None,
            error: None,
            write_retry: None,
            rewrite_retry: None,
            rewrite_failures: 0,
            log_bytes: 0,
            base_bytes: 0,
            delayed_syncs: 0,
            has_exited: false,
        }
    }

    /// The log has been loaded or begun, its last increment is open. `base_bytes` and `log_bytes`: its base, and all its files.
    pub fn on(now: Monotonic, settings: Settings, base_bytes: u64, log_bytes: u64) -> AppendLog {
        AppendLog { state: State::On, synced_at: now, base_bytes, log_bytes, ..AppendLog::off(settings) }
    }

    /// Whether effects are to be handed in.
    pub fn collects(&self) -> bool {
        matches!(self.state, State::On | State::Switching { .. } | State::Fresh { .. })
    }

    /// Why writes are refused, if they are.
    pub fn refusal(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// The end of all effects that were handed in: what a reply that is made now has to wait for.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// What was last acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// What is known to be durable (WAITAOF).
    pub fn synced(&self) -> u64 {
        self.synced
    }

    /// The size of the log's files, and what it was after the last rewrite, in bytes (INFO).
    pub fn sizes(&self) -> (u64, u64) {
        (self.log_bytes, self.base_bytes)
    }

    /// How many bytes are held (INFO `aof_buffer_length`).
    pub fn held(&self) -> u64 {
        self.accepted - self.written
    }

    /// How often a write waited in vain for a sync (INFO `aof_delayed_fsync`).
    pub fn delayed_syncs(&self) -> u64 {
        self.delayed_syncs
    }

    /// Whether a sync is running (INFO `aof_pending_bio_fsync`).
    pub fn is_syncing(&self) -> bool {
        self.running.is_some()
    }

    /// What kind of rewrite can begin now, if one can while the log is not off.
    pub fn rewrite_kind(&self) -> Option<Rewrite> {
        match self.state {
            State::On if self.rewriting => None,
            State::On if self.error.is_none() => Some(Rewrite::Beside),
            State::On | State::Waiting { .. } => Some(Rewrite::Fresh),
            _ => None,
        }
    }

    /// Effects were appended to those that are held: whole units.
    pub fn on_effects(&mut self, now: Monotonic, bytes: u64, out: &mut Vec<Action>) {
        if self.collects() && bytes > 0 {
            self.accepted += bytes;
            self.exposed.get_or_insert(now);
        }
        self.pump(now, out);
    }

    /// The write that was asked for has been tried.
    pub fn on_written(&mut self, now: Monotonic, wanted: u64, written: Written, out: &mut Vec<Action>) {
        let (bytes, error) = match written {
            Written::All => (wanted, None),
            Written::Part { bytes, error } => (bytes, Some(error)),
        };
        self.written += bytes;
        self.log_bytes += bytes;
        self.postponed = None;
        self.write_retry = None;
        match error {
            None if matches!(self.state, State::On | State::Switching { is_sound: true }) => self.accept(out),
            None => {}
            Some(error) => self.on_write_error(now, error, out),
        }
        self.pump(now, out);
    }

    fn on_write_error(&mut self, now: Monotonic, error: String, out: &mut Vec<Action>) {
        match self.state {
            State::Fresh { .. } => self.fail_fresh(now, out),
            _ if self.settings.fsync == Fsync::Always => self.exit(error, out),
            State::Closing { reopen } => self.close(reopen, out),
            _ => {
                self.write_retry = Some(now + WRITE_RETRY);
                self.refuse(error, out);
            }
        }
    }

    /// A sync has ended. That of a file that is not written to any more is of no interest.
    pub fn on_synced(
        &mut self,
        now: Monotonic,
        ticket: u64,
        result: Result<(), String>,
        out: &mut Vec<Action>,
    ) {
        let Some(running) = self.running.take_if(|running| running.ticket == ticket) else { return };
        match result {
            Ok(()) if matches!(self.state, State::Fresh { .. }) => {
                self.fresh_synced = self.fresh_synced.max(running.through);
            }
            Ok(()) => {
                self.synced = self.synced.max(running.through);
                if self.synced >= self.accepted {
                    self.exposed = None;
                }
            }
            Err(error) => {
                self.exposed = running.exposed.or(self.exposed);
                self.on_sync_error(now, error, out);
            }
        }
        self.pump(now, out);
    }

    fn on_sync_error(&mut self, now: Monotonic, error: String, out: &mut Vec<Action>) {
        match self.state {
            State::Fresh { .. } => self.fail_fresh(now, out),
            _ if self.settings.fsync == Fsync::Always => self.exit(error, out),
            State::Closing { reopen } => self.close(reopen, out),
            State::Switching { .. } if self.rewriting => {
                // Its base will have what this file may have lost, and later effects are held: they wait for it.
                self.state = State::Switching { is_sound: false };
                self.refuse(error, out);
            }
            State::On | State::Switching { .. } => {
                self.refuse(error, out);
                self.start_over(out);
            }
            State::Off | State::Waiting { .. } => {}
        }
    }

    /// Time has passed; to be called at least ten times a second.
    pub fn on_tick(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        if self.wants_rewrite() && self.rewrite_retry.is_none_or(|at| at <= now) {
            self.asked = true;
            out.push(Action::StartRewrite(Rewrite::Beside));
        }
        self.pump(now, out);
    }

    fn wants_rewrite(&self) -> bool {
        let Settings { rewrite_percentage, rewrite_bytes_min, .. } = self.settings;
        let is_possible = self.state == State::On && !self.rewriting && !self.asked && self.error.is_none();
        let grown = u128::from(self.log_bytes) * 100 / u128::from(self.base_bytes.max(1));
        is_possible
            && !self.has_exited
            && rewrite_percentage > 0
            && self.log_bytes > rewrite_bytes_min
            && grown >= 100 + u128::from(rewrite_percentage)
    }

    /// Parameters were changed.
    pub fn on_settings(&mut self, now: Monotonic, settings: Settings, out: &mut Vec<Action>) {
        self.settings = settings;
        self.pump(now, out);
    }

    /// `appendonly yes`
    pub fn turn_on(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        match &mut self.state {
            State::Off => self.state = State::Waiting { promised: false },
            State::Closing { reopen } => *reopen = true,
            _ => {}
        }
        self.pump(now, out);
    }

    /// `appendonly no`
    pub fn turn_off(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        if self.rewriting || self.asked || matches!(self.state, State::Fresh { .. }) {
            out.push(Action::AbandonRewrite);
        }
        (self.rewriting, self.asked, self.rewrite_retry, self.rewrite_failures) = (false, false, None, 0);
        match self.state {
            State::Off => {}
            State::On | State::Switching { is_sound: true } => self.state = State::Closing { reopen: false },
            State::Closing { .. } => self.state = State::Closing { reopen: false },
            _ => self.close(false, out),
        }
        self.pump(now, out);
    }

    /// A rewrite begins: its file is open, and its snapshot is of this moment.
    pub fn on_rewrite_started(&mut self, now: Monotonic, kind: Rewrite, out: &mut Vec<Action>) {
        self.asked = false;
        if self.rewrite_kind() != Some(kind) {
            // Something happened in between.
            out.push(Action::AbandonRewrite);
            return self.pump(now, out);
        }
        self.boundary = self.accepted;
        match kind {
            Rewrite::Beside => {
                self.rewriting = true;
                self.state = State::Switching { is_sound: true };
            }
            Rewrite::Fresh => {
                self.leave_file(out);
                self.fresh_synced = self.boundary;
                self.state = State::Fresh { promised: self.state != State::Waiting { promised: false } };
                out.push(Action::NextFile);
            }
        }
        self.pump(now, out);
    }

    /// A rewrite's files are in force (the size of its base, in bytes), or it failed.
    pub fn on_rewrite_ended(&mut self, now: Monotonic, result: Result<u64, ()>, out: &mut Vec<Action>) {
        self.asked = false;
        match self.state {
            State::On | State::Switching { .. } if self.rewriting => {
                self.rewriting = false;
                self.on_beside_ended(now, result, out);
            }
            State::Fresh { promised } => match result {
                Ok(base_bytes) => self.come_into_force(now, promised, base_bytes, out),
                Err(()) => self.fail_fresh(now, out),
            },
            _ if result.is_err() => self.count_failure(now),
            _ => {}
        }
        self.pump(now, out);
    }

    fn on_beside_ended(&mut self, now: Monotonic, result: Result<u64, ()>, out: &mut Vec<Action>) {
        let Ok(base_bytes) = result else {
            self.count_failure(now);
            if self.state == (State::Switching { is_sound: false }) {
                self.start_over(out);
            }
            return;
        };
        if matches!(self.state, State::Switching { .. }) {
            // Whatever became of the file that was to be left: nobody needs it any more.
            self.running = None;
            self.discard(self.boundary.saturating_sub(self.written), out);
            self.next_file(out);
        }
        self.synced = self.synced.max(self.boundary);
        self.measure(base_bytes);
    }

    fn come_into_force(&mut self, now: Monotonic, promised: bool, base_bytes: u64, out: &mut Vec<Action>) {
        self.state = State::On;
        self.synced = self.synced.max(self.fresh_synced);
        // If nothing was promised before, the promise begins here.
        let since = self.exposed.filter(|_| promised).unwrap_or(now);
        self.exposed = (self.accepted > self.synced).then_some(since);
        self.measure(base_bytes);
        self.accept(out);
    }

    fn measure(&mut self, base_bytes: u64) {
        self.log_bytes = base_bytes + self.written.saturating_sub(self.boundary);
        self.base_bytes = self.log_bytes;
        (self.rewrite_failures, self.rewrite_retry) = (0, None);
    }

    fn count_failure(&mut self, now: Monotonic) {
        self.rewrite_failures = self.rewrite_failures.saturating_add(1);
        let doubled = |first: u64, times: u32| Duration::from_secs(first << times.min(20));
        let is_needed = matches!(self.state, State::Waiting { .. } | State::Fresh { .. });
        let delay = if is_needed {
            doubled(1, self.rewrite_failures - 1).min(FRESH_RETRY_MAX)
        } else {
            let times = self.rewrite_failures.checked_sub(REWRITE_FAILURES_FREE);
            times.map_or(Duration::ZERO, |times| doubled(60, times).min(REWRITE_RETRY_MAX))
        };
        self.rewrite_retry = Some(now + delay);
    }

    fn fail_fresh(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        let State::Fresh { promised } = self.state else { return };
        self.count_failure(now);
        out.push(Action::AbandonRewrite);
        self.leave_file(out);
        self.state = State::Waiting { promised };
    }

    /// The file is not to be trusted: all begins anew, from what is in memory.
    fn start_over(&mut self, out: &mut Vec<Action>) {
        if std::mem::take(&mut self.rewriting) {
            out.push(Action::AbandonRewrite);
        }
        self.leave_file(out);
        self.state = State::Waiting { promised: true };
        self.rewrite_retry = None;
    }

    /// The current file is neither written to nor synced any more.
    fn leave_file(&mut self, out: &mut Vec<Action>) {
        self.running = None;
        (self.write_retry, self.postponed) = (None, None);
        self.discard(self.accepted - self.written, out);
    }

    fn discard(&mut self, bytes: u64, out: &mut Vec<Action>) {
        if bytes > 0 {
            self.written += bytes;
            out.push(Action::Discard { bytes });
        }
    }

    fn next_file(&mut self, out: &mut Vec<Action>) {
        self.state = State::On;
        (self.write_retry, self.postponed) = (None, None);
        out.push(Action::NextFile);
        self.accept(out);
    }

    fn close(&mut self, reopen: bool, out: &mut Vec<Action>) {
        self.leave_file(out);
        self.accept(out);
        self.state = if reopen { State::Waiting { promised: false } } else { State::Off };
    }

    fn refuse(&mut self, error: String, out: &mut Vec<Action>) {
        if self.error.replace(error.clone()).is_none() {
            out.push(Action::Refuse { error });
        }
    }

    fn accept(&mut self, out: &mut Vec<Action>) {
        if self.error.take().is_some() {
            out.push(Action::Accept);
        }
    }

    fn exit(&mut self, error: String, out: &mut Vec<Action>) {
        self.has_exited = true;
        out.push(Action::Exit { error });
    }

    /// `appendfsync`, in as far as it is in force.
    fn fsync(&self) -> Fsync {
        let is_suspended = self.settings.no_fsync_on_rewrite
            && (self.rewriting || matches!(self.state, State::Fresh { .. }));
        if is_suspended { Fsync::No } else { self.settings.fsync }
    }

    /// Does what can be done now. A write comes alone, as its outcome decides on the rest: while one is to be done, which an
    /// earlier input has called for, nothing else is wanted.
    fn pump(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        if self.has_exited || out.iter().any(|action| matches!(action, Action::Write { .. })) {
            return;
        }
        self.ask_for_fresh(now, out);
        if let Some(bytes) = self.due_write(now) {
            return out.push(Action::Write { bytes });
        }
        self.finish(out);
        if let Some(bytes) = self.due_write(now) {
            return out.push(Action::Write { bytes });
        }
        self.sync(now, out);
        self.acknowledge(now, out);
    }

    fn ask_for_fresh(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        let is_waiting = matches!(self.state, State::Waiting { .. });
        if is_waiting && !self.asked && self.rewrite_retry.is_none_or(|at| at <= now) {
            self.asked = true;
            out.push(Action::StartRewrite(Rewrite::Fresh));
        }
    }

    /// How much is to be written now, if something is.
    fn due_write(&mut self, now: Monotonic) -> Option<u64> {
        let end = match self.state {
            State::Off | State::Waiting { .. } | State::Switching { is_sound: false } => return None,
            State::Switching { .. } => self.boundary,
            State::Closing { .. } | State::Fresh { .. } | State::On => self.accepted,
        };
        let bytes = end.checked_sub(self.written).filter(|bytes| *bytes > 0)?;
        if self.write_retry.is_some_and(|at| now < at) || self.must_postpone(now) {
            return None;
        }
        Some(bytes)
    }

    /// On many file systems a write waits for a sync of the same file, and with it the whole node.
    fn must_postpone(&mut self, now: Monotonic) -> bool {
        if self.running.is_none() || self.fsync() != Fsync::EverySecond {
            return false;
        }
        let since = *self.postponed.get_or_insert(now);
        if now - since < EXPOSURE_MAX {
            return true;
        }
        self.delayed_syncs += 1;
        false
    }

    /// Ends switching and closing when nothing is left to be made durable.
    fn finish(&mut self, out: &mut Vec<Action>) {
        match self.state {
            State::Switching { is_sound: true } if self.synced >= self.boundary => {
                self.running = None;
                self.next_file(out);
            }
            State::Closing { reopen } if self.synced >= self.accepted => self.close(reopen, out),
            _ => {}
        }
    }

    fn sync(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        let is_fresh = matches!(self.state, State::Fresh { .. });
        let covered = if is_fresh { self.fresh_synced } else { self.synced };
        if self.running.is_some() || self.written <= covered {
            return;
        }
        let is_due = match self.state {
            State::Off | State::Waiting { .. } | State::Switching { is_sound: false } => false,
            State::Switching { .. } => self.written >= self.boundary,
            State::Closing { .. } => self.written >= self.accepted,
            State::On | State::Fresh { .. } => match self.fsync() {
                Fsync::Always => true,
                Fsync::EverySecond => now - self.synced_at >= SYNC_INTERVAL,
                Fsync::No => false,
            },
        };
        if is_due {
            self.begin_sync(now, out);
        }
    }

    fn begin_sync(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        self.ticket += 1;
        let exposed = self.exposed;
        if self.written == self.accepted {
            self.exposed = None;
        }
        self.running = Some(Running { ticket: self.ticket, through: self.written, exposed });
        self.synced_at = now;
        out.push(Action::Sync { ticket: self.ticket });
    }

    fn acknowledge(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        let through = match self.state {
            State::Waiting { promised: true } | State::Fresh { promised: true } => return,
            State::Off | State::Waiting { .. } | State::Fresh { .. } => self.accepted,
            State::Switching { is_sound: false } => self.synced,
            State::On | State::Switching { .. } | State::Closing { .. } => match self.fsync() {
                Fsync::Always => self.synced,
                Fsync::EverySecond if self.is_exposed(now) => self.synced,
                Fsync::EverySecond | Fsync::No => self.accepted,
            },
        };
        if through > self.acknowledged {
            self.acknowledged = through;
            out.push(Action::Acknowledge { through });
        }
    }

    /// Whether something that is not durable has been so for too long.
    fn is_exposed(&self, now: Monotonic) -> bool {
        let running = self.running.and_then(|running| running.exposed);
        running.or(self.exposed).is_some_and(|since| now - since >= EXPOSURE_MAX)
    }
}
