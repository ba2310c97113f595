//! Who ends a node's lives: one fault of its disk in each, then a crash, loss of power or SHUTDOWN, by chance or at one step of
//! what the node does on its disk; then its return, on which it may be struck again.
//!
//! Where [`crate::nemesis`] worsens the world around a node that is to go on, this one asks what is left of it. It counts which
//! faults took effect, and at which step of which file the node was struck.

use std::cell::Cell;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use seawall::runtime::Runtime;

use crate::client::Client;
use crate::coverage::Counter;
use crate::disk::{Effect, Operation, Strike, Trap, When};
use crate::ground::{NodeId, Status};
use crate::operator;
use crate::random::Random;
use crate::runtime::SimRuntime;
use crate::simulation::Simulation;
use crate::workload::durable::Journal;
use crate::workload::keeper::Wake;

/// What happens to the disk in a life, before its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DiskFault {
    /// Nothing; the end comes at any time.
    Nothing,
    /// Nothing; the end comes at one step on the disk, counted from some moment or from when a save is asked for.
    Step,
    /// The disk is nearly full for a while.
    Full,
    /// Writes fail.
    WriteErrors,
    /// Syncs fail, and give up what they should have made durable.
    SyncErrors,
    /// Reads fail when the node comes back.
    ReadErrors,
    /// Syncs take long, and writes stop the process.
    Slow,
    /// Syncs take longer than any loss may be old.
    Stuck,
    /// A bit of a file flips while the node is down.
    Rot,
}

impl DiskFault {
    /// All of them.
    pub const ALL: &[DiskFault] = &[
        DiskFault::Nothing,
        DiskFault::Step,
        DiskFault::Step,
        DiskFault::Full,
        DiskFault::WriteErrors,
        DiskFault::SyncErrors,
        DiskFault::ReadErrors,
        DiskFault::Slow,
        DiskFault::Stuck,
        DiskFault::Rot,
    ];

    /// Its name in counts.
    fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    /// Whether it can make the node fail at what it promised, so that a SHUTDOWN may be of no use.
    fn is_error(self) -> bool {
        matches!(self, DiskFault::Full | DiskFault::WriteErrors | DiskFault::SyncErrors)
    }
}

/// How a life ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct End {
    /// When, by true time; not earlier than it did.
    pub at: Duration,
    /// The node ended as it was told to, in such a way that nothing is lost, and no fault stood in its way.
    pub keeps_all: bool,
}

/// How a node may be told to end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Telling {
    /// The command.
    pub words: &'static [&'static str],
    /// Whether everything is kept then.
    pub keeps_all: bool,
}

/// A trap lets fewer operations pass than two to the power of a number below this; a save takes half a dozen, a rewrite more.
const STEPS_BITS: u64 = 7;
/// The same on the files of one step.
const STEPS_BITS_ON_PATH: u64 = 3;
/// The same while the node comes back.
const STEPS_BITS_AT_START: u64 = 4;
/// Where a trap waits: anywhere, or at the files of one step.
const PATHS: [&str; 9] = ["", "", "", "manifest", "temp-", "base", "incr", "appendonlydir", ".rdb"];
/// The longest that a node takes to end as it was told.
const ENDING_MAX: Duration = Duration::from_secs(8);

/// See the module.
#[derive(Debug)]
pub struct Wrecker {
    /// The world.
    pub simulation: Simulation,
    /// The node.
    pub node: NodeId,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its own random numbers.
    pub random: Random,
    /// What it may do.
    pub faults: &'static [DiskFault],
    /// How the node may be told to end.
    pub tellings: &'static [Telling],
    /// Where the save at the end is noted.
    pub journal: Journal,
    /// Set when a save or rewrite was asked for.
    pub asked: Rc<Asked>,
    /// What it did in this life.
    pub fault: DiskFault,
}

/// Whether a save or rewrite was asked for, and when that was done first in this life.
#[derive(Debug, Default)]
pub struct Asked(Cell<bool>);

