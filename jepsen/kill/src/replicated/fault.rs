//! What happens in a round.

use crate::random::Random;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// SIGKILL to the primary; a replica is promoted.
    KillPrimary,
    /// SIGKILL to the primary and, at the same moment, to a replica; the other one is promoted.
    KillTwo,
    /// SIGKILL to the primary while a replica has stood still for a moment: it is behind.
    KillPrimaryBehind,
    /// SIGSTOP to the primary, which goes on only after another has been promoted, and does not know.
    StopPrimary,
    /// SIGSTOP to the primary, which goes on soon.
    PausePrimary,
    /// SIGKILL to a replica.
    KillReplica,
    /// SIGSTOP to a replica, which goes on later.
    PauseReplica,
    /// FAILOVER.
    HandOver,
}

impl Fault {
    /// One of them.
    pub fn choose(random: &mut Random) -> Fault {
        match random.below(20) {
            0..5 => Fault::KillPrimary,
            5 => Fault::KillTwo,
            6..8 => Fault::KillPrimaryBehind,
            8..12 => Fault::StopPrimary,
            12 => Fault::PausePrimary,
            13..16 => Fault::KillReplica,
            16..18 => Fault::PauseReplica,
            _ => Fault::HandOver,
        }
    }

    /// For reports.
    pub fn name(self) -> &'static str {
        match self {
            Fault::KillPrimary => "primary killed",
            Fault::KillTwo => "primary and replica killed",
            Fault::KillPrimaryBehind => "primary killed, a replica behind",
            Fault::StopPrimary => "primary stopped",
            Fault::PausePrimary => "primary paused",
            Fault::KillReplica => "replica killed",
            Fault::PauseReplica => "replica paused",
            Fault::HandOver => "FAILOVER",
        }
    }
}
