//! The record of a run: writes, what their acknowledgements promise, what was done to the nodes, what was there in the end.

use std::fmt;
use std::time::Duration;

use crate::durability::{Effect, Fate, Reading};

/// What stands behind an acknowledgement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Durability {
    /// The primary's word.
    #[default]
    Async,
    /// So many replicas had it: the reply of WAIT, not what was asked for. 0 counts as [`Durability::Async`].
    Wait(u32),
    /// So many had synced it: the two numbers of the reply of WAITAOF.
    WaitAof {
        /// The primary: 0 or 1.
        local: u32,
        /// Replicas.
        replicas: u32,
    },
}

impl Durability {
    /// Replicas that have it.
    pub fn replicas(self) -> u32 {
        match self {
            Durability::Async => 0,
            Durability::Wait(replicas) | Durability::WaitAof { replicas, .. } => replicas,
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Durability::Async => f.pad("async"),
            Durability::Wait(replicas) => f.pad(&format!("wait {replicas}")),
            Durability::WaitAof { local, replicas } => f.pad(&format!("waitaof {local} {replicas}")),
        }
    }
}

/// What takes effect as one, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// Who sent it: one connection.
    pub client: u32,
    /// Which node was asked.
    pub node: u32,
    /// When.
    pub invoked: Duration,
    /// When its reply came.
    pub acknowledged: Option<Duration>,
    /// What became of it, as its client knows.
    pub fate: Fate,
    /// The best that was said of it.
    pub durability: Durability,
    /// When that was said.
    pub assured: Option<Duration>,
    /// What it does.
    pub effects: Vec<Effect>,
}

/// Names a write of the ledger that issued it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WriteId(usize);

/// Names a fault of the ledger that issued it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FaultId(usize);

/// A fault window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub name: String,
    pub from: Duration,
    pub until: Option<Duration>,
}

/// A node was made the primary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promotion {
    /// Which.
    pub node: u32,
    /// Nodes whose offsets in the history of the last primary were compared, the promoted one among them. A node that follows
    /// another history, or is in the middle of a full sync, is none of them.
    pub compared: Vec<u32>,
    /// Whether none of them was further.
    pub is_furthest: bool,
    /// When the first of them was asked: what is acknowledged by another node later is not covered. For a handover the moment
    /// when it was asked for.
    pub decided: Duration,
    /// When it was known to be the primary.
    pub done: Duration,
    /// The node that handed over by itself (FAILOVER that reported success): what it acknowledged up to `done` is covered.
    pub handed_over_by: Option<u32>,
}

/// What a restarted process has of what it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// Perhaps nothing.
    Nothing,
    /// What it had called synced.
    Synced,
    /// Everything.
    All,
}

/// What happened to the nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Promoted(Promotion),
    Restarted { node: u32, kept: Kept, at: Duration },
}

/// What a node showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Look {
    pub began: Duration,
    pub reading: Reading,
}

/// See the module. Everything is recorded when it happens; times are those since the run began, by one clock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    pub(super) nodes: u32,
    pub(super) first_primary: u32,
    pub(super) writes: Vec<Write>,
    pub(super) windows: Vec<Window>,
    pub(super) events: Vec<Event>,
    pub(super) looks: Vec<Look>,
    pub(super) glances: Vec<Look>,
}

impl Ledger {
    /// For so many nodes that hold data, the primary among them, and the number of the primary.
    pub fn new(nodes: u32, primary: u32) -> Ledger {
        Ledger { nodes, first_primary: primary, ..Ledger::default() }
    }

    /// A client is about to send a write to a node. As for [`crate::durability`]: every value and element is written once in
    /// a run, a key serves one purpose, elements are never taken out.
    pub fn begin(&mut self, client: u32, node: u32, effects: Vec<Effect>, at: Duration) -> WriteId {
        let durability = Durability::Async;
        let fate = Fate::Unknown;
        let write =
            Write { client, node, invoked: at, acknowledged: None, fate, durability, assured: None, effects };
        self.writes.push(write);
        WriteId(self.writes.len() - 1)
    }

