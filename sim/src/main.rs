//! `seawall-sim`: replays one run from its seed, or sweeps many seeds.

use std::io::{IsTerminal, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use seawall_checker::{loss, notation};
use seawall_sim::plants::Plant;
use seawall_sim::scenario::{self, Judgement, Report, Scenario, Settings};

/// Runs Seawall's nodes in a simulated world, from a seed.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Replay one run exactly, and print what became of it
    Run(Run),
    /// Try many seeds; the first failures are printed with the command that replays them
    Sweep(Sweep),
    /// List scenarios and plants
    List,
}

#[derive(Debug, Args)]
struct Run {
    /// The scenario's name (see `list`)
    #[arg(long)]
    scenario: String,
    /// The seed that decides everything
    #[arg(long)]
    seed: u64,
    /// Put this mistake into the node on purpose (see `list`)
    #[arg(long)]
    plant: Option<String>,
    /// Run twice and compare the traces
    #[arg(long)]
    check_determinism: bool,
    /// Print what the nodes log and what is counted, as it happens
    #[arg(long)]
    log: bool,
    /// Write what the clients saw into this file
    #[arg(long)]
    history: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Sweep {
    /// The scenario's name; all of them if it is not given
    #[arg(long)]
    scenario: Option<String>,
    /// The seeds, as A..B (B is not among them)
    #[arg(long, value_parser = seeds)]
    seeds: Range<u64>,
    /// Put this mistake into the node on purpose, and expect it to be found
    #[arg(long)]
    plant: Option<String>,
    /// Run each seed twice and compare the traces
    #[arg(long)]
    check_determinism: bool,
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Run(arguments) => run(&arguments),
        Task::Sweep(arguments) => sweep(&arguments),
        Task::List => list(),
    };
    outcome.unwrap_or_else(|text| {
        eprintln!("seawall-sim: {text}");
        ExitCode::from(2)
    })
}

fn seeds(text: &str) -> Result<Range<u64>, String> {
    let parse = |part: &str| part.trim().parse::<u64>().map_err(|e| format!("'{part}': {e}"));
    let (first, end) = text.split_once("..").ok_or("seeds are written as A..B")?;
    let range = parse(first)?..parse(end)?;
    if range.is_empty() { Err("there is no seed in this range".into()) } else { Ok(range) }
}

fn find_scenario(name: &str) -> Result<&'static Scenario, String> {
    scenario::find(name).ok_or_else(|| format!("there is no scenario '{name}'; see `seawall-sim list`"))
}

fn find_plant(name: &Option<String>) -> Result<Option<Plant>, String> {
    let find = |name: &String| {
        Plant::find(name).ok_or(format!("there is no plant '{name}'; see `seawall-sim list`"))
    };
    name.as_ref().map(find).transpose()
}

fn list() -> Result<ExitCode, String> {
    println!("Scenarios:");
    scenario::ALL.iter().for_each(|scenario| println!("  {:20} {}", scenario.name, scenario.about));
    println!("Plants:");
    Plant::ALL.iter().for_each(|plant| println!("  {}", plant.name()));
    Ok(ExitCode::SUCCESS)
}

fn run(arguments: &Run) -> Result<ExitCode, String> {
    let scenario = find_scenario(&arguments.scenario)?;
    let settings = Settings { seed: arguments.seed, plant: find_plant(&arguments.plant)? };
    if arguments.log {
        tracing_subscriber::fmt().without_time().with_target(false).with_ansi(false).init();
    }
    let (report, cpu) = timed(|| (scenario.run)(settings));
    println!("{report}");
    println!(
        "  speed     {:.0} simulated seconds a second",
        report.virtual_time.as_secs_f64() / cpu.as_secs_f64()
    );
    if let Some(path) = &arguments.history {
        save(path, &notation::write(&report.history))?;
    }
    if arguments.check_determinism {
        compare(&report, &(scenario.run)(settings))?;
        println!("  repeated  the same trace");
    }
    Ok(exit_code(&report.judgement))
}

#[allow(clippy::disallowed_methods, reason = "the command line tool itself is not simulated")]
fn save(path: &PathBuf, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|e| format!("{}: {e}", path.display()))
}

#[allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "the tool measures real time")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let result = work();
    (result, start.elapsed().max(Duration::from_nanos(1)))
}

fn compare(one: &Report, other: &Report) -> Result<(), String> {
    if (one.trace_hash, one.trace_entries) == (other.trace_hash, other.trace_entries) {
        return Ok(());
    }
    Err(format!(
        "seed {} is not deterministic: trace {:016x} ({} entries), then {:016x} ({} entries)\n{}",
        one.settings.seed,
        one.trace_hash,
        one.trace_entries,
        other.trace_hash,
        other.trace_entries,
        one.replay()
    ))
}

