//! One node without persistence, a dozen clients with pipelines on registers and counters; connections are reset, links slow,
//! lossy, thin or cut, the node is paused, killed and started again, empty.
//!
//! First a phase with faults, then one without, in which every client must get answers again. Judged: every key is linearizable,
//! where a crash wipes all keys; the counters' sums; that the clients came to life again.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use seawall::runtime::Runtime;
use seawall_checker::timeline::Statistics;
use seawall_checker::totals::{self, Finding};
use seawall_checker::{History, StringKey, Verdict, linearizability};

use super::stage::{self, ADDRESS, NODE_IP};
use super::{Judgement, Report, Scenario, Settings};
use crate::nemesis::Fault;
use crate::options::Options;
use crate::plants::Plant;
use crate::runtime::SimRuntime;
use crate::simulation::{Outcome, Simulation};
use crate::workload::Recorder;
use crate::workload::strings::{self, Worker};

const NAME: &str = "single-node";
/// See the module.
pub(super) const SCENARIO: Scenario = Scenario {
    name: NAME,
    about: "one node without persistence; resets, slow and cut links, pauses, crashes; linearizability per key",
    run,
};

const CLIENTS: u8 = 12;
const FAULTS_LAST: Duration = Duration::from_secs(20);
/// A run in which fewer calls were answered proves nothing.
const ANSWERED_MIN: usize = 500;

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

/// The run. `Err` if clients were not served again after the faults.
async fn play(sim: Simulation, plant: Option<Plant>) -> (Result<(), String>, History) {
    let address = ADDRESS;
    let recorder = Recorder::new(&sim);
    let node = sim.add_node("node", NODE_IP, move || stage::serve(plant, stage::in_memory()));
    let stop = Rc::new(Cell::new(false));
    let mut rounds = Vec::new();
    let clients = (0..CLIENTS).map(|i| {
        let done = Rc::new(Cell::new(0));
        rounds.push(done.clone());
        let (sim_for_client, recorder, stop) = (sim.clone(), recorder.clone(), stop.clone());
        sim.add_node(&format!("client {i}"), [10, 0, 1, i + 1], move || {
            let random = sim_for_client.random("client", i.into());
            let (recorder, stop, rounds) = (recorder.clone(), stop.clone(), done.clone());
            Worker { address, recorder, random, stop, rounds }.work()
        })
    });
    let clients = clients.collect();
    stage::break_for(FAULTS_LAST, &Fault::ALL, &sim, node, clients, &recorder).await;
    let recovered = stage::recover(&rounds).await;
    stop.set(true);
    SimRuntime::sleep(Duration::from_secs(3)).await;
    let read = strings::read_all(address, &recorder).await;
    let outcome = recovered.and(read.map_err(|e| format!("the node did not answer in the end: {e}")));
    (outcome, recorder.history())
}

fn judge(history: &History) -> Judgement {
    let answered = Statistics::of(history).ok;
    if answered < ANSWERED_MIN {
        return Judgement::Inconclusive(format!("only {answered} calls were answered: nothing was tried"));
    }
    match linearizability::check(history, &StringKey, linearizability::STEPS_MAX) {
        Ok(Verdict::Linearizable { .. }) => judge_totals(history),
        Ok(Verdict::Violation(violation)) => Judgement::Failed(violation.to_string()),
        Ok(Verdict::Inconclusive { key, steps }) => Judgement::Inconclusive(format!(
            "key {}: no order found and none excluded in {steps} steps",
            String::from_utf8_lossy(&key)
        )),
        Err(malformed) => Judgement::Failed(format!("the history is malformed: {malformed}")),
    }
}

/// A second look, which shares nothing with the first: what is left of each key in the end.
fn judge_totals(history: &History) -> Judgement {
    for check in [totals::counter, totals::last_write] {
        let found = totals::check_keys(history, check).unwrap_or_default();
        for (_, finding) in found {
            if let Finding::Failed(mismatch) = finding {
                return Judgement::Failed(mismatch.to_string());
            }
        }
    }
    Judgement::Passed
}
