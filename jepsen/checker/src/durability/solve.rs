//! Conclusions: from what was seen and missed, from the promise and from the order, until nothing new follows or a unit turns
//! out to be both kept and lost.
//!
//! What is executed before a kept unit is kept, what is executed after a lost one is lost. A key shows its last kept writer:
//! writers after all that can explain it are lost. A count needs as many increments as it shows.

use super::evidence::{self, Counter, Evidence, Register};
use super::log::{Fate, Log, Promise, Save};
use super::{Conflict, Kind, Past, Standing};
use crate::history::Moment;
use crate::quote::word;
use std::collections::BTreeMap;
use std::time::Duration;

/// Why a unit is kept or lost. Others are named by position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// This key shows it, or misses it.
    Read(Vec<u8>),
    /// The promise wants it kept.
    Demanded,
    /// It came too late for what was loaded.
    TooNew,
    /// It was refused, or lost at that earlier restart.
    Gone(Option<usize>),
    /// This one is kept and was executed later, or is lost and was executed earlier.
    Order(usize),
    /// Nothing else explains what this key shows.
    OnlyExplanation(Vec<u8>),
    /// This key shows what this one left, which was executed earlier; or nothing, with none.
    Uncovered(Vec<u8>, Option<usize>),
    /// This count takes all increments that there can be, or no more.
    Count(Vec<u8>),
}

/// Which units have to be kept, and which cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub demand: Demand,
    /// No unit sent after this is kept.
    pub latest: Option<Moment>,
}

/// Of those that were acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Demand {
    Nothing,
    Everything,
    /// Acknowledged so long before this, counting only time in which a process served and the disk worked.
    Older(Duration, Duration),
    /// Acknowledged before this.
    Before(Moment),
}

impl Bounds {
    /// The cuts that a promise allows, in the order in which they are to be blamed: one of them has to explain the read.
    pub fn of(log: &Log, number: usize) -> Vec<Bounds> {
        let bounds = |demand, latest| vec![Bounds { demand, latest }];
        match log.restarts()[number].promise {
            Promise::None => bounds(Demand::Nothing, Some(Moment::default())),
            Promise::Unsynced => bounds(Demand::Nothing, None),
            Promise::EverySec { window } => {
                bounds(Demand::Older(window, log.restarts()[number].crashed.at), None)
            }
            Promise::Before { at } => bounds(Demand::Before(Moment { at, rank: 0 }), None),
            Promise::Always => bounds(Demand::Everything, None),
            Promise::SnapshotOnly => Bounds::of_saves(log, number),
        }
    }

    fn of_saves(log: &Log, number: usize) -> Vec<Bounds> {
        let crashed = log.restarts()[number].crashed;
        let begun = || log.saves().iter().filter(|save| save.invoked < crashed);
        let done = begun().filter_map(|save| save.completed.map(|completed| (save.invoked, completed)));
        let last = done.max().unwrap_or_default();
        let of = |begun: Moment, over| Bounds { demand: Demand::Before(begun), latest: Some(over) };
        // One that may have succeeded did so before the process ended that ran it.
        let end = |begun: Moment| {
            let crashes = log.restarts().iter().map(|restart| restart.crashed);
            crashes.into_iter().find(|crash| *crash > begun).unwrap_or(crashed)
        };
        // It may have been asked for before the last certain one, and have waited for that: SHUTDOWN saves when others are done.
        let is_possible = |save: &&Save| save.is_standing || save.completed.is_none();
        let is_later = |save: &&Save| is_possible(save) && end(save.invoked) > last.0;
        let perhaps = begun().filter(is_later);
        let perhaps = perhaps.map(|save| of(save.invoked.max(last.0), end(save.invoked)));
        std::iter::once(of(last.0, last.1)).chain(perhaps).collect()
    }

    /// What holds in all of these. (Several come only from saves, the last certain one first.)
    pub fn common(all: &[Bounds]) -> Bounds {
        Bounds { demand: all[0].demand, latest: all.iter().map(|bounds| bounds.latest).max().flatten() }
    }

    fn demands(self, log: &Log, stood: &[(Duration, Duration)], position: usize) -> bool {
        let unit = &log.units()[position];
        let Some(completed) = unit.completed.filter(|_| unit.fate == Fate::Acknowledged) else {
            return false;
        };
        match self.demand {
            Demand::Nothing => false,
            Demand::Everything => true,
            Demand::Before(moment) => completed < moment,
            Demand::Older(window, crashed) => log.sound_between(stood, completed.at, crashed) > window,
        }
    }
}

