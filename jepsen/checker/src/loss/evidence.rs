//! What the readings say of each write: there, not there, or nothing; and what follows from the order within a reign.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ledger::{Ledger, Look, Write};
use crate::durability::{Content, Effect, Fate};

/// What is known of a write from one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trace {
    /// The reading shows it.
    There,
    /// The reading cannot be what it is if it was kept.
    Gone,
    /// Nothing.
    Open,
}

/// What one reading says of all writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Weighed {
    /// By itself, by write.
    pub direct: Vec<Option<Trace>>,
    /// With what follows from the order.
    pub all: Vec<Option<Trace>>,
    /// What contradicts itself: text for a reader.
    pub strange: Vec<String>,
    /// Writes that are there in part.
    pub half: Vec<usize>,
    /// Lost, and a later one of the same reign is kept.
    pub holes: Vec<(usize, usize)>,
}

/// Each reading, weighed.
pub(super) fn weigh(ledger: &Ledger) -> Vec<Weighed> {
    let index = Index::of(ledger);
    ledger.looks.iter().map(|look| index.weigh(look)).collect()
}

/// For each write the last glance that shows it.
pub(super) fn last_seen(ledger: &Ledger) -> Vec<Option<Duration>> {
    let index = Index::of(ledger);
    let mut seen = vec![None; ledger.writes.len()];
    for glance in &ledger.glances {
        let weighed = index.weigh(glance);
        for (seen, trace) in seen.iter_mut().zip(weighed.all) {
            if trace == Some(Trace::There) {
                *seen = Some(glance.began);
            }
        }
    }
    seen
}

type Reign = (u32, usize);

/// Who wrote what.
struct Index<'a> {
    ledger: &'a Ledger,
    /// By key and value or element.
    writers: BTreeMap<(&'a [u8], &'a [u8]), usize>,
    /// Deletions of each key.
    deletes: BTreeMap<&'a [u8], Vec<usize>>,
    /// Keys that may have a deadline.
    expiring: BTreeSet<&'a [u8]>,
    reigns: Vec<Option<Reign>>,
}

