//! What became of each acknowledged write, what cost it, and whether it had to survive.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::evidence::{self, Trace, Weighed};
use super::ledger::{Durability, Event, Kept, Ledger, Write};
use super::report::{Cause, Fate, Loss};
use crate::durability;

/// What is checked beside what always is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// P5: what one reign loses was acknowledged within this time at most: `min-replicas-max-lag` and one period of the
    /// replicas' acknowledgements. Only where `min-replicas-to-write` counts every replica that could be promoted.
    pub window_max: Option<Duration>,
}

/// Which promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Promise {
    /// P4: only a last part of a reign may be lost, and only by a failover or restart.
    P4,
    /// P5: the loss window is bounded.
    P5,
    /// P6: what WAIT has counted survives the promotion of the furthest.
    P6,
    /// P7: the same of WAITAOF, and power loss.
    P7,
    /// P12: transactions are whole.
    P12,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub promise: Promise,
    /// The proof, for a reader.
    pub text: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.promise, self.text)
    }
}

/// The fate of each acknowledged write, by its position; `None` for all others.
pub(super) fn try_all(ledger: &Ledger, evidence: &[Weighed]) -> Vec<Option<Fate>> {
    let seen = evidence::last_seen(ledger);
    let writes = ledger.writes.iter().zip(seen).enumerate();
    writes.map(|(position, (write, seen))| fate(ledger, evidence, position, write, seen)).collect()
}

fn fate(
    ledger: &Ledger,
    evidence: &[Weighed],
    position: usize,
    write: &Write,
    seen: Option<Duration>,
) -> Option<Fate> {
    let acknowledged = write.acknowledged?;
    let (last, earlier) = evidence.split_last()?;
    let was_missing = earlier
        .iter()
        .zip(&ledger.looks)
        .any(|(weighed, look)| acknowledged < look.began && weighed.all[position] == Some(Trace::Gone));
    Some(match last.all[position]? {
        Trace::There if was_missing => Fate::Recovered,
        Trace::There => Fate::Survived,
        Trace::Open => Fate::Open,
        Trace::Gone => Fate::Lost(loss(ledger, write, acknowledged, seen.unwrap_or_default())),
    })
}

/// What the acknowledgement of a write was worth after all that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cover {
    /// It has to be there.
    Whole,
    /// This took away what stood behind it: an event, by its position.
    Gone(usize),
    /// It was acknowledged by a node that was not the primary any more: since this promotion, by its position.
    Deposed(usize),
}

/// `seen`: it was there at that moment, so that nothing before has lost it.
fn cover(ledger: &Ledger, write: &Write, seen: Duration) -> Cover {
    let (Some(acknowledged), Some(assured)) = (write.acknowledged, write.assured) else {
        return Cover::Whole;
    };
    if let Some(promotion) = deposed_by(ledger, write, acknowledged) {
        return Cover::Deposed(promotion);
    }
    // What was said after another node had been chosen is worth no more than the plain acknowledgement.
    let (durability, since) = match deposed_by(ledger, write, assured) {
        Some(_) => (Durability::Async, acknowledged),
        None => (write.durability, assured),
    };
    let mut holders = 1 + durability.replicas();
    for (position, event) in ledger.events.iter().enumerate() {
        match event {
            Event::Promoted(promotion) if promotion.decided >= since || covers(promotion, write, since) => {
                let left_out = ledger.nodes.saturating_sub(promotion.compared.len() as u32);
                if (!promotion.is_furthest || holders <= left_out) && event.at() >= seen {
                    return Cover::Gone(position);
                }
            }
            Event::Promoted(_) => {}
            Event::Restarted { at, .. } if *at < write.invoked => {}
            Event::Restarted { kept, .. } if keeps(durability, *kept) => {}
            Event::Restarted { node, at, .. } if ledger.primary_before(position) == *node => {
                if *at >= seen {
                    return Cover::Gone(position);
                }
            }
            // Whoever is the primary has it.
            Event::Restarted { .. } => holders = (holders - 1).max(1),
        }
    }
    Cover::Whole
}

/// Whether a restart that kept so much leaves a write that was given this.
fn keeps(durability: Durability, kept: Kept) -> bool {
    match durability {
        Durability::WaitAof { local: 1, .. } => kept >= Kept::Synced,
        // Which of the nodes has synced it is not known where the primary has not.
        Durability::WaitAof { .. } | Durability::Async | Durability::Wait(_) => kept == Kept::All,
    }
}

/// Whether a handover took what its node acknowledged up to its end.
fn covers(promotion: &super::Promotion, write: &Write, at: Duration) -> bool {
    promotion.handed_over_by == Some(write.node) && at <= promotion.done
}

/// The last promotion before `at`, if it was another node's.
fn deposed_by(ledger: &Ledger, write: &Write, at: Duration) -> Option<usize> {
    let promotions = ledger.events.iter().enumerate().rev();
    let last = promotions.into_iter().find_map(|(position, event)| match event {
        Event::Promoted(promotion) if promotion.decided < at => Some((position, promotion)),
        _ => None,
    });
    match last {
        Some((_, promotion)) if promotion.node == write.node || covers(promotion, write, at) => None,
        Some((position, _)) => Some(position),
        None => None,
    }
}

