//! Cheap checks of what is left at the end: linear in the history, so they also serve where a search is too dear.
//!
//! They see less than [`crate::linearizability`]: what they accept may still be wrong, what they refuse never is right.
//! Both look at the *final read* of a key: the last `GET` with a reply that was invoked after every other operation with
//! a reply was over. A harness makes sure of one by reading every key when all has come to rest.

use crate::call::{Call, Condition, Reply};
use crate::history::{History, Malformed, Operation, Outcome};
use crate::quote::quoted;
use std::fmt;

/// What one check of one key found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Finding {
    /// What is left can be explained.
    Passed,
    /// What is left cannot be.
    Failed(Mismatch),
    /// The check has nothing to say about this key.
    NotApplicable(&'static str),
}

/// What is left, and what should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The key.
    pub key: Vec<u8>,
    /// What the final read saw.
    pub found: Reply,
    /// What it could have seen, for a reader.
    pub expected: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (key, found, expected) = (quoted(&self.key), &self.found, &self.expected);
        write!(f, "key {key} was left as {found}, expected {expected}")
    }
}

/// Applies a check to every key in order.
pub fn check_keys(
    history: &History,
    check: impl Fn(&[u8], &[&Operation]) -> Finding,
) -> Result<Vec<(Vec<u8>, Finding)>, Malformed> {
    history.validate()?;
    let keys = history.by_key();
    let found = keys.iter().map(|(key, all)| (key.to_vec(), check(key, all)));
    Ok(found.collect())
}

/// For a key that is only counted and read: acknowledged ≤ final ≤ acknowledged + indeterminate. (An indeterminate
/// negative step widens the range below.)
pub fn counter(key: &[u8], operations: &[&Operation]) -> Finding {
    let Some(last) = final_read(operations) else {
        return Finding::NotApplicable("no final read");
    };
    let (mut least, mut most) = (0_i128, 0_i128);
    for operation in possible(operations) {
        match (&operation.call, operation.reply()) {
            (call, _) if call.is_read() => {}
            (Call::IncrBy(_), Some(Reply::Error(_))) => {}
            (Call::IncrBy(by), Some(_)) => {
                least += i128::from(*by);
                most += i128::from(*by);
            }
            (Call::IncrBy(by), None) if *by < 0 => least += i128::from(*by),
            (Call::IncrBy(by), None) => most += i128::from(*by),
            _ => return Finding::NotApplicable("not only counted"),
        }
    }
    let is_explained = match count(last) {
        Some(count) => (least..=most).contains(&i128::from(count)),
        None => false,
    };
    judge(key, last, is_explained, || format!("{least} to {most}"))
}

/// For a key that is only overwritten, deleted and read: the final read sees a write that no acknowledged one followed,
/// or an indeterminate one.
pub fn last_write(key: &[u8], operations: &[&Operation]) -> Finding {
    let Some(last) = final_read(operations) else {
        return Finding::NotApplicable("no final read");
    };
    let mut writes = Vec::new();
    for operation in possible(operations).filter(|operation| !operation.call.is_read()) {
        let Some(value) = leaves(&operation.call) else {
            return Finding::NotApplicable("not only overwritten");
        };
        writes.push((operation, value));
    }
    let acknowledged = writes.iter().filter(|(write, _)| write.reply().is_some());
    // All acknowledged writes invoked up to this moment and over before it are overwritten.
    let latest_begin = acknowledged.map(|(write, _)| write.invoked).max();
    let is_overwritten = |write: &Operation| {
        let over = write.reply().and(write.completed);
        over.zip(latest_begin).is_some_and(|(over, latest)| over < latest)
    };
    let mut candidates: Vec<Reply> =
        writes.iter().filter(|(write, _)| !is_overwritten(write)).map(|(_, value)| value.clone()).collect();
    if latest_begin.is_none() {
        candidates.push(Reply::Nil);
    }
    let is_explained = last.reply().is_some_and(|found| candidates.contains(found));
    judge(key, last, is_explained, || any_of(&candidates))
}

