//! The search for one order of the operations on one key that the model allows.
//!
//! Wing and Gong's search ("Testing and verifying concurrent objects", 1993): place one operation after the other, each
//! one only when all that were over before its invocation are placed; go back where nothing fits. With Lowe's cache
//! ("Testing for linearizability", 2017): a situation (what is placed, what the key holds) is entered once.
//!
//! *Sure* operations have a reply and must be placed. *Unsure* ones are indeterminate and may be placed, at any time
//! after their invocation, or never. They would double the situations each, but for four rules, none of which loses an
//! order:
//!
//! 1. A sure operation that fits and is a read, as its reply shows, is placed at once: it stands in nobody's way.
//!    (That it changes nothing here is not enough. Writing once more what is there already may be needed later.)
//! 2. An unsure operation is placed only if it changes the state, and something can come next that makes a difference
//!    of the change: where leaving it out leads to the same state, it was not needed.
//! 3. Of unsure operations with the same call the first invoked is placed first: they are interchangeable.
//! 4. A situation is not entered if the same one was entered with some of these unsure operations still to spend:
//!    nothing is possible now that was not possible then.
//!
//! Why situations still under way may count as entered (rule 4): take a situation that is left without success though
//! an order leads on from it, the one with the shortest such order. The next situation on it was either entered, and
//! then left wrongly with a shorter order, or refused in favour of one with an order as short. Both contradict the
//! choice.

use crate::call::Call;
use crate::history::{Moment, Operation};
use crate::model::{Model, Need};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};

/// How a search ended.
pub(crate) enum Ending {
    /// There is an order.
    Order,
    /// There is none.
    NoOrder(DeadEnd),
    /// The budget is spent.
    Exhausted,
}

/// As far as any order came.
pub(crate) struct DeadEnd {
    /// The longest order found, as positions among the operations, each with what the key then held.
    pub(crate) order: Vec<(usize, String)>,
    /// What could not be placed, though its time was up: first the operation that had to come next, then those
    /// concurrent with it that were not placed either.
    pub(crate) unplaced: Vec<usize>,
    /// What the key held wherever the first of these was tried.
    pub(crate) states: Vec<String>,
}

/// At most so many states are kept for an explanation.
const STATES_SHOWN_MAX: usize = 12;

/// A state's number among those met.
type StateId = u32;

/// Fixed keys: a verdict and its number of steps must not differ between two runs.
type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// The placing of one operation, by its index among the sure or the unsure ones.
#[derive(Clone, Copy)]
enum Step {
    Sure(usize),
    Unsure(usize),
}

/// One situation on the path from the beginning to where the search stands.
struct Frame {
    /// What led here; none at the beginning.
    taken: Option<Step>,
    state: StateId,
    /// The state before an unsure step that led here.
    skipped: Option<StateId>,
    /// The sure operation that must be placed soonest.
    urgent: Option<usize>,
    /// What was invoked after this cannot be placed yet.
    deadline: Option<Moment>,
    /// Steps to try, the next one last.
    untried: Vec<(Step, StateId)>,
    /// Whether unsure steps are among `untried`, or need not be tried.
    unsure_listed: bool,
}

/// Searches for an order of `operations`, which are sorted by invocation and contain no failed ones. Spends at most
/// `steps_max` steps of the model; returns the number of those spent.
pub(crate) fn search<M: Model>(model: &M, operations: &[&Operation], steps_max: u64) -> (Ending, u64) {
    let mut states = States::new(model.initial());
    let hints = operations.iter().map(|operation| Hints::new(model, operation, &mut states));
    let hints: Vec<Hints> = hints.collect();
    let mut search = Search {
        model,
        operations,
        board: Board::new(operations, &hints),
        hints,
        states,
        seen: Seen::default(),
        deepest: Deepest::default(),
        steps: 0,
    };
    let ending = search.run(steps_max);
    (ending, search.steps)
}

struct Search<'a, M: Model> {
    model: &'a M,
    operations: &'a [&'a Operation],
    /// What the model says beforehand of each operation.
    hints: Vec<Hints>,
    board: Board,
    states: States<M::State>,
    seen: Seen,
    deepest: Deepest,
    steps: u64,
}

