//! The append log as the engine sees it: its policy, what the policy wants done, and how the last rewrite went.
//!
//! The policy ([`AppendLog`]) decides purely; inputs come from here (parameters, commands) and from the node (writes, syncs,
//! rewrites). What it wants done collects until the node takes it.

use std::time::Duration;

use super::Engine;
use crate::config::{AppendFsync, Config};
use crate::persistence::aof::{Action, AppendLog, Fsync, Rewrite, Settings};
use crate::runtime::{Monotonic, Now};

/// See the module.
#[derive(Debug)]
pub struct Append {
    /// When to write, sync and answer.
    pub policy: AppendLog,
    /// What it wants done, in this order.
    pub actions: Vec<Action>,
    /// Somebody has asked for a rewrite, and it has not begun.
    pub scheduled: bool,
    /// Since when one is under way.
    rewriting: Option<Now>,
    last: LastRewrite,
}

/// How the last rewrite went, for INFO.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastRewrite {
    /// How long it took, if there was one.
    pub took: Option<Duration>,
    /// It ended badly.
    pub failed: bool,
    /// How many have begun.
    pub begun: u64,
    /// How many have failed since the last that ended well.
    pub failures: u64,
}

impl Append {
    pub(super) fn new(config: &Config) -> Append {
        Append {
            policy: AppendLog::off(settings(config)),
            actions: Vec::new(),
            scheduled: false,
            rewriting: None,
            last: LastRewrite::default(),
        }
    }

    /// Since when a rewrite is under way.
    pub fn rewriting(&self) -> Option<Now> {
        self.rewriting
    }

    /// How the last one went.
    pub fn last_rewrite(&self) -> LastRewrite {
        self.last
    }

    /// Lets the policy decide on something.
    pub fn decide(&mut self, input: impl FnOnce(&mut AppendLog, &mut Vec<Action>)) {
        input(&mut self.policy, &mut self.actions);
    }
}

/// What the parameters say to the policy.
fn settings(config: &Config) -> Settings {
    let fsync = match config.appendfsync {
        AppendFsync::Always => Fsync::Always,
        AppendFsync::EverySecond => Fsync::EverySecond,
        AppendFsync::No => Fsync::No,
    };
    Settings {
        fsync,
        no_fsync_on_rewrite: config.no_appendfsync_on_rewrite,
        rewrite_percentage: config.auto_aof_rewrite_percentage,
        rewrite_bytes_min: config.auto_aof_rewrite_min_size_bytes,
    }
}

impl Engine {
    /// The log is open: from now on all effects go there. The sizes of its base, and of all its files.
    pub fn begin_log(&mut self, base_bytes: u64, log_bytes: u64, now: Monotonic) {
        self.append.policy = AppendLog::on(now, settings(&self.config), base_bytes, log_bytes);
        self.update_readers();
    }

    /// CONFIG SET has changed something that concerns the log.
    pub fn log_settings_changed(&mut self, now: Monotonic) {
        let (settings, wanted) = (settings(&self.config), self.config.appendonly);
        let is_loading = self.persistence.loading().is_some();
        self.append.decide(|policy, out| {
            policy.on_settings(now, settings, out);
            match wanted {
                // The start will see to it.
                _ if is_loading => {}
                true => policy.turn_on(now, out),
                false => policy.turn_off(now, out),
            }
        });
    }

    /// Whether the node has something to do for the log.
    #[inline]
    pub fn log_has_work(&self) -> bool {
        !self.effects.is_empty()
            || !self.append.actions.is_empty()
            || self.append.scheduled
            || self.replication.serving.wants_acks
    }

    /// A rewrite begins.
    pub fn note_rewrite_begun(&mut self, now: Now) {
        self.append.scheduled = false;
        self.append.rewriting = Some(now);
        self.append.last.begun += 1;
    }

    /// It has ended; `None` if it was given up on purpose.
    pub fn note_rewrite_ended(&mut self, well: Option<bool>, now: Now) {
        let Some(since) = self.append.rewriting.take() else { return };
        let last = &mut self.append.last;
        last.took = Some(now.mono - since.mono);
        match well {
            None => {}
            Some(true) => (last.failed, last.failures) = (false, 0),
            Some(false) => (last.failed, last.failures) = (true, last.failures + 1),
        }
    }

    /// A snapshot for a rewrite of this kind begins at this moment: all effects so far have been handed in.
    pub fn begin_rewritten_log(&mut self, kind: Rewrite, now: Monotonic) {
        self.append.decide(|policy, out| policy.on_rewrite_started(now, kind, out));
        self.update_readers();
        // The new file's reader has selected nothing.
        self.effects.select_again();
    }
}
