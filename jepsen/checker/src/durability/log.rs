//! The record of a run with crashes: what clients sent and were told, what was saved, when it crashed, what was there again.

use crate::history::Moment;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// One part of a unit. A unit touches no key twice, except by `Append`.
///
/// A key serves one purpose in a run: it is written and deleted, or counted up, or appended to. Keys that are counted or
/// appended to have no deadlines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The key holds this text, which nobody else ever writes, until the deadline (Unix milliseconds), if there is one.
    Write {
        /// The key. A field of a hash can stand for a key.
        key: Vec<u8>,
        /// The value.
        value: Vec<u8>,
        /// Unix milliseconds by the node's clock.
        deadline_ms: Option<i64>,
    },
    /// The key is gone.
    Delete {
        /// The key.
        key: Vec<u8>,
    },
    /// The key's number grows by one.
    Increment {
        /// The key.
        key: Vec<u8>,
        /// What it was then, if a reply told.
        reply: Option<i64>,
    },
    /// A list gets this as its last element, or a set as a member; nobody else ever adds the same.
    Append {
        /// The key.
        key: Vec<u8>,
        /// The element.
        element: Vec<u8>,
    },
}

impl Effect {
    /// The key.
    pub fn key(&self) -> &[u8] {
        match self {
            Effect::Write { key, .. }
            | Effect::Delete { key }
            | Effect::Increment { key, .. }
            | Effect::Append { key, .. } => key,
        }
    }
}

/// What became of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its replies came, and were no errors.
    Acknowledged,
    /// It was refused: it did not happen and never will. An error that leaves this open is `Unknown`.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// What takes effect as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Who sent it: one connection.
    pub client: u32,
    /// When.
    pub invoked: Moment,
    /// When its fate was known.
    pub completed: Option<Moment>,
    /// What became of it.
    pub fate: Fate,
    /// What it does.
    pub effects: Vec<Effect>,
}

/// Names a unit of the log that issued it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitId(usize);

/// A snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Save {
    /// When it was asked for: its snapshot was not taken before.
    pub invoked: Moment,
    /// When it was known to have succeeded. `None`: it failed after it may have replaced the file, or nobody knows.
    pub completed: Option<Moment>,
    /// Not one save but any number, at any moments until the process ends: the node saves by itself.
    pub is_standing: bool,
}

/// Names a save of the log that issued it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SaveId(usize);

/// Where the cut may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Promise {
    /// Nothing is kept.
    None,
    /// What is kept is what was there at some moment (`appendfsync no`).
    Unsynced,
    /// Beyond `Unsynced`: what was acknowledged this long before the crash is kept. Time in which no process served does not
    /// count, nor time in which the disk [stood](Log::disk_stood) or had [failed](Log::disk_failed).
    EverySec {
        /// The longest loss.
        window: Duration,
    },
    /// Beyond `Unsynced`: what was acknowledged before this is kept.
    Before {
        /// By true time.
        at: Duration,
    },
    /// What was acknowledged is kept.
    Always,
    /// What is kept is what was there while the last save ran that succeeded, or a later one that may have (see
    /// [`Log::save`]).
    SnapshotOnly,
}

/// What a key held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text or a number.
    Text(Vec<u8>),
    /// A list.
    List(Vec<Vec<u8>>),
    /// A set.
    Set(BTreeSet<Vec<u8>>),
}

/// A key as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it held.
    pub content: Content,
    /// Its deadline in Unix milliseconds, if it has one.
    pub deadline_ms: Option<i64>,
}

/// All keys, read while nobody wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// What was there.
    pub keys: BTreeMap<Vec<u8>, Found>,
    /// The node's clock in Unix milliseconds before the first read.
    pub began_ms: i64,
    /// The latest that the node's clock has shown up to the last read.
    pub ended_ms: i64,
}

/// A crash, and what was there after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restart {
    /// When the process ended.
    pub crashed: Moment,
    /// When the node served again.
    pub served: Moment,
    /// What held up to the crash.
    pub promise: Promise,
    /// What was read then.
    pub reading: Reading,
}

/// See the module. Events are recorded in the order in which they happened; only a crash may be recorded later.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Log {
    units: Vec<Unit>,
    saves: Vec<Save>,
    restarts: Vec<Restart>,
    /// From when the disk did nothing, until when; `None`: it failed.
    stood: Vec<(Duration, Option<Duration>)>,
    latest: Moment,
}

impl Log {
    /// A client is about to send a unit.
    pub fn begin(&mut self, client: u32, effects: Vec<Effect>, at: Duration) -> UnitId {
        let invoked = self.moment(at);
        self.units.push(Unit { client, invoked, completed: None, fate: Fate::Unknown, effects });
        UnitId(self.units.len() - 1)
    }

