//! Kills a real server with SIGKILL at random moments under load, starts it again, and checks what is there against what its
//! clients were told: promises P1, P2, P3 and P12 of docs/promises.md.
//!
//! | file | what it knows |
//! |---|---|
//! | `units` | what clients send, and what replies say |
//! | `worker` | the clients of one life: those who write, one who asks for saves and rewrites |
//! | `journal` | what they were told, in one order |
//! | `node` | the process, which is killed with its children |
//! | `reader` | all that is there after a restart |
//! | `accounts` | whether transfers took place wholly |
//! | `ballast` | data that makes saves and loads last |
//! | `mode` | modes of persistence and their promises |
//! | `plant` | mistakes that the checks have to find |
//! | `run` | several lives over one directory |
//! | `tally` | figures |
//! | `replicated/` | the same with a primary and two replicas (`--replicated`) |
//!
//! The judge is `seawall_checker::durability`. It never asks the server what it has written, only what is there.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a tool with sockets, processes, threads and clocks"
)]

mod accounts;
mod ballast;
mod journal;
mod link;
mod mode;
mod node;
mod plant;
mod random;
mod reader;
mod replicated;
mod run;
mod tally;
mod units;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;

use ballast::Ballast;
use plant::{PLANTS, Plant};
use replicated::Series;
use run::{Failure, Plan};
use tally::Tally;

/// A plant that is not found in so many runs is not found.
const RUNS_OF_A_PLANT: u64 = 6;

/// Kills a real server at random moments under load and checks what is there again.
#[derive(Parser)]
struct Options {
    /// How many kills under load.
    #[arg(default_value_t = 200)]
    rounds: u64,
    /// Decides all choices; moments are the machine's as well.
    #[arg(default_value_t = 1)]
    seed: u64,
    /// The server under test.
    #[arg(long, default_value = "target/release/seawall", overrides_with = "server")]
    server: String,
    /// Only this mode: always, everysec, rdb, save-points.
    #[arg(long)]
    mode: Option<String>,
    /// Only the run of this number.
    #[arg(long)]
    run: Option<u64>,
    /// Kills of each run, over one directory.
    #[arg(long, default_value_t = 5)]
    lives: u64,
    /// Keys beside those that are written to.
    #[arg(long, default_value_t = 20_000)]
    ballast: u64,
    /// Instead: makes each of the planted mistakes, and fails if one is not found.
    #[arg(long)]
    prove: bool,
    /// A primary and two replicas instead of one server: kills and stops of each of them, promotions.
    #[arg(long)]
    replicated: bool,
    /// Where directories are made; what a failure leaves stays there.
    #[arg(long)]
    room: Option<PathBuf>,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let room = options
        .room
        .clone()
        .unwrap_or_else(|| std::env::temp_dir().join(format!("seawall-kill-{}", std::process::id())));
    if let Err(e) = std::fs::create_dir_all(&room) {
        eprintln!("{}: {e}", room.display());
        return ExitCode::from(2);
    }
    let result = if options.replicated {
        let series = series(&options, &room);
        if options.prove { series.prove() } else { series.play() }
    } else if options.prove {
        prove(&options, &room)
    } else {
        kill(&options, &room)
    };
    match result {
        Ok(()) => {
            let _ = std::fs::remove_dir_all(&room);
            ExitCode::SUCCESS
        }
        Err(found) => {
            eprintln!("{found}");
            ExitCode::FAILURE
        }
    }
}

fn series<'a>(options: &'a Options, room: &'a std::path::Path) -> Series<'a> {
    let (rounds, seed, run, ballast) =
        (options.rounds, options.seed, options.run, Ballast { keys: options.ballast });
    Series { rounds, seed, server: &options.server, run, room, ballast }
}

fn plan<'a>(options: &'a Options, room: &'a std::path::Path, number: u64) -> Plan<'a> {
    let mode = mode::of_run(number);
    let (seed, lives, ballast) = (options.seed, options.lives, Ballast { keys: options.ballast });
    Plan { seed, number, mode, plant: None, lives, server: &options.server, room, ballast }
}

fn kill(options: &Options, room: &std::path::Path) -> Result<(), String> {
    let began = Instant::now();
    let (mut total, mut modes) = (Tally::default(), BTreeMap::<&str, Tally>::new());
    let mut numbers = options.run.map_or(0..u64::MAX, |number| number..number + 1);
    while total.kills < options.rounds
        && let Some(number) = numbers.next()
    {
        let plan = plan(options, room, number);
        if options.mode.as_ref().is_some_and(|wanted| wanted != plan.mode.name) {
            continue;
        }
        let tally = plan.run().map_err(|failure| tell(options, &plan, &total, &failure))?;
        plan.clean();
        total.add(&tally);
        modes.entry(plan.mode.name).or_default().add(&tally);
    }
    modes.iter().for_each(|(mode, tally)| println!("{mode}: {tally}"));
    println!("seed {}: {total}; {:.1} s", options.seed, began.elapsed().as_secs_f64());
    Ok(())
}

fn tell(options: &Options, plan: &Plan<'_>, so_far: &Tally, failure: &Failure) -> String {
    let found = match failure {
        Failure::Broken(found) => found.clone(),
        Failure::Trouble(trouble) => format!("the tool cannot go on: {trouble}"),
    };
    format!(
        "{found}\n\nmode {}, seed {}, run {} (--run {}), after {} kills in runs before\nfiles before the last restart: {}\nthe server's log: {}",
        plan.mode.name,
        options.seed,
        plan.number,
        plan.number,
        so_far.kills,
        plan.killed().display(),
        plan.home().with_extension("log").display(),
    )
}

fn prove(options: &Options, room: &std::path::Path) -> Result<(), String> {
    let mut missed = Vec::new();
    for plant in PLANTS {
        match find(options, room, plant) {
            Some((runs, found)) => {
                let line = found.lines().next().unwrap_or_default();
                println!("{}: found in run {runs}: {line}", plant.name);
            }
            None => missed.push(plant.name),
        }
    }
    if missed.is_empty() { Ok(()) } else { Err(format!("not found: {}", missed.join(", "))) }
}

/// How many runs it took, and what was found.
fn find(options: &Options, room: &std::path::Path, plant: &'static Plant) -> Option<(u64, String)> {
    (0..RUNS_OF_A_PLANT).find_map(|number| {
        let plan = Plan { plant: Some(plant), mode: plant.mode(), lives: 2, ..plan(options, room, number) };
        let result = plan.run();
        plan.clean();
        match result {
            Err(Failure::Broken(found)) => Some((number + 1, found)),
            Err(Failure::Trouble(trouble)) => {
                eprintln!("{} in run {}: {trouble}", plant.name, number + 1);
                None
            }
            Ok(_) => None,
        }
    })
}
