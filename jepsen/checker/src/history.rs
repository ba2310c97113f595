//! Who called what, when, and what they were told.
//!
//! An operation is *invoked*, and later *completed* in one of three ways:
//!
//! | outcome       | recorded by | effect                                                                  |
//! |---------------|-------------|-------------------------------------------------------------------------|
//! | ok            | `ok`        | happened once, between invocation and completion, and gave this reply   |
//! | failed        | `fail`      | did not happen and never will (refused, or never sent)                  |
//! | indeterminate | `unknown`   | happened once at any time after its invocation, or never; nobody knows  |
//!
//! An operation that is never completed is indeterminate. When in doubt record `unknown`: it is always true, where a
//! wrong `fail` accuses an innocent server.
//!
//! **Order.** Events are recorded in the order in which they happened: an invocation before anything is sent, a
//! completion after the reply has come. Two events of one instant keep the order in which they were recorded.
//! A *client* is one sequence of calls, like a connection: what it calls on one key takes effect in the order of its
//! invocations, also where pipelined calls overlap. A client with several connections is several clients here.
//!
//! **Wipes.** A node without persistence loses everything when it crashes. That is an operation of its own on every
//! key, invoked by the crash and completed by the restart, which leaves the key absent. A crashed node that has not
//! restarted leaves an indeterminate wipe.

use crate::call::{Call, Reply};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A point in a history: an instant, and the rank among the events of that instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Time since the run began.
    pub at: Duration,
    /// How many events of the same instant came before.
    pub rank: u32,
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It happened, and this was the reply.
    Ok(Reply),
    /// It definitely did not happen.
    Failed,
    /// It may have happened at any time after its invocation, or never.
    Indeterminate,
}

/// One call of one client on one key, or the loss of all keys in a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Who called; none for a wipe.
    pub client: Option<u32>,
    /// The key; empty for a wipe, which concerns all.
    pub key: Vec<u8>,
    /// What was asked.
    pub call: Call,
    /// Before this it had no effect.
    pub invoked: Moment,
    /// When the client heard of the outcome or gave up waiting. Only for `Ok` it bounds the effect.
    pub completed: Option<Moment>,
    /// What became of it.
    pub outcome: Outcome,
}

impl Operation {
    /// The reply, if there was one.
    pub fn reply(&self) -> Option<&Reply> {
        match &self.outcome {
            Outcome::Ok(reply) => Some(reply),
            Outcome::Failed | Outcome::Indeterminate => None,
        }
    }

    /// Whether this one was over before `later` began.
    pub fn precedes(&self, later: &Operation) -> bool {
        let over = self.reply().and(self.completed);
        over.is_some_and(|over| over < later.invoked)
    }
}

/// Names an operation of the history that issued it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OpId(usize);

/// Names a wipe of the history that issued it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WipeId(usize);

/// What a harness did wrong in recording. It says nothing about the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// An event was recorded with a time before that of the event recorded before it.
    TimeRanBackwards {
        /// The time of the later record.
        at: Duration,
        /// The time of the record before it.
        after: Duration,
    },
    /// An operation or wipe was completed that this history never began.
    NeverInvoked,
    /// An operation or wipe was completed twice.
    CompletedTwice(Box<Operation>),
    /// An operation is completed before its invocation, or has a reply and no completion.
    Inverted(Box<Operation>),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TimeRanBackwards { at, after } => {
                write!(f, "an event at {at:?} was recorded after one at {after:?}")
            }
            Self::NeverInvoked => f.write_str("an operation was completed that was never invoked"),
            Self::CompletedTwice(op) => write!(f, "completed twice: {op}"),
            Self::Inverted(op) => write!(f, "completed without or before its invocation: {op}"),
        }
    }
}

impl std::error::Error for Malformed {}

/// A line for error messages: who, when, what.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.client {
            Some(client) => write!(f, "client {client}")?,
            None => f.write_str("crash")?,
        }
        write!(f, " at {:?}: {}", self.invoked.at, self.call)
    }
}

/// What happened in one run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    operations: Vec<Operation>,
    wipes: Vec<Operation>,
    latest: Option<Moment>,
    /// The first mistake in recording; the rest often follows from it.
    malformed: Option<Malformed>,
}

impl History {
    /// A history in which nothing has happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// `client` is about to send `call` on `key`.
    pub fn invoke(&mut self, client: u32, key: impl Into<Vec<u8>>, call: Call, at: Duration) -> OpId {
        let invoked = self.moment(at);
        self.operations.push(Operation {
            client: Some(client),
            key: key.into(),
            call,
            invoked,
            completed: None,
            outcome: Outcome::Indeterminate,
        });
        OpId(self.operations.len() - 1)
    }

    /// The reply to `op` has come.
    pub fn ok(&mut self, op: OpId, reply: Reply, at: Duration) {
        self.complete(op, Outcome::Ok(reply), at);
    }

    /// `op` definitely did not happen and never will.
    pub fn fail(&mut self, op: OpId, at: Duration) {
        self.complete(op, Outcome::Failed, at);
    }

