//! What clients do in a scenario, and what they note of it.

pub mod data;
pub mod durable;
pub mod groups;
pub mod keeper;
pub mod replicated;
pub mod strings;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use seawall_checker::{Call, History, OpId, Reply, WipeId};

use crate::simulation::Simulation;

/// The history that all clients of a run write into, by true time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Recorder {
    simulation: Simulation,
    history: Rc<RefCell<History>>,
    clients: Rc<Cell<u32>>,
}

impl Recorder {
    /// An empty history.
    pub fn new(simulation: &Simulation) -> Recorder {
        Recorder { simulation: simulation.clone(), history: Rc::default(), clients: Rc::default() }
    }

    /// A number for a connection: what one connection sends takes effect in its order, and nothing more is known.
    pub fn new_client(&self) -> u32 {
        self.clients.set(self.clients.get() + 1);
        self.clients.get()
    }

    /// A client is about to send a call.
    pub fn invoke(&self, client: u32, key: &str, call: Call) -> OpId {
        self.history.borrow_mut().invoke(client, key, call, self.simulation.true_time())
    }

    /// Its reply came.
    pub fn ok(&self, operation: OpId, reply: Reply) {
        self.history.borrow_mut().ok(operation, reply, self.simulation.true_time());
    }

    /// It was refused.
    pub fn fail(&self, operation: OpId) {
        self.history.borrow_mut().fail(operation, self.simulation.true_time());
    }

    /// Nobody knows whether it happened.
    pub fn unknown(&self, operation: OpId) {
        self.history.borrow_mut().unknown(operation, self.simulation.true_time());
    }

    /// A node crashed that keeps nothing.
    pub fn crash(&self) -> WipeId {
        self.history.borrow_mut().crash(self.simulation.true_time())
    }

    /// It is back, empty.
    pub fn restart_empty(&self, wipe: WipeId) {
        self.history.borrow_mut().restart_empty(wipe, self.simulation.true_time());
    }

    /// The history so far.
    pub fn history(&self) -> History {
        self.history.borrow().clone()
    }
}
