//! What one key may do: the sequential specification that a history is held against.

use crate::call::{Call, Condition, Reply};
use crate::quote::quoted;
use std::hash::Hash;

/// A sequential specification of one key.
///
/// `step` alone decides what is right, and must be a function of its arguments. A state that it returns for a known
/// reply it also returns for an unknown one. The other functions are hints that save the search most of its work; their
/// defaults claim nothing.
pub trait Model {
    /// All that the key's future depends on.
    type State: Clone + Eq + Hash;

    /// The state before anything happened.
    fn initial(&self) -> Self::State;

    /// The states in which `call` may leave a key in `state` when it answers `reply`, or anything at all where the
    /// reply is not known. None: it cannot answer that.
    fn step(
        &self,
        state: &Self::State,
        call: &Call,
        reply: Option<&Reply>,
    ) -> impl Iterator<Item = Self::State>;

    /// A state for a reader.
    fn show(&self, state: &Self::State) -> String;

    /// Whether a call that gives this reply never changes the state, whatever it was.
    fn is_read(&self, _call: &Call, _reply: Option<&Reply>) -> bool {
        false
    }

    /// The one state that the call leaves whatever it found and answered; none if that is not so.
    fn leaves(&self, _call: &Call) -> Option<Self::State> {
        None
    }

    /// What the call needs to find to give this reply.
    fn need(&self, _call: &Call, _reply: &Reply) -> Need<Self::State> {
        Need::Unknown
    }

    /// Whether some of these calls, each at most once and in any order, might lead from one state to another.
    fn might_lead(&self, _from: &Self::State, _calls: &[&Call], _to: &Self::State) -> bool {
        true
    }
}

/// What a call needs to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need<S> {
    /// Nothing: it gives this reply in every state, and leaves the same one.
    Nothing,
    /// This state; it gives this reply in no other.
    Only(S),
    /// There is no saying.
    Unknown,
}

/// A key that holds a string or nothing: register and counter in one, as in Redis, where an `INCR` reads what a `SET`
/// wrote. Errors agree with any error; their texts are not this checker's concern.
#[derive(Clone, Copy, Debug, Default)]
pub struct StringKey;

/// What a string key holds.
pub type StringState = Option<Vec<u8>>;

impl Model for StringKey {
    type State = StringState;

    fn initial(&self) -> StringState {
        None
    }

    fn step(
        &self,
        state: &StringState,
        call: &Call,
        reply: Option<&Reply>,
    ) -> impl Iterator<Item = StringState> {
        let (next, expected) = Self::apply(state, call);
        let agrees = match (&expected, reply) {
            (Reply::Error(_), Some(Reply::Error(_))) | (_, None) => true,
            (expected, Some(reply)) => expected == reply,
        };
        agrees.then_some(next).into_iter()
    }

    fn show(&self, state: &StringState) -> String {
        state.as_deref().map_or("nil".into(), quoted)
    }

    fn is_read(&self, call: &Call, reply: Option<&Reply>) -> bool {
        match (call, reply) {
            (call, _) if call.is_read() => true,
            (Call::Set { condition, get, .. }, Some(reply)) => match condition {
                Condition::Always => false,
                Condition::Absent if *get => *reply != Reply::Nil,
                Condition::Absent | Condition::Present => *reply == Reply::Nil,
            },
            (Call::Del | Call::Cas { .. }, Some(reply)) => *reply == Reply::Int(0),
            (Call::GetDel, Some(reply)) => *reply == Reply::Nil,
            (Call::IncrBy(_), Some(reply)) => matches!(reply, Reply::Error(_)),
            _ => false,
        }
    }

    fn leaves(&self, call: &Call) -> Option<StringState> {
        match call {
            Call::Set { value, condition: Condition::Always, .. } => Some(Some(value.clone())),
            Call::Del | Call::GetDel | Call::Wipe => Some(None),
            _ => None,
        }
    }

