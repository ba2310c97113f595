//! What one key may do: the sequential specification that a history is held against.

use crate::call::{Call, Condition, Reply};
use crate::quote::quoted;
use std::hash::Hash;

/// A sequential specification of one key.
///
/// Guarantees that the search relies on: `step` is a function of its arguments alone; a state that it returns for a
/// known reply it also returns for an unknown one; a call for which [`Call::is_read`] holds never changes the state.
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

/// The sum, if what the key holds is an integer in its one written form (no sign plus, no leading zeros) and the sum
/// fits.
fn incremented(state: &StringState, by: i64) -> Option<i64> {
    let Some(bytes) = state else { return Some(by) };
    let number: i64 = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    let canonical = number.to_string().as_bytes() == bytes.as_slice();
    number.checked_add(by).filter(|_| canonical)
}
