//! Who ends a node's lives: one fault of its disk in each, then a crash or loss of power, by chance or at one step of what the
//! node does on its disk; then its return, on which it may be struck again.
//!
//! Where [`crate::nemesis`] worsens the world around a node that is to go on, this one asks what is left of it.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use seawall::runtime::Runtime;

use crate::disk::{Effect, Operation, Trap, When};
use crate::ground::{NodeId, Status};
use crate::random::Random;
use crate::runtime::SimRuntime;
use crate::simulation::Simulation;
use crate::workload::durable::Wake;

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
    /// A bit of a snapshot file flips while the node is down.
    Rot,
}

impl DiskFault {
    /// All of them.
    pub const ALL: &[DiskFault] = &[
        DiskFault::Nothing,
        DiskFault::Step,
        DiskFault::Full,
        DiskFault::WriteErrors,
        DiskFault::SyncErrors,
        DiskFault::ReadErrors,
        DiskFault::Slow,
        DiskFault::Rot,
    ];
}

/// Where a node's files are.
const DIRECTORIES: [&str; 2] = ["/", "/appendonlydir"];
/// A trap lets fewer operations pass than two to the power of a number below this; a save takes half a dozen, a rewrite more.
const STEPS_BITS: u64 = 7;
/// The same while the node comes back.
const STEPS_BITS_AT_START: u64 = 4;
/// The longest that a sync takes on a slow disk: what was written just after one began is durable after two of them and a
/// second, which has to be within the two seconds of `everysec`.
const SLOW_SYNC_MAX: Duration = Duration::from_millis(400);

/// See the module.
#[derive(Debug)]
pub struct Wrecker {
    /// The world.
    pub simulation: Simulation,
    /// The node.
    pub node: NodeId,
    /// Its own random numbers.
    pub random: Random,
    /// What it may do.
    pub faults: &'static [DiskFault],
    /// Set when a save or rewrite was asked for.
    pub asked: Rc<Asked>,
    /// What it did in this life.
    pub fault: DiskFault,
}

/// Whether a save or rewrite was asked for.
#[derive(Debug, Default)]
pub struct Asked(Cell<bool>);

impl Wake for Asked {
    fn wake(&self) {
        self.0.set(true);
    }
}

impl Wrecker {
    /// Lets the node live for a while, with a fault, and ends it. Returns when its process ended, by true time.
    pub async fn end_life(&mut self) -> Duration {
        self.fault = self.faults[self.random.below(self.faults.len() as u64) as usize];
        self.simulation.count(&format!("disk fault {:?}", self.fault).to_lowercase());
        let before = self.simulation.strikes(self.node).len();
        self.sleep(300, 3000).await;
        self.inflict().await;
        self.sleep(1, 1500).await;
        if self.random.below(2) == 0 {
            self.recover();
        }
        let crashed = self.await_end(before).await;
        self.recover();
        crashed
    }

    /// Waits a little for an end that was prepared; otherwise brings one about.
    async fn await_end(&mut self, strikes_before: usize) -> Duration {
        for _ in 0..1000 {
            if !self.is_up() {
                break;
            }
            SimRuntime::sleep(Duration::from_millis(1)).await;
        }
        if self.is_up() {
            let at = self.simulation.true_time();
            self.kill();
            return at;
        }
        let strikes = self.simulation.strikes(self.node);
        match strikes.last() {
            Some(at) if self.fault == DiskFault::Step && strikes.len() > strikes_before => *at,
            // It ended by itself, perhaps a while ago; nothing of it happened later than now.
            _ => self.simulation.true_time(),
        }
    }

