//! CLIENT PAUSE: for a while, commands wait. So do writes while a failover is under way.

use std::time::Duration;

use crate::runtime::Monotonic;

/// A failover's end is not known before.
const FAR: Duration = Duration::from_secs(3600);

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
    /// A failover is under way.
    failover: bool,
}

impl Pause {
    /// Starts or extends a pause: as in Redis, the stricter scope and the later end win over a pause that is on.
    pub fn start(&mut self, scope: PauseScope, end: Monotonic, now: Monotonic) {
        self.current = match self.current.filter(|(_, end)| now < *end) {
            Some((on, until)) => Some((on.max(scope), until.max(end))),
            None => Some((scope, end)),
        };
    }

    /// Ends it.
    pub fn stop(&mut self) {
        self.current = None;
    }

    /// Writes wait until the failover has ended.
    pub fn set_failover(&mut self, under_way: bool) {
        self.failover = under_way;
    }

    /// Whether a failover lets writes wait.
    pub fn is_failover(&self) -> bool {
        self.failover
    }

    /// Forgets a pause that is over; true if there was one, so that those who wait can be woken.
    pub fn take_ended(&mut self, now: Monotonic) -> bool {
        self.current.take_if(|(_, end)| *end <= now).is_some()
    }

    /// The pause that is on at `now`, with its end.
    #[inline]
    pub fn active(&self, now: Monotonic) -> Option<(PauseScope, Monotonic)> {
        let asked = self.current.filter(|(_, end)| now < *end);
        if !self.failover {
            return asked;
        }
        // Who waits is woken when it ends.
        let far = now + FAR;
        Some(asked.map_or((PauseScope::Writes, far), |(scope, _)| (scope, far)))
    }
}
