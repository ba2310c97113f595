//! One node without persistence, a few clients on lists, sets, hashes, sorted sets and accounts, with blocking commands,
//! transactions and scripts; the faults of `single-node`.
//!
//! The encodings change at three elements, so that both forms of every type are met. Judged: each group of keys behaved like
//! one copy on which every call, transaction and script took effect at once, or like one wiped by a crash.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use seawall::config::Config;
use seawall::runtime::Runtime;
use seawall_checker::timeline::Statistics;
use seawall_checker::{History, Store, Verdict, linearizability};

use super::stage::{self, ADDRESS, NODE_IP};
use super::{Judgement, Report, Scenario, Settings};
use crate::nemesis::Fault;
use crate::options::Options;
use crate::plants::Plant;
use crate::runtime::SimRuntime;
use crate::simulation::{Outcome, Simulation};
use crate::workload::Recorder;
use crate::workload::data::{self, Worker};

const NAME: &str = "data-types";
/// See the module.
pub(super) const SCENARIO: Scenario = Scenario {
    name: NAME,
    about: "lists, sets, hashes, sorted sets, transactions, scripts, blocking commands; the faults of single-node",
    run,
};

const CLIENTS: u8 = 6;
const FAULTS_LAST: Duration = Duration::from_secs(15);
/// A run in which fewer calls were answered proves nothing.
const ANSWERED_MIN: usize = 300;

fn run(settings: Settings) -> Report {
    let plant = settings.plant;
    let report = Simulation::run(settings.seed, Options::default(), move |sim| play(sim, plant));
    let (judgement, history) = match report.outcome {
        Outcome::Finished((Ok(()), history)) => (judge(&history), history),
        Outcome::Finished((Err(stuck), history)) => (Judgement::Failed(stuck), history),
        Outcome::Panicked(message) => (Judgement::Failed(format!("panicked: {message}")), History::new()),
    };
    Report {
        scenario: NAME,
        settings,
        judgement,
        trace_hash: report.trace_hash,
        trace_entries: report.trace_entries,
        virtual_time: report.virtual_time,
        summary: Statistics::of(&history).to_string(),
        coverage: report.coverage,
        history,
    }
}

/// Small thresholds, so that large encodings are met.
fn config() -> Config {
    let mut config = stage::in_memory();
    config.list_max_listpack_size = 3;
    config.set_max_listpack_entries = 3;
    config.hash_max_listpack_entries = 3;
    config.zset_max_listpack_entries = 3;
    config
}

/// The run. `Err` if clients were not served again after the faults.
async fn play(sim: Simulation, plant: Option<Plant>) -> (Result<(), String>, History) {
    let recorder = Recorder::new(&sim);
    let node = sim.add_node("node", NODE_IP, move || stage::serve(plant, config()));
    let stop = Rc::new(Cell::new(false));
    let mut rounds = Vec::new();
    let clients = (0..CLIENTS).map(|i| {
        let done = Rc::new(Cell::new(0));
        rounds.push(done.clone());
        let (sim_for_client, recorder, stop) = (sim.clone(), recorder.clone(), stop.clone());
        sim.add_node(&format!("client {i}"), [10, 0, 1, i + 1], move || {
            let random = sim_for_client.random("client", i.into());
            let (recorder, stop, rounds) = (recorder.clone(), stop.clone(), done.clone());
            Worker { address: ADDRESS, recorder, random, stop, rounds }.work()
        })
    });
    let clients = clients.collect();
    stage::break_for(FAULTS_LAST, &Fault::ALL, &sim, node, clients, &recorder).await;
    let recovered = stage::recover(&rounds).await;
    stop.set(true);
    SimRuntime::sleep(Duration::from_secs(3)).await;
    let read = data::read_all(ADDRESS, &recorder).await;
    let outcome = recovered.and(read.map_err(|e| format!("the node did not answer in the end: {e}")));
    (outcome, recorder.history())
}

fn judge(history: &History) -> Judgement {
    let answered = Statistics::of(history).ok;
    if answered < ANSWERED_MIN {
        return Judgement::Inconclusive(format!("only {answered} calls were answered: nothing was tried"));
    }
    match linearizability::check(history, &Store, linearizability::STEPS_MAX) {
        Ok(Verdict::Linearizable { .. }) => Judgement::Passed,
        Ok(Verdict::Violation(violation)) => Judgement::Failed(violation.to_string()),
        Ok(Verdict::Inconclusive { key, steps }) => Judgement::Inconclusive(format!(
            "group {}: no order found and none excluded in {steps} steps",
            String::from_utf8_lossy(&key)
        )),
        Err(malformed) => Judgement::Failed(format!("the history is malformed: {malformed}")),
    }
}
