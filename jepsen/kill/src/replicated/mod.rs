//! Replicated rounds: a primary and two replicas, one of which takes over when the primary is lost.
//!
//! Clients write plainly, with WAIT or with WAITAOF after each batch, and note what they were told. Then a node is killed, or
//! stands still; an operator, who is part of this program, promotes the replica that is furthest, and brings the old primary back
//! as a replica. When all are in step again, everything is read from every node: it must be the same, and the loss meter
//! (`seawall_checker::loss`) says what became of each acknowledged write, and whether it had to survive: promises P4, P6, P7, P10
//! and P12 of docs/promises.md.
//!
//! | file | what it knows |
//! |---|---|
//! | `records` | what clients were told and what was done, in one order |
//! | `clients` | those who write, and one at each replica that looks for half a transfer |
//! | `state` | what a node says of its replication |
//! | `cluster` | the three processes, and the operator's hands |
//! | `fault` | what happens to them in a round |
//! | `plant` | mistakes that the checks have to find |
//! | `round` | one round, from step to step |

mod clients;
mod cluster;
mod fault;
mod plant;
mod records;
mod round;
mod state;

use std::path::Path;
use std::time::Instant;

use seawall_checker::loss::Report;

use crate::ballast::Ballast;
use crate::random::Random;
use crate::run::Failure;
use cluster::{Cluster, Storage};
use plant::{PLANTS, Plant};
use round::{Figures, Runner};

/// Rounds over the same three processes; then come new ones, with nothing.
const ROUNDS_OF_A_RUN: u64 = 8;
/// A plant that is not found in so many runs is not found.
const RUNS_OF_A_PLANT: u64 = 4;

/// What all rounds share.
pub struct Series<'a> {
    /// How many rounds.
    pub rounds: u64,
    /// Decides all choices; moments are the machine's as well.
    pub seed: u64,
    /// The server under test.
    pub server: &'a str,
    /// Only the run of this number.
    pub run: Option<u64>,
    /// Where directories are made.
    pub room: &'a Path,
    /// Data that makes full syncs last.
    pub ballast: Ballast,
}

impl Series<'_> {
    /// Plays all; the error is what was found, for a reader.
    pub fn play(&self) -> Result<(), String> {
        let began = Instant::now();
        let (mut figures, mut report) = (Figures::default(), Report::default());
        let mut numbers = self.run.map_or(0..u64::MAX, |number| number..number + 1);
        while figures.rounds() < self.rounds
            && let Some(number) = numbers.next()
        {
            let rounds = ROUNDS_OF_A_RUN.min(self.rounds - figures.rounds());
            let played = self.run(number, rounds, None, &mut figures);
            report.add(&played.map_err(|failure| self.tell(number, &figures, &failure))?);
        }
        println!("{figures}\n{report}seed {}; {:.1} s", self.seed, began.elapsed().as_secs_f64());
        Ok(())
    }

    fn run(
        &self,
        number: u64,
        rounds: u64,
        plant: Option<&Plant>,
        figures: &mut Figures,
    ) -> Result<Report, Failure> {
        let mut random = Random::new(self.seed, number);
        let home = self.room.join(format!("replicated-{number}"));
        // What an earlier failure has left.
        let _ = std::fs::remove_dir_all(&home);
        let storage = Storage::of_run(number);
        let cluster = Cluster::start(self.server, &home, storage, &mut random)?;
        let runner = Runner::new(cluster, random, self.ballast, plant)?;
        let report = runner.play(rounds, figures)?;
        let _ = std::fs::remove_dir_all(home);
        Ok(report)
    }

    fn tell(&self, number: u64, figures: &Figures, failure: &Failure) -> String {
        let found = match failure {
            Failure::Broken(found) => found.clone(),
            Failure::Trouble(trouble) => format!("the tool cannot go on: {trouble}"),
        };
        let home = self.room.join(format!("replicated-{number}"));
        format!(
            "{found}\n\nseed {}, run {number} (--run {number}), {}, after {} rounds\nservers' files and logs: {}",
            self.seed,
            Storage::of_run(number).name,
            figures.rounds(),
            home.display()
        )
    }

    /// Makes each of the planted mistakes.
    pub fn prove(&self) -> Result<(), String> {
        let missed: Vec<&str> =
            PLANTS.iter().filter(|plant| !self.is_found(plant)).map(|plant| plant.name).collect();
        if missed.is_empty() { Ok(()) } else { Err(format!("not found: {}", missed.join(", "))) }
    }

    fn is_found(&self, plant: &Plant) -> bool {
        // Runs with a log are those of even numbers.
        (0..RUNS_OF_A_PLANT).any(|run| {
            match self.run(2 * run, ROUNDS_OF_A_RUN, Some(plant), &mut Figures::default()) {
                Err(Failure::Broken(found)) => {
                    let line = found
                        .lines()
                        .find(|line| line.starts_with("broken"))
                        .or_else(|| found.lines().next());
                    println!("{}: found in run {}: {:.200}", plant.name, run + 1, line.unwrap_or_default());
                    true
                }
                Err(Failure::Trouble(trouble)) => {
                    eprintln!("{} in run {}: {trouble}", plant.name, run + 1);
                    false
                }
                Ok(_) => false,
            }
        })
    }
}
