//! A script that runs for long: it works in slices, and between them others are heard.
//!
//! This client is read no further until its script has ended. Nobody else's requests touch data meanwhile; they wait, or are
//! told that the node is busy, and may have the script killed.

use std::time::Duration;

use super::{Connection, now};
use crate::engine::Flow;
use crate::node::jobs;
use crate::runtime::Runtime;

/// What a slice is taken to last where the clock stands still while the program works.
const SLICE: Duration = Duration::from_millis(10);

impl<R: Runtime> Connection<R> {
    /// Runs the script of this client to its end.
    pub(super) async fn run_script(&mut self) {
        let (mut begun, shared) = (R::now(), self.shared.clone());
        loop {
            if R::now() == begun {
                R::sleep(SLICE).await;
            } else {
                R::yield_now().await;
            }
            begun = R::now();
            let flow = self.shared.engine.borrow_mut().resume_script(self.output.buffer(), now::<R>());
            self.shared.deliver();
            match flow {
                Flow::Script => {}
                // What a transaction around the script has left to the node.
                Flow::Job(job) => break jobs::run(&shared, job, self.client, self.output.buffer()).await,
                Flow::SilentJob(job) => break jobs::run(&shared, job, self.client, &mut Vec::new()).await,
                _ => break,
            }
        }
        self.unparsed = !self.input.is_empty();
    }
}