/// The operations that may have happened.
fn possible<'a>(operations: &[&'a Operation]) -> impl Iterator<Item = &'a Operation> {
    let happened = |operation: &&Operation| operation.outcome != Outcome::Failed;
    operations.iter().copied().filter(happened)
}

fn final_read<'a>(operations: &[&'a Operation]) -> Option<&'a Operation> {
    let answered = || possible(operations).filter(|operation| operation.reply().is_some());
    let last = answered().max_by_key(|operation| operation.invoked)?;
    let is_alone = answered().all(|other| other == last || other.precedes(last));
    (last.call == Call::Get && is_alone).then_some(last)
}

/// What the final read counts; nothing at all counts as zero.
fn count(last: &Operation) -> Option<i64> {
    match last.reply()? {
        Reply::Nil => Some(0),
        Reply::Bytes(bytes) => std::str::from_utf8(bytes).ok()?.parse().ok(),
        _ => None,
    }
}

/// What a `GET` sees after a call that does not care what was there before.
fn leaves(call: &Call) -> Option<Reply> {
    match call {
        Call::Set { value, condition: Condition::Always, .. } => Some(Reply::Bytes(value.clone())),
        Call::Del | Call::GetDel | Call::Wipe => Some(Reply::Nil),
        _ => None,
    }
}

fn judge(key: &[u8], last: &Operation, is_explained: bool, expected: impl FnOnce() -> String) -> Finding {
    match last.reply() {
        Some(found) if !is_explained => {
            Finding::Failed(Mismatch { key: key.to_vec(), found: found.clone(), expected: expected() })
        }
        _ => Finding::Passed,
    }
}

fn any_of(replies: &[Reply]) -> String {
    let shown: Vec<String> = replies.iter().map(Reply::to_string).collect();
    format!("one of: {}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::read;

    fn finding(check: fn(&[u8], &[&Operation]) -> Finding, text: &str) -> Finding {
        let history = read(text).expect("the test's history can be read");
        let mut found = check_keys(&history, check).expect("the test's history is well-formed");
        found.remove(0).1
    }

    #[test]
    fn a_counter_ends_between_acknowledged_and_possible() {
        let with_final = |value: i64| {
            let steps = "1 2 c1 n INCR -> 1\n3 4 c1 n INCR -> 2\n3 9 c2 n INCRBY 3 -> unknown\n\
                         5 9 c3 n DECR -> unknown\n5 6 c4 n INCR -> failed\n";
            finding(counter, &format!("{steps}20 21 c1 n GET -> \"{value}\""))
        };
        for good in 1..=5 {
            assert_eq!(with_final(good), Finding::Passed);
        }
        for bad in [0, 6] {
            assert!(matches!(with_final(bad), Finding::Failed(_)), "{bad}");
        }
    }

    #[test]
    fn a_register_ends_as_one_of_its_last_writes() {
        let with_final = |reply: &str| {
            let steps = "1 2 c1 x SET a -> OK\n3 6 c1 x SET b -> OK\n4 5 c2 x SET c -> OK\n\
                         1 9 c3 x SET d -> unknown\n5 6 c4 x SET e -> failed\n";
            finding(last_write, &format!("{steps}20 21 c1 x GET -> {reply}"))
        };
        for good in ["\"b\"", "\"c\"", "\"d\""] {
            assert_eq!(with_final(good), Finding::Passed);
        }
        for bad in ["\"a\"", "\"e\"", "nil"] {
            assert!(matches!(with_final(bad), Finding::Failed(_)), "{bad}");
        }
    }

    #[test]
    fn a_read_beside_others_is_not_final() {
        let text = "1 2 c1 n INCR -> 1\n3 6 c1 n INCR -> 2\n4 5 c2 n GET -> \"1\"";
        assert!(matches!(finding(counter, text), Finding::NotApplicable(_)));
        assert!(matches!(finding(last_write, text), Finding::NotApplicable(_)));
    }
}
