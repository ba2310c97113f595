//! Whether every key behaved like one copy that takes one operation at a time, between its call and its reply.
//!
//! Linearizability is local: a history has it if each key's part has it (Herlihy and Wing, 1990), so each key is
//! searched for itself. The problem is NP-complete; a search that spends its budget is *inconclusive*, which is never
//! to be read as passed.

use crate::history::{History, Malformed, Operation, Outcome};
use crate::model::Model;
use crate::search::{DeadEnd, Ending, search};

/// A budget that ordinary histories of some thousand operations a key do not come near, and rare ones (a counter with many
/// increments of unknown outcome) stay within: ten seconds and some hundred megabytes at the worst.
pub const STEPS_MAX: u64 = 50_000_000;

/// What is to be thought of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// Every key has an order that explains all replies.
    Linearizable {
        /// How many keys there were.
        keys: usize,
        /// Steps of the model, over all keys.
        steps: u64,
    },
    /// Some key has none.
    Violation(Box<Violation>),
    /// The budget for a key was spent before either was found; no key before it in order is violated, and all other
    /// keys are linearizable or inconclusive as well.
    Inconclusive {
        /// The first such key.
        key: Vec<u8>,
        /// Steps spent on it.
        steps: u64,
    },
}

/// A key whose replies no order explains, and how far the best attempt came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The key.
    pub key: Vec<u8>,
    /// All that happened, or may have happened, to the key, by invocation; the positions below count in this.
    pub operations: Vec<Operation>,
    /// The longest order found before a reply had no explanation.
    pub order: Vec<Placed>,
    /// The operation whose reply no order explains, then those concurrent with it that had no place after `order`
    /// either. Never empty.
    pub unplaced: Vec<usize>,
    /// What the key held wherever the first of these was tried: the replies it could not have given. The first few,
    /// where there are many.
    pub states: Vec<String>,
}

/// One step of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Position of the operation.
    pub position: usize,
    /// What the key held after it.
    pub state: String,
}

/// Judges a history by the model, with at most `steps_max` steps of the model for each key.
///
/// The first violated key in order is reported. An error means that the harness recorded no proper history.
pub fn check<M: Model>(history: &History, model: &M, steps_max: u64) -> Result<Verdict, Malformed> {
    history.validate()?;
    let keys = history.by_key();
    let mut total = 0;
    let mut inconclusive = None;
    for (key, operations) in &keys {
        let possible = |operation: &&Operation| operation.outcome != Outcome::Failed;
        let operations: Vec<&Operation> = operations.iter().copied().filter(possible).collect();
        let (ending, steps) = search(model, &operations, steps_max);
        total += steps;
        match ending {
            Ending::Order => {}
            Ending::NoOrder(dead_end) => {
                let violation = Violation::new(key, &operations, dead_end);
                return Ok(Verdict::Violation(Box::new(violation)));
            }
            Ending::Exhausted => {
                inconclusive.get_or_insert((key.to_vec(), steps));
            }
        }
    }
    Ok(match inconclusive {
        Some((key, steps)) => Verdict::Inconclusive { key, steps },
        None => Verdict::Linearizable { keys: keys.len(), steps: total },
    })
}

impl Violation {
    fn new(key: &[u8], operations: &[&Operation], dead_end: DeadEnd) -> Self {
        let order = dead_end.order.into_iter();
        Self {
            key: key.to_vec(),
            operations: operations.iter().copied().cloned().collect(),
            order: order.map(|(position, state)| Placed { position, state }).collect(),
            unplaced: dead_end.unplaced,
            states: dead_end.states,
        }
    }
}