impl Wake for Asked {
    fn wake(&self) {
        self.0.set(true);
    }
}

/// What was counted at some moment.
#[derive(Clone, Copy)]
struct Marks {
    strikes: usize,
    full: u64,
    syncs: u64,
}

impl Wrecker {
    /// Lets the node live for a while, with a fault, and ends it.
    pub async fn end_life(&mut self) -> End {
        self.fault = self.faults[self.random.below(self.faults.len() as u64) as usize];
        let before = self.marks();
        self.sleep(300, 3000).await;
        self.inflict().await;
        self.sleep(1, 1500).await;
        let is_over = self.random.below(2) == 0;
        if is_over {
            self.recover();
        }
        let end = self.await_end(before, is_over).await;
        self.count_effect(before);
        self.recover();
        end
    }

    fn marks(&self) -> Marks {
        Marks {
            strikes: self.simulation.strikes(self.node).len(),
            full: self.simulation.counted(Counter::DiskFull),
            syncs: self.simulation.counted(Counter::FileSyncs),
        }
    }

    /// Says what the fault came to.
    fn count_effect(&self, before: Marks) {
        let now = self.marks();
        let took = match self.fault {
            DiskFault::Nothing => true,
            DiskFault::Step | DiskFault::WriteErrors | DiskFault::SyncErrors => now.strikes > before.strikes,
            DiskFault::Full => now.full > before.full,
            DiskFault::Slow | DiskFault::Stuck => now.syncs > before.syncs,
            // It comes when the node is down.
            DiskFault::ReadErrors | DiskFault::Rot => return,
        };
        self.count_fault(if took { "took effect" } else { "came to nothing" });
        self.count_strikes(before.strikes, "");
    }

    fn count_fault(&self, what: &str) {
        self.simulation.count(&format!("fault {}: {what}", self.fault.name()));
    }

    /// Counts at which steps the node was struck.
    fn count_strikes(&self, since: usize, during: &str) {
        for strike in &self.simulation.strikes(self.node)[since..] {
            let what = match strike.effect {
                Effect::Fail | Effect::Full => "error",
                Effect::Crash(_) | Effect::PowerLoss(_) => "end",
            };
            let operation = format!("{:?}", strike.operation).to_lowercase();
            self.simulation
                .count(&format!("{during}{what} at {operation} of {}", operator::kind(&strike.path)));
        }
    }

    /// Waits a little for an end that was prepared; otherwise brings one about.
    async fn await_end(&mut self, before: Marks, is_over: bool) -> End {
        for _ in 0..1000 {
            if !self.is_up() {
                break;
            }
            SimRuntime::sleep(Duration::from_millis(1)).await;
        }
        if self.is_up() && !self.tellings.is_empty() && self.random.below(3) == 0 {
            let is_sure = !self.fault.is_error() && (is_over || self.fault != DiskFault::Step);
            let keeps_all = self.shut_down(is_sure).await;
            if !self.is_up() {
                self.simulation.count(if is_sure { "shut down" } else { "shut down beside a fault" });
                let at = self.struck_at(before).unwrap_or_else(|| self.simulation.true_time());
                return End { at, keeps_all };
            }
            self.simulation.count("did not shut down");
        }
        if self.is_up() {
            let at = self.simulation.true_time();
            self.kill();
            return End { at, keeps_all: false };
        }
        let at = self.struck_at(before).unwrap_or_else(|| {
            // It ended by itself, perhaps a while ago; nothing of it happened later than now.
            self.simulation.count("ended by itself");
            self.simulation.true_time()
        });
        End { at, keeps_all: false }
    }

    /// When a trap ended this life, if one did.
    fn struck_at(&self, before: Marks) -> Option<Duration> {
        let is_end = |strike: &&Strike| matches!(strike.effect, Effect::Crash(_) | Effect::PowerLoss(_));
        self.simulation.strikes(self.node)[before.strikes..].iter().find(is_end).map(|strike| strike.at)
    }

