//! Who breaks things: a schedule of faults drawn from the run's seed.
//!
//! One fault at a time begins, lasts and ends, with a pause between; several kinds change the links of one client, some the
//! node. [`Nemesis::heal`] undoes all that lasts.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use seawall::runtime::Runtime;

use crate::ground::NodeId;
use crate::random::Random;
use crate::runtime::SimRuntime;
use crate::simulation::Simulation;
use crate::workload::Recorder;

/// A fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The connections between the node and one client are reset.
    Reset,
    /// A client's links become slow.
    Slow,
    /// A client's links lose segments.
    Loss,
    /// A client's links carry few bytes a second.
    Thin,
    /// Nothing passes from a client to the node, or back, or both.
    Cut,
    /// Reads and writes do less than they could.
    ShortIo,
    /// The node's process is stopped for a while, and the connections of some clients are reset meanwhile.
    Pause,
    /// The node's process is killed and started again, empty.
    Crash,
}

impl Fault {
    /// All of them.
    pub const ALL: [Fault; 8] = [
        Fault::Reset,
        Fault::Slow,
        Fault::Loss,
        Fault::Thin,
        Fault::Cut,
        Fault::ShortIo,
        Fault::Pause,
        Fault::Crash,
    ];

    /// Those that a node survives.
    pub const HARMLESS: [Fault; 7] =
        [Fault::Reset, Fault::Slow, Fault::Loss, Fault::Thin, Fault::Cut, Fault::ShortIo, Fault::Pause];
}

/// The breaker of one node without persistence and its clients.
#[derive(Debug)]
pub struct Nemesis {
    /// The world.
    pub simulation: Simulation,
    /// The node.
    pub node: NodeId,
    /// Its clients.
    pub clients: Vec<NodeId>,
    /// What it may do.
    pub faults: &'static [Fault],
    /// Where crashes are noted.
    pub recorder: Recorder,
    /// Its own random numbers.
    pub random: Random,
    /// Set when it shall stop.
    pub stop: Rc<Cell<bool>>,
}

impl Nemesis {
    /// Breaks things until told to stop, and leaves a healthy world.
    pub async fn rage(mut self) {
        while !self.stop.get() {
            let pause = self.millis(100, 1500);
            SimRuntime::sleep(pause).await;
            let fault = self.faults[self.random.below(self.faults.len() as u64) as usize];
            self.simulation.count(&format!("fault {fault:?}").to_lowercase());
            self.inflict(fault).await;
        }
    }

    async fn inflict(&mut self, fault: Fault) {
        let client = self.clients[self.random.below(self.clients.len() as u64) as usize];
        let lasting = self.millis(50, 2500);
        match fault {
            Fault::Reset => {
                self.simulation.reset_connections(self.node, client);
            }
            Fault::Pause => self.pause(lasting).await,
            Fault::Crash => self.crash().await,
            Fault::ShortIo => {
                self.simulation.set_short_io(0.5);
                SimRuntime::sleep(lasting).await;
            }
            Fault::Slow | Fault::Loss | Fault::Thin | Fault::Cut => {
                self.worsen(fault, client);
                SimRuntime::sleep(lasting).await;
            }
        }
        self.heal();
    }

    /// Worsens one or both directions of a client's link.
    fn worsen(&mut self, fault: Fault, client: NodeId) {
        let directions = 1 + self.random.below(3);
        let latency = self.millis(20, 200)..self.millis(200, 700);
        let rate = 200 + self.random.below(5000);
        let change = |link: &mut crate::LinkSettings| match fault {
            Fault::Slow => link.latency = latency.clone(),
            Fault::Loss => link.loss = 0.3,
            Fault::Thin => link.rate = Some(rate),
            _ => link.down = true,
        };
        if directions & 1 != 0 {
            self.simulation.change_link(client, self.node, change);
        }
        if directions & 2 != 0 {
            self.simulation.change_link(self.node, client, change);
        }
    }

    /// While the node stands still, what its clients send piles up; some of them are gone when it wakes, so that it reads
    /// requests whose replies it can send no more.
    async fn pause(&mut self, lasting: Duration) {
        self.simulation.pause(self.node);
        SimRuntime::sleep(lasting).await;
        for client in self.clients.clone() {
            if self.random.below(4) == 0 {
                self.simulation.reset_connections(self.node, client);
            }
        }
        self.simulation.resume(self.node);
    }

    async fn crash(&mut self) {
        let wipe = self.recorder.crash();
        self.simulation.crash(self.node);
        let down = self.millis(1, 1000);
        SimRuntime::sleep(down).await;
        self.recorder.restart_empty(wipe);
        self.simulation.restart(self.node);
    }

    /// Undoes what lasts.
    pub fn heal(&mut self) {
        self.simulation.set_short_io(0.0);
        self.simulation.heal();
    }

    fn millis(&mut self, least: u64, most: u64) -> Duration {
        Duration::from_micros(least * 1000 + self.random.below((most - least) * 1000))
    }
}