impl<M: Model> Search<'_, M> {
    /// The search itself: depth first, on a stack of its own, since an order has thousands of steps.
    fn run(&mut self, steps_max: u64) -> Ending {
        self.seen.is_new(&self.board, INITIAL);
        let mut path = vec![self.enter(None, INITIAL, None)];
        while let Some(top) = path.last_mut() {
            if self.board.is_complete() {
                return Ending::Order;
            }
            if self.steps > steps_max {
                return Ending::Exhausted;
            }
            if let Some((step, state)) = top.untried.pop() {
                let before = top.state;
                self.board.place(step);
                if self.seen.is_new(&self.board, state) {
                    let skipped = matches!(step, Step::Unsure(_)).then_some(before);
                    path.push(self.enter(Some(step), state, skipped));
                } else {
                    self.board.take_back(step);
                }
            } else if !top.unsure_listed {
                top.untried = self.unsure_steps(top);
                top.unsure_listed = true;
            } else {
                self.deepest.note_dead_end(&path, &self.board);
                if let Some(step) = path.pop().and_then(|frame| frame.taken) {
                    self.board.take_back(step);
                }
            }
        }
        Ending::NoOrder(self.dead_end())
    }

    /// The situation on the board, with the sure steps that are possible.
    fn enter(&mut self, taken: Option<Step>, state: StateId, skipped: Option<StateId>) -> Frame {
        let (mut candidates, deadline) = self.board.candidates();
        candidates.sort_by_key(|&index| self.board.sure[index].completed);
        let urgent = candidates.first().copied();
        if let Some(urgent) = urgent {
            let completed = self.board.sure[urgent].completed;
            self.deepest.note_state(urgent, completed, state);
        }
        let (untried, at_once) = self.sure_steps(state, &candidates);
        Frame {
            taken,
            state,
            skipped,
            urgent,
            deadline,
            untried,
            unsure_listed: at_once || self.board.unsure.is_empty(),
        }
    }

    /// The steps to place one of `candidates`, and whether it is one to take at once (rule 1).
    fn sure_steps(&mut self, state: StateId, candidates: &[usize]) -> (Vec<(Step, StateId)>, bool) {
        let mut steps = Vec::new();
        for &index in candidates.iter().rev() {
            let (step, position) = (Step::Sure(index), self.board.sure[index].position);
            let nexts = self.nexts(state, position);
            if self.hints[position].is_read && !nexts.is_empty() {
                return (vec![(step, state)], true);
            }
            steps.extend(nexts.into_iter().map(|next| (step, next)));
        }
        (steps, false)
    }

    /// The unsure steps that are possible and of use in the situation of `frame` (rules 2 and 3).
    fn unsure_steps(&mut self, frame: &Frame) -> Vec<(Step, StateId)> {
        let mut candidates = self.board.unsure_left(frame.deadline);
        if !self.might_help(frame.state, &candidates) {
            return Vec::new();
        }
        candidates.retain(|&index| self.board.is_first_twin(index));
        let position = |index: usize| self.board.unsure[index].position;
        let builds = |&index: &usize| self.hints[position(index)].leaves.is_none();
        let can_build = candidates.iter().any(builds);
        let mut steps = Vec::new();
        for index in candidates {
            let position = self.board.unsure[index].position;
            let nexts = match self.hints[position].leaves {
                Some(_) if frame.skipped.is_some() => continue,
                Some(next) if can_build || self.is_wanted(next) => vec![next],
                Some(_) => continue,
                None => self.nexts(frame.state, position),
            };
            let without = match frame.skipped {
                Some(before) => self.nexts(before, position),
                None => Vec::new(),
            };
            let is_new = |next: &StateId| *next != frame.state && !without.contains(next);
            let nexts = nexts.into_iter().filter(is_new);
            steps.extend(nexts.map(|next| (Step::Unsure(index), next)));
        }
        // The last one is tried first.
        steps
            .sort_by_cached_key(|&(step, state)| (self.is_wanted(state), Reverse(self.board.position(step))));
        steps
    }

    /// Whether some sure operation that may be placed next could make use of this state.
    fn is_wanted(&self, state: StateId) -> bool {
        self.needs(|wanted| wanted == state)
    }

    /// Whether these unsure operations could lead to such a state.
    fn might_help(&self, state: StateId, left: &[usize]) -> bool {
        let call = |&index: &usize| &self.operations[self.board.unsure[index].position].call;
        let calls: Vec<&Call> = left.iter().map(call).collect();
        let (model, from) = (self.model, self.states.get(state));
        self.needs(|wanted| model.might_lead(from, &calls, self.states.get(wanted)))
    }

    /// Whether some sure operation that may be placed next needs a state that `is_met`, or who knows what.
    fn needs(&self, is_met: impl Fn(StateId) -> bool) -> bool {
        let (candidates, _) = self.board.candidates();
        let position = |&index: &usize| self.board.sure[index].position;
        let mut needs = candidates.iter().map(|index| self.hints[position(index)].need);
        needs.any(|need| match need {
            Need::Nothing => false,
            Need::Only(wanted) => is_met(wanted),
            Need::Unknown => true,
        })
    }

    /// The states in which the operation may leave `state`.
    fn nexts(&mut self, state: StateId, position: usize) -> Vec<StateId> {
        self.steps += 1;
        let operation = self.operations[position];
        let state = self.states.get(state).clone();
        let nexts = self.model.step(&state, &operation.call, operation.reply());
        nexts.map(|next| self.states.number(next)).collect()
    }

    fn dead_end(&self) -> DeadEnd {
        let show = |&state: &StateId| self.model.show(self.states.get(state));
        let position = |&index: &usize| self.board.sure[index].position;
        let order = self.deepest.order.iter();
        DeadEnd {
            order: order.map(|(step, state)| (self.board.position(*step), show(state))).collect(),
            unplaced: self.deepest.unplaced.iter().map(position).collect(),
            states: self.deepest.states.iter().map(show).collect(),
        }
    }
}

