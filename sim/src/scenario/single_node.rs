//! One node without persistence, a dozen clients with pipelines on registers and counters; connections are reset, links slow,
//! lossy, thin or cut, the node is paused, killed and started again, empty.
//!
//! First a phase with faults, then one without, in which every client must get answers again. Judged: every key is linearizable,
//! where a crash wipes all keys; the counters' sums; that the clients came to life again.

use std::time::Duration;

use seawall_checker::timeline::Statistics;
use seawall_checker::totals::{self, Finding};
use seawall_checker::{History, StringKey};

use super::stage::{self, ADDRESS, Cast, Judged, NODE_IP, Part};
use super::{Judgement, Report, Scenario, Settings};
use crate::nemesis::Fault;
use crate::plants::Plant;
use crate::simulation::Simulation;
use crate::workload::Recorder;
use crate::workload::strings::{self, Worker};

const NAME: &str = "single-node";
/// See the module.
pub(super) const SCENARIO: Scenario = Scenario {
    name: NAME,
    about: "one node without persistence; resets, slow and cut links, pauses, crashes; linearizability per key",
    run,
};

const CAST: Cast = Cast { clients: 12, faults: &Fault::ALL, faults_last: Duration::from_secs(20) };
/// A run in which fewer calls were answered proves nothing.
const ANSWERED_MIN: usize = 500;

fn run(settings: Settings) -> Report {
    stage::run(NAME, settings, play, |history: History| Judged {
        judgement: judge(&history),
        summary: Statistics::of(&history).to_string(),
        history,
        loss: None,
    })
}

async fn play(sim: Simulation, plant: Option<Plant>) -> (Result<(), String>, History) {
    let recorder = Recorder::new(&sim);
    let node = sim.add_node("node", NODE_IP, move || stage::serve(plant, stage::in_memory()));
    let for_clients = recorder.clone();
    let work = move |Part { random, stop, rounds, .. }: Part| {
        Worker { address: ADDRESS, recorder: for_clients.clone(), random, stop, rounds }.work()
    };
    let recovered = CAST.perform(&sim, node, &recorder, work).await;
    let read = strings::read_all(ADDRESS, &recorder).await;
    let outcome = recovered.and(read.map_err(|e| format!("the node did not answer in the end: {e}")));
    (outcome, recorder.history())
}

fn judge(history: &History) -> Judgement {
    match stage::judge_order(history, &StringKey, "key", ANSWERED_MIN) {
        Judgement::Passed => judge_totals(history),
        other => other,
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