fn exit_code(judgement: &Judgement) -> ExitCode {
    match judgement {
        Judgement::Passed => ExitCode::SUCCESS,
        Judgement::Failed(_) => ExitCode::from(1),
        Judgement::Inconclusive(_) => ExitCode::from(3),
    }
}

/// What a sweep has seen.
#[derive(Debug, Default)]
struct Tally {
    passed: u64,
    failed: u64,
    inconclusive: u64,
    simulated: Duration,
    /// What is lost in all runs together.
    loss: loss::Report,
    /// For each durability and cause, the seed that has lost most by it.
    worst: std::collections::BTreeMap<(loss::Durability, loss::Cause), (usize, u64)>,
    coverage: std::collections::BTreeMap<String, u64>,
}

impl Tally {
    fn add(&mut self, report: &Report) {
        match report.judgement {
            Judgement::Passed => self.passed += 1,
            Judgement::Failed(_) => self.failed += 1,
            Judgement::Inconclusive(_) => self.inconclusive += 1,
        }
        self.simulated += report.virtual_time;
        if let Some(loss) = &report.loss {
            self.add_loss(loss, report.settings.seed);
        }
        for (name, count) in &report.coverage {
            *self.coverage.entry(name.clone()).or_default() += count;
        }
    }

    fn add_loss(&mut self, loss: &loss::Report, seed: u64) {
        self.loss.add(loss);
        let mut lost = std::collections::BTreeMap::<_, usize>::new();
        loss.rows.iter().for_each(|row| *lost.entry((row.durability, row.cause)).or_default() += row.lost);
        for (name, count) in lost {
            let worst = self.worst.entry(name).or_insert((0, seed));
            *worst = if count > worst.0 { (count, seed) } else { *worst };
        }
    }
}

/// Failures printed in full before a sweep ends.
const FAILURES_SHOWN: u64 = 3;

fn sweep(arguments: &Sweep) -> Result<ExitCode, String> {
    let plant = find_plant(&arguments.plant)?;
    let scenarios = match (&arguments.scenario, plant) {
        (Some(name), _) => vec![find_scenario(name)?],
        (None, Some(plant)) => vec![find_scenario(plant.scenario())?],
        (None, None) => scenario::ALL.iter().collect(),
    };
    let mut worst = ExitCode::SUCCESS;
    for scenario in scenarios {
        let (tally, spent) = timed(|| sweep_one(scenario, arguments, plant));
        let tally = tally?;
        print_tally(scenario, &tally, spent);
        if (tally.failed > 0) != plant.is_some() || tally.inconclusive > 0 {
            worst = ExitCode::from(1);
        }
    }
    Ok(worst)
}

fn sweep_one(scenario: &Scenario, arguments: &Sweep, plant: Option<Plant>) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let total = arguments.seeds.end - arguments.seeds.start;
    for (i, seed) in arguments.seeds.clone().enumerate() {
        show_progress(scenario.name, i as u64, total, &tally);
        let settings = Settings { seed, plant };
        let report = (scenario.run)(settings);
        if arguments.check_determinism {
            compare(&report, &(scenario.run)(settings))?;
        }
        tally.add(&report);
        if report.judgement != Judgement::Passed {
            clear_progress();
            println!("{report}\n");
            if plant.is_some() || tally.failed + tally.inconclusive >= FAILURES_SHOWN {
                break;
            }
        }
    }
    clear_progress();
    Ok(tally)
}

fn print_tally(scenario: &Scenario, tally: &Tally, spent: Duration) {
    let simulated = tally.simulated.as_secs_f64();
    println!(
        "{}: {} passed, {} failed, {} inconclusive; {simulated:.0} simulated seconds in {:.1} s",
        scenario.name,
        tally.passed,
        tally.failed,
        tally.inconclusive,
        spent.as_secs_f64()
    );
    let met: Vec<String> =
        tally.coverage.iter().filter(|(_, n)| **n > 0).map(|(name, n)| format!("{name} {n}")).collect();
    println!("  met: {}", met.join(", "));
    if !tally.loss.tallies.is_empty() {
        tally.loss.to_string().lines().for_each(|line| println!("  {line}"));
    }
    for ((durability, cause), (count, seed)) in &tally.worst {
        println!("  most of {durability} by {cause}: {count} in seed {seed}");
    }
}

fn show_progress(name: &str, done: u64, total: u64, tally: &Tally) {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        // A terminal that has gone away needs no progress.
        let _ = write!(terminal, "\r{name}: {done} of {total} seeds, {} failed ", tally.failed);
        let _ = terminal.flush();
    }
}

fn clear_progress() {
    let mut terminal = std::io::stderr();
    if terminal.is_terminal() {
        let _ = write!(terminal, "\r\x1b[K");
    }
}