    /// Tells the node to end, and waits until it has; the power may be gone right afterwards. Whether everything is kept, if
    /// nothing stands in its way.
    async fn shut_down(&mut self, is_sure: bool) -> bool {
        let Telling { words, keeps_all } =
            self.tellings[self.random.below(self.tellings.len() as u64) as usize];
        // Perhaps it makes a snapshot.
        let save = keeps_all.then(|| self.journal.save());
        if let Ok(mut client) = Client::connect(self.address, ENDING_MAX).await {
            // There is a reply only if it does not end.
            let _ = client.call(words).await;
        }
        for _ in 0..ENDING_MAX.as_millis() {
            if !self.is_up() {
                break;
            }
            SimRuntime::sleep(Duration::from_millis(1)).await;
        }
        let is_done = !self.is_up() && is_sure;
        save.filter(|_| is_done).into_iter().for_each(|save| self.journal.saved(save));
        if !self.is_up() && self.random.below(2) == 0 {
            self.simulation.power_loss(self.node);
        }
        keeps_all && is_done
    }

    /// Begins the life's fault, and, where that is over by itself, waits for it.
    async fn inflict(&mut self) {
        let times = 1 + self.random.below(4);
        let (path, skip) = self.place();
        let (simulation, node) = (self.simulation.clone(), self.node);
        let fail = |operations| {
            simulation.set_trap(node, Trap { path, skip, times, ..Trap::on(operations, Effect::Fail) });
        };
        match self.fault {
            DiskFault::Nothing | DiskFault::ReadErrors | DiskFault::Rot => {}
            DiskFault::Step => self.set_end().await,
            DiskFault::Full => self.fill(),
            DiskFault::WriteErrors => fail(Operation::WRITES),
            DiskFault::SyncErrors => fail(&[Operation::Sync, Operation::DirectorySync]),
            DiskFault::Slow => simulation.change_disk(node, |disk| {
                disk.sync_latency = Duration::from_millis(50)..Duration::from_millis(900);
                disk.write_latency = Duration::ZERO..Duration::from_millis(30);
            }),
            DiskFault::Stuck => simulation.change_disk(node, |disk| {
                disk.sync_latency = Duration::from_secs(1)..Duration::from_secs(6);
            }),
        }
    }

    fn fill(&mut self) {
        let room = self.simulation.used_bytes(self.node) + self.random.below(4000);
        self.simulation.change_disk(self.node, |disk| disk.capacity_bytes = room);
    }

    /// Has everything end at one of the next steps on the disk, in half of the cases from when a save is asked for.
    async fn set_end(&mut self) {
        self.asked.0.set(false);
        if self.random.below(2) == 0 {
            for _ in 0..3000 {
                if self.asked.0.get() {
                    break;
                }
                SimRuntime::sleep(Duration::from_millis(1)).await;
            }
        }
        let (path, skip) = self.place();
        self.set_end_at(Operation::CHANGES, path, skip);
    }

    /// Where a trap is set.
    fn place(&mut self) -> (String, u64) {
        let path = PATHS[self.random.below(PATHS.len() as u64) as usize];
        let skip = self.some(if path.is_empty() { STEPS_BITS } else { STEPS_BITS_ON_PATH });
        (path.into(), skip)
    }

    fn set_end_at(&mut self, operations: &'static [Operation], path: String, skip: u64) {
        let when = [When::Before, When::Midway, When::After][self.random.below(3) as usize];
        let effect = if self.random.below(2) == 0 { Effect::Crash(when) } else { Effect::PowerLoss(when) };
        self.simulation.set_trap(self.node, Trap { path, skip, ..Trap::on(operations, effect) });
    }

