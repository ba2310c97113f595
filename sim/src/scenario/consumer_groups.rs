//! One node, producers and consumers of one stream; connections are reset, links slow, lossy or cut, the node is paused.
//!
//! Judged: every entry whose XADD was answered is there, each was given to the group once as new, what was given out is pending
//! until it is acknowledged, and only then not.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use seawall_checker::History;
use seawall_checker::streams::{self, Log};

use super::stage::{self, ADDRESS, Cast, Judged, NODE_IP, Part};
use super::{Judgement, Report, Scenario, Settings};
use crate::nemesis::Fault;
use crate::plants::Plant;
use crate::simulation::Simulation;
use crate::workload::Recorder;
use crate::workload::groups::{self, Worker};

const NAME: &str = "consumer-groups";
/// See the module.
pub(super) const SCENARIO: Scenario = Scenario {
    name: NAME,
    about: "producers and consumers of one stream; resets, slow and cut links, pauses; nothing lost, nothing given out twice",
    run,
};

const CAST: Cast = Cast { clients: 8, faults: &Fault::HARMLESS, faults_last: Duration::from_secs(15) };
/// A run in which fewer entries were given out proves nothing.
const DELIVERED_MIN: usize = 100;

fn run(settings: Settings) -> Report {
    stage::run(NAME, settings, play, |log: Log| Judged {
        judgement: judge(&log),
        summary: summary(&log),
        history: History::new(),
        loss: None,
    })
}

fn summary(Log { added, delivered, claimed, acknowledged, .. }: &Log) -> String {
    format!(
        "{} entries added, {} given out, {} taken over, {} acknowledged",
        added.len(),
        delivered.len(),
        claimed.len(),
        acknowledged.len()
    )
}

async fn play(sim: Simulation, plant: Option<Plant>) -> (Result<(), String>, Log) {
    let log = Rc::new(RefCell::new(Log::default()));
    let node = sim.add_node("node", NODE_IP, move || stage::serve(plant, stage::in_memory()));
    if let Err(e) = groups::create(ADDRESS).await {
        return (Err(format!("the group is not made: {e}")), Log::default());
    }
    let for_clients = log.clone();
    let work = move |Part { number, random, stop, rounds }: Part| {
        Worker { number, address: ADDRESS, log: for_clients.clone(), random, stop, rounds }.work()
    };
    let recovered = CAST.perform(&sim, node, &Recorder::new(&sim), work).await;
    let read = groups::read_all(ADDRESS, &log).await;
    let outcome = recovered.and(read.map_err(|e| format!("the node did not answer in the end: {e}")));
    let log = log.borrow().clone();
    (outcome, log)
}

fn judge(log: &Log) -> Judgement {
    if log.delivered.len() < DELIVERED_MIN {
        return Judgement::Inconclusive(format!("only {} entries were given out", log.delivered.len()));
    }
    match streams::check(log) {
        Ok(()) => Judgement::Passed,
        Err(why) => Judgement::Failed(why),
    }
}