    /// Its replies came. `numbers` are those of its increments, in order.
    pub fn acknowledge(&mut self, unit: UnitId, numbers: &[i64], at: Duration) {
        let mut numbers = numbers.iter();
        for effect in &mut self.units[unit.0].effects {
            if let Effect::Increment { reply, .. } = effect {
                *reply = numbers.next().copied();
            }
        }
        self.complete(unit, Fate::Acknowledged, at);
    }

    /// It was refused.
    pub fn refuse(&mut self, unit: UnitId, at: Duration) {
        self.complete(unit, Fate::Refused, at);
    }

    /// Nobody knows.
    pub fn unknown(&mut self, unit: UnitId, at: Duration) {
        self.complete(unit, Fate::Unknown, at);
    }

    /// A save is about to be asked for. Of a save that fails after it may have replaced the file nothing more is recorded.
    pub fn save(&mut self, at: Duration) -> SaveId {
        let invoked = self.moment(at);
        self.saves.push(Save { invoked, completed: None, is_standing: false });
        SaveId(self.saves.len() - 1)
    }

    /// From now on the process saves by itself, until it ends.
    pub fn saves_itself(&mut self, at: Duration) {
        let save = self.save(at);
        self.saves[save.0].is_standing = true;
    }

    /// It succeeded.
    pub fn saved(&mut self, save: SaveId, at: Duration) {
        self.saves[save.0].completed = Some(self.moment(at));
    }

    /// It failed and changed nothing: it was refused.
    pub fn save_refused(&mut self, save: SaveId) {
        // A moment before all others: it is older than any other save.
        let (invoked, completed) = (Moment::default(), Some(Moment::default()));
        self.saves[save.0] = Save { invoked, completed, is_standing: false };
    }

    /// The process ended at `crashed`, serves again, and was read.
    pub fn restart(&mut self, crashed: Duration, promise: Promise, served: Duration, reading: Reading) {
        let crashed = Moment { at: crashed, rank: u32::MAX };
        let served = self.moment(served);
        self.restarts.push(Restart { crashed, served, promise, reading });
    }

    /// The disk did nothing that it was asked for: what was just acknowledged grew older meanwhile, and nobody can help that.
    pub fn disk_stood(&mut self, from: Duration, to: Duration) {
        self.stood.push((from, Some(to)));
    }

    /// The disk gave an error. What was acknowledged before grows older until the process has made up for it; that it has, it says by
    /// acknowledging a write that was sent later.
    pub fn disk_failed(&mut self, at: Duration) {
        self.stood.push((at, None));
    }

    /// Units, by invocation.
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// Saves, by invocation.
    pub fn saves(&self) -> &[Save] {
        &self.saves
    }

    /// Restarts, in order.
    pub fn restarts(&self) -> &[Restart] {
        &self.restarts
    }

    /// How long processes served between two moments, on a disk that worked. `stood` is [`Log::standing`].
    pub(super) fn sound_between(
        &self,
        stood: &[(Duration, Duration)],
        from: Duration,
        to: Duration,
    ) -> Duration {
        let begins =
            std::iter::once(Duration::ZERO).chain(self.restarts.iter().map(|restart| restart.served.at));
        let ends = self.restarts.iter().map(|restart| restart.crashed.at).chain([Duration::MAX]);
        let within = |(begin, end): (Duration, Duration)| {
            let (begin, end) = (begin.max(from), end.min(to));
            let length = |from: Duration, to: Duration| to.min(end).saturating_sub(from.max(begin));
            length(begin, end) - stood.iter().map(|(from, to)| length(*from, *to)).sum::<Duration>()
        };
        begins.zip(ends).map(within).sum()
    }

    /// When the disk did nothing, in order and without overlaps.
    pub(super) fn standing(&self) -> Vec<(Duration, Duration)> {
        let mut all: Vec<_> = self
            .stood
            .iter()
            .map(|(from, to)| (*from, to.unwrap_or_else(|| self.answered_since(*from))))
            .collect();
        all.sort_unstable();
        let mut merged: Vec<(Duration, Duration)> = Vec::new();
        for (from, to) in all {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        merged
    }

    /// When the first of the units was acknowledged that were sent after this.
    fn answered_since(&self, from: Duration) -> Duration {
        let later =
            self.units.iter().filter(|unit| unit.invoked.at > from && unit.fate == Fate::Acknowledged);
        later.filter_map(|unit| unit.completed).map(|completed| completed.at).min().unwrap_or(Duration::MAX)
    }

    fn complete(&mut self, unit: UnitId, fate: Fate, at: Duration) {
        let completed = self.moment(at);
        let unit = &mut self.units[unit.0];
        (unit.fate, unit.completed) = (fate, Some(completed));
    }

    /// The moment of the next event: those of one instant keep their order.
    fn moment(&mut self, at: Duration) -> Moment {
        let rank = if self.latest.at == at { self.latest.rank + 1 } else { 0 };
        self.latest = Moment { at, rank };
        self.latest
    }
}