/// See the module. A unit may be neither kept nor lost: nothing tells.
#[derive(Clone, Debug)]
pub(super) struct Solution {
    kept: Vec<Option<Reason>>,
    lost: Vec<Option<Reason>>,
    has_news: bool,
}

impl Solution {
    pub fn is_kept(&self, position: usize) -> bool {
        self.why_kept(position).is_some()
    }

    pub fn is_lost(&self, position: usize) -> bool {
        self.why_lost(position).is_some()
    }

    pub fn why_kept(&self, position: usize) -> Option<&Reason> {
        self.kept.get(position).and_then(Option::as_ref)
    }

    pub fn why_lost(&self, position: usize) -> Option<&Reason> {
        self.lost.get(position).and_then(Option::as_ref)
    }

    fn keep(&mut self, position: usize, why: impl FnOnce() -> Reason) {
        if self.kept[position].is_none() {
            self.kept[position] = Some(why());
            self.has_news = true;
        }
    }

    fn lose(&mut self, position: usize, why: impl FnOnce() -> Reason) {
        if self.lost[position].is_none() {
            self.lost[position] = Some(why());
            self.has_news = true;
        }
    }

    fn check(&self, bounds: Bounds) -> Result<(), Conflict> {
        let both = |position: &usize| self.is_kept(*position) && self.is_lost(*position);
        match (0..self.kept.len()).find(both) {
            None => Ok(()),
            Some(position) => Err(Conflict::Both { position, solution: Box::new(self.clone()), bounds }),
        }
    }
}

/// Concludes all that follows, if there is no contradiction.
pub(super) fn solve(log: &Log, past: &Past, number: usize, bounds: Bounds) -> Result<Solution, Conflict> {
    let restart = &log.restarts()[number];
    let end = log.units().partition_point(|unit| unit.invoked <= restart.crashed);
    let evidence = evidence::look(log, &past.standing, end, &restart.reading)?;
    let solution = Solution { kept: vec![None; end], lost: vec![None; end], has_news: true };
    let mut solver = Solver { log, standing: &past.standing, solution };
    solver.take_evidence(&evidence);
    solver.solution.check(bounds)?;
    solver.take_bounds(bounds);
    solver.solution.check(bounds)?;
    while std::mem::take(&mut solver.solution.has_news) {
        solver.follow_order();
        solver.follow_clients();
        // Before keys are looked at again: the plainest contradiction is told.
        solver.solution.check(bounds)?;
        evidence.registers.iter().for_each(|(key, register)| solver.follow_register(key, register));
        solver.solution.check(bounds)?;
        for (key, counter) in &evidence.counters {
            solver.follow_counter(key, counter)?;
        }
        solver.solution.check(bounds)?;
    }
    Ok(solver.solution)
}

struct Solver<'a> {
    log: &'a Log,
    standing: &'a [Standing],
    solution: Solution,
}

