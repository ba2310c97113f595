//! What clients were told and what was done to the nodes, in one order: the loss meter's ledger, shared by threads.

use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use seawall_checker::durability::Reading;
use seawall_checker::loss::{
    Durability, FaultId, Kept, Ledger, Promotion, Report, Settings, WriteId, measure,
};

use crate::units::{Answer, Planned};

/// See the module.
pub struct Records {
    ledger: Mutex<Ledger>,
    began: Instant,
}

impl Records {
    /// Of so many nodes, of which one is the primary. Its time begins now.
    pub fn new(nodes: usize, primary: usize) -> Records {
        Records { ledger: Mutex::new(Ledger::new(nodes as u32, primary as u32)), began: Instant::now() }
    }

    /// Times in it must be taken while it is held.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("no thread panics while it holds the ledger")
    }

    /// Since it all began.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// These units are about to be sent.
    pub fn begin(&self, client: u32, node: usize, units: &[Planned]) -> Vec<WriteId> {
        let mut ledger = self.ledger();
        let begin =
            |unit: &Planned| ledger.begin(client, node as u32, unit.effects.clone(), self.began.elapsed());
        units.iter().map(begin).collect()
    }

    /// A unit was answered.
    pub fn end(&self, write: WriteId, answer: &Answer) {
        let mut ledger = self.ledger();
        match answer {
            Answer::Done(numbers) => ledger.acknowledge(write, numbers, self.began.elapsed()),
            Answer::Refused => ledger.refuse(write),
            Answer::Strange(_) => {}
        }
    }

    /// WAIT or WAITAOF has said this of all that its client had been answered.
    pub fn assure(&self, writes: &[WriteId], durability: Durability) {
        let mut ledger = self.ledger();
        let now = self.began.elapsed();
        writes.iter().for_each(|write| ledger.assure(*write, durability, now));
    }

    /// A fault begins.
    pub fn fault_begins(&self, name: &str) -> FaultId {
        let mut ledger = self.ledger();
        ledger.fault_begins(name, self.began.elapsed())
    }

    /// All that it has broken is mended.
    pub fn fault_ends(&self, fault: FaultId) {
        let mut ledger = self.ledger();
        ledger.fault_ends(fault, self.began.elapsed());
    }

    /// A node was promoted.
    pub fn promoted(&self, promotion: Promotion) {
        self.ledger().promoted(promotion);
    }

    /// A process serves again.
    pub fn restarted(&self, node: usize, kept: Kept) {
        let mut ledger = self.ledger();
        ledger.restarted(node as u32, kept, self.began.elapsed());
    }

    /// All that was there, read while nobody wrote, since `began`.
    pub fn read(&self, began: Duration, reading: Reading) {
        self.ledger().read(began, reading);
    }

    /// The verdict.
    pub fn measure(&self) -> Report {
        measure(&self.ledger(), &Settings::default())
    }
}
