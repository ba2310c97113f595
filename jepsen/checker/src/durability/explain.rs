//! A broken promise in words: the unit, why it has to be kept, why it is lost, back to what was read.

use super::evidence::{short, shows};
use super::log::{Effect, Fate, Log, Promise};
use super::solve::{Bounds, Demand, Reason, Solution};
use super::{Broken, Conflict, Kind};
use crate::quote::word;
use std::fmt::Write;
use std::time::Duration;

/// Reasons lead from unit to unit; so many steps are shown.
const STEPS_MAX: usize = 6;

/// The text of a conflict.
pub(super) fn broken(log: &Log, number: usize, conflict: &Conflict) -> Broken {
    let (kind, proof) = match conflict {
        Conflict::Read { kind, text } => (*kind, text.clone()),
        Conflict::Both { position, solution, bounds } => {
            let kind = kind(log, *position, solution);
            (kind, Proof { log, number, solution, bounds: *bounds }.of(*position))
        }
    };
    let restart = &log.restarts()[number];
    let (crashed, what) = (restart.crashed.at, title(kind, restart.promise));
    Broken { restart: number, kind, text: format!("After the crash at {crashed:?}: {what}\n{proof}") }
}

fn kind(log: &Log, position: usize, solution: &Solution) -> Kind {
    let is_several = log.units()[position].effects.len() > 1;
    match (solution.why_kept(position), solution.why_lost(position)) {
        (_, Some(Reason::Gone(_))) => Kind::Strange,
        (_, Some(Reason::TooNew)) => Kind::TooNew,
        (Some(Reason::Demanded), _) => Kind::Lost,
        (Some(Reason::Read(_)), Some(Reason::Read(_) | Reason::Uncovered(..) | Reason::Count(_)))
            if is_several =>
        {
            Kind::Half
        }
        (Some(Reason::Count(_)), Some(Reason::Read(_))) if is_several => Kind::Half,
        _ => Kind::Hole,
    }
}

fn title(kind: Kind, promise: Promise) -> String {
    let promised = match promise {
        Promise::None => "nothing is kept".into(),
        Promise::Unsynced => "what is kept is what was there at some moment".into(),
        Promise::EverySec { window } => {
            format!("what was acknowledged {window:?} before the crash is kept (P2)")
        }
        Promise::Before { at } => format!("what was acknowledged before {at:?} is kept"),
        Promise::Always => "what was acknowledged is kept (P1)".into(),
        Promise::SnapshotOnly => {
            "what was there at the last save point is kept, and nothing else (P3)".into()
        }
    };
    let what = match kind {
        Kind::Lost => "lost, against the promise",
        Kind::Hole => "a hole: lost, and something later is kept",
        Kind::TooNew => "kept, and came too late for it",
        Kind::Half => "half a transaction (P12)",
        Kind::Strange => "what cannot be there",
        Kind::Order => "elements out of order",
        Kind::Deadline => "a deadline that was not given",
        Kind::Expired => "an expired key has come back",
    };
    format!("{what}; promised: {promised}")
}

struct Proof<'a> {
    log: &'a Log,
    number: usize,
    solution: &'a Solution,
    bounds: Bounds,
}

impl Proof<'_> {
    fn of(&self, position: usize) -> String {
        let mut text = format!("  unit {position}: {}\n", self.unit(position));
        text.push_str("  has to be kept:\n");
        self.chain(&mut text, position, Solution::why_kept);
        text.push_str("  is lost:\n");
        self.chain(&mut text, position, Solution::why_lost);
        text
    }

    /// Writes the reasons from a unit back to what was read or promised.
    fn chain(
        &self,
        text: &mut String,
        mut position: usize,
        why: impl Fn(&Solution, usize) -> Option<&Reason>,
    ) {
        for _ in 0..STEPS_MAX {
            let Some(reason) = why(self.solution, position) else { return };
            // Writing to a string does not fail.
            let _ = writeln!(text, "    {}", self.reason(reason));
            match reason {
                Reason::Order(other) => position = *other,
                _ => return,
            }
        }
        text.push_str("    ...\n");
    }

    fn reason(&self, reason: &Reason) -> String {
        match reason {
            Reason::Read(key) => self.key(key),
            Reason::Demanded => self.demand(),
            Reason::TooNew => match self.bounds.latest {
                Some(latest) if latest.at > Duration::ZERO => format!("it was sent after {:?}", latest.at),
                _ => "nothing is kept".into(),
            },
            Reason::Gone(None) => "it was refused".into(),
            Reason::Gone(Some(restart)) => {
                let crash = self.log.restarts()[*restart].crashed.at;
                format!("it was lost in the crash at {crash:?} already")
            }
            Reason::Order(other) => {
                format!("so is unit {other}, on the other side of it: {}", self.unit(*other))
            }
            Reason::OnlyExplanation(key) => format!("nothing else explains that {}", self.key(key)),
            Reason::Uncovered(key, None) => format!("{}, and nothing removed it", self.key(key)),
            Reason::Uncovered(key, Some(last)) => {
                format!(
                    "{}, as unit {last} left it, which was over before: {}",
                    self.key(key),
                    self.unit(*last)
                )
            }
            Reason::Count(key) => format!("{}: by number", self.key(key)),
        }
    }

    fn demand(&self) -> String {
        match self.bounds.demand {
            Demand::Nothing | Demand::Everything => "it was acknowledged".into(),
            Demand::Older(window, crashed) => {
                format!(
                    "it was acknowledged more than {window:?} before the crash at {crashed:?}, on a disk that worked"
                )
            }
            Demand::Before(moment) => {
                format!("it was acknowledged before {:?}, and what was then had to be kept", moment.at)
            }
        }
    }

    fn key(&self, key: &[u8]) -> String {
        let found = self.log.restarts()[self.number].reading.keys.get(key);
        format!("key {} {}", word(key), shows(found))
    }

    fn unit(&self, position: usize) -> String {
        let unit = &self.log.units()[position];
        let effects: Vec<String> = unit.effects.iter().map(effect).collect();
        let end = match (unit.fate, unit.completed) {
            (Fate::Acknowledged, Some(completed)) => format!("acknowledged at {:?}", completed.at),
            (Fate::Refused, _) => "refused".into(),
            _ => "never answered".into(),
        };
        format!("client {} at {:?}, {end}: {}", unit.client, unit.invoked.at, effects.join("; "))
    }
}

/// A part of a unit in words.
pub(crate) fn effect(effect: &Effect) -> String {
    let key = word(effect.key());
    match effect {
        Effect::Write { value, deadline_ms: None, .. } => format!("write {key} {}", short(value)),
        Effect::Write { value, deadline_ms: Some(deadline), .. } => {
            format!("write {key} {} until {deadline} ms", short(value))
        }
        Effect::Delete { .. } => format!("delete {key}"),
        Effect::Increment { reply: None, .. } => format!("increment {key}"),
        Effect::Increment { reply: Some(reply), .. } => format!("increment {key} to {reply}"),
        Effect::Append { element, .. } => format!("append {} to {key}", short(element)),
    }
}
