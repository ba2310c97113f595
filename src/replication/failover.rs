//! FAILOVER: a primary hands its role to a replica that has all that it has, so that nothing acknowledged is lost.
//!
//! ```text
//!              FAILOVER                    a replica has everything
//! Idle ─────────────────► WaitingForSync ─────────────────────────► InProgress ──the other took over──► Idle, as its replica
//!   ▲                       │ writes wait                             │ writes wait
//!   │   ABORT, time over    │       └── time over, FORCE ──► (the same)│
//!   └───────────────────────┴────────── ABORT, or it refuses ─────────┘
//! ```
//!
//! *In progress* this node is the other's replica already, and asks it by `PSYNC id offset FAILOVER` to take over. From the moment
//! at which writes wait until the end nothing is written here, so what the other has is all there is (unless FORCE gave that up).
//! Where the answer to that request is lost, the other may have taken over: whoever asks again is told that it is a primary now, and
//! goes on as its replica. Redis takes the role back then, and there are two.

use super::{Replica, Stage};
use crate::runtime::Monotonic;

/// See the module.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Failover {
    /// None is under way.
    #[default]
    Idle,
    /// Writes wait until a replica has everything.
    WaitingForSync {
        /// Which replica is to take over; `None`: whichever is first to have everything.
        target: Option<(String, u16)>,
        /// When it is given up, or forced.
        deadline: Option<Monotonic>,
        /// The target takes over at the deadline, whatever it has.
        force: bool,
    },
    /// The target is asked to take over.
    InProgress,
}

/// What is to be done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// Nothing yet.
    Wait,
    /// This one takes over: follow it.
    HandTo {
        /// Where it listens.
        host: String,
        /// See `host`.
        port: u16,
        /// It has not got everything, but was forced.
        is_forced: bool,
    },
    /// The time is over: writes go on here.
    GiveUp,
}

impl Failover {
    /// The word for it in INFO.
    pub fn word(&self) -> &'static str {
        match self {
            Failover::Idle => "no-failover",
            Failover::WaitingForSync { .. } => "waiting-for-sync",
            Failover::InProgress => "failover-in-progress",
        }
    }

    /// Whether one is under way.
    pub fn is_under_way(&self) -> bool {
        *self != Failover::Idle
    }

    /// Looks whether a replica has everything up to `offset`, or the time is over.
    pub fn step<'a>(
        &mut self,
        replicas: impl IntoIterator<Item = &'a Replica>,
        offset: u64,
        now: Monotonic,
    ) -> Step {
        let Failover::WaitingForSync { target, deadline, force } = self else { return Step::Wait };
        let is_meant = |replica: &&Replica| match target {
            Some((host, port)) => replica.is_at(host, *port),
            None => true,
        };
        let has_everything = |replica: &&Replica| {
            replica.stage == Stage::Streaming && replica.has_said && replica.acked >= offset
        };
        let next = match replicas.into_iter().filter(is_meant).find(has_everything) {
            Some(replica) => Step::HandTo { host: replica.address(), port: replica.port, is_forced: false },
            None if deadline.is_none_or(|deadline| now < deadline) => return Step::Wait,
            None => match target.take().filter(|_| *force) {
                Some((host, port)) => Step::HandTo { host, port, is_forced: true },
                None => Step::GiveUp,
            },
        };
        *self = if next == Step::GiveUp { Failover::Idle } else { Failover::InProgress };
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replication::Replica;

    const OFFSET: u64 = 100;

    fn at(seconds: u64) -> Monotonic {
        Monotonic(seconds * 1_000_000_000)
    }

    fn replica(host: &str, acked: u64) -> Replica {
        let mut replica = Replica::new(None, at(0));
        (replica.announced_ip, replica.port) = (host.into(), 7000);
        replica.stage = Stage::Streaming;
        replica.on_ack(acked, None, at(0));
        replica
    }

    fn waiting(target: Option<&str>, force: bool) -> Failover {
        let target = target.map(|host| (host.to_owned(), 7000));
        Failover::WaitingForSync { target, deadline: Some(at(10)), force }
    }

    fn hand_to(host: &str, is_forced: bool) -> Step {
        Step::HandTo { host: host.into(), port: 7000, is_forced }
    }

    #[test]
    fn whoever_has_everything_takes_over() {
        let (behind, complete) = (replica("a", OFFSET - 1), replica("b", OFFSET));
        let mut failover = waiting(None, false);
        assert_eq!(failover.step([&behind], OFFSET, at(1)), Step::Wait);
        assert_eq!(failover.step([&behind, &complete], OFFSET, at(2)), hand_to("b", false));
        assert_eq!(failover, Failover::InProgress);
        assert_eq!(failover.step([&complete], OFFSET, at(99)), Step::Wait, "it has been handed over");
    }

    #[test]
    fn a_target_is_waited_for_until_the_time_is_over() {
        let (behind, complete) = (replica("a", OFFSET - 1), replica("b", OFFSET));
        let mut failover = waiting(Some("a"), false);
        assert_eq!(failover.step([&behind, &complete], OFFSET, at(9)), Step::Wait);
        assert_eq!(failover.step([&behind, &complete], OFFSET, at(10)), Step::GiveUp);
        assert_eq!(failover, Failover::Idle);
        let mut forced = waiting(Some("a"), true);
        assert_eq!(forced.step([&behind, &complete], OFFSET, at(10)), hand_to("a", true));
    }
}
