//! Where a search has been: Lowe's cache, and the numbers of states.

use crate::board::Board;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hash};

/// A state's number among those met.
pub(crate) type StateId = u32;

/// Fixed keys: a verdict and its number of steps must not differ between two runs.
type Map<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// The situations entered so far.
#[derive(Default)]
pub(crate) struct Seen {
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
    /// Enters the situation on the board, unless that is pointless (rule 4 of the search).
    pub(crate) fn is_new(&mut self, board: &Board, state: StateId) -> bool {
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

/// The number of the model's initial state.
pub(crate) const INITIAL: StateId = 0;

/// All states met, each with a number.
pub(crate) struct States<S> {
    states: Vec<S>,
    numbers: Map<S, StateId>,
}

impl<S: Clone + Eq + Hash> States<S> {
    pub(crate) fn new(initial: S) -> Self {
        let mut states = Self { states: Vec::new(), numbers: Map::default() };
        states.number(initial);
        states
    }

    pub(crate) fn get(&self, number: StateId) -> &S {
        &self.states[number as usize]
    }

    pub(crate) fn number(&mut self, state: S) -> StateId {
        if let Some(&number) = self.numbers.get(&state) {
            return number;
        }
        let number = StateId::try_from(self.states.len()).expect("a budget of steps allows no 2^32 states");
        self.states.push(state.clone());
        self.numbers.insert(state, number);
        number
    }
}
