//! One node without persistence, a few clients on lists, sets, hashes, sorted sets and accounts, with blocking commands,
//! transactions and scripts; the faults of `single-node`.
//!
//! The encodings change at three elements, so that both forms of every type are met. Judged: each group of keys behaved like
//! one copy on which every call, transaction and script took effect at once, or like one wiped by a crash.

use std::time::Duration;

use seawall::config::Config;
use seawall_checker::timeline::Statistics;
use seawall_checker::{History, Store};

use super::stage::{self, ADDRESS, Cast, Judged, NODE_IP, Part};
use super::{Judgement, Report, Scenario, Settings};
use crate::nemesis::Fault;
use crate::plants::Plant;
use crate::simulation::Simulation;
use crate::workload::Recorder;
use crate::workload::data::{self, Worker};

const NAME: &str = "data-types";
/// See the module.
pub(super) const SCENARIO: Scenario = Scenario {
    name: NAME,
    about: "lists, sets, hashes, sorted sets, transactions, scripts, blocking commands; the faults of single-node",
    run,
};

const CAST: Cast = Cast { clients: 6, faults: &Fault::ALL, faults_last: Duration::from_secs(15) };
/// A run in which fewer calls were answered proves nothing.
const ANSWERED_MIN: usize = 300;

fn run(settings: Settings) -> Report {
    stage::run(NAME, settings, play, |history: History| Judged {
        judgement: judge(&history),
        summary: Statistics::of(&history).to_string(),
        history,
        loss: None,
    })
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

async fn play(sim: Simulation, plant: Option<Plant>) -> (Result<(), String>, History) {
    let recorder = Recorder::new(&sim);
    let node = sim.add_node("node", NODE_IP, move || stage::serve(plant, config()));
    let for_clients = recorder.clone();
    let work = move |Part { random, stop, rounds, .. }: Part| {
        Worker { address: ADDRESS, recorder: for_clients.clone(), random, stop, rounds }.work()
    };
    let recovered = CAST.perform(&sim, node, &recorder, work).await;
    let read = data::read_all(ADDRESS, &recorder).await;
    let outcome = recovered.and(read.map_err(|e| format!("the node did not answer in the end: {e}")));
    (outcome, recorder.history())
}

fn judge(history: &History) -> Judgement {
    stage::judge_order(history, &Store, "group", ANSWERED_MIN)
}
