//! What consumer groups may do with a stream: every entry that was added reaches a group once, and again only after the
//! consumer that had it gave it up.
//!
//! Not a search: ids order everything already. The harness notes what was added, handed out, taken over and acknowledged,
//! and what the stream and its group look like in the end.

use std::collections::{BTreeMap, BTreeSet};

/// An entry's id.
pub type Id = (u64, u64);

/// What was seen of one stream and one group, from its creation to the end.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// Ids that XADD answered, with the text that was added.
    pub added: Vec<(Id, Vec<u8>)>,
    /// Texts whose XADD was sent and never answered.
    pub maybe_added: Vec<Vec<u8>>,
    /// Entries that XREADGROUP with `>` gave out, in the order in which the answers came: consumer, id, text.
    pub delivered: Vec<(String, Id, Vec<u8>)>,
    /// Entries that XAUTOCLAIM or XCLAIM gave to another consumer.
    pub claimed: Vec<(String, Id)>,
    /// Ids that XACK answered 1 for.
    pub acknowledged: Vec<Id>,
    /// Ids in an XACK that was sent and never answered.
    pub maybe_acknowledged: Vec<Id>,
    /// Whether an answer to XREADGROUP or XAUTOCLAIM was lost on its way: it may have given out anything.
    pub lost_answers: bool,
    /// What XRANGE shows in the end.
    pub entries: Vec<(Id, Vec<u8>)>,
    /// What XPENDING shows in the end.
    pub pending: Vec<Id>,
    /// The group's last delivered id in the end.
    pub last_delivered: Id,
}

/// What is wrong, if anything is.
pub fn check(log: &Log) -> Result<(), String> {
    let entries: BTreeMap<Id, &[u8]> = log.entries.iter().map(|(id, text)| (*id, text.as_slice())).collect();
    if entries.len() != log.entries.len() || !log.entries.is_sorted_by_key(|(id, _)| *id) {
        return Err("the stream shows an id twice, or ids out of order".into());
    }
    added(log, &entries)?;
    delivered(log, &entries)?;
    pending(log, &entries)
}

/// What was acknowledged is there, once; what is there was added.
fn added(log: &Log, entries: &BTreeMap<Id, &[u8]>) -> Result<(), String> {
    for (id, text) in &log.added {
        if entries.get(id) != Some(&text.as_slice()) {
            return Err(format!("entry {id:?} was added and acknowledged, and is lost"));
        }
    }
    if !log.added.is_sorted_by_key(|(id, _)| *id)
        && distinct(log.added.iter().map(|(id, _)| *id)) < log.added.len()
    {
        return Err("two entries were given the same id".into());
    }
    let known: BTreeSet<&[u8]> =
        log.added.iter().map(|(_, text)| text).chain(&log.maybe_added).map(Vec::as_slice).collect();
    match entries.iter().find(|(_, text)| !known.contains(*text)) {
        Some((id, _)) => Err(format!("entry {id:?} was never added")),
        None if distinct(entries.values()) < entries.len() => Err("one XADD left two entries".into()),
        None => Ok(()),
    }
}

/// Nothing new was given out twice, nothing was left out.
fn delivered(log: &Log, entries: &BTreeMap<Id, &[u8]>) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for (consumer, id, text) in &log.delivered {
        if !seen.insert(*id) {
            return Err(format!("entry {id:?} was given out as new twice, the second time to {consumer}"));
        }
        if entries.get(id) != Some(&text.as_slice()) {
            return Err(format!("entry {id:?} was given to {consumer}, but the stream does not hold it so"));
        }
    }
    let passed = entries.range(..=log.last_delivered).map(|(id, _)| *id);
    match passed.into_iter().find(|id| !seen.contains(id)) {
        Some(id) if !log.lost_answers => Err(format!("entry {id:?} was passed over: nobody was given it")),
        _ => Ok(()),
    }
}

/// What was given out is pending until it is acknowledged, and not afterwards.
fn pending(log: &Log, entries: &BTreeMap<Id, &[u8]>) -> Result<(), String> {
    let pending: BTreeSet<Id> = log.pending.iter().copied().collect();
    let acknowledged: BTreeSet<Id> = log.acknowledged.iter().copied().collect();
    let maybe: BTreeSet<Id> = log.maybe_acknowledged.iter().copied().collect();
    if distinct(&log.acknowledged) < log.acknowledged.len() {
        return Err("an entry was acknowledged twice".into());
    }
    if let Some(id) = pending.intersection(&acknowledged).next() {
        return Err(format!("entry {id:?} was acknowledged and is pending again"));
    }
    for id in log.delivered.iter().map(|(_, id, _)| id).chain(log.claimed.iter().map(|(_, id)| id)) {
        if !pending.contains(id) && !acknowledged.contains(id) && !maybe.contains(id) {
            return Err(format!("entry {id:?} was given out, never acknowledged, and is not pending"));
        }
    }
    match pending.iter().find(|id| !entries.contains_key(id) || **id > log.last_delivered) {
        Some(id) => Err(format!("entry {id:?} is pending and was never given out")),
        None => Ok(()),
    }
}

fn distinct<T: Ord>(of: impl IntoIterator<Item = T>) -> usize {
    of.into_iter().collect::<BTreeSet<T>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two entries added; the first given out and acknowledged, the second given out and pending.
    fn sound() -> Log {
        let text = |text: &str| text.as_bytes().to_vec();
        Log {
            added: vec![((1, 0), text("a")), ((2, 0), text("b"))],
            delivered: vec![("x".into(), (1, 0), text("a")), ("y".into(), (2, 0), text("b"))],
            acknowledged: vec![(1, 0)],
            entries: vec![((1, 0), text("a")), ((2, 0), text("b"))],
            pending: vec![(2, 0)],
            last_delivered: (2, 0),
            ..Log::default()
        }
    }

    #[test]
    fn a_sound_run_passes() {
        assert_eq!(check(&sound()), Ok(()));
    }

    #[test]
    fn each_kind_of_mistake_is_found() {
        type Mistake = (&'static str, fn(&mut Log));
        let mistakes: [Mistake; 7] = [
            ("lost", |log| drop(log.entries.pop())),
            ("never added", |log| log.entries.push(((3, 0), b"c".to_vec()))),
            ("as new twice", |log| log.delivered.push(("z".into(), (1, 0), b"a".to_vec()))),
            ("passed over", |log| drop(log.delivered.remove(0))),
            ("pending again", |log| log.pending.insert(0, (1, 0))),
            ("is not pending", |log| log.pending.clear()),
            ("acknowledged twice", |log| log.acknowledged.push((1, 0))),
        ];
        for (expected, mistake) in mistakes {
            let mut log = sound();
            mistake(&mut log);
            let found = check(&log).expect_err(expected);
            assert!(found.contains(expected), "{found}");
        }
    }
}