impl<'a> Index<'a> {
    fn of(ledger: &'a Ledger) -> Index<'a> {
        let (mut writers, mut deletes) = (BTreeMap::new(), BTreeMap::<_, Vec<usize>>::new());
        let mut expiring = BTreeSet::new();
        for (position, write) in ledger.writes.iter().enumerate() {
            for effect in &write.effects {
                if let Effect::Write { key, deadline_ms: Some(_), .. } = effect {
                    expiring.insert(&key[..]);
                }
                match effect {
                    Effect::Write { key, value: text, .. } | Effect::Append { key, element: text } => {
                        writers.insert((&key[..], &text[..]), position);
                    }
                    Effect::Delete { key } => deletes.entry(&key[..]).or_default().push(position),
                    Effect::Increment { .. } => {}
                }
            }
        }
        let reigns = ledger.writes.iter().map(|write| reign_of(ledger, write)).collect();
        Index { ledger, writers, deletes, expiring, reigns }
    }

    fn weigh(&self, look: &Look) -> Weighed {
        let mut weighed = Weighed { strange: self.strange(look), ..Weighed::default() };
        for (position, write) in self.ledger.writes.iter().enumerate() {
            let concerned = write.invoked < look.began && write.fate != Fate::Refused;
            let direct = concerned.then(|| self.unit(position, write, look, &mut weighed.half));
            weighed.direct.push(direct);
        }
        weighed.all.clone_from(&weighed.direct);
        self.follow_order(&mut weighed);
        weighed
    }

    fn unit(&self, position: usize, write: &Write, look: &Look, half: &mut Vec<usize>) -> Trace {
        let traces: Vec<Trace> =
            write.effects.iter().map(|effect| self.effect(position, effect, look)).collect();
        match (traces.contains(&Trace::Gone), traces.contains(&Trace::There)) {
            (true, there) => {
                if there {
                    half.push(position);
                }
                Trace::Gone
            }
            (false, true) => Trace::There,
            (false, false) => Trace::Open,
        }
    }

    fn effect(&self, position: usize, effect: &Effect, look: &Look) -> Trace {
        let content = look.reading.keys.get(effect.key()).map(|found| &found.content);
        match (effect, content) {
            (Effect::Append { element, .. }, Some(Content::List(elements))) => {
                there(elements.contains(element))
            }
            (Effect::Append { element, .. }, Some(Content::Set(elements))) => {
                there(elements.contains(element))
            }
            (Effect::Append { .. }, _) => Trace::Gone,
            (Effect::Write { value, .. }, Some(Content::Text(text))) if value == text => Trace::There,
            (Effect::Write { key, .. }, Some(Content::Text(text))) => self.overwritten(position, key, text),
            (Effect::Write { key, deadline_ms, .. }, None) => {
                let expired = deadline_ms.is_some_and(|deadline| deadline <= look.reading.ended_ms);
                if expired || self.may_be_deleted(position, key) { Trace::Open } else { Trace::Gone }
            }
            (Effect::Increment { reply: Some(number), .. }, content) => match content {
                Some(Content::Text(text)) if parse(text) >= Some(*number) => Trace::Open,
                _ => Trace::Gone,
            },
            _ => Trace::Open,
        }
    }

    /// Of a write whose key holds another value: if that was answered before this was sent, this is gone.
    fn overwritten(&self, position: usize, key: &[u8], text: &[u8]) -> Trace {
        let Some(other) = self.writers.get(&(key, text)) else { return Trace::Open };
        if self.precedes(*other, position) { Trace::Gone } else { Trace::Open }
    }

    /// Whether a deletion may have come after a write, or the write of another value which was then deleted.
    fn may_be_deleted(&self, position: usize, key: &[u8]) -> bool {
        let deletes = self.deletes.get(key).map(Vec::as_slice).unwrap_or_default();
        let refused = |delete: &usize| self.ledger.writes[*delete].fate == Fate::Refused;
        // Another value with a deadline may have expired, too.
        self.expiring.contains(key)
            || deletes.iter().any(|delete| !refused(delete) && !self.precedes(*delete, position))
    }

    /// Whether one write was over before another was sent.
    fn precedes(&self, one: usize, other: usize) -> bool {
        precedes(&self.ledger.writes[one], &self.ledger.writes[other])
    }

    /// What is answered before something kept of the same reign was sent is kept; what was sent after something lost was
    /// answered is lost.
    fn follow_order(&self, weighed: &mut Weighed) {
        let mut latest_kept: BTreeMap<Reign, usize> = BTreeMap::new();
        let mut earliest_lost: BTreeMap<Reign, usize> = BTreeMap::new();
        let writes = &self.ledger.writes;
        for (position, write) in writes.iter().enumerate() {
            let Some(reign) = self.reigns[position] else { continue };
            match weighed.direct[position] {
                Some(Trace::There) => {
                    let latest = latest_kept.entry(reign).or_insert(position);
                    *latest =
                        *[*latest, position].iter().max_by_key(|p| writes[**p].invoked).unwrap_or(latest);
                }
                Some(Trace::Gone) if write.fate == Fate::Acknowledged => {
                    let earliest = earliest_lost.entry(reign).or_insert(position);
                    *earliest = *[*earliest, position]
                        .iter()
                        .min_by_key(|p| writes[**p].acknowledged)
                        .unwrap_or(earliest);
                }
                _ => {}
            }
        }
        for (reign, lost) in &earliest_lost {
            if let Some(kept) = latest_kept.get(reign).filter(|kept| self.precedes(*lost, **kept)) {
                weighed.holes.push((*lost, *kept));
            }
        }
        for (position, write) in writes.iter().enumerate() {
            let Some(reign) = self.reigns[position] else { continue };
            if weighed.direct[position] != Some(Trace::Open) {
                continue;
            }
            if latest_kept.get(&reign).is_some_and(|kept| self.precedes(position, *kept)) {
                weighed.all[position] = Some(Trace::There);
            } else if earliest_lost.get(&reign).is_some_and(|lost| self.precedes(*lost, position))
                // A deletion that finds nothing writes nothing: there is nothing to be lost.
                && write.effects.iter().any(|effect| !matches!(effect, Effect::Delete { .. }))
            {
                weighed.all[position] = Some(Trace::Gone);
            }
        }
    }

    /// Elements and values that cannot be there, or not in this order.
    fn strange(&self, look: &Look) -> Vec<String> {
        let mut strange = Vec::new();
        for (key, found) in &look.reading.keys {
            let name = String::from_utf8_lossy(key);
            match &found.content {
                Content::Text(text) if parse(text).is_none() => self.known(key, text, &name, &mut strange),
                Content::Text(_) => {}
                Content::Set(members) => {
                    members.iter().for_each(|member| self.known(key, member, &name, &mut strange));
                }
                Content::List(elements) => {
                    elements.iter().for_each(|element| self.known(key, element, &name, &mut strange));
                    self.in_order(key, elements, &name, &mut strange);
                }
            }
        }
        strange
    }

    fn known(&self, key: &[u8], text: &[u8], name: &str, strange: &mut Vec<String>) {
        let shown = String::from_utf8_lossy(text);
        match self.writers.get(&(key, text)).map(|writer| self.ledger.writes[*writer].fate) {
            None => strange.push(format!("key {name} holds {shown}, which nobody wrote")),
            Some(Fate::Refused) => strange.push(format!("key {name} holds {shown}, which was refused")),
            Some(_) => {}
        }
    }

    fn in_order(&self, key: &[u8], elements: &[Vec<u8>], name: &str, strange: &mut Vec<String>) {
        let mut latest: Option<usize> = None;
        let mut seen = BTreeSet::new();
        for element in elements {
            let shown = String::from_utf8_lossy(element);
            if !seen.insert(element) {
                strange.push(format!("list {name} holds {shown} twice"));
            }
            let Some(writer) = self.writers.get(&(key, &element[..])) else { continue };
            if let Some(before) = latest.filter(|before| self.precedes(*writer, *before)) {
                let before = &self.ledger.writes[before].effects;
                strange.push(format!(
                    "list {name} holds {shown} after an element of {before:?}, which was sent later"
                ));
            }
            let invoked = |position: usize| self.ledger.writes[position].invoked;
            if latest.is_none_or(|latest| invoked(latest) < invoked(*writer)) {
                latest = Some(*writer);
            }
        }
    }
}

/// Whether one write was over before another was sent.
pub(super) fn precedes(one: &Write, other: &Write) -> bool {
    one.acknowledged.is_some_and(|over| over < other.invoked)
}

/// The reign that a write belongs to, where that is certain.
fn reign_of(ledger: &Ledger, write: &Write) -> Option<Reign> {
    // What was never answered may have been executed at any later time.
    let until = write.acknowledged.unwrap_or(Duration::MAX);
    ledger.reign(write.node, write.invoked, until)
}

fn there(is_there: bool) -> Trace {
    if is_there { Trace::There } else { Trace::Gone }
}

fn parse(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}