    /// Begins the life's fault, and, where that is over by itself, waits for it.
    async fn inflict(&mut self) {
        let (times, skip) = (1 + self.random.below(4), self.some(STEPS_BITS));
        let (simulation, node) = (self.simulation.clone(), self.node);
        let fail = |operations| {
            simulation.set_trap(node, Trap { skip, times, ..Trap::on(operations, Effect::Fail) });
        };
        match self.fault {
            DiskFault::Nothing | DiskFault::ReadErrors | DiskFault::Rot => {}
            DiskFault::Step => self.set_end().await,
            DiskFault::Full => {
                let room = simulation.used_bytes(node) + self.random.below(4000);
                simulation.change_disk(node, |disk| disk.capacity_bytes = room);
            }
            DiskFault::WriteErrors => fail(&[Operation::Write, Operation::Create, Operation::Rename]),
            DiskFault::SyncErrors => fail(&[Operation::Sync, Operation::DirectorySync]),
            DiskFault::Slow => simulation.change_disk(node, |disk| {
                disk.sync_latency = Duration::from_millis(50)..SLOW_SYNC_MAX;
                disk.write_latency = Duration::ZERO..Duration::from_millis(30);
            }),
        }
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
        let skip = self.some(STEPS_BITS);
        self.set_end_at(Operation::CHANGES, skip);
    }

    fn set_end_at(&mut self, operations: &'static [Operation], skip: u64) {
        let when = [When::Before, When::Midway, When::After][self.random.below(3) as usize];
        let effect = if self.random.below(2) == 0 { Effect::Crash(when) } else { Effect::PowerLoss(when) };
        self.simulation.set_trap(self.node, Trap { skip, ..Trap::on(operations, effect) });
    }

    /// Starts the node again, and strikes it on its way a few times at most. Then nothing stands in its way any more.
    pub async fn revive(&mut self) {
        while self.random.below(3) == 0 {
            let skip = self.some(STEPS_BITS_AT_START);
            let operations: &[Operation] =
                if self.random.below(2) == 0 { &[Operation::Read] } else { Operation::CHANGES };
            self.set_end_at(operations, skip);
            self.simulation.restart(self.node);
            self.sleep(1, 300).await;
            self.simulation.clear_traps(self.node);
            self.simulation.count("struck at the start");
            self.kill();
            self.sleep(1, 300).await;
        }
        match self.fault {
            DiskFault::Rot => self.revive_rotten().await,
            DiskFault::ReadErrors => {
                let skip = self.some(STEPS_BITS_AT_START);
                self.simulation
                    .set_trap(self.node, Trap { skip, ..Trap::on(&[Operation::Read], Effect::Fail) });
                self.simulation.restart(self.node);
                self.sleep(100, 500).await;
                self.simulation.clear_traps(self.node);
            }
            _ => self.simulation.restart(self.node),
        }
        if !self.is_up() {
            self.simulation.count("refused to start");
            self.simulation.restart(self.node);
        }
    }

    /// A rotten file has to be refused or not to matter. The operator then has the whole file from somewhere else.
    async fn revive_rotten(&mut self) {
        let files: Vec<PathBuf> = self.files().into_iter().filter(|path| is_snapshot(path)).collect();
        let chosen = files.get(self.random.below(files.len() as u64) as usize);
        let whole = chosen.and_then(|path| Some((path, self.simulation.read_file(self.node, path).ok()?)));
        if let Some((path, _)) = &whole {
            // The file is there.
            let _ = self.simulation.rot(self.node, path);
        }
        self.simulation.restart(self.node);
        self.sleep(1000, 2000).await;
        if let Some((path, content)) = whole
            && !self.is_up()
        {
            let _ = self.simulation.write_file(self.node, path, &content);
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let of = |directory: &str| -> Vec<PathBuf> {
            let names = self.simulation.list_files(self.node, directory.as_ref()).unwrap_or_default();
            names.iter().map(|name| Path::new(directory).join(name)).collect()
        };
        DIRECTORIES.iter().flat_map(|directory| of(directory)).collect()
    }

    /// Takes every fault of the disk away.
    fn recover(&self) {
        self.simulation.clear_traps(self.node);
        self.simulation.change_disk(self.node, |disk| {
            let (lies, names_in_order) = (disk.lies.clone(), disk.names_in_order);
            *disk = crate::DiskSettings { lies, names_in_order, ..crate::DiskSettings::default() };
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

fn is_snapshot(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rdb")
}
