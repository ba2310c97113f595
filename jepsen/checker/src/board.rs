//! What a search has placed and what it has not, and what may come next.

use crate::history::{Moment, Operation};

/// The placing of one operation, by its index among the sure or the unsure ones.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    Sure(usize),
    Unsure(usize),
}

/// A sure operation.
pub(crate) struct Sure {
    /// Its position among all operations.
    pub(crate) position: usize,
    client: Option<u32>,
    invoked: Moment,
    pub(crate) completed: Moment,
}

/// An unsure operation.
pub(crate) struct Unsure {
    pub(crate) position: usize,
    invoked: Moment,
    /// The one with the same call that was invoked just before.
    twin: Option<usize>,
}

/// What is placed and what is not.
pub(crate) struct Board {
    pub(crate) sure: Vec<Sure>,
    pub(crate) unsure: Vec<Unsure>,
    /// The sure ones not placed, by invocation: the successor of each, with index `sure.len()` before the first and
    /// after the last. Steps are taken back in the reverse order of their placing, so a placed one's links stay true.
    next: Vec<usize>,
    previous: Vec<usize>,
    pub(crate) sure_placed: Bits,
    pub(crate) unsure_placed: Bits,
    /// The greatest index ever placed, after each sure step.
    pub(crate) highest: Vec<usize>,
}

impl Board {
    pub(crate) fn new(operations: &[&Operation], is_read: impl Fn(usize) -> bool) -> Self {
        let mut sure = Vec::new();
        let mut unsure: Vec<Unsure> = Vec::new();
        for (position, operation) in operations.iter().enumerate() {
            let invoked = operation.invoked;
            match operation.reply().and(operation.completed) {
                Some(completed) => sure.push(Sure { position, client: operation.client, invoked, completed }),
                // Whether an unknown read happened makes no difference to anyone.
                None if is_read(position) => {}
                None => {
                    let same = |other: &Unsure| operations[other.position].call == operation.call;
                    let twin = unsure.iter().rposition(same);
                    unsure.push(Unsure { position, invoked, twin });
                }
            }
        }
        let end = sure.len();
        Self {
            next: (1..=end).chain([0]).collect(),
            previous: [end].into_iter().chain(0..end).collect(),
            sure_placed: Bits::new(end),
            unsure_placed: Bits::new(unsure.len()),
            highest: Vec::new(),
            sure,
            unsure,
        }
    }

    pub(crate) fn is_complete(&self) -> bool {
        self.first() == self.sure.len()
    }

    /// The first sure operation not placed; their number if all are.
    pub(crate) fn first(&self) -> usize {
        self.next[self.sure.len()]
    }

    pub(crate) fn position(&self, step: Step) -> usize {
        match step {
            Step::Sure(index) => self.sure[index].position,
            Step::Unsure(index) => self.unsure[index].position,
        }
    }

    /// The sure operations that may be placed next: none that is not placed was over before they were invoked, and none
    /// of their client was invoked before them. Also the first completion among those not placed.
    pub(crate) fn candidates(&self) -> (Vec<usize>, Option<Moment>) {
        let mut candidates: Vec<usize> = Vec::new();
        let mut deadline: Option<Moment> = None;
        let mut index = self.first();
        while let Some(operation) = self.sure.get(index) {
            if deadline.is_some_and(|over| over < operation.invoked) {
                break;
            }
            let over = operation.completed;
            deadline = Some(deadline.map_or(over, |least| least.min(over)));
            let client = operation.client;
            let before = |&other: &usize| client.is_some() && self.sure[other].client == client;
            if !candidates.iter().any(before) {
                candidates.push(index);
            }
            index = self.next[index];
        }
        (candidates, deadline)
    }

    /// The unsure operations not placed, but for those invoked after `deadline`.
    pub(crate) fn unsure_left(&self, deadline: Option<Moment>) -> Vec<usize> {
        let invoked = |op: &&Unsure| deadline.is_none_or(|over| op.invoked <= over);
        let count = self.unsure.iter().take_while(invoked).count();
        let is_left = |&index: &usize| !self.unsure_placed.has(index);
        (0..count).filter(is_left).collect()
    }

    /// Whether this one is next among those with its call (rule 3).
    pub(crate) fn is_first_twin(&self, index: usize) -> bool {
        let twin = self.unsure[index].twin;
        twin.is_none_or(|twin| self.unsure_placed.has(twin))
    }

    pub(crate) fn place(&mut self, step: Step) {
        match step {
            Step::Sure(index) => {
                let (previous, next) = (self.previous[index], self.next[index]);
                self.next[previous] = next;
                self.previous[next] = previous;
                self.sure_placed.set(index);
                let highest = self.highest.last().map_or(index, |&last| last.max(index));
                self.highest.push(highest);
            }
            Step::Unsure(index) => self.unsure_placed.set(index),
        }
    }

    pub(crate) fn take_back(&mut self, step: Step) {
        match step {
            Step::Sure(index) => {
                let (previous, next) = (self.previous[index], self.next[index]);
                self.next[previous] = index;
                self.previous[next] = index;
                self.sure_placed.clear(index);
                self.highest.pop();
            }
            Step::Unsure(index) => self.unsure_placed.clear(index),
        }
    }
}

/// A set of small numbers.
pub(crate) struct Bits(pub(crate) Box<[u64]>);

impl Bits {
    fn new(len: usize) -> Self {
        Self(vec![0; len.div_ceil(64)].into())
    }

    fn has(&self, index: usize) -> bool {
        self.0[index / 64] & (1 << (index % 64)) != 0
    }

    fn set(&mut self, index: usize) {
        self.0[index / 64] |= 1 << (index % 64);
    }

    fn clear(&mut self, index: usize) {
        self.0[index / 64] &= !(1 << (index % 64));
    }

    /// The words from that of `from` to that of `to`; none if `from` is greater.
    pub(crate) fn words(&self, from: usize, to: usize) -> Box<[u64]> {
        let last = self.0.len().min(to / 64 + 1);
        self.0[(from / 64).min(last)..last].into()
    }
}
