//! What scenarios with one node have in common: the node, the time of faults, the return to life.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use seawall::config::Config;
use seawall::engine::Identity;
use seawall::node::{Node, Options as NodeOptions};
use seawall::runtime::Runtime;

use crate::nemesis::{Fault, Nemesis};
use crate::plants::{self, Plant};
use crate::runtime::SimRuntime;
use crate::simulation::Simulation;
use crate::workload::Recorder;

/// Where the node is.
pub(super) const NODE_IP: [u8; 4] = [10, 0, 0, 1];
/// Where it listens.
pub(super) const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 6379);
/// Within this time after the last fault every client must have been answered.
const RECOVERY_MAX: Duration = Duration::from_secs(10);

/// What a node is told that keeps its data in memory only.
pub(super) fn in_memory() -> Config {
    let mut config = Config::default();
    config.save.0.clear();
    config
}

/// The node's process.
pub(super) async fn serve(plant: Option<Plant>, mut config: Config) {
    // Its clients come from other machines, and there is no password.
    config.protected_mode = false;
    let options = NodeOptions {
        config,
        table: plants::table(plant),
        host: Box::new(|_, _| ()),
        identity: Identity::default(),
    };
    match Node::<SimRuntime>::start(options) {
        Ok(node) => match node.stopped().await {
            Ok(()) => {}
            Err(e) => panic!("the node cannot go on: {e}"),
        },
        Err(e) => panic!("the node does not start: {e}"),
    }
}

/// Lets the nemesis work for so long, with these faults; the world is healthy afterwards.
pub(super) async fn break_for(
    lasting: Duration,
    faults: &'static [Fault],
    sim: &Simulation,
    node: crate::NodeId,
    clients: Vec<crate::NodeId>,
    recorder: &Recorder,
) {
    let stop = Rc::new(Cell::new(false));
    let nemesis = Nemesis {
        simulation: sim.clone(),
        node,
        clients,
        faults,
        recorder: recorder.clone(),
        random: sim.random("nemesis", 0),
        stop: stop.clone(),
    };
    let stopper = async move {
        SimRuntime::sleep(lasting).await;
        stop.set(true);
    };
    SimRuntime::spawn(stopper);
    nemesis.rage().await;
}

/// Waits until every client was answered at least twice more.
pub(super) async fn recover(rounds: &[Rc<Cell<u64>>]) -> Result<(), String> {
    let before: Vec<u64> = rounds.iter().map(|done| done.get()).collect();
    let deadline = SimRuntime::now() + RECOVERY_MAX;
    loop {
        let stuck: Vec<usize> = (0..rounds.len()).filter(|i| rounds[*i].get() < before[*i] + 2).collect();
        if stuck.is_empty() {
            return Ok(());
        }
        if SimRuntime::now() > deadline {
            return Err(format!("{RECOVERY_MAX:?} after the last fault, clients {stuck:?} are not served"));
        }
        SimRuntime::sleep(Duration::from_millis(50)).await;
    }
}
