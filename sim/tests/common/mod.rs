//! What the tests of the world share.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use seawall::runtime::{Listener, Runtime};
use seawall_sim::runtime::SimStream;
use seawall_sim::{NodeId, Options, RunReport, SimRuntime, Simulation};

/// The runtime under test.
pub type R = SimRuntime;

/// Where servers of the tests are.
pub const SERVER: [u8; 4] = [10, 0, 0, 1];

/// The port of every test's server.
pub fn server() -> SocketAddr {
    (SERVER, 7000).into()
}

pub fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

pub fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Runs a scenario and returns its report, which has to be that of a finished run.
pub fn run_with<T: Send + 'static, F: Future<Output = T> + 'static>(
    seed: u64,
    options: Options,
    scenario: impl FnOnce(Simulation) -> F + Send + 'static,
) -> RunReport<T> {
    let report = Simulation::run(seed, options, scenario);
    if let seawall_sim::Outcome::Panicked(message) = &report.outcome {
        panic!("seed {seed}: {message}");
    }
    report
}

/// The same with seed 1 in an ordinary world.
pub fn run<T: Send + 'static, F: Future<Output = T> + 'static>(
    scenario: impl FnOnce(Simulation) -> F + Send + 'static,
) -> RunReport<T> {
    run_with(1, Options::default(), scenario)
}

/// A node that does nothing.
pub fn idle_node(sim: &Simulation) -> NodeId {
    sim.add_node("idle", SERVER, std::future::pending)
}

/// A node that listens and never accepts.
pub fn deaf_node(sim: &Simulation, backlog: u32) -> NodeId {
    sim.add_node("deaf", SERVER, move || async move {
        let _listener = R::listen(server(), backlog).unwrap();
        std::future::pending::<()>().await;
    })
}

/// A server node, and the two ends of a connection to it from the scenario: the scenario's first.
pub async fn pair(sim: &Simulation) -> (NodeId, SimStream, SimStream) {
    let accepted = Rc::new(RefCell::new(None));
    let place = Rc::clone(&accepted);
    let node = sim.add_node("server", SERVER, move || {
        let place = Rc::clone(&place);
        async move {
            let listener = R::listen(server(), 16).unwrap();
            let stream = listener.accept().await.unwrap();
            *place.borrow_mut() = Some(stream);
            std::future::pending::<()>().await;
        }
    });
    let client = R::connect(server()).await.unwrap();
    R::sleep(seconds(1)).await;
    let stream = accepted.borrow_mut().take().expect("accepted within a second");
    (node, client, stream)
}

pub fn kind<T>(result: io::Result<T>) -> Option<io::ErrorKind> {
    result.err().map(|error| error.kind())
}

/// How long a future takes by the scenario's clock, and its result.
pub async fn timed<T>(future: impl Future<Output = T>) -> (Duration, T) {
    let start = R::now();
    let result = future.await;
    (R::now() - start, result)
}
