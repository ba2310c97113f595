//! Rewrites: when one is wanted, how one begins and ends, and how soon another is tried.

use std::time::Duration;

use crate::runtime::Monotonic;

use super::actions::{Action, Rewrite, Settings};
use super::state::{AppendLog, State};

/// The longest wait for another fresh rewrite.
const FRESH_RETRY_MAX: Duration = Duration::from_secs(60);
/// So many automatic rewrites may fail in a row before they are held back, from one minute to an hour.
const REWRITE_FAILURES_FREE: u32 = 3;
const REWRITE_RETRY_MAX: Duration = Duration::from_secs(3600);

impl AppendLog {
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
        if !promised {
            self.promised_from = self.accepted;
        }
        self.measure(base_bytes);
        self.accept(out);
    }

    fn measure(&mut self, base_bytes: u64) {
        self.log_bytes = base_bytes + self.written.saturating_sub(self.boundary);
        self.base_bytes = self.log_bytes;
        (self.rewrite_failures, self.rewrite_retry) = (0, None);
    }

    pub(super) fn wants_rewrite(&self) -> bool {
        let Settings { rewrite_percentage, rewrite_bytes_min, .. } = self.settings;
        let is_possible = self.state == State::On && !self.rewriting && !self.asked && self.error.is_none();
        let grown = u128::from(self.log_bytes) * 100 / u128::from(self.base_bytes.max(1));
        is_possible
            && !self.has_exited
            && rewrite_percentage > 0
            && self.log_bytes > rewrite_bytes_min
            && grown >= 100 + u128::from(rewrite_percentage)
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

    pub(super) fn fail_fresh(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        let State::Fresh { promised } = self.state else { return };
        self.count_failure(now);
        out.push(Action::AbandonRewrite);
        self.leave_file(out);
        self.state = State::Waiting { promised };
    }

    /// The file is not to be trusted: all begins anew, from what is in memory.
    pub(super) fn start_over(&mut self, out: &mut Vec<Action>) {
        if std::mem::take(&mut self.rewriting) {
            out.push(Action::AbandonRewrite);
        }
        self.leave_file(out);
        self.state = State::Waiting { promised: true };
        self.rewrite_retry = None;
    }
}
