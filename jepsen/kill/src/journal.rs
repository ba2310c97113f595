//! What clients were told, in one order: the log for the judge, shared by the threads of a run.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use seawall_checker::durability::{Log, Promise, Reading, SaveId, UnitId};

use crate::units::{Answer, Planned};

/// See the module.
pub struct Journal {
    log: Mutex<Log>,
    began: Instant,
}

impl Journal {
    /// An empty one; its time begins now.
    pub fn new() -> Journal {
        Journal { log: Mutex::default(), began: Instant::now() }
    }

    /// The log; times in it must be taken while it is held.
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no thread panics while it holds the log")
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// These units are about to be sent.
    pub fn begin(&self, client: u32, units: &[Planned]) -> Vec<UnitId> {
        let mut log = self.log();
        units.iter().map(|unit| log.begin(client, unit.effects.clone(), self.now())).collect()
    }

    /// A unit was answered.
    pub fn end(&self, unit: UnitId, answer: &Answer) {
        let mut log = self.log();
        match answer {
            Answer::Done(numbers) => log.acknowledge(unit, numbers, self.now()),
            Answer::Refused => log.refuse(unit, self.now()),
            Answer::Strange(_) => log.unknown(unit, self.now()),
        }
    }

    /// A save is about to be asked for.
    pub fn save(&self) -> SaveId {
        let mut log = self.log();
        log.save(self.now())
    }

    /// It succeeded.
    pub fn saved(&self, save: SaveId) {
        let mut log = self.log();
        log.saved(save, self.now());
    }

    /// It will not be done.
    pub fn save_refused(&self, save: SaveId) {
        self.log().save_refused(save);
    }

    /// From now on the server saves by itself.
    pub fn saves_itself(&self) {
        let mut log = self.log();
        log.saves_itself(self.now());
    }

    /// The server is gone; clients may not know yet.
    pub fn crashed(&self) -> Duration {
        self.now()
    }

    /// It serves again, and this was there.
    pub fn restart(&self, crashed: Duration, promise: Promise, reading: Reading) {
        let mut log = self.log();
        log.restart(crashed, promise, self.now(), reading);
    }

    /// For the judge.
    pub fn take(&self) -> Log {
        self.log().clone()
    }
}

/// Unix milliseconds.
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
