//! Mistakes in the commands on lists, sets, streams, and in transactions.

use seawall::engine::command::Handler;
use seawall::engine::{Call, Failure};
use seawall::keyspace::{List, Set, Stream};
use seawall::types::list::{End, Limits};

use super::sound;

pub(super) const DOUBLE_POP: &[(&str, Handler)] = &[("lpop", pop_and_keep)];
pub(super) const FORGOTTEN_MEMBER: &[(&str, Handler)] = &[("sadd", add_and_forget)];
pub(super) const HALF_TRANSACTION: &[(&str, Handler)] = &[("incrby", leave_out)];
pub(super) const LOST_ENTRY: &[(&str, Handler)] = &[("xadd", add_and_lose)];

/// One call in so many goes wrong.
const ONE_IN: u64 = 60;

fn goes_well(call: &mut Call<'_>) -> bool {
    !call.engine.random().is_multiple_of(ONE_IN)
}

fn pop_and_keep(call: &mut Call<'_>) -> Result<(), Failure> {
    let key = call.key(1);
    let mut head = None;
    if let Ok((Some(list), _)) = call.read_as::<List>(&key) {
        list.take(End::Front, 0, 1, |item| head = Some(item.to_vec()));
    }
    sound("lpop")(call)?;
    if let (Some(head), false) = (head, goes_well(call)) {
        let limits = Limits::new(-2, 0);
        call.edit_or_create::<List, _>(&key, |list, _| {
            list.push(End::Front, std::iter::once(head.as_slice()), limits);
        })?;
    }
    Ok(())
}

fn add_and_forget(call: &mut Call<'_>) -> Result<(), Failure> {
    sound("sadd")(call)?;
    if !goes_well(call) {
        let (key, member) = (call.key(1), call.arg(2));
        call.edit::<Set, _>(&key, |set, _| set.remove(member))?;
    }
    Ok(())
}

/// In a transaction or script, a step is answered and not taken.
fn leave_out(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.may_block() || goes_well(call) {
        return sound("incrby")(call);
    }
    let (key, by) = (call.key(1), call.integer(2)?);
    let mut text = Vec::new();
    if let (Some(entry), _) = call.peek(&key) {
        entry.value().write_to(&mut text);
    }
    let held: i64 = String::from_utf8_lossy(&text).parse().unwrap_or(0);
    call.reply.integer(held + by);
    Ok(())
}

fn add_and_lose(call: &mut Call<'_>) -> Result<(), Failure> {
    sound("xadd")(call)?;
    if !goes_well(call) {
        let key = call.key(1);
        call.edit::<Stream, _>(&key, |stream, _| {
            let last = stream.log().figures().last_id;
            stream.log_mut().delete(last)
        })?;
    }
    Ok(())
}