    /// The client of `op` gives up without knowing (time-out, reset, crash).
    pub fn unknown(&mut self, op: OpId, at: Duration) {
        self.complete(op, Outcome::Indeterminate, at);
    }

    /// The node crashes and with it goes all that it held.
    pub fn crash(&mut self, at: Duration) -> WipeId {
        let invoked = self.moment(at);
        self.wipes.push(Operation {
            client: None,
            key: Vec::new(),
            call: Call::Wipe,
            invoked,
            completed: None,
            outcome: Outcome::Indeterminate,
        });
        WipeId(self.wipes.len() - 1)
    }

    /// The node of `wipe` serves again, empty.
    pub fn restart_empty(&mut self, wipe: WipeId, at: Duration) {
        let completed = self.moment(at);
        let found = self.wipes.get_mut(wipe.0);
        let result = settle(found, Outcome::Ok(Reply::Ok), completed);
        self.note(result);
    }

    /// Adds an operation or wipe (one without client) whose moments are known, in any order. Events with equal moments
    /// count as concurrent.
    pub fn push(&mut self, operation: Operation) {
        let last = operation.completed.unwrap_or(operation.invoked);
        self.latest = self.latest.max(Some(last.max(operation.invoked)));
        match operation.client {
            Some(_) => self.operations.push(operation),
            None => self.wipes.push(operation),
        }
    }

    /// All operations of clients, in the order of their recording.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// All crashes from which a node returned, or may return, empty.
    pub fn wipes(&self) -> &[Operation] {
        &self.wipes
    }

    /// For every key in order: its operations and all wipes, by invocation.
    pub fn by_key(&self) -> BTreeMap<&[u8], Vec<&Operation>> {
        let mut keys: BTreeMap<&[u8], Vec<&Operation>> = BTreeMap::new();
        for operation in &self.operations {
            keys.entry(&operation.key).or_default().push(operation);
        }
        for operations in keys.values_mut() {
            operations.extend(&self.wipes);
            operations.sort_by_key(|operation| operation.invoked);
        }
        keys
    }

    /// Whether the history was recorded properly. Every checker asks first.
    pub fn validate(&self) -> Result<(), Malformed> {
        if let Some(malformed) = &self.malformed {
            return Err(malformed.clone());
        }
        let inverted = |op: &&Operation| match op.completed {
            Some(completed) => completed < op.invoked,
            None => op.outcome != Outcome::Indeterminate,
        };
        match self.operations.iter().chain(&self.wipes).find(inverted) {
            Some(op) => Err(Malformed::Inverted(Box::new(op.clone()))),
            None => Ok(()),
        }
    }

    fn complete(&mut self, op: OpId, outcome: Outcome, at: Duration) {
        let completed = self.moment(at);
        let result = settle(self.operations.get_mut(op.0), outcome, completed);
        self.note(result);
    }

    fn note(&mut self, result: Result<(), Malformed>) {
        if let (None, Err(malformed)) = (&self.malformed, result) {
            self.malformed = Some(malformed);
        }
    }

    /// The moment of the next event.
    fn moment(&mut self, at: Duration) -> Moment {
        let rank = match self.latest {
            Some(latest) if latest.at == at => latest.rank + 1,
            _ => 0,
        };
        if let Some(after) = self.latest.map(|latest| latest.at).filter(|&t| t > at) {
            self.note(Err(Malformed::TimeRanBackwards { at, after }));
        }
        let moment = Moment { at, rank };
        self.latest = self.latest.max(Some(moment));
        moment
    }
}

fn settle(found: Option<&mut Operation>, outcome: Outcome, completed: Moment) -> Result<(), Malformed> {
    let operation = found.ok_or(Malformed::NeverInvoked)?;
    if operation.completed.is_some() {
        return Err(Malformed::CompletedTwice(Box::new(operation.clone())));
    }
    operation.completed = Some(completed);
    operation.outcome = outcome;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn events_of_one_instant_keep_their_order() {
        let mut history = History::new();
        let first = history.invoke(1, "k", Call::Get, at(3));
        history.ok(first, Reply::Nil, at(3));
        history.invoke(1, "k", Call::Get, at(3));
        let [a, b] = history.operations() else {
            panic!("two operations were recorded");
        };
        assert!(a.precedes(b));
        assert_eq!(history.validate(), Ok(()));
    }

    #[test]
    fn mistakes_in_recording_are_named() {
        let mut history = History::new();
        let op = history.invoke(1, "k", Call::Get, at(3));
        history.ok(op, Reply::Nil, at(2));
        let found = history.validate();
        assert!(matches!(found, Err(Malformed::TimeRanBackwards { .. })));

        let mut history = History::new();
        let op = history.invoke(1, "k", Call::Get, at(3));
        history.fail(op, at(4));
        history.unknown(op, at(5));
        let found = history.validate();
        assert!(matches!(found, Err(Malformed::CompletedTwice(_))));

        let mut other = History::new();
        other.ok(op, Reply::Nil, at(1));
        assert_eq!(other.validate(), Err(Malformed::NeverInvoked));
    }
}
