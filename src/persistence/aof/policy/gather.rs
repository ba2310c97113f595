//! Group commit under `always`: how long a sync waits for more to cover.
//!
//! Clients that wait for their replies come back when they have them. A sync that begins with the first of them covers only
//! that one, the others wait for it and for the next, and so on in turns: each sync does half of what it could. So after a sync
//! the next one waits for about as much as has just been answered, half as long as that sync took at most. A fast disk is not
//! worth a wait, and a client that is alone never waits: only where effects came while a sync ran there are several.

use std::time::Duration;

use crate::runtime::Monotonic;

/// After a sync that took less, nobody waits.
const SYNC_MIN: Duration = Duration::from_millis(1);
/// The longest wait.
const WAIT_MAX: Duration = Duration::from_millis(5);
/// So many syncs may pass after which nothing is left to be covered, until clients are taken to be alone.
const TRUSTED: u8 = 8;

/// A sync that has ended well.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// How long it took.
    pub lasted: Duration,
    /// How many bytes it has made durable, and how many have come since it began.
    pub covered: u64,
    pub pending: u64,
    /// The end of all effects.
    pub accepted: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// The next sync waits until there are effects up to this position, or until this moment.
    waiting: Option<(u64, Monotonic)>,
    trusted: u8,
}

impl Gather {
    /// Until when the next sync waits at most, if it is to.
    pub(super) fn on_synced(&mut self, now: Monotonic, ended: Ended) -> Option<Monotonic> {
        self.trusted = if ended.pending > 0 { TRUSTED } else { self.trusted.saturating_sub(1) };
        let is_worth_it = ended.lasted >= SYNC_MIN && ended.covered > ended.pending;
        let until = now + (ended.lasted / 2).min(WAIT_MAX);
        // Nobody waits for the very last of them.
        let wanted = ended.accepted + ended.covered - ended.covered / 8;
        self.waiting = (self.trusted > 0 && is_worth_it).then_some((wanted, until));
        self.waiting.map(|(_, until)| until)
    }

    /// Whether the next sync need not wait any longer.
    pub(super) fn is_over(&self, now: Monotonic, accepted: u64) -> bool {
        self.waiting.is_none_or(|(wanted, until)| accepted >= wanted || now >= until)
    }
}
