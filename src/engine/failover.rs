//! FAILOVER as the engine does it: writes wait, a replica is waited for, and the role is handed to it (see [`Failover`]).

use tracing::{info, warn};

use super::Engine;
use crate::replication::{Failover, Step};
use crate::runtime::Now;

impl Engine {
    /// Begins one: from now on writes wait.
    pub fn begin_failover(&mut self, failover: Failover) {
        match &failover {
            Failover::WaitingForSync { target: Some((host, port)), .. } => {
                info!("FAILOVER requested to {host}:{port}.")
            }
            _ => info!("FAILOVER requested to any replica."),
        }
        self.replication.failover = failover;
        self.replication.serving.holds_pings = true;
        self.pause.set_failover(true);
    }

    /// Looks whether it can go on. To be called when a replica has said how far it is, and from time to time. What was done has
    /// been handed over.
    pub fn step_failover(&mut self, now: Now) {
        if !self.replication.failover.is_under_way() {
            return;
        }
        let offset = self.replication_offset();
        let replication = &mut self.replication;
        match replication.failover.step(replication.replicas.values(), offset, now.mono) {
            Step::Wait => {}
            Step::HandTo { host, port, is_forced } => {
                let why = if is_forced { "is forced to take over" } else { "is synced, failing over" };
                info!("Failover target {host}:{port} {why}.");
                self.follow(&host, port, now);
            }
            Step::GiveUp => {
                warn!("Failover attempt aborted: the replica has not got everything before timeout");
                self.end_failover();
            }
        }
    }

    /// It is given up: this node is the primary again, or still.
    pub fn abort_failover(&mut self, why: &str, now: Now) {
        warn!("Failover attempt aborted: {why}");
        if self.replication.failover == Failover::InProgress && self.replication.is_replica() {
            self.promote(now);
        }
        self.end_failover();
    }

    /// It has ended, well or not: writes wait no more (and are refused, if this node is a replica now).
    pub fn end_failover(&mut self) {
        // One that was given up for want of time is idle by itself; its pause is still there.
        if self.pause.is_failover() {
            self.replication.failover = Failover::Idle;
            self.replication.serving.holds_pings = false;
            self.pause.set_failover(false);
            self.wake_all();
        }
    }
}
