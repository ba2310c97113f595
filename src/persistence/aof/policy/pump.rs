//! What can be done now: after every input, writes, syncs and acknowledgements fall due here.

use std::time::Duration;

use crate::runtime::Monotonic;

use super::actions::{Action, Fsync, Rewrite};
use super::state::{AppendLog, EXPOSURE_MAX, Portions, Running, State};

/// `everysec`: so long after a sync began, the next one does.
const SYNC_INTERVAL: Duration = Duration::from_secs(1);

impl AppendLog {
    /// Does what can be done now. A write comes alone, as its outcome decides on the rest.
    pub(super) fn pump(&mut self, now: Monotonic, out: &mut Vec<Action>) {
        if self.has_exited {
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
        let must_wait = self.portions == Portions::Rest || self.write_retry.is_some_and(|at| now < at);
        if must_wait || self.must_postpone(now) {
            return None;
        }
        Some(bytes)
    }

    /// On many file systems a write waits for a sync of the same file, and with it the whole node.
    fn must_postpone(&mut self, now: Monotonic) -> bool {
        let has_begun = self.portions == Portions::Next;
        if self.running.is_none() || self.fsync() != Fsync::EverySecond || has_begun {
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
        // One sync is to cover all portions: it would hold the rest of them up.
        if self.running.is_some() || self.written <= covered || self.portions != Portions::None {
            return;
        }
        let is_due = match self.state {
            State::Off | State::Waiting { .. } | State::Switching { is_sound: false } => false,
            State::Switching { .. } => self.written >= self.boundary,
            State::Closing { .. } => self.written >= self.accepted,
            State::On | State::Fresh { .. } => match self.fsync() {
                Fsync::Always => self.gather.is_over(now, self.accepted),
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
                // Not synced during a rewrite, but the crash of the process alone must not take it.
                Fsync::No if self.settings.fsync == Fsync::Always => self.written,
                Fsync::EverySecond | Fsync::No => self.accepted,
            },
        };
        if through > self.acknowledged {
            self.acknowledged = through;
            out.push(Action::Acknowledge { through });
        }
    }
}
