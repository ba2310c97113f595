//! What is known of the log: its figures, and the steps from state to state that every input can lead to.

use std::time::Duration;

use crate::runtime::Monotonic;

use super::actions::{Action, Fsync, Rewrite, Settings};
use super::gather::Gather;

/// `everysec`: so long a write waits for a running sync, and so old may be what is acknowledged and not durable.
pub(super) const EXPOSURE_MAX: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
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

/// A write that is done in portions, between which others have their turn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Portions {
    /// None is.
    None,
    /// Others have their turn.
    Rest,
    /// The next portion may be written.
    Next,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    pub(super) ticket: u64,
    /// What it will have made durable.
    pub(super) through: u64,
    /// When the oldest of that was accepted.
    pub(super) exposed: Option<Monotonic>,
}

/// See [`policy`](super). Each input may call for actions, which are appended to `out`.
#[derive(Debug)]
pub struct AppendLog {
    pub(super) settings: Settings,
    pub(super) state: State,
    /// A rewrite beside is running: only in On and Switching.
    pub(super) rewriting: bool,
    /// A rewrite was asked for, and nothing was heard yet.
    pub(super) asked: bool,
    pub(super) accepted: u64,
    pub(super) written: u64,
    pub(super) synced: u64,
    pub(super) acknowledged: u64,
    /// Where the last rewrite's snapshot stands in the stream.
    pub(super) boundary: u64,
    /// In Fresh: what will be durable once the new files are in force.
    pub(super) fresh_synced: u64,
    /// Up to here nothing was promised when it was acknowledged: the log was not in force. It is when this is durable, too.
    pub(super) promised_from: u64,
    pub(super) running: Option<Running>,
    pub(super) ticket: u64,
    /// When the oldest byte that neither is durable nor will be by the running sync was accepted.
    pub(super) exposed: Option<Monotonic>,
    pub(super) synced_at: Monotonic,
    pub(super) gather: Gather,
    pub(super) portions: Portions,
    /// Since when a write waits for a sync.
    pub(super) postponed: Option<Monotonic>,
    pub(super) error: Option<String>,
    pub(super) write_retry: Option<Monotonic>,
    pub(super) rewrite_retry: Option<Monotonic>,
    pub(super) rewrite_failures: u32,
    /// Of all files of the log.
    pub(super) log_bytes: u64,
    /// What that was after the last rewrite, or at the start.
    pub(super) base_bytes: u64,
    pub(super) delayed_syncs: u64,
    pub(super) has_exited: bool,
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
            promised_from: 0,
            running: None,
            ticket: 0,
            exposed: None,
            synced_at: Monotonic::default(),
            gather: Gather::default(),
            portions: Portions::None,
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

    /// Whether the log was turned on and is not in force yet: it has promised nothing so far.
    pub fn is_beginning(&self) -> bool {
        matches!(self.state, State::Waiting { promised: false } | State::Fresh { promised: false })
    }

    /// Whether what is written goes to the log that a start would load.
    pub fn is_in_force(&self) -> bool {
        matches!(self.state, State::On | State::Switching { .. })
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

    /// Whether the log comes into force only by a rewrite that has yet to begin, or by the sync after it (INFO
    /// `aof_rewrite_scheduled`).
    pub fn is_pending(&self) -> bool {
        let is_settling = self.synced < self.promised_from && self.settings.fsync != Fsync::No;
        match self.state {
            State::Waiting { .. } | State::Closing { reopen: true } => true,
            State::On | State::Switching { .. } => is_settling,
            _ => false,
        }
    }

    /// `appendfsync`, in as far as it is in force.
    pub(super) fn fsync(&self) -> Fsync {
        let is_suspended = self.settings.no_fsync_on_rewrite
            && (self.rewriting || matches!(self.state, State::Fresh { .. }));
        if is_suspended { Fsync::No } else { self.settings.fsync }
    }

    /// Whether something that is not durable has been so for too long.
    pub(super) fn is_exposed(&self, now: Monotonic) -> bool {
        let running = self.running.and_then(|running| running.exposed);
        running.or(self.exposed).is_some_and(|since| now - since >= EXPOSURE_MAX)
    }

    pub(super) fn refuse(&mut self, error: String, out: &mut Vec<Action>) {
        if self.error.replace(error.clone()).is_none() {
            out.push(Action::Refuse { error });
        }
    }

    pub(super) fn accept(&mut self, out: &mut Vec<Action>) {
        if self.error.take().is_some() {
            out.push(Action::Accept);
        }
    }

    pub(super) fn exit(&mut self, error: String, out: &mut Vec<Action>) {
        self.has_exited = true;
        out.push(Action::Exit { error });
    }

    /// The current file is neither written to nor synced any more.
    pub(super) fn leave_file(&mut self, out: &mut Vec<Action>) {
        self.running = None;
        (self.write_retry, self.postponed, self.portions) = (None, None, Portions::None);
        self.discard(self.accepted - self.written, out);
    }

    pub(super) fn discard(&mut self, bytes: u64, out: &mut Vec<Action>) {
        if bytes > 0 {
            self.written += bytes;
            out.push(Action::Discard { bytes });
        }
    }

    pub(super) fn next_file(&mut self, out: &mut Vec<Action>) {
        self.state = State::On;
        (self.write_retry, self.postponed, self.portions) = (None, None, Portions::None);
        out.push(Action::NextFile);
        self.accept(out);
    }

    pub(super) fn close(&mut self, reopen: bool, out: &mut Vec<Action>) {
        self.leave_file(out);
        self.accept(out);
        self.state = if reopen { State::Waiting { promised: false } } else { State::Off };
    }
}