    /// Starts the node again, and strikes it on its way a few times at most. Then nothing stands in its way any more.
    pub async fn revive(&mut self) {
        while self.random.below(3) == 0 {
            self.strike_at_start().await;
        }
        let before = self.marks().strikes;
        match self.fault {
            DiskFault::Rot => self.revive_rotten().await,
            DiskFault::ReadErrors => {
                let skip = self.some(STEPS_BITS_AT_START);
                self.simulation
                    .set_trap(self.node, Trap { skip, ..Trap::on(&[Operation::Read], Effect::Fail) });
                self.simulation.restart(self.node);
                self.sleep(100, 500).await;
                let took = self.marks().strikes > before;
                self.count_fault(if took { "took effect" } else { "came to nothing" });
                self.count_strikes(before, "start: ");
            }
            DiskFault::Full if self.random.below(2) == 0 => {
                self.fill();
                self.simulation.restart(self.node);
                self.sleep(100, 2000).await;
            }
            _ => self.simulation.restart(self.node),
        }
        self.recover();
        if !self.is_up() {
            self.simulation.count("refused to start");
            self.simulation.restart(self.node);
        }
    }

    async fn strike_at_start(&mut self) {
        let before = self.marks().strikes;
        let skip = self.some(STEPS_BITS_AT_START);
        let operations: &[Operation] =
            if self.random.below(2) == 0 { &[Operation::Read] } else { Operation::CHANGES };
        self.set_end_at(operations, String::new(), skip);
        self.simulation.restart(self.node);
        self.sleep(1, 300).await;
        self.simulation.clear_traps(self.node);
        self.count_strikes(before, "start: ");
        self.simulation.count(match self.marks().strikes - before {
            0 => "killed soon after the start",
            _ => "struck at the start",
        });
        self.kill();
        self.sleep(1, 300).await;
    }

    /// A rotten file has to be refused or not to matter. The operator then has the whole file from somewhere else.
    async fn revive_rotten(&mut self) {
        let files = operator::files(&self.simulation, self.node);
        let guarded = |path: PathBuf| {
            let content = self.simulation.read_file(self.node, &path).ok()?;
            let positions = operator::guarded(&path, &content);
            (!positions.is_empty()).then_some((path, content, positions))
        };
        let mut files: Vec<_> = files.into_iter().filter_map(guarded).collect();
        if files.is_empty() {
            self.count_fault("came to nothing");
            return self.simulation.restart(self.node);
        }
        let (path, content, positions) = files.swap_remove(self.random.below(files.len() as u64) as usize);
        let position = positions[self.random.below(positions.len() as u64) as usize];
        // The file is there.
        let _ = self.simulation.rot_at(self.node, &path, position);
        self.simulation.restart(self.node);
        self.sleep(1000, 2000).await;
        let what = operator::kind(&path.to_string_lossy());
        if self.is_up() {
            self.count_fault(&format!("{what} did not matter"));
            return;
        }
        self.count_fault("took effect");
        self.count_fault(&format!("{what} was refused"));
        // A disk without faults takes it.
        let _ = self.simulation.write_file(self.node, &path, &content);
    }

    /// Takes every fault of the disk away.
    fn recover(&self) {
        self.simulation.clear_traps(self.node);
        self.simulation.change_disk(self.node, |disk| {
            *disk = crate::DiskSettings {
                lies: disk.lies.clone(),
                names_in_order: disk.names_in_order,
                tails_in_order: disk.tails_in_order,
                ..crate::DiskSettings::default()
            };
        });
    }

    fn kill(&mut self) {
        if self.random.below(2) == 0 {
            self.simulation.crash(self.node);
        } else {
            self.simulation.power_loss(self.node);
        }
    }

    fn is_up(&self) -> bool {
        matches!(self.simulation.status(self.node), Status::Running | Status::Paused)
    }

    /// A number that is small more often than large.
    fn some(&mut self, bits: u64) -> u64 {
        let limit = 1 << self.random.below(bits);
        self.random.below(limit)
    }

    async fn sleep(&mut self, least_ms: u64, most_ms: u64) {
        let millis = least_ms + self.random.below(most_ms - least_ms);
        SimRuntime::sleep(Duration::from_millis(millis)).await;
    }
}
