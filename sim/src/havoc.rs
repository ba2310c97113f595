//! Who breaks a deployment: links between nodes, nodes, clocks and disks, one fault after the other, several such breakers at a time.
//!
//! Each fault begins, lasts and ends; it undoes what it did itself, so that breakers do not disturb each other. A node that is
//! *spared* is never struck itself. All is noted in the loss meter's ledger: faults from..to, what a process came back with.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use seawall::runtime::Runtime;
use seawall_checker::loss::{Kept, Promotion};

use crate::client::Client;
use crate::deployment::{Number, address};
use crate::ground::{NodeId, Status};
use crate::options::{DiskSettings, LinkSettings};
use crate::random::Random;
use crate::runtime::SimRuntime;
use crate::workload::replicated::Office;

/// The slowest that a thin link is.
const THIN_BYTES_PER_SECOND_MIN: u64 = 2500;

/// A fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing passes between two nodes, in one direction or both.
    Cut,
    /// Some nodes, with some of the clients, hear nothing of the others.
    Partition,
    /// A link is cut and joined again and again.
    Flapping,
    /// The connections between two nodes are reset.
    Reset,
    /// Segments travel long.
    Slow,
    /// Segments are lost.
    Loss,
    /// A link carries few bytes a second.
    Thin,
    /// Reads and writes of all sockets do less than they could.
    ShortIo,
    /// A process stands still.
    Pause,
    /// A process is killed, and started again.
    Crash,
    /// A machine loses its power, and boots.
    PowerLoss,
    /// A wall clock jumps.
    Jump,
    /// A node's clocks run fast or slow.
    Drift,
    /// A disk is slow.
    SlowDisk,
    /// FAILOVER, in one of its forms.
    Failover,
    /// A node saves, or rewrites its log.
    Save,
}

impl Fault {
    /// Those of the network.
    pub const NETWORK: &[Fault] = &[
        Fault::Cut,
        Fault::Partition,
        Fault::Flapping,
        Fault::Reset,
        Fault::Slow,
        Fault::Loss,
        Fault::Thin,
        Fault::ShortIo,
    ];
    /// All that leave every process alive, and the primary what it is.
    pub const HARMLESS: &[Fault] = &[
        Fault::Cut,
        Fault::Partition,
        Fault::Flapping,
        Fault::Reset,
        Fault::Reset,
        Fault::Slow,
        Fault::Loss,
        Fault::Thin,
        Fault::ShortIo,
        Fault::Pause,
        Fault::Jump,
        Fault::Drift,
        Fault::SlowDisk,
        Fault::Save,
    ];
    /// All but FAILOVER.
    pub const ALL_BUT_FAILOVER: &[Fault] = &[
        Fault::Cut,
        Fault::Partition,
        Fault::Flapping,
        Fault::Reset,
        Fault::Slow,
        Fault::Loss,
        Fault::Thin,
        Fault::ShortIo,
        Fault::Pause,
        Fault::Crash,
        Fault::Crash,
        Fault::PowerLoss,
        Fault::Jump,
        Fault::Drift,
        Fault::SlowDisk,
        Fault::Save,
    ];
    /// FAILOVER among faults that strike in its middle.
    pub const WITH_FAILOVER: &[Fault] = &[
        Fault::Failover,
        Fault::Failover,
        Fault::Failover,
        Fault::Failover,
        Fault::Failover,
        Fault::Cut,
        Fault::Partition,
        Fault::Flapping,
        Fault::Reset,
        Fault::Slow,
        Fault::Thin,
        Fault::Pause,
        Fault::Crash,
        Fault::SlowDisk,
    ];
    /// Those for which P5 bounds the loss: a replica that the primary hears of also gets what it writes.
    pub const BOUNDED: &[Fault] =
        &[Fault::Cut, Fault::Partition, Fault::Reset, Fault::Pause, Fault::Crash, Fault::Jump, Fault::Drift];

    fn name(self) -> &'static str {
        match self {
            Fault::Cut => "cut",
            Fault::Partition => "partition",
            Fault::Flapping => "flapping link",
            Fault::Reset => "reset",
            Fault::Slow => "slow link",
            Fault::Loss => "lossy link",
            Fault::Thin => "thin link",
            Fault::ShortIo => "short I/O",
            Fault::Pause => "pause",
            Fault::Crash => "crash",
            Fault::PowerLoss => "power loss",
            Fault::Jump => "clock jump",
            Fault::Drift => "clock drift",
            Fault::SlowDisk => "slow disk",
            Fault::Failover => "FAILOVER",
            Fault::Save => "save",
        }
    }
}

/// What a process that ended comes back with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Persistence {
    /// Nothing that is promised.
    None,
    /// What it had called synced.
    Synced,
    /// The primary: all that it had acknowledged.
    Always,
}

