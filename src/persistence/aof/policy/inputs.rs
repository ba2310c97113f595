//! What the policy is told, but for rewrites: effects, how writes and syncs went, the time, the parameters.

use std::time::Duration;

use crate::runtime::Monotonic;

use super::actions::{Action, Fsync, Rewrite, Settings, Written};
use super::gather::Ended;
use super::state::{AppendLog, Portions, State};

/// So long after a failed write the next one is tried.
const WRITE_RETRY: Duration = Duration::from_secs(1);

impl AppendLog {
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
            Written::Portion { bytes } => return self.on_portion(bytes, out),
            Written::Part { bytes, error } => (bytes, Some(error)),
        };
        self.written += bytes;
        self.log_bytes += bytes;
        self.portions = Portions::None;
        self.postponed = None;
        self.write_retry = None;
        match error {
            None if matches!(self.state, State::On | State::Switching { is_sound: true }) => self.accept(out),
            None => {}
            Some(error) => self.on_write_error(now, error, out),
        }
        self.pump(now, out);
    }

    /// Others have their turn; nothing else is to happen to the file meanwhile.
    fn on_portion(&mut self, bytes: u64, out: &mut Vec<Action>) {
        self.written += bytes;
        self.log_bytes += bytes;
        self.portions = Portions::Rest;
        out.push(Action::GoOn);
    }

    /// Others have had their turn.
    pub fn on_turn(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        if self.portions == Portions::Rest {
            self.portions = Portions::Next;
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
                self.gather(now, running.through, out);
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

    /// A sync has ended well: the next one may have to wait.
    fn gather(&mut self, now: Monotonic, through: u64, out: &mut Vec<Action>) {
        if self.state != State::On || self.fsync() != Fsync::Always {
            return;
        }
        let ended = Ended {
            lasted: now - self.synced_at,
            covered: through.saturating_sub(self.synced),
            pending: self.accepted.saturating_sub(through),
            accepted: self.accepted,
        };
        if let Some(at) = self.gather.on_synced(now, ended) {
            out.push(Action::TickAt(at));
        }
    }

    fn on_sync_error(&mut self, now: Monotonic, error: String, out: &mut Vec<Action>) {
        self.cut_back(out);
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

    /// Without syncs nobody knows how much is durable; most of it is.
    fn cut_back(&self, out: &mut Vec<Action>) {
        let durable = match self.state {
            State::On | State::Switching { .. } | State::Closing { .. } => self.synced,
            State::Fresh { .. } => self.fresh_synced,
            State::Off | State::Waiting { .. } => return,
        };
        let bytes = self.written.saturating_sub(durable);
        if self.settings.fsync != Fsync::No && bytes > 0 {
            out.push(Action::CutBack { bytes });
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
}
