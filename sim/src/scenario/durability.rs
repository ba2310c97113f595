//! One node with a mode of persistence, clients whose writes can be looked for, a disk with faults; the node is killed, loses
//! its power, also in the middle of a save or of coming back.
//!
//! Judged after each restart, from what clients were told alone: what the mode promises is kept, what is kept is what was there
//! at some moment, transactions are whole, what expired stays away.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use seawall::config::Config;
use seawall::runtime::Runtime;
use seawall_checker::History;
use seawall_checker::durability::{self, Log, Promise, Reading};

use super::stage::{self, ADDRESS, Judged, NODE_IP};
use super::{Judgement, Report, Scenario, Settings};
use crate::NodeId;
use crate::ground::Status;
use crate::plants::Plant;
use crate::runtime::SimRuntime;
use crate::simulation::Simulation;
use crate::workload::durable::{self, Journal, Keeper, Worker};
use crate::wrecker::{Asked, DiskFault, Wrecker};

/// A mode of persistence.
struct Mode {
    name: &'static str,
    /// Lines of redis.conf.
    config: &'static str,
    promise: Promise,
    faults: &'static [DiskFault],
    /// What is asked for now and then.
    keeping: &'static [&'static str],
    /// Whether the node saves by itself, too.
    saves_itself: bool,
}

/// Without persistence: nothing is there after a crash.
pub(super) const NONE: Scenario = Scenario {
    name: "durability-none",
    about: "one node without persistence, killed and without power; nothing is there again, half or whole",
    run: |settings| run(&WITHOUT, settings, |sim, plant| play(sim, plant, &WITHOUT)),
};
/// Snapshots that are asked for.
pub(super) const RDB: Scenario = Scenario {
    name: "durability-rdb",
    about: "one node with snapshots, faults of its disk, crashes at every step; the state of a save point, whole",
    run: |settings| run(&SNAPSHOTS, settings, |sim, plant| play(sim, plant, &SNAPSHOTS)),
};
/// Snapshots that the node takes by itself.
pub(super) const SAVE_POINTS: Scenario = Scenario {
    name: "durability-save-points",
    about: "one node that saves by itself, faults of its disk, crashes at every step; the state of a save point, whole",
    run: |settings| run(&SELF_SAVING, settings, |sim, plant| play(sim, plant, &SELF_SAVING)),
};
/// The append log, synced before every reply.
pub(super) const ALWAYS: Scenario = Scenario {
    name: "durability-always",
    about: "one node with appendfsync always, faults of its disk, crashes at every step; nothing acknowledged is lost",
    run: |settings| run(&LOG_ALWAYS, settings, |sim, plant| play(sim, plant, &LOG_ALWAYS)),
};
/// The append log, synced every second.
pub(super) const EVERY_SECOND: Scenario = Scenario {
    name: "durability-everysec",
    about: "one node with appendfsync everysec, faults of its disk, crashes at every step; two seconds are lost at most",
    run: |settings| run(&LOG_EVERY_SECOND, settings, |sim, plant| play(sim, plant, &LOG_EVERY_SECOND)),
};

const WITHOUT: Mode = Mode {
    name: "durability-none",
    config: "save \"\"\nappendonly no",
    promise: Promise::None,
    faults: &[DiskFault::Nothing],
    keeping: &[],
    saves_itself: false,
};
const SNAPSHOTS: Mode = Mode {
    name: "durability-rdb",
    promise: Promise::SnapshotOnly,
    faults: DiskFault::ALL,
    keeping: &["SAVE", "BGSAVE"],
    ..WITHOUT
};
const SELF_SAVING: Mode = Mode {
    name: "durability-save-points",
    config: "save 1 10\nappendonly no",
    saves_itself: true,
    ..SNAPSHOTS
};
const LOG_ALWAYS: Mode = Mode {
    name: "durability-always",
    config: "save \"\"\nappendonly yes\nappendfsync always",
    promise: Promise::Always,
    keeping: &["BGREWRITEAOF"],
    ..SNAPSHOTS
};
const LOG_EVERY_SECOND: Mode = Mode {
    name: "durability-everysec",
    config: "save \"\"\nappendonly yes\nappendfsync everysec",
    // A process that ends by itself is found to have ended a little later.
    promise: Promise::EverySec { window: Duration::from_millis(2005) },
    ..LOG_ALWAYS
};

const CLIENTS: u8 = 5;
const LIVES: u32 = 4;
/// A run in which fewer units were answered proves nothing.
const ANSWERED_MIN: usize = 100;
/// Within this time a node serves again once nothing stands in its way.
const RETURN_MAX: Duration = Duration::from_secs(20);