/// A breaker.
#[derive(Clone, Debug)]
pub struct Breaker {
    /// What he shares with the clients.
    pub office: Office,
    /// The machines of clients and operator: they are cut off, too.
    pub others: Vec<NodeId>,
    /// What he may do.
    pub faults: &'static [Fault],
    /// His own random numbers.
    pub random: Rc<RefCell<Random>>,
    /// Nodes that he leaves alone.
    pub spared: Vec<Number>,
    /// Only links in one direction are cut as a whole: what the other end hears is as good as what it says.
    pub cuts_both_ways: bool,
    /// How nodes come back.
    pub persistence: Persistence,
    /// Set while FAILOVER is under way.
    pub busy: Rc<Cell<bool>>,
    /// Set when he shall stop.
    pub stop: Rc<Cell<bool>>,
    /// The longest pause between faults.
    pub pause_max: Duration,
}

impl Breaker {
    /// Breaks things until told to stop; what he did is undone then.
    pub async fn rage(self) {
        while !self.stop.get() {
            let pause = self.below(self.pause_max.as_micros() as u64);
            SimRuntime::sleep(Duration::from_micros(pause)).await;
            if self.stop.get() {
                return;
            }
            let fault = self.faults[self.below(self.faults.len() as u64) as usize];
            self.sim().count(&format!("fault {}", fault.name()));
            let window =
                self.office.ledger.borrow_mut().fault_begins(fault.name(), self.office.deployment.now());
            self.inflict(fault).await;
            self.office.ledger.borrow_mut().fault_ends(window, self.office.deployment.now());
        }
    }

    /// One fault of these on the primary, long enough to be noticed.
    pub async fn strike_primary(&self, faults: &[Fault]) {
        let fault = faults[self.below(faults.len() as u64) as usize];
        let victim = self.office.primary.get();
        let (id, lasting) = (self.office.deployment.id(victim), self.millis(3000, 7000));
        if self.sim().status(id) != Status::Running {
            return;
        }
        self.sim().count(&format!("primary struck by {}", fault.name()));
        let window = self.office.ledger.borrow_mut().fault_begins(fault.name(), self.office.deployment.now());
        match fault {
            Fault::Crash | Fault::PowerLoss => {
                if fault == Fault::PowerLoss {
                    self.sim().power_loss(id)
                } else {
                    self.sim().crash(id)
                }
                SimRuntime::sleep(lasting).await;
                self.come_back(victim, true);
            }
            Fault::Pause => self.pause_node(id, lasting).await,
            Fault::Failover => self.failover().await,
            _ => {
                // Alone with some of its clients.
                let clients = self.others.iter().copied().filter(|_| self.below(2) == 0);
                let operator = self.others.last().copied();
                let group: Vec<NodeId> =
                    clients.filter(|machine| Some(*machine) != operator).chain([id]).collect();
                self.part(&group, lasting).await;
            }
        }
        self.office.ledger.borrow_mut().fault_ends(window, self.office.deployment.now());
    }

    fn sim(&self) -> &crate::Simulation {
        self.office.deployment.sim()
    }

    fn below(&self, end: u64) -> u64 {
        self.random.borrow_mut().below(end)
    }

    fn millis(&self, least: u64, most: u64) -> Duration {
        Duration::from_micros(least * 1000 + self.below((most - least) * 1000))
    }

    /// A node that may be struck.
    fn victim(&self) -> Option<Number> {
        let all = (0..self.office.deployment.len()).filter(|node| !self.spared.contains(node));
        let all: Vec<Number> = all.collect();
        // The primary is struck as often as all others together.
        let primary = self.office.primary.get();
        if all.contains(&primary) && self.below(2) == 0 {
            return Some(primary);
        }
        all.get(self.below(all.len() as u64) as usize).copied()
    }

    async fn inflict(&self, fault: Fault) {
        let lasting = self.millis(100, 5000);
        match fault {
            Fault::Cut | Fault::Slow | Fault::Loss | Fault::Thin => self.worsen(fault, lasting).await,
            Fault::Partition => self.partition(lasting).await,
            Fault::Flapping => self.flap().await,
            Fault::Reset => {
                let Some((one, other)) = self.pair() else { return };
                self.sim().reset_connections(one, other);
            }
            Fault::ShortIo => {
                self.sim().set_short_io(0.3);
                SimRuntime::sleep(lasting).await;
                self.sim().set_short_io(0.0);
            }
            Fault::Pause => self.pause(lasting).await,
            Fault::Crash | Fault::PowerLoss => self.end(fault == Fault::PowerLoss).await,
            Fault::Jump => {
                let micros = self.below(20_000_000) as i64 - 10_000_000;
                let Some(victim) = self.victim() else { return };
                self.sim().jump_wall_clock(self.office.deployment.id(victim), micros);
            }
            Fault::Drift => {
                let Some(victim) = self.victim() else { return };
                let rate = self.below(20_000_000) as i64 - 10_000_000;
                self.sim().set_clock_drift(self.office.deployment.id(victim), rate);
            }
            Fault::SlowDisk => self.slow_disk(lasting).await,
            Fault::Failover => self.failover().await,
            Fault::Save => self.save().await,
        }
    }

