//! One node with a mode of persistence, clients whose writes can be looked for, a disk with faults; the node is killed, loses
//! its power, is told to end, also in the middle of a save, of a rewrite or of coming back.
//!
//! Judged after each restart, from what clients were told alone: what the mode promises is kept, what is kept is what was there
//! at some moment, transactions are whole, what expired stays away.

mod modes;

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
use crate::operator;
use crate::plants::Plant;
use crate::runtime::SimRuntime;
use crate::simulation::Simulation;
use crate::workload::durable::{self, Journal, Worker};
use crate::workload::keeper::{Keeper, Weakening};
use crate::wrecker::{Asked, DiskFault, End, Wrecker};
use modes::Mode;

macro_rules! scenarios {
    ($($(#[$doc:meta])* $name:ident, $mode:ident: $about:literal;)*) => {
        $($(#[$doc])* pub(super) const $name: Scenario = Scenario {
            name: modes::$mode.name,
            about: $about,
            run: |settings| run(&modes::$mode, settings, |sim, plant| play(sim, plant, &modes::$mode)),
        };)*
    };
}

scenarios! {
    /// Without persistence: nothing is there after a crash.
    NONE, WITHOUT: "one node without persistence, killed and without power; nothing is there again, half or whole";
    /// Snapshots that are asked for.
    RDB, SNAPSHOTS: "one node with snapshots, faults of its disk, crashes at every step; the state of a save point, whole";
    /// Snapshots that the node takes by itself.
    SAVE_POINTS, SELF_SAVING:
        "one node that saves by itself, faults of its disk, crashes at every step; the state of a save point, whole";
    /// The append log, synced before every reply.
    ALWAYS, LOG_ALWAYS:
        "one node with appendfsync always, faults of its disk, crashes at every step; nothing acknowledged is lost";
    /// The append log, synced every second.
    EVERY_SECOND, LOG_EVERY_SECOND:
        "one node with appendfsync everysec, faults of its disk, crashes at every step; two seconds are lost at most";
    /// The append log, never synced.
    UNSYNCED, LOG_UNSYNCED: "one node with appendfsync no, the same; what is left is what was there at some moment";
    /// The append log and snapshots.
    BOTH, BOTH: "one node with appendfsync always and save points, the same; nothing acknowledged is lost";
    /// The append log, not synced while it is rewritten.
    REWRITE_UNSYNCED, REWRITE_UNSYNCED:
        "one node with no-appendfsync-on-rewrite, the same; what came before the first rewrite is kept";
    /// The append log, turned off and on.
    SWITCHED, SWITCHED:
        "one node whose log is turned off and on, the same; what came while it was in force is kept";
}

const CLIENTS: u8 = 5;
const LIVES: u32 = 4;
/// A run in which fewer units were answered proves nothing.
const ANSWERED_MIN: usize = 100;
/// Within this time a node serves again once nothing stands in its way.
const RETURN_MAX: Duration = Duration::from_secs(20);
/// Values are padded up to so many bytes: a write reaches over several sectors.
const PADDING_MAX: u64 = 1500;
/// The same on a disk whose files may have holes after power loss. None is so long that a hole is within it: a log has no
/// checksum, so that nobody could notice.
const PADDING_MAX_WITH_HOLES: u64 = 300;

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
    Judged { judgement, summary, history: History::new(), loss: None }
}

/// A run under way.
struct Play {
    sim: Simulation,
    node: NodeId,
    mode: &'static Mode,
    journal: Journal,
    /// Whether clients may send.
    gate: Rc<Cell<bool>>,
    stop: Rc<Cell<bool>>,
    asked: Rc<Asked>,
    weakening: Rc<Weakening>,
    /// Whether the log may need an operator before it is loaded.
    needs_mending: bool,
    padding_max: u64,
}

/// The run. `Err` if the node does not serve again.
async fn play(sim: Simulation, plant: Option<Plant>, mode: &'static Mode) -> (Result<(), String>, Log) {
    let mut random = sim.random("durability", 0);
    let choose = |among: &&'static [&'static str]| among[random.below(among.len() as u64) as usize];
    let variant: Vec<&str> = mode.variants.iter().map(choose).collect();
    variant.iter().for_each(|line| sim.count(&format!("with {}", line.replace('\n', ", "))));
    let (config, tails_in_order) = (config(mode, &variant), random.below(2) == 0);
    let node = sim.add_node("node", NODE_IP, move || stage::serve_while_it_can(plant, config.clone()));
    sim.change_disk(node, |disk| {
        disk.names_in_order = random.below(2) == 0;
        disk.tails_in_order = tails_in_order;
        disk.lies = plant.map(Plant::lies).unwrap_or_default();
    });
    let play = Play {
        journal: Journal::new(&sim, node),
        gate: Rc::new(Cell::new(true)),
        stop: Rc::default(),
        asked: Rc::default(),
        weakening: Rc::default(),
        needs_mending: !tails_in_order || variant.contains(&"aof-load-truncated no"),
        padding_max: if tails_in_order { PADDING_MAX } else { PADDING_MAX_WITH_HOLES },
        sim,
        node,
        mode,
    };
    play.weakening.by_rewrites.set(mode.weakened_by_rewrites);
    play.add_clients();
    let outcome = play.lives().await;
    play.stop.set(true);
    (outcome, play.journal.log())
}