/// The model's hints on one operation.
struct Hints {
    is_read: bool,
    leaves: Option<StateId>,
    need: Need<StateId>,
}

impl Hints {
    fn new<M: Model>(model: &M, operation: &Operation, states: &mut States<M::State>) -> Self {
        let (call, reply) = (&operation.call, operation.reply());
        let need = reply.map_or(Need::Unknown, |reply| model.need(call, reply));
        Self {
            is_read: model.is_read(call, reply),
            leaves: model.leaves(call).map(|state| states.number(state)),
            need: match need {
                Need::Nothing => Need::Nothing,
                Need::Only(state) => Need::Only(states.number(state)),
                Need::Unknown => Need::Unknown,
            },
        }
    }
}

/// How far the search came, for the explanation of a violation.
///
/// The urgent operation of a situation is the one whose reply came first among those still to be placed. The situation
/// whose urgent operation completed last is the one that explains most of the history.
#[derive(Default)]
struct Deepest {
    /// The latest urgent operation and its completion.
    urgent: Option<(usize, Moment)>,
    /// The states of situations in which it was urgent.
    states: Vec<StateId>,
    /// The longest path to such a situation.
    order: Vec<(Step, StateId)>,
    /// What could have come next there, and did not fit.
    unplaced: Vec<usize>,
}

impl Deepest {
    fn note_state(&mut self, urgent: usize, completed: Moment, state: StateId) {
        if self.urgent.is_none_or(|(_, latest)| completed > latest) {
            *self = Self { urgent: Some((urgent, completed)), ..Self::default() };
        }
        let is_latest = self.urgent.is_some_and(|(latest, _)| latest == urgent);
        if is_latest && self.states.len() < STATES_SHOWN_MAX && !self.states.contains(&state) {
            self.states.push(state);
        }
    }

    fn note_dead_end(&mut self, path: &[Frame], board: &Board) {
        let urgent = path.last().and_then(|frame| frame.urgent);
        let latest = self.urgent.map(|(latest, _)| latest);
        let is_first = self.unplaced.is_empty();
        if urgent != latest || !(is_first || path.len() > self.order.len() + 1) {
            return;
        }
        let placed = path.iter().filter_map(|frame| Some((frame.taken?, frame.state)));
        self.order = placed.collect();
        self.unplaced = board.candidates().0;
        self.unplaced.sort_by_key(|&index| board.sure[index].completed);
    }
}

/// A sure operation.
struct Sure {
    /// Its position among all operations.
    position: usize,
    client: Option<u32>,
    invoked: Moment,
    completed: Moment,
}

/// An unsure operation.
struct Unsure {
    position: usize,
    invoked: Moment,
    /// The one with the same call that was invoked just before.
    twin: Option<usize>,
}

/// What is placed and what is not.
struct Board {
    sure: Vec<Sure>,
    unsure: Vec<Unsure>,
    /// The sure ones not placed, by invocation: the successor of each, with index `sure.len()` before the first and
    /// after the last. Steps are taken back in the reverse order of their placing, so a placed one's links stay true.
    next: Vec<usize>,
    previous: Vec<usize>,
    sure_placed: Bits,
    unsure_placed: Bits,
    /// The greatest index ever placed, after each sure step.
    highest: Vec<usize>,
}

