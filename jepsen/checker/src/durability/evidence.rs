//! What a read says by itself: which units it shows, which it misses, what can explain each key, and what nothing explains.

use super::log::{Content, Effect, Found, Log, Reading};
use super::{Conflict, Kind, Standing};
use crate::quote::word;
use std::collections::{BTreeMap, BTreeSet};

/// A key that is written and deleted.
#[derive(Clone, Debug, Default)]
pub(super) struct Register {
    /// Every unit that writes or deletes it, by invocation.
    pub writers: Vec<usize>,
    /// Those of them after which the key would look as it was read.
    pub explanations: Vec<usize>,
    /// Whether it would look so if no unit had ever touched it.
    pub is_absent: bool,
}

/// A key that is counted up.
#[derive(Clone, Debug, Default)]
pub(super) struct Counter {
    /// Increments up to what was read that no unit with a reply stands for.
    pub gaps: usize,
    /// Units that may stand for them.
    pub anonymous: Vec<usize>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// Units that were seen, with the key that shows them.
    pub seen: Vec<(usize, Vec<u8>)>,
    /// Units that would have been seen, with the key that misses them.
    pub missed: Vec<(usize, Vec<u8>)>,
    pub registers: BTreeMap<Vec<u8>, Register>,
    pub counters: BTreeMap<Vec<u8>, Counter>,
}

/// So much of a value is shown.
const VALUE_BYTES_MAX: usize = 24;

/// Unit, value (`None`: deleted), deadline.
type Writing<'a> = (usize, Option<&'a [u8]>, Option<i64>);

/// What one key is used for, by the units that do.
#[derive(Default)]
struct Uses<'a> {
    writes: Vec<Writing<'a>>,
    increments: Vec<(usize, Option<i64>)>,
    elements: BTreeMap<&'a [u8], usize>,
}

/// Looks at every key that was used or found. `standing` is that of each unit; units at `end` and beyond came after the crash.
pub(super) fn look(
    log: &Log,
    standing: &[Standing],
    end: usize,
    reading: &Reading,
) -> Result<Evidence, Conflict> {
    let uses = uses(log, end);
    if let Some((key, found)) = reading.keys.iter().find(|(key, _)| !uses.contains_key(key.as_slice())) {
        return Err(strange(format!(
            "key {} {}, and nobody ever wrote that key",
            word(key),
            shows(Some(found))
        )));
    }
    let mut evidence = Evidence::default();
    for (key, uses) in &uses {
        let mut look =
            Look { log, standing, reading, key, found: reading.keys.get(*key), evidence: &mut evidence };
        look.at_deadline_of_others(uses)?;
        if !uses.writes.is_empty() {
            look.at_register(uses)?;
        } else if !uses.increments.is_empty() {
            look.at_counter(uses)?;
        } else {
            look.at_elements(uses)?;
        }
    }
    Ok(evidence)
}

fn uses(log: &Log, end: usize) -> BTreeMap<&[u8], Uses<'_>> {
    let mut keys: BTreeMap<&[u8], Uses<'_>> = BTreeMap::new();
    for (position, unit) in log.units()[..end].iter().enumerate() {
        for effect in &unit.effects {
            let uses = keys.entry(effect.key()).or_default();
            match effect {
                Effect::Write { value, deadline_ms, .. } => {
                    uses.writes.push((position, Some(value), *deadline_ms));
                }
                Effect::Delete { .. } => uses.writes.push((position, None, None)),
                Effect::Increment { reply, .. } => uses.increments.push((position, *reply)),
                Effect::Append { element, .. } => drop(uses.elements.insert(element, position)),
            }
        }
    }
    keys
}

/// A look at one key.
struct Look<'a> {
    log: &'a Log,
    standing: &'a [Standing],
    reading: &'a Reading,
    key: &'a [u8],
    found: Option<&'a Found>,
    evidence: &'a mut Evidence,
}