    /// A node that may be struck and another; or a client's or the operator's machine.
    fn pair(&self) -> Option<(NodeId, NodeId)> {
        let deployment = &self.office.deployment;
        let victim = self.victim()?;
        let mut partners: Vec<NodeId> =
            (0..deployment.len()).filter(|node| *node != victim).map(|node| deployment.id(node)).collect();
        if self.below(4) == 0 {
            partners.clone_from(&self.others);
        }
        let partner = partners.get(self.below(partners.len() as u64) as usize)?;
        Some((deployment.id(victim), *partner))
    }

    async fn worsen(&self, fault: Fault, lasting: Duration) {
        let Some((one, other)) = self.pair() else { return };
        let directions = if self.cuts_both_ways { 3 } else { 1 + self.below(3) };
        let latency = self.millis(20, 200)..self.millis(200, 900);
        // What a thin link has taken it carries at its rate, also when it is whole again: a window within half of the time in which
        // nodes have to come together.
        let rate = THIN_BYTES_PER_SECOND_MIN + self.below(8000);
        let change = |link: &mut LinkSettings| match fault {
            Fault::Slow => link.latency = latency.clone(),
            Fault::Loss => link.loss = 0.3,
            Fault::Thin => link.rate = Some(rate),
            _ => link.down = true,
        };
        let pairs = [(one, other), (other, one)];
        let chosen = pairs.into_iter().enumerate().filter(|(bit, _)| directions >> bit & 1 != 0);
        let chosen: Vec<(NodeId, NodeId)> = chosen.map(|(_, pair)| pair).collect();
        chosen.iter().for_each(|(from, to)| self.sim().change_link(*from, *to, change));
        SimRuntime::sleep(lasting).await;
        chosen.iter().for_each(|(from, to)| {
            self.sim().change_link(*from, *to, |link| *link = LinkSettings::default())
        });
    }

    /// A group of nodes that holds no spared one, with some of the other machines, against the rest.
    async fn partition(&self, lasting: Duration) {
        let deployment = &self.office.deployment;
        let Some(victim) = self.victim() else { return };
        let joins = |node: &Number| {
            *node == victim || !self.spared.contains(node) && deployment.len() > 2 && self.below(3) == 0
        };
        let inside: Vec<Number> = (0..deployment.len()).filter(joins).collect();
        let mut group: Vec<NodeId> = inside.iter().map(|node| deployment.id(*node)).collect();
        group.extend(self.others.iter().copied().filter(|_| self.below(2) == 0));
        self.part(&group, lasting).await;
    }

    /// Parts some machines from all others.
    async fn part(&self, group: &[NodeId], lasting: Duration) {
        let machines = self.office.deployment.ids().into_iter().chain(self.others.iter().copied());
        let rest: Vec<NodeId> = machines.filter(|machine| !group.contains(machine)).collect();
        self.sim().partition(group, &rest);
        SimRuntime::sleep(lasting).await;
        self.sim().join(group, &rest);
    }

    async fn flap(&self) {
        let Some((one, other)) = self.pair() else { return };
        for _ in 0..2 + self.below(8) {
            self.sim().partition(&[one], &[other]);
            SimRuntime::sleep(self.millis(20, 900)).await;
            self.sim().join(&[one], &[other]);
            SimRuntime::sleep(self.millis(20, 600)).await;
        }
    }

    async fn pause(&self, lasting: Duration) {
        if let Some(victim) = self.victim() {
            self.pause_node(self.office.deployment.id(victim), lasting).await;
        }
    }

    async fn pause_node(&self, id: NodeId, lasting: Duration) {
        if self.sim().status(id) == Status::Running {
            self.sim().pause(id);
            SimRuntime::sleep(lasting).await;
            if self.sim().status(id) == Status::Paused {
                self.sim().resume(id);
            }
        }
    }

    async fn end(&self, by_power_loss: bool) {
        let Some(victim) = self.victim() else { return };
        let (id, primary) = (self.office.deployment.id(victim), self.office.primary.get());
        if self.sim().status(id) != Status::Running {
            return;
        }
        if by_power_loss {
            self.sim().power_loss(id)
        } else {
            self.sim().crash(id)
        }
        SimRuntime::sleep(self.millis(1, 6000)).await;
        self.come_back(victim, victim == primary);
    }

