//! CLIENT PAUSE: for a while, commands wait.

use crate::runtime::Monotonic;

/// Which commands wait.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PauseScope {
    /// Those that may write; keys neither expire nor are evicted meanwhile.
    Writes,
    /// All of ordinary clients.
    All,
}

/// The pause that is on, if any.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pause {
    current: Option<(PauseScope, Monotonic)>,
}

impl Pause {
    /// Starts or extends a pause: as in Redis, the stricter scope and the later end win over a pause that is on.
    pub fn start(&mut self, scope: PauseScope, end: Monotonic, now: Monotonic) {
        self.current = match self.active(now) {
            Some((on, until)) => Some((on.max(scope), until.max(end))),
            None => Some((scope, end)),
        };
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.current = None;
    }

    /// Forgets a pause that is over; true if there was one, so that those who wait can be woken.
    pub fn take_ended(&mut self, now: Monotonic) -> bool {
        self.current.take_if(|(_, end)| *end <= now).is_some()
    }

    /// The pause that is on at `now`, with its end.
    #[inline]
    pub fn active(&self, now: Monotonic) -> Option<(PauseScope, Monotonic)> {
        self.current.filter(|(_, end)| now < *end)
    }
}