/// How a lost write was lost.
fn loss(ledger: &Ledger, write: &Write, acknowledged: Duration, seen: Duration) -> Loss {
    let first = cover(ledger, write, Duration::ZERO);
    let later = cover(ledger, write, seen);
    // Where no later event explains it, the first one that took its cover away does.
    let (cause, event) = match if later == Cover::Whole { first } else { later } {
        Cover::Whole => (Cause::Unexplained, None),
        Cover::Deposed(event) => (Cause::Deposed, Some(event)),
        Cover::Gone(event) => match &ledger.events[event] {
            Event::Promoted(promotion) if promotion.is_furthest => (Cause::PromotedFurthest, Some(event)),
            Event::Promoted(_) => (Cause::PromotedBehind, Some(event)),
            Event::Restarted { .. } => (Cause::Restarted, Some(event)),
        },
    };
    let at = event.map(|event| ledger.events[event].at());
    let before = at.map(|at| at.saturating_sub(acknowledged)).unwrap_or_default();
    let after = at.map(|at| acknowledged.saturating_sub(at)).unwrap_or_default();
    Loss { cause, event, window: window(ledger, acknowledged, at), before, after }
}

/// The name of the fault that was there when a write was acknowledged, or began before the event that lost it.
fn window(ledger: &Ledger, acknowledged: Duration, lost: Option<Duration>) -> Option<String> {
    let until = lost.unwrap_or(acknowledged).max(acknowledged);
    let overlaps = |window: &&super::ledger::Window| {
        window.from <= until && window.until.is_none_or(|end| end >= acknowledged)
    };
    ledger.windows.iter().rev().find(overlaps).map(|window| window.name.clone())
}

/// All broken promises; the most telling first.
pub(super) fn broken(
    ledger: &Ledger,
    settings: &Settings,
    evidence: &[Weighed],
    fates: &[Option<Fate>],
) -> Vec<Broken> {
    let mut all = Vec::new();
    for (position, fate) in fates.iter().enumerate() {
        let write = &ledger.writes[position];
        if let Some(Fate::Lost(loss)) = fate
            && loss.cause == Cause::Unexplained
        {
            let promise = match write.durability {
                Durability::Async => Promise::P4,
                Durability::Wait(_) => Promise::P6,
                Durability::WaitAof { .. } => Promise::P7,
            };
            all.push(Broken { promise, text: format!("lost, and had to survive: {}", describe(write)) });
        }
    }
    for weighed in evidence {
        let half = weighed.half.iter().map(|half| Broken {
            promise: Promise::P12,
            text: format!("there in part only: {}", describe(&ledger.writes[*half])),
        });
        let holes = weighed.holes.iter().map(|(lost, kept)| Broken {
            promise: Promise::P4,
            text: format!(
                "a hole: lost is {}\n  kept is the later {}",
                describe(&ledger.writes[*lost]),
                describe(&ledger.writes[*kept])
            ),
        });
        let strange = weighed.strange.iter().cloned().map(|text| Broken { promise: Promise::P4, text });
        all.extend(half.chain(holes).chain(strange));
    }
    all.extend(settings.window_max.into_iter().flat_map(|max| too_long(ledger, fates, max)));
    all
}

/// Whether nothing has happened since then that loses what it likes: the restart of a primary, the choice of a node that was not
/// the furthest.
fn only_failovers_since(ledger: &Ledger, at: Duration) -> bool {
    ledger.events.iter().enumerate().filter(|(_, event)| event.at() >= at).all(
        |(position, event)| match event {
            Event::Promoted(promotion) => promotion.is_furthest,
            Event::Restarted { node, kept, .. } => {
                *kept == Kept::All || ledger.primary_before(position) != *node
            }
        },
    )
}

/// P5: reigns that have lost more than they may.
fn too_long(ledger: &Ledger, fates: &[Option<Fate>], max: Duration) -> Vec<Broken> {
    let mut spans: BTreeMap<(u32, usize), (usize, usize)> = BTreeMap::new();
    let at = |position: usize| ledger.writes[position].acknowledged.unwrap_or_default();
    for (position, write) in ledger.writes.iter().enumerate() {
        let (Some(Fate::Lost(_)), Some(over)) = (&fates[position], write.acknowledged) else { continue };
        if !only_failovers_since(ledger, over) {
            continue;
        }
        let Some(reign) = ledger.reign(write.node, write.invoked, over) else { continue };
        let (first, last) = spans.entry(reign).or_insert((position, position));
        *first = if at(position) < at(*first) { position } else { *first };
        *last = if at(position) > at(*last) { position } else { *last };
    }
    let too_long = spans.values().filter(|(first, last)| at(*last).saturating_sub(at(*first)) > max);
    let tell = |(first, last): &(usize, usize)| Broken {
        promise: Promise::P5,
        text: format!(
            "lost over {:?}, {max:?} at most: from {}\n  to {}",
            at(*last).saturating_sub(at(*first)),
            describe(&ledger.writes[*first]),
            describe(&ledger.writes[*last])
        ),
    };
    too_long.map(tell).collect()
}

/// A write in one line.
fn describe(write: &Write) -> String {
    let end = match (write.fate, write.acknowledged) {
        (durability::Fate::Acknowledged, Some(at)) => {
            format!("acknowledged at {at:?} ({})", write.durability)
        }
        _ => "never answered".into(),
    };
    let effects: Vec<String> = write.effects.iter().map(durability::describe).collect();
    format!(
        "client {} to node {} at {:?}, {end}: {}",
        write.client,
        write.node,
        write.invoked,
        effects.join("; ")
    )
}