impl Solver<'_> {
    fn take_evidence(&mut self, evidence: &Evidence) {
        for position in 0..self.solution.lost.len() {
            if let Standing::Gone(restart) = self.standing[position] {
                self.solution.lose(position, || Reason::Gone(restart));
            }
        }
        for (position, key) in &evidence.seen {
            self.solution.keep(*position, || Reason::Read(key.clone()));
        }
        for (position, key) in &evidence.missed {
            self.solution.lose(*position, || Reason::Read(key.clone()));
        }
    }

    fn take_bounds(&mut self, bounds: Bounds) {
        let stood = self.log.standing();
        for position in 0..self.solution.kept.len() {
            let unit = &self.log.units()[position];
            // What an earlier restart left open may have been lost then.
            if self.over(position).is_some() && bounds.demands(self.log, &stood, position) {
                self.solution.keep(position, || Reason::Demanded);
            }
            if bounds.latest.is_some_and(|latest| unit.invoked > latest) {
                self.solution.lose(position, || Reason::TooNew);
            }
        }
    }

    fn over(&self, position: usize) -> Option<Moment> {
        match self.standing[position] {
            Standing::Over(over) => Some(over),
            Standing::Open | Standing::Gone(_) => None,
        }
    }

    fn invoked(&self, position: usize) -> Moment {
        self.log.units()[position].invoked
    }

    fn all(&self) -> std::ops::Range<usize> {
        0..self.solution.kept.len()
    }

    /// What was over before a kept unit was sent is kept; what was sent when a lost unit was over is lost.
    fn follow_order(&mut self) {
        if let Some(latest) = self.all().rev().find(|position| self.solution.is_kept(*position)) {
            for position in 0..latest {
                if self.over(position).is_some_and(|over| over < self.invoked(latest)) {
                    self.solution.keep(position, || Reason::Order(latest));
                }
            }
        }
        let lost = self.all().filter(|position| self.solution.is_lost(*position));
        let earliest = lost.filter_map(|position| Some((self.over(position)?, position))).min();
        if let Some((over, earliest)) = earliest {
            for position in self.all().rev() {
                if self.invoked(position) <= over {
                    break;
                }
                self.solution.lose(position, || Reason::Order(earliest));
            }
        }
    }

    /// The same for the units of one client, which overlap where it sends several at once.
    fn follow_clients(&mut self) {
        let mut kept: BTreeMap<u32, usize> = BTreeMap::new();
        for position in self.all().rev() {
            let client = self.log.units()[position].client;
            match kept.get(&client) {
                Some(&later) if self.over(position).is_some() => {
                    self.solution.keep(position, || Reason::Order(later));
                }
                None if self.solution.is_kept(position) => drop(kept.insert(client, position)),
                _ => {}
            }
        }
        let mut lost: BTreeMap<u32, usize> = BTreeMap::new();
        for position in self.all() {
            let client = self.log.units()[position].client;
            match lost.get(&client) {
                Some(&earlier) => self.solution.lose(position, || Reason::Order(earlier)),
                None if self.solution.is_lost(position) && self.over(position).is_some() => {
                    lost.insert(client, position);
                }
                None => {}
            }
        }
    }

    fn follow_register(&mut self, key: &[u8], register: &Register) {
        let possible = |position: &&usize| !self.solution.is_lost(**position);
        let explanations: Vec<usize> = register.explanations.iter().filter(possible).copied().collect();
        let is_touched = register.writers.iter().any(|position| self.solution.is_kept(*position));
        if let [only] = explanations[..]
            && (is_touched || !register.is_absent)
        {
            self.solution.keep(only, || Reason::OnlyExplanation(key.to_vec()));
        }
        if !register.is_absent && explanations.is_empty() {
            // Its one explanation is kept, since it was seen, and lost: that is told of that unit.
            return;
        }
        for &writer in &register.writers {
            if explanations.contains(&writer) || explanations.iter().any(|last| !self.precedes(*last, writer))
            {
                continue;
            }
            let shown = explanations.first().copied();
            self.solution.lose(writer, || Reason::Uncovered(key.to_vec(), shown));
        }
    }

    fn precedes(&self, one: usize, other: usize) -> bool {
        let Some(over) = self.over(one) else { return false };
        let units = self.log.units();
        over < units[other].invoked || (one < other && units[one].client == units[other].client)
    }

    fn follow_counter(&mut self, key: &[u8], counter: &Counter) -> Result<(), Conflict> {
        let anonymous = || counter.anonymous.iter().copied();
        let kept = anonymous().filter(|position| self.solution.is_kept(*position));
        let possible = anonymous().filter(|position| !self.solution.is_lost(*position));
        let (kept, possible): (Vec<usize>, Vec<usize>) = (kept.collect(), possible.collect());
        let say = |kind, what: String| {
            let text = format!("counter {}: {what}", word(key));
            Err(Conflict::Read { kind, text })
        };
        let several =
            |all: &[usize]| all.iter().any(|position| self.log.units()[*position].effects.len() > 1);
        if kept.len() > counter.gaps {
            let kind = if several(&kept) { Kind::Half } else { Kind::Hole };
            let (kept, gaps) = (kept.len(), counter.gaps);
            let what =
                format!("{kept} increments without a number are kept by other signs, and it shows {gaps}");
            return say(kind, what);
        }
        if possible.len() < counter.gaps {
            let kind = if several(&counter.anonymous) { Kind::Half } else { Kind::Strange };
            let (possible, gaps) = (possible.len(), counter.gaps);
            let what =
                format!("it shows {gaps} increments beside those with a number, and there are {possible}");
            return say(kind, what);
        }
        if possible.len() == counter.gaps {
            possible.iter().for_each(|unit| self.solution.keep(*unit, || Reason::Count(key.to_vec())));
        }
        if kept.len() == counter.gaps {
            let rest = possible.iter().filter(|unit| !kept.contains(unit));
            rest.for_each(|unit| self.solution.lose(*unit, || Reason::Count(key.to_vec())));
        }
        Ok(())
    }
}
