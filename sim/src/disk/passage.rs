//! How an operation comes past the disk's faults: traps first, then chance.

use std::io;
use std::time::Duration;

use super::trap::{Effect, Operation, Strike, Trap, When};
use super::{Disk, EIO};
use crate::clock::Nanos;
use crate::coverage::Counter;
use crate::ground::Ground;

/// What an operation does to the process that asked for it, besides its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// The process ends.
    Crash,
    /// The machine loses its power.
    PowerLoss,
    /// The process stands still for so long: reads and writes do not return before they are done.
    Stall(Nanos),
}

/// A time in which a disk did not do what it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It took long, from one moment to another of true time: a process stood still, or a sync took more than it may.
    Stood(Duration, Duration),
    /// It gave an error then.
    Failed(Duration),
}

/// A sync that takes so long is nothing to speak of.
const SYNC_MAX: Nanos = 800_000_000;

/// On a disk on which nothing is free, a new name finds a place in its directory or does not.
const NO_ROOM_FOR_NAME: f64 = 0.5;

/// How an operation is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passage {
    /// As it is.
    Free,
    /// A write that finds hardly any room.
    Full,
    /// A write that is done in part, and then everything ends.
    Midway(Consequence),
    /// When it is done, everything ends.
    Last(Consequence),
}

impl Disk {
    /// Sets a trap beside those that are there. Of several that strike at once, the first set decides.
    pub fn set_trap(&mut self, trap: Trap) {
        self.traps.push(trap);
    }

    /// Takes all traps away.
    pub fn clear_traps(&mut self) {
        self.traps.clear();
    }

    /// What traps did, in order.
    pub fn strikes(&self) -> &[Strike] {
        &self.strikes
    }

    /// What the last operation does to its process. To be asked for after each.
    pub fn take_consequence(&mut self) -> Option<Consequence> {
        self.consequence.take()
    }

    /// Begins an operation: what traps and the probabilities of errors do to it. [`Disk::leave`] has to follow once it is
    /// done.
    pub(super) fn enter(
        &mut self,
        ground: &mut Ground,
        operation: Operation,
        path: &str,
    ) -> io::Result<Passage> {
        let struck = self.traps.iter_mut().find_map(|trap| trap.step(operation, path));
        let counter = error_counter(operation);
        let Some(effect) = struck else {
            let probability = self.error_probability(operation);
            if !self.random.chance(probability) {
                return Ok(Passage::Free);
            }
            self.note_error(ground);
            return fail(ground, counter);
        };
        let at = Duration::from_nanos(ground.now);
        self.strikes.push(Strike { at, effect, operation, path: path.to_owned() });
        ground.count(Counter::TrapsSprung);
        ground.coverage.count_named(&format!("{effect:?} at {operation:?}").to_lowercase());
        if matches!(effect, Effect::Fail | Effect::Full) {
            self.note_error(ground);
        }
        let (consequence, when) = match effect {
            Effect::Fail => return fail(ground, counter),
            Effect::Full if operation == Operation::Write => return Ok(Passage::Full),
            Effect::Full => return Err(io::ErrorKind::StorageFull.into()),
            Effect::Crash(when) => (Consequence::Crash, when),
            Effect::PowerLoss(when) => (Consequence::PowerLoss, when),
        };
        match when {
            When::After => Ok(Passage::Last(consequence)),
            When::Midway if operation == Operation::Write => Ok(Passage::Midway(consequence)),
            When::Before | When::Midway => {
                self.consequence = Some(consequence);
                Err(io::ErrorKind::Interrupted.into())
            }
        }
    }

    /// Ends an operation that was done.
    pub(super) fn leave(&mut self, passage: Passage) {
        if let Passage::Midway(consequence) | Passage::Last(consequence) = passage {
            self.consequence = Some(consequence);
        }
    }

    fn error_probability(&self, operation: Operation) -> f64 {
        match operation {
            Operation::Read => self.settings.read_error,
            Operation::Sync | Operation::DirectorySync => self.settings.sync_error,
            _ => self.settings.write_error,
        }
    }

    /// The process waits for the disk.
    pub(super) fn stall(&mut self, ground: &mut Ground, latency: Nanos) {
        if latency > 0 {
            ground.count(Counter::DiskStalls);
            self.consequence = Some(Consequence::Stall(latency));
            self.note_standing(ground.now, ground.now + latency);
        }
    }

    /// When it did not do what it was asked for, since this was last asked.
    pub fn take_troubles(&mut self) -> Vec<Trouble> {
        std::mem::take(&mut self.troubles)
    }

    /// A sync begins.
    pub(super) fn note_sync(&mut self, ground: &Ground, latency: Nanos) {
        if latency > SYNC_MAX {
            self.note_standing(ground.now + SYNC_MAX, ground.now + latency);
        }
    }

    fn note_standing(&mut self, from: Nanos, to: Nanos) {
        self.troubles.push(Trouble::Stood(Duration::from_nanos(from), Duration::from_nanos(to)));
    }

    /// An operation fails.
    pub(super) fn note_error(&mut self, ground: &Ground) {
        self.troubles.push(Trouble::Failed(Duration::from_nanos(ground.now)));
    }

    /// A new name may find no room.
    pub(super) fn room_for_name(&mut self, ground: &mut Ground) -> io::Result<()> {
        let is_full = self.used_bytes() >= self.settings.capacity_bytes;
        if !is_full || !self.random.chance(NO_ROOM_FOR_NAME) {
            return Ok(());
        }
        ground.count(Counter::DiskFull);
        self.note_error(ground);
        Err(io::ErrorKind::StorageFull.into())
    }
}

fn fail(ground: &mut Ground, counter: Counter) -> io::Result<Passage> {
    ground.count(counter);
    Err(io::Error::from_raw_os_error(EIO))
}

fn error_counter(operation: Operation) -> Counter {
    match operation {
        Operation::Read => Counter::DiskReadErrors,
        Operation::Sync | Operation::DirectorySync => Counter::DiskSyncErrors,
        _ => Counter::DiskWriteErrors,
    }
}