    /// Its reply came. `numbers` are those of its increments, in order.
    pub fn acknowledge(&mut self, write: WriteId, numbers: &[i64], at: Duration) {
        let write = &mut self.writes[write.0];
        let mut numbers = numbers.iter();
        for effect in &mut write.effects {
            if let Effect::Increment { reply, .. } = effect {
                *reply = numbers.next().copied();
            }
        }
        (write.fate, write.acknowledged, write.assured) = (Fate::Acknowledged, Some(at), Some(at));
    }

    /// WAIT or WAITAOF, asked for on the same connection after the write was answered, has said this. What says less than is
    /// known already changes nothing.
    pub fn assure(&mut self, write: WriteId, durability: Durability, at: Duration) {
        let write = &mut self.writes[write.0];
        let is_more = durability.replicas() > write.durability.replicas()
            || matches!(durability, Durability::WaitAof { local: 1, .. })
                && write.durability == Durability::Async;
        if write.fate == Fate::Acknowledged && is_more {
            (write.durability, write.assured) = (durability, Some(at));
        }
    }

    /// It was refused: it did not happen and never will.
    pub fn refuse(&mut self, write: WriteId) {
        self.writes[write.0].fate = Fate::Refused;
    }

    /// A fault begins. A write that no fault ends up costing may still lie in its window.
    pub fn fault_begins(&mut self, name: &str, at: Duration) -> FaultId {
        self.windows.push(Window { name: name.to_owned(), from: at, until: None });
        FaultId(self.windows.len() - 1)
    }

    /// It is over.
    pub fn fault_ends(&mut self, fault: FaultId, at: Duration) {
        self.windows[fault.0].until = Some(at);
    }

    /// A node was promoted.
    pub fn promoted(&mut self, promotion: Promotion) {
        self.events.push(Event::Promoted(promotion));
    }

    /// A process serves again. What a node does that starts as a replica or as the primary is the same here.
    pub fn restarted(&mut self, node: u32, kept: Kept, at: Duration) {
        self.events.push(Event::Restarted { node, kept, at });
    }

    /// Everything that a node holds, read from `began` on while nobody wrote and nothing was broken any more. The last one
    /// recorded decides.
    pub fn read(&mut self, began: Duration, reading: Reading) {
        self.looks.push(Look { began, reading });
    }

    /// Everything that the primary holds at a moment in the run, where that can be had: what is there then was not lost before.
    /// Nothing is judged by it; causes are told apart.
    pub fn glance(&mut self, at: Duration, reading: Reading) {
        self.glances.push(Look { began: at, reading });
    }

    /// How many promotions and restarts are recorded.
    pub fn event_count(&self) -> usize {
        self.events.len()
    }

    /// Writes, by invocation.
    pub fn writes(&self) -> &[Write] {
        &self.writes
    }
}

impl Event {
    /// When it takes effect on what is acknowledged.
    pub fn at(&self) -> Duration {
        match self {
            Event::Promoted(promotion) => promotion.decided,
            Event::Restarted { at, .. } => *at,
        }
    }

    /// The node whose reign it begins, if that node is the primary then.
    pub fn node(&self) -> u32 {
        match self {
            Event::Promoted(promotion) => promotion.node,
            Event::Restarted { node, .. } => *node,
        }
    }
}

impl Ledger {
    /// Who was the primary just before an event.
    pub(super) fn primary_before(&self, event: usize) -> u32 {
        let earlier = self.events[..event].iter().rev().find_map(|event| match event {
            Event::Promoted(promotion) => Some(promotion.node),
            Event::Restarted { .. } => None,
        });
        earlier.unwrap_or(self.first_primary)
    }

    /// The reign in which a node answered what it was sent at `from` and answered at `until`: node and how many times it had
    /// begun anew. `None` if it began anew meanwhile.
    pub(super) fn reign(&self, node: u32, from: Duration, until: Duration) -> Option<(u32, usize)> {
        let begun = |at: Duration| {
            self.events.iter().filter(|event| event.node() == node && event.at() <= at).count()
        };
        (begun(from) == begun(until)).then(|| (node, begun(from)))
    }
}
