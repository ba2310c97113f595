//! Random executions of a correct server: the histories that a checker must accept.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use seawall_checker::{Call, Condition, History, Model, Moment, Operation, Outcome, Reply, StringKey};
use std::collections::BTreeMap;
use std::time::Duration;

/// What an execution is made of.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub clients: u32,
    /// Operations of each client.
    pub operations: usize,
    pub keys: u32,
    /// Operations in a hundred whose outcome nobody knows; half of them happen.
    pub unknown_percent: u32,
    pub wipes: u32,
    pub calls: Calls,
}

/// Which calls the clients make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// All there are, with few values.
    All,
    /// GET and SET, every value once.
    Register,
    /// INCRBY of 1 to 3, and GET.
    Counter,
    /// INCR and GET.
    Increment,
}

pub struct Dice(ChaCha8Rng);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: u32) -> u32 {
        self.0.next_u32() % limit
    }
}

/// One operation, and when it has its effect, if it has one.
struct Planned {
    operation: Operation,
    effect: Option<Moment>,
}

/// Every client waits for each reply before its next call; every call takes effect somewhere in between.
pub fn execution(shape: Shape, seed: u64) -> History {
    let dice = &mut Dice::new(seed);
    let mut planned = Vec::new();
    for client in 0..shape.clients {
        plan_client(shape, client, dice, &mut planned);
    }
    let end = planned.iter().map(|plan| plan.operation.invoked).max();
    plan_wipes(shape, end.unwrap_or_default(), dice, &mut planned);
    run(planned)
}

fn plan_client(shape: Shape, client: u32, dice: &mut Dice, planned: &mut Vec<Planned>) {
    let mut now = 0;
    let mut next = |dice: &mut Dice, span: u32| {
        now += 1 + u64::from(dice.below(span));
        moment(now)
    };
    for number in 0..shape.operations {
        let invoked = next(dice, 50);
        let effect = next(dice, 100);
        let completed = next(dice, 100);
        let key = format!("k{}", dice.below(shape.keys));
        let unique = format!("{client}-{number}");
        let (outcome, effect) = match dice.below(100) {
            roll if roll >= shape.unknown_percent => (Outcome::Ok(Reply::Ok), Some(effect)),
            0 => (Outcome::Failed, None),
            roll if roll % 2 == 0 => (Outcome::Indeterminate, None),
            roll => {
                // Some take effect long after the client gave up.
                let late = if roll % 3 == 0 { dice.below(20_000) } else { 0 };
                let late = Duration::from_nanos(late.into());
                (Outcome::Indeterminate, Some(Moment { at: effect.at + late, rank: 0 }))
            }
        };
        let operation = Operation {
            client: Some(client),
            key: key.into_bytes(),
            call: call(shape.calls, unique, dice),
            invoked,
            completed: Some(completed),
            outcome,
        };
        planned.push(Planned { operation, effect });
    }
}

fn moment(at: u64) -> Moment {
    Moment { at: Duration::from_nanos(at), rank: 0 }
}

fn call(calls: Calls, unique: String, dice: &mut Dice) -> Call {
    let few = |dice: &mut Dice| dice.below(4).to_string().into_bytes();
    match (calls, dice.below(10)) {
        (_, 0..4) => Call::Get,
        (Calls::Register, _) => Call::set(unique),
        (Calls::Increment, _) => Call::IncrBy(1),
        (Calls::Counter, _) => Call::IncrBy(1 + i64::from(dice.below(3))),
        (Calls::All, 4) => Call::Exists,
        (Calls::All, 5) => Call::Set {
            value: few(dice),
            condition: [Condition::Always, Condition::Absent, Condition::Present][dice.below(3) as usize],
            get: dice.below(2) == 0,
        },
        (Calls::All, 6) => Call::Del,
        (Calls::All, 7) => Call::IncrBy(1),
        (Calls::All, 8) => Call::Append(few(dice)),
        (Calls::All, _) => Call::Cas { expected: few(dice), value: few(dice) },
    }
}

fn plan_wipes(shape: Shape, end: Moment, dice: &mut Dice, planned: &mut Vec<Planned>) {
    let step = u64::try_from(end.at.as_nanos()).unwrap_or(0) / u64::from(shape.wipes + 1);
    for number in 1..=u64::from(shape.wipes) {
        let crash = step * number;
        let effect = crash + u64::from(dice.below(40));
        let operation = Operation {
            client: None,
            key: Vec::new(),
            call: Call::Wipe,
            invoked: moment(crash),
            completed: Some(moment(crash + 40)),
            outcome: Outcome::Ok(Reply::Ok),
        };
        let effect = Some(moment(effect));
        planned.push(Planned { operation, effect });
    }
}

/// Lets everything take effect in its order and gives the replies.
fn run(mut planned: Vec<Planned>) -> History {
    planned.sort_by_key(|plan| (plan.effect, plan.operation.client));
    let mut world = BTreeMap::new();
    let mut history = History::new();
    for Planned { mut operation, effect } in planned {
        if effect.is_some() && operation.call == Call::Wipe {
            world.clear();
        } else if effect.is_some() {
            let state = world.entry(operation.key.clone()).or_insert(StringKey.initial());
            let (next, reply) = StringKey::apply(state, &operation.call);
            *state = next;
            if operation.outcome == Outcome::Ok(Reply::Ok) {
                operation.outcome = Outcome::Ok(reply);
            }
        }
        history.push(operation);
    }
    history
}

/// The same history with the outcome of one operation replaced.
pub fn with_outcome(history: &History, index: usize, outcome: Outcome) -> History {
    let mut changed = History::new();
    for (position, operation) in history.operations().iter().enumerate() {
        let mut operation = operation.clone();
        if position == index {
            operation.outcome = outcome.clone();
        }
        changed.push(operation);
    }
    for wipe in history.wipes() {
        changed.push(wipe.clone());
    }
    changed
}
