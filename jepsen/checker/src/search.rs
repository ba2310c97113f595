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
//! A first search allows only short chains of unsure steps. Long ones are rarely needed and cost most; if none was cut
//! short its answer is final, otherwise a second search allows all.
//!
//! Why situations still under way may count as entered (rule 4): take a situation that is left without success though
//! an order leads on from it, the one with the shortest such order. The next situation on it was either entered, and
//! then left wrongly with a shorter order, or refused in favour of one with an order as short. Both contradict the
//! choice.

use crate::board::{Board, Step};
use crate::call::Call;
use crate::history::{Moment, Operation};
use crate::model::{Model, Need};
use crate::seen::{INITIAL, Seen, StateId, States};
use std::cmp::Reverse;

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

/// One situation on the path from the beginning to where the search stands.
struct Frame {
    /// What led here; none at the beginning.
    taken: Option<Step>,
    state: StateId,
    /// The unsure steps that led here since the last sure one.
    chain: Option<Chain>,
    /// The sure operation that must be placed soonest.
    urgent: Option<usize>,
    /// What was invoked after this cannot be placed yet.
    deadline: Option<Moment>,
    /// Steps to try, the next one last.
    untried: Vec<(Step, StateId)>,
    /// Whether unsure steps are among `untried`, or need not be tried.
    unsure_listed: bool,
}

/// One or more unsure steps in a row.
#[derive(Clone, Copy)]
struct Chain {
    length: usize,
    /// The state before the last one.
    before: StateId,
}

impl Frame {
    fn chain_after(&self, step: Step) -> Option<Chain> {
        let length = 1 + self.chain.map_or(0, |chain| chain.length);
        let before = self.state;
        matches!(step, Step::Unsure(_)).then_some(Chain { length, before })
    }
}

/// The longest chain of unsure steps in the first search.
const CHAIN_FIRST_MAX: usize = 2;

/// Searches for an order of `operations`, which are sorted by invocation and contain no failed ones. Spends at most
/// `steps_max` steps of the model (a few more for the last situation); returns the number of those spent.
pub(crate) fn search<M: Model>(model: &M, operations: &[&Operation], steps_max: u64) -> (Ending, u64) {
    let mut first = Search::new(model, operations, CHAIN_FIRST_MAX);
    let ending = first.run(steps_max);
    if !(first.was_cut && matches!(ending, Ending::NoOrder(_))) {
        return (ending, first.steps);
    }
    let mut second = Search::new(model, operations, usize::MAX);
    let ending = second.run(steps_max.saturating_sub(first.steps));
    (ending, first.steps + second.steps)
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
    chain_max: usize,
    /// Whether a chain was cut short that could have gone on.
    was_cut: bool,
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M, operations: &'a [&'a Operation], chain_max: usize) -> Self {
        let mut states = States::new(model.initial());
        let hints = operations.iter().map(|operation| Hints::new(model, operation, &mut states));
        let hints: Vec<Hints> = hints.collect();
        Self {
            model,
            operations,
            board: Board::new(operations, |position| hints[position].is_read),
            hints,
            states,
            seen: Seen::default(),
            deepest: Deepest::default(),
            steps: 0,
            chain_max,
            was_cut: false,
        }
    }

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
                let chain = top.chain_after(step);
                self.board.place(step);
                if self.seen.is_new(&self.board, state) {
                    path.push(self.enter(Some(step), state, chain));
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
    fn enter(&mut self, taken: Option<Step>, state: StateId, chain: Option<Chain>) -> Frame {
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
            chain,
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

    /// The unsure steps that are possible and of use in the situation of `frame` (rules 2 and 3), the best one last.
    fn unsure_steps(&mut self, frame: &Frame) -> Vec<(Step, StateId)> {
        let needs = self.needs();
        let mut left = self.board.unsure_left(frame.deadline);
        if !self.might_help(&needs, frame.state, &left) {
            return Vec::new();
        }
        left.retain(|&index| self.board.is_first_twin(index));
        let builds = |&index: &usize| self.hints[self.board.unsure[index].position].leaves.is_none();
        let can_build = left.iter().any(builds);
        let mut steps = Vec::new();
        for index in left.into_iter().rev() {
            let mut nexts = self.unsure_nexts(frame, self.board.unsure[index].position);
            nexts.retain(|&next| can_build || needs.iter().any(|need| need.allows(next)));
            steps.extend(nexts.into_iter().map(|next| (Step::Unsure(index), next)));
        }
        if frame.chain.is_some_and(|chain| chain.length >= self.chain_max) && !steps.is_empty() {
            self.was_cut = true;
            steps.clear();
        }
        steps.sort_by_key(|(_, next)| needs.contains(&Need::Only(*next)));
        steps
    }

    /// The states in which an unsure operation may leave that of `frame`, but for those that are reached without it or
    /// without the unsure step before.
    fn unsure_nexts(&mut self, frame: &Frame, position: usize) -> Vec<StateId> {
        let mut nexts = match (self.hints[position].leaves, frame.chain) {
            (Some(_), Some(_)) => return Vec::new(),
            (Some(next), None) => vec![next],
            (None, _) => self.nexts(frame.state, position),
        };
        let without = frame.chain.map(|chain| self.nexts(chain.before, position));
        let without = without.unwrap_or_default();
        nexts.retain(|next| *next != frame.state && !without.contains(next));
        nexts
    }

    /// What the sure operations need that may be placed next.
    fn needs(&self) -> Vec<Need<StateId>> {
        let (candidates, _) = self.board.candidates();
        let need = |&index: &usize| self.hints[self.board.sure[index].position].need;
        candidates.iter().map(need).collect()
    }

    /// Whether the unsure operations that are `left` could lead to a state that is needed.
    fn might_help(&self, needs: &[Need<StateId>], from: StateId, left: &[usize]) -> bool {
        let call = |&index: &usize| &self.operations[self.board.unsure[index].position].call;
        let calls: Vec<&Call> = left.iter().map(call).collect();
        let (model, from) = (self.model, self.states.get(from));
        needs.iter().any(|need| match *need {
            Need::Nothing => false,
            Need::Only(to) => model.might_lead(from, &calls, self.states.get(to)),
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

impl Need<StateId> {
    /// Whether this state makes a difference to the call.
    fn allows(self, state: StateId) -> bool {
        match self {
            Self::Nothing => false,
            Self::Only(wanted) => wanted == state,
            Self::Unknown => true,
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
    /// Sure steps, and all steps with the fewest first, of the best path to such a situation.
    merit: Option<(usize, Reverse<usize>)>,
    /// That path.
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
        // Among those with as many sure steps the one with the fewest unsure ones is easiest to follow.
        let merit = (board.highest.len(), Reverse(path.len()));
        if urgent != latest || self.merit.is_some_and(|best| merit <= best) {
            return;
        }
        self.merit = Some(merit);
        let placed = path.iter().filter_map(|frame| Some((frame.taken?, frame.state)));
        self.order = placed.collect();
        self.unplaced = board.candidates().0;
        self.unplaced.sort_by_key(|&index| board.sure[index].completed);
    }
}
