//! What has to be left after crashes, from what clients were told alone.
//!
//! Clients send *units*: one command, or a transaction, that takes effect as one. A server executes units one after another, and
//! what a crash leaves behind is what some first part of them made: no mode of persistence promises less, except none at all.
//! Modes differ in where that *cut* may be ([`Promise`]). The order of execution is known only so far: a unit whose reply had
//! come before another was sent was executed before it, and so was what one client sent earlier and was answered.
//!
//! What is read after each restart says of most units whether they are in the first part (*kept*) or not (*lost*): values and
//! elements are written once in a run, so a read names its unit; what has no trace, as an overwritten value, follows from the
//! order, or stays open. A promise is broken where a unit has to be kept and is lost: [`check`] says which, and why both.
//! It never accuses a server that kept its promises; what it cannot tell, it lets pass.
//!
//! Each restart is the base of what follows: what was kept counts from then on as executed before the restart, what was lost
//! never comes back, what is open is nobody's proof any more.
//!
//! `log` is the record, `evidence` what a read says by itself, `solve` the conclusions, `explain` the text for a reader.

mod evidence;
mod explain;
mod log;
mod solve;

pub(crate) use explain::effect as describe;
pub use log::{Content, Effect, Fate, Found, Log, Promise, Reading, Restart, Save, SaveId, Unit, UnitId};

use crate::history::Moment;
use solve::{Bounds, Solution};
use std::fmt;

/// What a run has shown, for reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Restarts that were judged.
    pub restarts: usize,
    /// Units that were answered.
    pub acknowledged: usize,
    /// Of them, how many a crash took, as far as that is known. The promise allowed it.
    pub lost: usize,
    /// Units without an answer that were found to be kept.
    pub kept_unanswered: usize,
}

impl fmt::Display for Statistics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Statistics { restarts, acknowledged, lost, kept_unanswered } = self;
        write!(
            f,
            "{restarts} restarts; {acknowledged} units answered, {lost} of them lost; {kept_unanswered} kept that were not answered"
        )
    }
}

/// What kind of promise is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A unit had to be kept by the promise that was made, and is lost: P1 with `Always`, P2 with `EverySec`, P3 with saves.
    Lost,
    /// A unit is lost, and one that was executed after it is kept.
    Hole,
    /// A unit is kept that came after every save that can have been loaded (P3), or although nothing is kept.
    TooNew,
    /// A transaction is there in part (P12).
    Half,
    /// Something is there that nobody ever wrote, or that was refused, or lost in an earlier crash; or it is there twice.
    Strange,
    /// Elements of a list are in an order in which they were not added.
    Order,
    /// A key has another deadline than it was given, or none, or one that it was not given.
    Deadline,
    /// A key is there after its deadline.
    Expired,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which restart has shown it, from 0.
    pub restart: usize,
    /// What kind it is.
    pub kind: Kind,
    /// The promise and the proof, for a reader.
    pub text: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Broken {}

/// Judges a run: every restart in turn, each by the promise that held.
pub fn check(log: &Log) -> Result<Statistics, Box<Broken>> {
    let mut past = Past::new(log);
    for number in 0..log.restarts().len() {
        let found = judge(log, &past, number);
        let solution = found.map_err(|conflict| Box::new(explain::broken(log, number, &conflict)))?;
        past.learn(log, number, &solution);
    }
    Ok(past.statistics(log))
}

/// What earlier restarts have shown of each unit.
#[derive(Clone, Debug)]
struct Past {
    standing: Vec<Standing>,
    lost: usize,
}

/// What is known of a unit before a restart is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// Executed before this moment.
    Over(Moment),
    /// Perhaps executed, at any time after it was sent.
    Open,
    /// Lost at that restart, or refused: it can be nowhere.
    Gone(Option<usize>),
}

impl Past {
    fn new(log: &Log) -> Past {
        let standing = log.units().iter().map(|unit| match (unit.fate, unit.completed) {
            (Fate::Acknowledged, Some(completed)) => Standing::Over(completed),
            (Fate::Refused, _) => Standing::Gone(None),
            _ => Standing::Open,
        });
        Past { standing: standing.collect(), lost: 0 }
    }

    /// What a restart has shown holds from then on.
    fn learn(&mut self, log: &Log, number: usize, solution: &Solution) {
        let restart = &log.restarts()[number];
        for (position, unit) in log.units().iter().enumerate() {
            let standing = &mut self.standing[position];
            if unit.invoked > restart.crashed || matches!(standing, Standing::Gone(_)) {
                continue;
            }
            *standing = match (*standing, solution.is_kept(position), solution.is_lost(position)) {
                (Standing::Over(over), true, _) => Standing::Over(over.min(restart.served)),
                (_, true, _) => Standing::Over(restart.served),
                (_, _, true) => {
                    self.lost += usize::from(unit.fate == Fate::Acknowledged);
                    Standing::Gone(Some(number))
                }
                _ => Standing::Open,
            };
        }
    }

    fn statistics(&self, log: &Log) -> Statistics {
        let count = |fate: Fate, kept: bool| {
            let is_over = |standing: &Standing| matches!(standing, Standing::Over(_));
            let units = log.units().iter().zip(&self.standing);
            units.filter(|(unit, standing)| unit.fate == fate && (!kept || is_over(standing))).count()
        };
        Statistics {
            restarts: log.restarts().len(),
            acknowledged: count(Fate::Acknowledged, false),
            lost: self.lost,
            kept_unanswered: count(Fate::Unknown, true),
        }
    }
}

/// A unit that has to be kept and is lost, or a read that explains itself by nothing.
#[derive(Clone, Debug)]
enum Conflict {
    /// The solution comes along, since reasons lead from unit to unit.
    Both { position: usize, solution: Box<Solution>, bounds: Bounds },
    /// A read that breaks a promise by itself.
    Read { kind: Kind, text: String },
}

/// Which units a restart kept and lost, if some cut that the promise allows explains what was read.
fn judge(log: &Log, past: &Past, number: usize) -> Result<Solution, Conflict> {
    let possible = Bounds::of(log, number);
    let mut first = None;
    let mut solutions = Vec::new();
    for bounds in &possible {
        match solve::solve(log, past, number, *bounds) {
            Ok(solution) => solutions.push(solution),
            Err(conflict) => drop(first.get_or_insert(conflict)),
        }
    }
    match (solutions.len(), first) {
        (0, Some(conflict)) => Err(conflict),
        (1, _) => Ok(solutions.remove(0)),
        // Several cuts explain the read: only what holds for all of them is known.
        _ => solve::solve(log, past, number, Bounds::common(&possible)),
    }
}
