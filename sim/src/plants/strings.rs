//! Mistakes in the commands on strings. What a mistake has to remember lives as long as the run's thread.

use std::cell::RefCell;
use std::time::Duration;

use seawall::engine::command::Handler;
use seawall::engine::{Call, Failure};
use seawall::keyspace::{Expiry, NewValue, Slot};
use seawall::runtime::Monotonic;

use super::sound;

pub(super) const REPLY_BEFORE_WRITE: &[(&str, Handler)] = &[("set", set_later), ("get", get_applied)];
pub(super) const LOST_INCREMENT: &[(&str, Handler)] = &[("incr", incr_forgotten)];
pub(super) const STALE_READ: &[(&str, Handler)] = &[("set", set_remembered), ("get", get_stale)];

/// How long a write stays unapplied.
const DELAY: Duration = Duration::from_millis(4);
/// How long an overwritten value may be read.
const STALE_FOR: Duration = Duration::from_millis(20);
/// One increment in so many is lost.
const LOST_ONE_IN: u64 = 100;
/// One read in so many within that time is stale.
const STALE_ONE_IN: u64 = 4;

/// A key's value, as it was or will be, and since when.
struct Note {
    at: Monotonic,
    key: Vec<u8>,
    value: Option<Vec<u8>>,
}

thread_local!(static NOTES: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) });

fn set_later(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() != 3 {
        return sound("set")(call);
    }
    apply(call, Duration::ZERO);
    let note = Note { at: call.now.mono, key: call.arg(1).to_vec(), value: Some(call.arg(2).to_vec()) };
    NOTES.with_borrow_mut(|notes| notes.push(note));
    call.reply.ok();
    Ok(())
}

fn get_applied(call: &mut Call<'_>) -> Result<(), Failure> {
    apply(call, DELAY);
    sound("get")(call)
}

/// Applies the writes that are so old.
fn apply(call: &mut Call<'_>, age: Duration) {
    let now = call.now.mono;
    let due = NOTES.with_borrow_mut(|notes| {
        let (due, later) = std::mem::take(notes).into_iter().partition(|note| now - note.at >= age);
        *notes = later;
        due
    });
    let due: Vec<Note> = due;
    for Note { key, value, .. } in due {
        let key = call.engine.keyspace.hasher().key(&key);
        let value = NewValue::Bytes(value.as_deref().unwrap_or_default());
        let clock = call.new_clock();
        match call.engine.keyspace.databases[0].slot(&key) {
            Slot::Occupied(mut occupied) => drop(occupied.set(value, Expiry::Clear)),
            Slot::Vacant(vacant) => vacant.insert(value, None, clock),
        };
    }
}

fn incr_forgotten(call: &mut Call<'_>) -> Result<(), Failure> {
    if !call.engine.random().is_multiple_of(LOST_ONE_IN) {
        return sound("incr")(call);
    }
    let value = current(call).and_then(|text| String::from_utf8(text).ok()?.parse::<i64>().ok());
    call.reply.integer(value.unwrap_or(0) + 1);
    Ok(())
}

fn set_remembered(call: &mut Call<'_>) -> Result<(), Failure> {
    let note = Note { at: call.now.mono, key: call.arg(1).to_vec(), value: current(call) };
    NOTES.with_borrow_mut(|notes| {
        notes.retain(|old| old.key != note.key);
        notes.push(note);
    });
    sound("set")(call)
}

fn get_stale(call: &mut Call<'_>) -> Result<(), Failure> {
    let (now, key) = (call.now.mono, call.arg(1));
    let fresh = |note: &&Note| note.key == key && now - note.at < STALE_FOR;
    let before = NOTES.with_borrow(|notes| notes.iter().find(fresh).and_then(|note| note.value.clone()));
    match before {
        Some(value) if call.engine.random().is_multiple_of(STALE_ONE_IN) => {
            call.reply.bulk(&value);
            Ok(())
        }
        _ => sound("get")(call),
    }
}

/// The value of the call's key.
fn current(call: &mut Call<'_>) -> Option<Vec<u8>> {
    let key = call.key(1);
    let (entry, _) = call.peek(&key);
    entry.map(|entry| {
        let mut text = Vec::new();
        entry.value().write_to(&mut text);
        text
    })
}