impl Look<'_> {
    fn at_register(&mut self, uses: &Uses<'_>) -> Result<(), Conflict> {
        let writers = uses.writes.iter().map(|(position, ..)| *position).collect();
        let mut register = Register { writers, ..Register::default() };
        let Some(found) = self.found else {
            let ended = self.reading.ended_ms;
            let leaves_nothing = |value: &Option<&[u8]>, deadline: &Option<i64>| {
                value.is_none() || deadline.is_some_and(|deadline| deadline <= ended)
            };
            let ends = uses.writes.iter().filter(|(_, value, deadline)| leaves_nothing(value, deadline));
            register.explanations = ends.map(|(position, ..)| *position).collect();
            register.is_absent = true;
            self.evidence.registers.insert(self.key.to_vec(), register);
            return Ok(());
        };
        let Content::Text(text) = &found.content else { return Err(self.strange("")) };
        let writer = uses.writes.iter().find(|(_, value, _)| *value == Some(text.as_slice()));
        let Some((position, _, deadline)) = writer else {
            return Err(self.strange(", which nobody ever wrote there"));
        };
        self.check_deadline(found.deadline_ms, *deadline)?;
        self.see(*position);
        register.explanations.push(*position);
        self.evidence.registers.insert(self.key.to_vec(), register);
        Ok(())
    }

    fn at_counter(&mut self, uses: &Uses<'_>) -> Result<(), Conflict> {
        let number = match self.found.map(|found| &found.content) {
            None => Some(0),
            Some(Content::Text(text)) => {
                std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok())
            }
            Some(_) => None,
        };
        let number =
            number.filter(|number| *number >= 0).ok_or_else(|| self.strange(", which is no count"))?;
        let (mut counter, mut told) = (Counter::default(), BTreeSet::new());
        for (position, reply) in &uses.increments {
            match reply {
                _ if matches!(self.standing[*position], Standing::Gone(_)) => {}
                Some(reply) if *reply <= number => {
                    told.insert(*reply);
                    self.see(*position);
                }
                Some(_) => self.miss(*position),
                None => counter.anonymous.push(*position),
            }
        }
        counter.gaps = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(told.len());
        self.evidence.counters.insert(self.key.to_vec(), counter);
        Ok(())
    }

    fn at_elements(&mut self, uses: &Uses<'_>) -> Result<(), Conflict> {
        let (elements, is_list): (Vec<&Vec<u8>>, bool) = match self.found.map(|found| &found.content) {
            None => (Vec::new(), false),
            Some(Content::List(list)) => (list.iter().collect(), true),
            Some(Content::Set(set)) => (set.iter().collect(), false),
            Some(Content::Text(_)) => return Err(self.strange("")),
        };
        let mut seen = Vec::new();
        for element in &elements {
            let position = *uses.elements.get(element.as_slice()).ok_or_else(|| {
                strange(format!("key {} holds {}, which nobody ever added", word(self.key), short(element)))
            })?;
            self.see(position);
            seen.push(position);
        }
        let there: BTreeSet<&[u8]> = elements.iter().map(|element| element.as_slice()).collect();
        if there.len() < elements.len() {
            return Err(strange(format!("key {} holds an element twice", word(self.key))));
        }
        let missing = uses.elements.iter().filter(|(element, _)| !there.contains(*element));
        missing.for_each(|(_, position)| self.miss(*position));
        if is_list { self.check_order(&seen) } else { Ok(()) }
    }

    /// No element stands behind one that was added when it was there already. (The elements of one unit have one moment.)
    fn check_order(&self, units: &[usize]) -> Result<(), Conflict> {
        let mut latest: Option<usize> = None;
        for &unit in units {
            if let (Some(before), Standing::Over(over)) = (latest, self.standing[unit])
                && over < self.log.units()[before].invoked
            {
                let key = word(self.key);
                let text = format!(
                    "list {key} holds an element of unit {unit} behind one of unit {before}, which was sent when unit {unit} was over"
                );
                return Err(Conflict::Read { kind: Kind::Order, text });
            }
            latest = latest.max(Some(unit));
        }
        Ok(())
    }

    fn check_deadline(&self, found: Option<i64>, given: Option<i64>) -> Result<(), Conflict> {
        let key = word(self.key);
        if found != given {
            let say = |deadline: Option<i64>| deadline.map_or("none".into(), |ms| format!("{ms} ms"));
            let text = format!("key {key} has deadline {}, and was given {}", say(found), say(given));
            return Err(Conflict::Read { kind: Kind::Deadline, text });
        }
        match given {
            Some(deadline) if deadline < self.reading.began_ms => {
                let text = format!(
                    "key {key} is there at {} ms, and its deadline was {deadline} ms",
                    self.reading.began_ms
                );
                Err(Conflict::Read { kind: Kind::Expired, text })
            }
            _ => Ok(()),
        }
    }

    /// Only what is written has deadlines.
    fn at_deadline_of_others(&self, uses: &Uses<'_>) -> Result<(), Conflict> {
        match self.found {
            Some(found) if uses.writes.is_empty() => self.check_deadline(found.deadline_ms, None),
            _ => Ok(()),
        }
    }

    fn see(&mut self, position: usize) {
        self.evidence.seen.push((position, self.key.to_vec()));
    }

    fn miss(&mut self, position: usize) {
        self.evidence.missed.push((position, self.key.to_vec()));
    }

    fn strange(&self, what: &str) -> Conflict {
        strange(format!("key {} {}{what}", word(self.key), shows(self.found)))
    }
}

fn strange(text: String) -> Conflict {
    Conflict::Read { kind: Kind::Strange, text }
}

/// What a key holds, for a reader.
pub(super) fn shows(found: Option<&Found>) -> String {
    match found.map(|found| &found.content) {
        None => "is not there".into(),
        Some(Content::Text(text)) => format!("holds {}", short(text)),
        Some(Content::List(list)) => format!("is a list of {}", list.len()),
        Some(Content::Set(set)) => format!("is a set of {}", set.len()),
    }
}

/// A value as a word, long ones cut off.
pub(super) fn short(value: &[u8]) -> String {
    match value.get(..VALUE_BYTES_MAX) {
        Some(first) if first.len() < value.len() => format!("{}...", word(first)),
        _ => word(value),
    }
}
