//! What must come about once enough is sound, within which time; what is waited for, if it does not.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use seawall::runtime::Runtime;

use super::Play;
use crate::deployment::Number;
use crate::runtime::SimRuntime;
use crate::workload::replicated::lay_ballast;

/// All replicas are there within this time after the start.
const START_MAX: Duration = Duration::from_secs(30);
/// Breakers have put back what they broke within this time.
const END_MAX: Duration = Duration::from_secs(20);
/// The core has one primary, follows it, and serves, within this time after the network is whole. Links notice a silent end after
/// `repl-timeout` (5 s at most), ask again each second, and wait for what a lost segment costs (TCP doubles its time-out).
const CONVERGENCE_MAX: Duration = Duration::from_secs(60);
/// All data are equal within this time after the last write.
const EQUALITY_MAX: Duration = Duration::from_secs(60);
const PERIOD: Duration = Duration::from_millis(20);

impl Play {
    /// All replicas follow the first node.
    pub(super) async fn come_together(&self) -> Result<(), String> {
        let all: Vec<Number> = (0..self.deployment.len()).collect();
        lay_ballast(&self.office).await.map_err(|e| format!("the first writes fail: {e}"))?;
        wait(self, START_MAX, "at the start", || in_order(self, &all)).await
    }
}

/// Breakers have ended.
pub(super) async fn ended(play: &Play, raging: Rc<Cell<usize>>) -> Result<(), String> {
    let done = || match raging.get() {
        0 => Ok(()),
        left => Err(format!("{left} faults have not ended")),
    };
    wait(play, END_MAX, "after the faults", done).await
}

/// The core has one primary that the others follow, and every writer is served.
pub(super) async fn converge(play: &Play, core: &[Number]) -> Result<(), String> {
    let before: Vec<u64> = play.rounds.iter().map(|done| done.get()).collect();
    let done = || {
        in_order(play, core)?;
        served(play, &before)
    };
    wait(play, CONVERGENCE_MAX, "with a sound core", done).await
}

/// The same for all nodes.
pub(super) async fn all_served(play: &Play) -> Result<(), String> {
    let all: Vec<Number> = (0..play.deployment.len()).collect();
    converge(play, &all).await
}

/// Nobody writes any more, and all nodes hold the same.
pub(super) async fn all_equal(play: &Play) -> Result<(), String> {
    let done = || {
        let places: Vec<_> = (0..play.deployment.len())
            .map(|node| play.deployment.look(node).map(|look| (look.id(), look.offset)))
            .collect();
        if places.iter().any(|place| place.is_none() || *place != places[0]) {
            return Err("the nodes are not at one offset of one history".to_owned());
        }
        let data: Vec<_> = (0..play.deployment.len()).map(|node| play.deployment.fingerprint(node)).collect();
        if data.iter().any(|sum| *sum != data[0]) {
            return Err("the nodes hold different data".to_owned());
        }
        Ok(())
    };
    wait(play, EQUALITY_MAX, "after the last write", done).await
}

/// Whether these nodes have one primary, the one that the operator names, and follow it, over others perhaps.
fn in_order(play: &Play, nodes: &[Number]) -> Result<(), String> {
    let primary = play.office.primary.get();
    for node in nodes {
        let look = play.deployment.look(*node).ok_or(format!("node {node} does not run"))?;
        if *node == primary {
            if look.upstream.is_some() {
                return Err(format!("node {node} is to be the primary, and is a replica"));
            }
        } else if look.upstream.is_none() {
            return Err(format!("node {node} is to be a replica, and is a primary"));
        } else if !look.is_connected() || !look.is_settled {
            return Err(format!("node {node} does not follow its primary yet"));
        }
    }
    let history = play.deployment.look(primary).map(|look| look.id());
    let strays = nodes.iter().filter(|node| play.deployment.look(**node).map(|look| look.id()) != history);
    match strays.into_iter().next() {
        Some(stray) => Err(format!("node {stray} follows another history than the primary's")),
        None => Ok(()),
    }
}

/// Whether every writer was answered twice more.
fn served(play: &Play, before: &[u64]) -> Result<(), String> {
    let stuck: Vec<usize> = (0..before.len()).filter(|i| play.rounds[*i].get() < before[*i] + 2).collect();
    if stuck.is_empty() { Ok(()) } else { Err(format!("writers {stuck:?} are not served")) }
}

async fn wait(
    play: &Play,
    max: Duration,
    when: &str,
    done: impl Fn() -> Result<(), String>,
) -> Result<(), String> {
    let deadline = play.deployment.now() + max;
    loop {
        if let Some(broken) = play.onlooker.broken() {
            return Err(broken);
        }
        let Err(what) = done() else { return Ok(()) };
        if play.deployment.now() > deadline {
            let nodes = play.deployment.describe_all();
            let primary = play.office.primary.get();
            return Err(format!(
                "no convergence {when} within {max:?}: {what}\nthe primary is node {primary}\n{nodes}"
            ));
        }
        SimRuntime::sleep(PERIOD).await;
    }
}