fn run<F>(mode: &Mode, settings: Settings, play: fn(Simulation, Option<Plant>) -> F) -> Report
where
    F: Future<Output = (Result<(), String>, Log)> + 'static,
{
    stage::run(mode.name, settings, play, judge)
}

fn judge(log: Log) -> Judged {
    let (judgement, summary) = match durability::check(&log) {
        Ok(statistics) if statistics.acknowledged < ANSWERED_MIN => {
            let why = format!("only {} units were answered: nothing was tried", statistics.acknowledged);
            (Judgement::Inconclusive(why), statistics.to_string())
        }
        Ok(statistics) => (Judgement::Passed, statistics.to_string()),
        Err(broken) => (Judgement::Failed(broken.text), format!("{} units", log.units().len())),
    };
    Judged { judgement, summary, history: History::new() }
}

/// The run. `Err` if the node does not serve again.
async fn play(sim: Simulation, plant: Option<Plant>, mode: &'static Mode) -> (Result<(), String>, Log) {
    let node = sim.add_node("node", NODE_IP, move || stage::serve_while_it_can(plant, config(mode)));
    let mut random = sim.random("durability", 0);
    sim.change_disk(node, |disk| {
        disk.names_in_order = random.below(2) == 0;
        disk.lies = plant.map(Plant::lies).unwrap_or_default();
    });
    let journal = Journal::new(&sim, node);
    let (gate, stop) = (Rc::new(Cell::new(true)), Rc::new(Cell::new(false)));
    let asked = Rc::new(Asked::default());
    add_clients(&sim, &journal, mode, (&gate, &stop), &asked);
    let random = sim.random("wrecker", 0);
    let fault = DiskFault::Nothing;
    let mut wrecker = Wrecker { simulation: sim.clone(), node, random, faults: mode.faults, asked, fault };
    for _ in 0..LIVES {
        if mode.saves_itself {
            journal.saves_itself();
        }
        let crashed = wrecker.end_life().await;
        gate.set(false);
        wrecker.revive().await;
        match read(&sim, node, &journal).await {
            Ok(reading) => journal.restart(crashed, mode.promise, reading),
            Err(why) => return (Err(format!("after the crash at {crashed:?}: {why}")), journal.log()),
        }
        gate.set(true);
    }
    stop.set(true);
    (Ok(()), journal.log())
}

fn config(mode: &Mode) -> Config {
    let mut config = Config::default();
    // Small thresholds, so that large encodings are met.
    let text = format!("{}\nlist-max-listpack-size 3\nset-max-listpack-entries 3\n", mode.config);
    let loaded = config.load(mode.name, text.as_bytes(), &mut |_| Ok(Vec::new()));
    loaded.unwrap_or_else(|e| panic!("the configuration of {} is refused: {e:?}", mode.name));
    config
}

type Flag = Rc<Cell<bool>>;

fn add_clients(
    sim: &Simulation,
    journal: &Journal,
    mode: &'static Mode,
    (gate, stop): (&Flag, &Flag),
    asked: &Rc<Asked>,
) {
    for number in 0..CLIENTS {
        let (world, journal, gate, stop) = (sim.clone(), journal.clone(), gate.clone(), stop.clone());
        sim.add_node(&format!("client {number}"), [10, 0, 1, number + 1], move || {
            let random = world.random("client", number.into());
            let (journal, gate, stop) = (journal.clone(), gate.clone(), stop.clone());
            Worker { address: ADDRESS, journal, random, gate, stop }.work()
        });
    }
    let (world, journal, gate, stop) = (sim.clone(), journal.clone(), gate.clone(), stop.clone());
    let asked = asked.clone();
    sim.add_node("keeper", [10, 0, 2, 1], move || {
        let random = world.random("keeper", 0);
        let (journal, gate, stop, asking) = (journal.clone(), gate.clone(), stop.clone(), asked.clone());
        let commands = mode.keeping;
        Keeper { address: ADDRESS, journal, random, gate, stop, commands, asking }.work()
    });
}

/// Reads everything as soon as the node serves.
async fn read(sim: &Simulation, node: NodeId, journal: &Journal) -> Result<Reading, String> {
    let deadline = SimRuntime::now() + RETURN_MAX;
    loop {
        let trouble = match durable::read_all(ADDRESS, journal).await {
            Ok(reading) => return Ok(reading),
            Err(trouble) => trouble,
        };
        if sim.status(node) == Status::Ended {
            return Err("the node has ended, and nothing stood in its way".into());
        }
        if SimRuntime::now() > deadline {
            return Err(format!("the node does not serve within {RETURN_MAX:?}: {trouble}"));
        }
        SimRuntime::sleep(Duration::from_millis(50)).await;
    }
}
