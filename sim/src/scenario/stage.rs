//! What scenarios with one node have in common: the node, clients at work, the time of faults, the return to life, the report.

use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use seawall::config::Config;
use seawall::runtime::Runtime;
use seawall_checker::timeline::Statistics;
use seawall_checker::{History, Model, Verdict, linearizability, loss};

use super::{Judgement, Report, Settings};
use crate::NodeId;
use crate::nemesis::{Fault, Nemesis};
use crate::options::Options;
use crate::plants::Plant;
use crate::random::Random;
use crate::runtime::SimRuntime;
use crate::server;
use crate::simulation::{Outcome, Simulation};
use crate::workload::Recorder;

/// Where the node is.
pub(super) const NODE_IP: [u8; 4] = [10, 0, 0, 1];
/// Where it listens.
pub(super) const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), 6379);
/// Within this time after the last fault every client must have been answered.
const RECOVERY_MAX: Duration = Duration::from_secs(10);
/// Within this time clients have stopped.
const STOPPING_LASTS: Duration = Duration::from_secs(3);

/// What a run has left, judged.
pub(super) struct Judged {
    pub judgement: Judgement,
    /// In one line.
    pub summary: String,
    pub history: History,
    /// Where it is measured.
    pub loss: Option<loss::Report>,
}

/// Runs a scenario whose `play` gives what was seen, or `Err` if clients were not served again after the faults.
pub(super) fn run<T, F>(
    scenario: &'static str,
    settings: Settings,
    play: fn(Simulation, Option<Plant>) -> F,
    judge: fn(T) -> Judged,
) -> Report
where
    T: Default + Send + 'static,
    F: Future<Output = (Result<(), String>, T)> + 'static,
{
    let plant = settings.plant;
    let report = Simulation::run(settings.seed, Options::default(), move |sim| play(sim, plant));
    let (trouble, seen) = match report.outcome {
        Outcome::Finished((outcome, seen)) => (outcome.err(), seen),
        Outcome::Panicked(message) => (Some(format!("panicked: {message}")), T::default()),
    };
    let Judged { judgement, summary, history, loss } = judge(seen);
    Report {
        scenario,
        settings,
        judgement: trouble.map_or(judgement, Judgement::Failed),
        trace_hash: report.trace_hash,
        trace_entries: report.trace_entries,
        virtual_time: report.virtual_time,
        summary,
        coverage: report.coverage,
        history,
        loss,
    }
}

/// Whether each key, or what `of` calls what stands for itself, behaved as one copy would; nothing is proved where fewer calls
/// than `answered_min` were answered.
pub(super) fn judge_order<M: Model>(
    history: &History,
    model: &M,
    of: &str,
    answered_min: usize,
) -> Judgement {
    let answered = Statistics::of(history).ok;
    if answered < answered_min {
        return Judgement::Inconclusive(format!("only {answered} calls were answered: nothing was tried"));
    }
    match linearizability::check(history, model, linearizability::STEPS_MAX) {
        Ok(Verdict::Linearizable { .. }) => Judgement::Passed,
        Ok(Verdict::Violation(violation)) => Judgement::Failed(violation.to_string()),
        Ok(Verdict::Inconclusive { key, steps }) => Judgement::Inconclusive(format!(
            "{of} {}: no order found and none excluded in {steps} steps",
            String::from_utf8_lossy(&key)
        )),
        Err(malformed) => Judgement::Failed(format!("the history is malformed: {malformed}")),
    }
}

/// A client's part in the play.
pub(super) struct Part {
    pub number: u8,
    /// Its own random numbers.
    pub random: Random,
    /// Set when it shall stop.
    pub stop: Rc<Cell<bool>>,
    /// What was answered so far: it has to rise after the faults.
    pub rounds: Rc<Cell<u64>>,
}

/// Clients that work while faults come and go.
pub(super) struct Cast {
    pub clients: u8,
    pub faults: &'static [Fault],
    pub faults_last: Duration,
}

impl Cast {
    /// Has the clients work until they are served again after the faults, and then stop. `Err` if they are not served.
    pub async fn perform<F: Future<Output = ()> + 'static>(
        self,
        sim: &Simulation,
        node: NodeId,
        recorder: &Recorder,
        work: impl Fn(Part) -> F + Clone + 'static,
    ) -> Result<(), String> {
        let stop = Rc::new(Cell::new(false));
        let mut rounds = Vec::new();
        let clients = (0..self.clients).map(|number| {
            let done = Rc::new(Cell::new(0));
            rounds.push(done.clone());
            let (sim_for_client, stop, work) = (sim.clone(), stop.clone(), work.clone());
            sim.add_node(&format!("client {number}"), [10, 0, 1, number + 1], move || {
                let random = sim_for_client.random("client", number.into());
                work(Part { number, random, stop: stop.clone(), rounds: done.clone() })
            })
        });
        let clients = clients.collect();
        break_for(self.faults_last, self.faults, sim, node, clients, recorder).await;
        let recovered = recover(&rounds).await;
        stop.set(true);
        SimRuntime::sleep(STOPPING_LASTS).await;
        recovered
    }
}

/// What a node is told that keeps its data in memory only.
pub(super) fn in_memory() -> Config {
    let mut config = Config::default();
    config.save.0.clear();
    config
}

/// The node's process. It has to start, and to go on.
pub(super) async fn serve(plant: Option<Plant>, config: Config) {
    let ended = match server::start(plant, config) {
        Ok(node) => node.stopped().await,
        Err(e) => panic!("the node does not start: {e}"),
    };
    if let Err(e) = ended {
        panic!("the node cannot go on: {e}");
    }
}

/// The node's process, which may end before it serves: when its disk fails it, or when it is struck while it starts.
pub(super) async fn serve_while_it_can(plant: Option<Plant>, config: Config) {
    if let Ok(node) = server::start(plant, config) {
        // The end is all that the world sees of it.
        let _ = node.stopped().await;
    }
}

/// Lets the nemesis work for so long, with these faults; the world is healthy afterwards.
async fn break_for(
    lasting: Duration,
    faults: &'static [Fault],
    sim: &Simulation,
    node: NodeId,
    clients: Vec<NodeId>,
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
async fn recover(rounds: &[Rc<Cell<u64>>]) -> Result<(), String> {
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