    fn need(&self, call: &Call, reply: &Reply) -> Need<StringState> {
        match (call, reply) {
            (Call::Get | Call::GetDel | Call::Set { get: true, .. }, Reply::Nil) => Need::Only(None),
            (Call::Get | Call::GetDel | Call::Set { get: true, .. }, Reply::Bytes(found)) => {
                Need::Only(Some(found.clone()))
            }
            (Call::Del | Call::Exists, Reply::Int(0)) => Need::Only(None),
            (Call::Cas { expected, .. }, Reply::Int(1)) => Need::Only(Some(expected.clone())),
            (Call::IncrBy(by), Reply::Int(sum)) => match sum.checked_sub(*by) {
                // Absent counts as zero.
                Some(0) | None => Need::Unknown,
                Some(found) => Need::Only(Some(found.to_string().into_bytes())),
            },
            (Call::Set { condition, .. }, Reply::Ok) => match condition {
                Condition::Always => Need::Nothing,
                Condition::Absent => Need::Only(None),
                Condition::Present => Need::Unknown,
            },
            (Call::Wipe, _) => Need::Nothing,
            _ => Need::Unknown,
        }
    }

    fn might_lead(&self, from: &StringState, calls: &[&Call], to: &StringState) -> bool {
        if from == to {
            return true;
        }
        let steps = calls.iter().map(|call| match call {
            Call::IncrBy(by) => Some(*by),
            _ => None,
        });
        match (steps.collect::<Option<Vec<i64>>>(), count(from), count(to)) {
            (Some(steps), Some(from), Some(to)) => is_in_reach(&steps, i128::from(to) - i128::from(from)),
            (Some(_), _, None) => false,
            _ => true,
        }
    }
}

impl StringKey {
    /// What the call leaves behind and answers. The one definition of what is right.
    pub fn apply(state: &StringState, call: &Call) -> (StringState, Reply) {
        let held = || state.clone();
        let present = i64::from(state.is_some());
        match call {
            Call::Get => (held(), bulk(state)),
            Call::Exists => (held(), Reply::Int(present)),
            Call::Set { value, condition, get } => set(state, value, *condition, *get),
            Call::Del => (None, Reply::Int(present)),
            Call::GetDel => (None, bulk(state)),
            Call::IncrBy(by) => match incremented(state, *by) {
                Some(sum) => (Some(sum.to_string().into_bytes()), Reply::Int(sum)),
                None => (held(), Reply::Error("ERR".into())),
            },
            Call::Append(tail) => {
                let whole = [state.as_deref().unwrap_or_default(), tail].concat();
                let length = i64::try_from(whole.len()).unwrap_or(i64::MAX);
                (Some(whole), Reply::Int(length))
            }
            Call::Cas { expected, value } if state.as_ref() == Some(expected) => {
                (Some(value.clone()), Reply::Int(1))
            }
            Call::Cas { .. } => (held(), Reply::Int(0)),
            // Requests on several keys are the store's: see there.
            Call::Run(_) => (held(), Reply::Error("ERR".into())),
            Call::Wipe => (None, Reply::Ok),
        }
    }
}

fn bulk(state: &StringState) -> Reply {
    state.clone().map_or(Reply::Nil, Reply::Bytes)
}

fn set(state: &StringState, value: &[u8], condition: Condition, get: bool) -> (StringState, Reply) {
    let done = match condition {
        Condition::Always => true,
        Condition::Absent => state.is_none(),
        Condition::Present => state.is_some(),
    };
    let reply = match (get, done) {
        (true, _) => bulk(state),
        (false, true) => Reply::Ok,
        (false, false) => Reply::Nil,
    };
    let next = if done { Some(value.to_vec()) } else { state.clone() };
    (next, reply)
}

/// The sum, if what the key holds is an integer and the sum fits.
fn incremented(state: &StringState, by: i64) -> Option<i64> {
    count(state)?.checked_add(by)
}

/// What a key counts: zero if it is absent, nothing if it holds no integer in its one written form (no sign plus, no
/// leading zeros).
fn count(state: &StringState) -> Option<i64> {
    let Some(bytes) = state else { return Some(0) };
    let number: i64 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    let is_canonical = number.to_string().as_bytes() == bytes.as_slice();
    is_canonical.then_some(number)
}

/// Whether a distance lies between the sum of all steps down and the sum of all steps up.
fn is_in_reach(steps: &[i64], distance: i128) -> bool {
    let sum = |sign: i64| -> i128 {
        let same = steps.iter().filter(|step| step.signum() == sign);
        same.map(|step| i128::from(*step)).sum()
    };
    (sum(-1)..=sum(1)).contains(&distance)
}