    /// Starts a node again that has ended.
    pub fn come_back(&self, node: Number, was_primary: bool) {
        let id = self.office.deployment.id(node);
        if !matches!(self.sim().status(id), Status::Ended | Status::Off) {
            return;
        }
        let kept = match self.persistence {
            Persistence::None => Kept::Nothing,
            Persistence::Always if was_primary => Kept::All,
            Persistence::Synced | Persistence::Always => Kept::Synced,
        };
        self.office.ledger.borrow_mut().restarted(node as u32, kept, self.office.deployment.now());
        self.sim().restart(id);
    }

    async fn slow_disk(&self, lasting: Duration) {
        let Some(victim) = self.victim() else { return };
        let (id, latency) = (self.office.deployment.id(victim), self.millis(5, 300));
        self.sim().change_disk(id, |disk| {
            disk.sync_latency = Duration::from_millis(1)..latency;
            disk.write_latency = Duration::ZERO..latency / 4;
            disk.read_latency = Duration::ZERO..latency / 4;
        });
        SimRuntime::sleep(lasting).await;
        let usual = DiskSettings::default();
        self.sim().change_disk(id, |disk| {
            disk.sync_latency = usual.sync_latency;
            disk.write_latency = usual.write_latency;
            disk.read_latency = usual.read_latency;
        });
    }

    async fn save(&self) {
        let Some(victim) = self.victim() else { return };
        let command = ["BGSAVE", "BGREWRITEAOF"][self.below(2) as usize];
        if let Ok(mut client) = Client::connect(address(victim), Duration::from_millis(500)).await {
            // It may be refused.
            let _ = client.call(&[command]).await;
        }
    }

    /// FAILOVER, and what becomes of it: the primary hands over, or goes on.
    async fn failover(&self) {
        let (deployment, old) = (&self.office.deployment, self.office.primary.get());
        if self.busy.get() {
            return;
        }
        let target = (old + 1 + self.below(deployment.len() as u64 - 1) as usize) % deployment.len();
        let (host, timeout) = (address(target).ip().to_string(), (50 + self.below(2000)).to_string());
        let form = self.below(4);
        let words: Vec<&str> = match form {
            0 => vec!["FAILOVER"],
            1 => vec!["FAILOVER", "TIMEOUT", &timeout],
            2 => vec!["FAILOVER", "TO", &host, "6379"],
            _ => vec!["FAILOVER", "TO", &host, "6379", "FORCE", "TIMEOUT", &timeout],
        };
        let is_forced = form == 3;
        let decided = deployment.now();
        self.busy.set(true);
        let order = async {
            let mut client = Client::connect(address(old), Duration::from_millis(500)).await?;
            client.call(&words).await
        };
        // Where the reply is lost it may have begun all the same.
        let _ = order.await;
        self.follow_failover(old, is_forced, decided).await;
        self.busy.set(false);
    }

    /// Watches until another node is the primary, or the old one goes on, or the time is up.
    async fn follow_failover(&self, old: Number, is_forced: bool, decided: Duration) {
        let deployment = &self.office.deployment;
        let abort_at = decided + self.millis(100, 4000);
        let give_up_at = decided + Duration::from_secs(6);
        let mut aborted = false;
        while deployment.now() < give_up_at {
            let primaries =
                (0..deployment.len()).filter(|node| *node != old && deployment.follows(*node).is_some());
            let mut primaries =
                primaries.filter(|node| deployment.look(*node).is_some_and(|look| look.upstream.is_none()));
            if let Some(new) = primaries.next() {
                self.handed_over(old, new, is_forced, decided);
                return;
            }
            if deployment.now() > abort_at && !aborted {
                aborted = true;
                if let Ok(mut client) = Client::connect(address(old), Duration::from_millis(500)).await {
                    let _ = client.call(&["FAILOVER", "ABORT"]).await;
                }
            }
            SimRuntime::sleep(Duration::from_millis(2)).await;
            if aborted && deployment.now() > abort_at + Duration::from_secs(1) {
                break;
            }
        }
        self.sim().count("failover not done");
    }

    fn handed_over(&self, old: Number, new: Number, is_forced: bool, decided: Duration) {
        let deployment = &self.office.deployment;
        self.sim().count(if is_forced { "failover forced" } else { "failover done" });
        self.office.ledger.borrow_mut().promoted(Promotion {
            node: new as u32,
            compared: if is_forced { Vec::new() } else { (0..deployment.len() as u32).collect() },
            is_furthest: !is_forced,
            decided,
            done: deployment.now(),
            handed_over_by: (!is_forced).then_some(old as u32),
        });
        deployment.told(new, None);
        deployment.told(old, Some(new));
        self.office.primary.set(new);
    }
}