impl Board {
    fn new(operations: &[&Operation], hints: &[Hints]) -> Self {
        let mut sure = Vec::new();
        let mut unsure: Vec<Unsure> = Vec::new();
        for (position, operation) in operations.iter().enumerate() {
            let invoked = operation.invoked;
            match operation.reply().and(operation.completed) {
                Some(completed) => sure.push(Sure { position, client: operation.client, invoked, completed }),
                // Whether an unknown read happened makes no difference to anyone.
                None if hints[position].is_read => {}
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

    fn is_complete(&self) -> bool {
        self.first() == self.sure.len()
    }

    /// The first sure operation not placed; their number if all are.
    fn first(&self) -> usize {
        self.next[self.sure.len()]
    }

    fn position(&self, step: Step) -> usize {
        match step {
            Step::Sure(index) => self.sure[index].position,
            Step::Unsure(index) => self.unsure[index].position,
        }
    }

    /// The sure operations that may be placed next: none that is not placed was over before they were invoked, and none
    /// of their client was invoked before them. Also the first completion among those not placed.
    fn candidates(&self) -> (Vec<usize>, Option<Moment>) {
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
    fn unsure_left(&self, deadline: Option<Moment>) -> Vec<usize> {
        let invoked = |op: &&Unsure| deadline.is_none_or(|over| op.invoked <= over);
        let count = self.unsure.iter().take_while(invoked).count();
        let is_left = |&index: &usize| !self.unsure_placed.has(index);
        (0..count).filter(is_left).collect()
    }

    /// Whether this one is next among those with its call (rule 3).
    fn is_first_twin(&self, index: usize) -> bool {
        let twin = self.unsure[index].twin;
        twin.is_none_or(|twin| self.unsure_placed.has(twin))
    }

    fn place(&mut self, step: Step) {
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

    fn take_back(&mut self, step: Step) {
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

/// The situations entered so far.
#[derive(Default)]
struct Seen {
    /// For the sure operations placed and the state: the least sets of unsure ones placed, none within another.
    spent: Map<Situation, Vec<Box<[u64]>>>,
}

/// Which sure operations are placed (all below `first`, then the bits of `beyond`), and the state.
#[derive(PartialEq, Eq, Hash)]
struct Situation {
    first: usize,
    beyond: Box<[u64]>,
    state: StateId,
}

impl Seen {
    /// Enters the situation on the board, unless that is pointless (rule 4 above).
    fn is_new(&mut self, board: &Board, state: StateId) -> bool {
        let first = board.first();
        let highest = board.highest.last().copied().unwrap_or_default();
        let beyond = board.sure_placed.words(first, highest);
        let spent = &board.unsure_placed.0;
        let situation = Situation { first, beyond, state };
        let entered = self.spent.entry(situation).or_default();
        if entered.iter().any(|less| is_within(less, spent)) {
            return false;
        }
        entered.retain(|more| !is_within(spent, more));
        entered.push(spent.clone());
        true
    }
}

/// Whether all bits of `part` are in `whole`, which is as long.
fn is_within(part: &[u64], whole: &[u64]) -> bool {
    let mut pairs = part.iter().zip(whole);
    pairs.all(|(part, whole)| part & !whole == 0)
}

/// A set of small numbers.
struct Bits(Box<[u64]>);

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
    fn words(&self, from: usize, to: usize) -> Box<[u64]> {
        let last = self.0.len().min(to / 64 + 1);
        self.0[(from / 64).min(last)..last].into()
    }
}

/// The number of the model's initial state.
const INITIAL: StateId = 0;

/// All states met, each with a number.
struct States<S> {
    states: Vec<S>,
    numbers: Map<S, StateId>,
}

impl<S: Clone + Eq + std::hash::Hash> States<S> {
    fn new(initial: S) -> Self {
        let mut states = Self { states: Vec::new(), numbers: Map::default() };
        states.number(initial);
        states
    }

    fn get(&self, number: StateId) -> &S {
        &self.states[number as usize]
    }

    fn number(&mut self, state: S) -> StateId {
        if let Some(&number) = self.numbers.get(&state) {
            return number;
        }
        let number = StateId::try_from(self.states.len()).expect("a budget of steps allows no 2^32 states");
        self.states.push(state.clone());
        self.numbers.insert(state, number);
        number
    }
}