fn config(mode: &Mode, variant: &[&str]) -> Config {
    let mut config = Config::default();
    // Small thresholds, so that large encodings are met.
    let thresholds = "list-max-listpack-size 3\nset-max-listpack-entries 3\n";
    let text = format!("{}\n{}\n{thresholds}", mode.config, variant.join("\n"));
    let loaded = config.load(mode.name, text.as_bytes(), &mut |_| Ok(Vec::new()));
    loaded.unwrap_or_else(|e| panic!("the configuration of {} is refused: {e:?}", mode.name));
    config
}

impl Play {
    async fn lives(&self) -> Result<(), String> {
        let mut wrecker = Wrecker {
            simulation: self.sim.clone(),
            node: self.node,
            address: ADDRESS,
            random: self.sim.random("wrecker", 0),
            faults: self.mode.faults,
            tellings: self.mode.tellings,
            journal: self.journal.clone(),
            asked: self.asked.clone(),
            fault: DiskFault::Nothing,
        };
        for _ in 0..LIVES {
            if self.mode.saves_itself {
                self.journal.saves_itself();
            }
            let end = wrecker.end_life().await;
            self.gate.set(false);
            wrecker.revive().await;
            let reading = self.read().await.map_err(|why| format!("after the end at {:?}: {why}", end.at))?;
            self.journal.note_disk();
            self.journal.restart(end.at, self.promise(end), reading);
            self.weakening.end();
            self.gate.set(true);
        }
        Ok(())
    }

    /// What held when a life ended.
    fn promise(&self, end: End) -> Promise {
        match (self.weakening.since(), self.mode.promise) {
            (weak, _) if end.keeps_all && (weak.is_none() || self.mode.weakened_by_rewrites) => {
                Promise::Always
            }
            (Some(at), Promise::Always) => Promise::Before { at },
            (Some(_), _) => Promise::Unsynced,
            (None, promise) => promise,
        }
    }

    fn add_clients(&self) {
        for number in 0..CLIENTS {
            let (world, journal, padding_max) = (self.sim.clone(), self.journal.clone(), self.padding_max);
            let (gate, stop) = (self.gate.clone(), self.stop.clone());
            self.sim.add_node(&format!("client {number}"), [10, 0, 1, number + 1], move || {
                let random = world.random("client", number.into());
                let (journal, gate, stop) = (journal.clone(), gate.clone(), stop.clone());
                Worker { address: ADDRESS, journal, random, gate, stop, padding_max }.work()
            });
        }
        let (world, journal, commands) = (self.sim.clone(), self.journal.clone(), self.mode.keeping);
        let (gate, stop) = (self.gate.clone(), self.stop.clone());
        let (asked, weakening) = (self.asked.clone(), self.weakening.clone());
        self.sim.add_node("keeper", [10, 0, 2, 1], move || {
            let keeper = Keeper {
                address: ADDRESS,
                journal: journal.clone(),
                random: world.random("keeper", 0),
                gate: gate.clone(),
                stop: stop.clone(),
                commands,
                asking: asked.clone(),
                promise: weakening.clone(),
            };
            keeper.work()
        });
    }

    /// Reads everything as soon as the node serves.
    async fn read(&self) -> Result<Reading, String> {
        let deadline = SimRuntime::now() + RETURN_MAX;
        let mut may_mend = self.needs_mending;
        loop {
            let trouble = match durable::read_all(ADDRESS, &self.journal).await {
                Ok(reading) => return Ok(reading),
                Err(trouble) => trouble,
            };
            if self.sim.status(self.node) == Status::Ended {
                if !std::mem::take(&mut may_mend) || !operator::mend_log(&self.sim, self.node) {
                    return Err("the node has ended, and nothing stood in its way".into());
                }
                self.sim.count("log mended by the operator");
                self.sim.restart(self.node);
            }
            if SimRuntime::now() > deadline {
                return Err(format!("the node does not serve within {RETURN_MAX:?}: {trouble}"));
            }
            SimRuntime::sleep(Duration::from_millis(50)).await;
        }
    }
}
