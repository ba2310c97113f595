//! One node, producers and consumers of one stream; connections are reset, links slow, lossy or cut, the node is paused.
//!
//! Judged: every entry whose XADD was answered is there, each was given to the group once as new, what was given out is pending
//! until it is acknowledged, and only then not.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use seawall::runtime::Runtime;
use seawall_checker::History;
use seawall_checker::streams::{self, Log};

use super::stage::{self, ADDRESS, NODE_IP};
use super::{Judgement, Report, Scenario, Settings};
use crate::nemesis::Fault;
use crate::options::Options;
use crate::plants::Plant;
use crate::runtime::SimRuntime;
use crate::simulation::{Outcome, Simulation};
use crate::workload::Recorder;
use crate::workload::groups::{self, Worker};

const NAME: &str = "consumer-groups";
/// See the module.
pub(super) const SCENARIO: Scenario = Scenario {
    name: NAME,
    about: "producers and consumers of one stream; resets, slow and cut links, pauses; nothing lost, nothing given out twice",
    run,
};

const CLIENTS: u8 = 8;
const FAULTS_LAST: Duration = Duration::from_secs(15);
/// A run in which fewer entries were given out proves nothing.
const DELIVERED_MIN: usize = 100;

fn run(settings: Settings) -> Report {
    let plant = settings.plant;
    let report = Simulation::run(settings.seed, Options::default(), move |sim| play(sim, plant));
    let (judgement, log) = match report.outcome {
        Outcome::Finished((Ok(()), log)) => (judge(&log), log),
        Outcome::Finished((Err(stuck), log)) => (Judgement::Failed(stuck), log),
        Outcome::Panicked(message) => (Judgement::Failed(format!("panicked: {message}")), Log::default()),
    };
    let Log { added, delivered, claimed, acknowledged, .. } = &log;
    Report {
        scenario: NAME,
        settings,
        judgement,
        trace_hash: report.trace_hash,
        trace_entries: report.trace_entries,
        virtual_time: report.virtual_time,
        summary: format!(
            "{} entries added, {} given out, {} taken over, {} acknowledged",
            added.len(),
            delivered.len(),
            claimed.len(),
            acknowledged.len()
        ),
        coverage: report.coverage,
        history: History::new(),
    }
}

/// The run. `Err` if clients were not served again after the faults.
async fn play(sim: Simulation, plant: Option<Plant>) -> (Result<(), String>, Log) {
    let log = Rc::new(RefCell::new(Log::default()));
    let node = sim.add_node("node", NODE_IP, move || stage::serve(plant, stage::in_memory()));
    if let Err(e) = groups::create(ADDRESS).await {
        return (Err(format!("the group is not made: {e}")), Log::default());
    }
    let stop = Rc::new(Cell::new(false));
    let mut rounds = Vec::new();
    let clients = (0..CLIENTS).map(|number| {
        let done = Rc::new(Cell::new(0));
        rounds.push(done.clone());
        let (sim_for_client, log, stop) = (sim.clone(), log.clone(), stop.clone());
        sim.add_node(&format!("client {number}"), [10, 0, 1, number + 1], move || {
            let random = sim_for_client.random("client", number.into());
            let (log, stop, rounds) = (log.clone(), stop.clone(), done.clone());
            Worker { number, address: ADDRESS, log, random, stop, rounds }.work()
        })
    });
    let clients = clients.collect();
    let recorder = Recorder::new(&sim);
    stage::break_for(FAULTS_LAST, &Fault::HARMLESS, &sim, node, clients, &recorder).await;
    let recovered = stage::recover(&rounds).await;
    stop.set(true);
    SimRuntime::sleep(Duration::from_secs(3)).await;
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
