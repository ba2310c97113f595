//! Named scenarios: worlds with nodes, clients and faults, each judged in the end.
//!
//! A scenario is a function of its seed. What it returns says whether the promises held, and what the run met; a run in which
//! nothing was met proves nothing.

mod consumer_groups;
mod data_types;
mod durability;
mod replication;
mod single_node;
mod stage;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use seawall_checker::{History, loss};

use crate::plants::Plant;

/// What a scenario is started with.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settings {
    /// Decides everything.
    pub seed: u64,
    /// A mistake to put into the node on purpose.
    pub plant: Option<Plant>,
}

/// How a run is judged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Judgement {
    /// Every promise that was checked held.
    Passed,
    /// One did not: why.
    Failed(String),
    /// It cannot be told: why. Never to be read as passed.
    Inconclusive(String),
}

/// A judged run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The scenario's name.
    pub scenario: &'static str,
    /// What it was started with.
    pub settings: Settings,
    /// The verdict.
    pub judgement: Judgement,
    /// Equal for runs that did the same things at the same times.
    pub trace_hash: u64,
    /// Entries in the trace.
    pub trace_entries: u64,
    /// Virtual time that the run took.
    pub virtual_time: Duration,
    /// What happened, in one line.
    pub summary: String,
    /// What the run met, counted.
    pub coverage: BTreeMap<String, u64>,
    /// What the clients saw.
    pub history: History,
    /// What of the acknowledged writes is lost, where that is measured.
    pub loss: Option<loss::Report>,
}

/// A scenario.
#[derive(Clone, Copy)]
pub struct Scenario {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it tries, in one line.
    pub about: &'static str,
    /// Runs it.
    pub run: fn(Settings) -> Report,
}

impl fmt::Debug for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scenario").field("name", &self.name).finish_non_exhaustive()
    }
}

/// All scenarios.
pub const ALL: &[Scenario] = &[
    single_node::SCENARIO,
    data_types::SCENARIO,
    consumer_groups::SCENARIO,
    durability::NONE,
    durability::RDB,
    durability::SAVE_POINTS,
    durability::ALWAYS,
    durability::EVERY_SECOND,
    durability::UNSYNCED,
    durability::BOTH,
    durability::REWRITE_UNSYNCED,
    durability::SWITCHED,
    replication::PLAIN,
    replication::ASYNC,
    replication::WAIT,
    replication::PERSISTENT,
    replication::DUMPS,
    replication::FAILOVER,
    replication::CHAIN,
    replication::BOUNDED,
];

/// The scenario of this name.
pub fn find(name: &str) -> Option<&'static Scenario> {
    ALL.iter().find(|scenario| scenario.name == name)
}

impl Report {
    /// The command that repeats this run.
    pub fn replay(&self) -> String {
        let Settings { seed, plant } = self.settings;
        let plant = plant.map(|plant| format!(" --plant {}", plant.name())).unwrap_or_default();
        let name = self.scenario;
        format!("cargo run --release -p seawall-sim -- run --scenario {name} --seed {seed}{plant}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match &self.judgement {
            Judgement::Passed => "PASSED",
            Judgement::Failed(_) => "FAILED",
            Judgement::Inconclusive(_) => "INCONCLUSIVE",
        };
        writeln!(f, "{} seed {}: {verdict}", self.scenario, self.settings.seed)?;
        if let Judgement::Failed(why) | Judgement::Inconclusive(why) = &self.judgement {
            writeln!(f, "\n{}\n", why.trim_end())?;
        }
        let seconds = self.virtual_time.as_secs_f64();
        let (hash, entries) = (self.trace_hash, self.trace_entries);
        writeln!(f, "  trace     {hash:016x} ({entries} entries, {seconds:.1} simulated seconds)")?;
        writeln!(f, "  history   {}", self.summary)?;
        let met: Vec<String> =
            self.coverage.iter().filter(|(_, n)| **n > 0).map(|(name, n)| format!("{name} {n}")).collect();
        writeln!(f, "  coverage  {}", met.join(", "))?;
        if let Some(loss) = &self.loss {
            loss.to_string().lines().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        write!(f, "  replay    {}", self.replay())
    }
}
