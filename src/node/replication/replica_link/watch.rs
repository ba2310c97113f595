//! Whether a replica may stay: it must be heard of, and not be too far behind.

use std::time::Duration;

use tracing::warn;

use super::{Link, name};
use crate::replication::{Replica, Stage};
use crate::runtime::{Monotonic, Runtime};

impl<R: Runtime> Link<R> {
    /// A second has passed. False: the replica has to go.
    pub(super) fn tick(&mut self) -> bool {
        self.note_traffic(0, 0);
        if self.is_silent() {
            return false;
        }
        if self.waits_for_bytes() {
            self.unsent.push(b'\n');
        }
        !self.is_over_limit()
    }

    fn is_silent(&self) -> bool {
        let engine = self.shared.engine.borrow();
        let patience = Duration::from_secs(engine.config.repl_timeout_seconds.into());
        let Some(replica) = engine.replication.replicas.get(&self.client) else { return true };
        let is_silent = silence(replica, R::now()) > patience;
        if is_silent {
            warn!("Disconnecting timedout replica ({}): {:?}", name(&engine, self.client), replica.stage);
        }
        is_silent
    }

    /// Whether it waits for a snapshot that has not begun, or of which nothing can be sent yet.
    fn waits_for_bytes(&self) -> bool {
        match self.replica(|replica| replica.stage) {
            Some(Stage::Waiting { .. }) => true,
            Some(Stage::Loading { .. }) => {
                let syncs = self.shared.syncs.borrow();
                syncs.of.get(&self.client).is_some_and(|transfer| transfer.borrow().is_unfinished_file())
            }
            _ => false,
        }
    }

    /// `client-output-buffer-limit replica`
    pub(super) fn is_over_limit(&mut self) -> bool {
        let mut engine = self.shared.engine.borrow_mut();
        let Some(replica) = engine.replication.replicas.get(&self.client) else { return false };
        let lag = engine.replication.lag_bytes(replica);
        let (limit, kept) = (engine.output_limit_of_replicas(), replica.is_moving(R::now()));
        let is_over = self.excess.is_over(lag, kept, &limit, R::now());
        if is_over {
            engine.close_over_limit(self.client, lag as usize);
        }
        is_over
    }
}

/// For how long nothing was heard of a replica of which something should be.
fn silence(replica: &Replica, now: Monotonic) -> Duration {
    match replica.stage {
        Stage::Streaming if !replica.is_old => now - replica.acked_at,
        Stage::Loading { .. } => replica.pace.stuck_for(now),
        _ => Duration::ZERO,
    }
}
