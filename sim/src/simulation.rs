//! A run: a seed, options, and a scenario that builds nodes, breaks things and judges. What scenarios use.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;
use std::sync::Once;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::coverage::{Counter, Coverage};
use crate::disk::{Strike, Trap, Trouble};
use crate::ground::{NodeId, Status};
use crate::host::madsim;
use crate::options::{DiskSettings, LinkSettings, Options};
use crate::random::Random;
use crate::trace::Kind;
use crate::world::{Host, World};
use seawall::runtime::UnixTime;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The scenario returned this.
    Finished(T),
    /// Something panicked with this message: the scenario, a node, or the host (time limit; nothing can ever happen).
    Panicked(String),
}

/// What a run was.
#[derive(Clone, Debug)]
pub struct RunReport<T> {
    /// The seed that it came from.
    pub seed: u64,
    /// Equal for runs that did the same things at the same times. See [`crate::trace`].
    pub trace_hash: u64,
    /// Entries in the trace.
    pub trace_entries: u64,
    /// How it ended.
    pub outcome: Outcome<T>,
    /// What it met, counted by name.
    pub coverage: BTreeMap<String, u64>,
    /// Virtual time it took.
    pub virtual_time: Duration,
}

impl<T> RunReport<T> {
    /// What the scenario returned.
    ///
    /// # Panics
    /// If it did not finish; the message names the seed.
    pub fn finished(self) -> T {
        match self.outcome {
            Outcome::Finished(value) => value,
            Outcome::Panicked(message) => panic!("seed {}: {message}", self.seed),
        }
    }

    /// How often something was met, by its name in [`crate::coverage`]; 0 for a name that nobody counted.
    pub fn met(&self, name: &str) -> u64 {
        self.coverage.get(name).copied().unwrap_or(0)
    }
}

/// The world in the hands of a scenario. Cheap to clone.
#[derive(Clone)]
pub struct Simulation {
    world: Rc<World>,
}

impl fmt::Debug for Simulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Simulation").field("load", &self.world.load()).finish_non_exhaustive()
    }
}

impl Simulation {
    /// Runs a scenario to its end on a thread of its own, which the calling thread waits for. The scenario's code is a task
    /// on node 0, a machine with true clocks of its own.
    pub fn run<T, F>(
        seed: u64,
        options: Options,
        scenario: impl FnOnce(Simulation) -> F + Send + 'static,
    ) -> RunReport<T>
    where
        T: Send + 'static,
        F: Future<Output = T> + 'static,
    {
        name_runs_in_panics();
        // madsim makes std's hash maps repeatable on a thread that has not used one before.
        #[allow(
            clippy::disallowed_methods,
            reason = "one thread hosts one run; nothing in the world can see it"
        )]
        let thread = std::thread::Builder::new()
            .name(format!("seed {seed}"))
            .stack_size(32 << 20)
            .spawn(move || run_here(seed, options, scenario));
        let joined = thread.map(std::thread::JoinHandle::join);
        match joined {
            Ok(Ok(report)) => report,
            // `run_here` catches what its scenario throws; this is a fault of the simulator itself.
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            Err(error) => panic!("cannot start a thread: {error}"),
        }
    }
}

thread_local! {
    /// The seed of the run on this thread.
    static SEED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Has every panic in a run name its seed, even where a panic aborts the process and no report will be made.
fn name_runs_in_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            before(panic);
            if let Some(seed) = SEED.get() {
                eprintln!("the run of seed {seed} panicked; the same seed repeats it");
            }
        }));
    });
}

fn run_here<T: 'static, F: Future<Output = T> + 'static>(
    seed: u64,
    options: Options,
    scenario: impl FnOnce(Simulation) -> F + 'static,
) -> RunReport<T> {
    SEED.set(Some(seed));
    let time_limit = options.time_limit;
    let ended = catch_unwind(AssertUnwindSafe(|| {
        madsim::run(seed, time_limit, |host| {
            let world = World::new(seed, options, host as Rc<dyn Host>);
            World::enter(Some(Rc::clone(&world)));
            (Rc::clone(&world), play(world, scenario))
        })
    }));
    let world = World::current();
    let report = match ended {
        Ok((value, facts)) => facts.report(seed, Outcome::Finished(value)),
        Err(panic) => Facts::of(&world).report(seed, Outcome::Panicked(message_of(&*panic))),
    };
    world.end();
    World::enter(None);
    report
}

/// Runs the scenario as a task of node 0, and notes the facts before anything is torn down.
async fn play<T: 'static, F: Future<Output = T> + 'static>(
    world: Rc<World>,
    scenario: impl FnOnce(Simulation) -> F + 'static,
) -> (T, Facts) {
    let (sender, receiver) = oneshot::channel();
    let simulation = Simulation { world: Rc::clone(&world) };
    let task = async move {
        let value = scenario(simulation).await;
        // The receiver waits until the run is over.
        drop(sender.send(value));
    };
    world.spawn(world.life_of(NodeId::SCENARIO), Box::pin(task));
    let value = receiver.await.expect("the scenario's node is never stopped");
    let facts = Facts::of(&world);
    world.end();
    (value, facts)
}

struct Facts {
    trace_hash: u64,
    trace_entries: u64,
    coverage: Coverage,
    virtual_time: Duration,
}

impl Facts {
    fn of(world: &World) -> Facts {
        world.on_ground(|ground| Facts {
            trace_hash: ground.trace.hash(),
            trace_entries: ground.trace.entries(),
            coverage: ground.coverage.clone(),
            virtual_time: Duration::from_nanos(ground.now),
        })
    }

    fn report<T>(self, seed: u64, outcome: Outcome<T>) -> RunReport<T> {
        let Facts { trace_hash, trace_entries, virtual_time, .. } = self;
        RunReport { seed, trace_hash, trace_entries, outcome, coverage: self.coverage.report(), virtual_time }
    }
}

fn message_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message").to_string()
}

/// Nodes.
impl Simulation {
    /// Adds a node and starts its process; `start` is called again at each restart. The process ends when its future does.
    ///
    /// # Panics
    /// If another node has that address.
    pub fn add_node<F: Future<Output = ()> + 'static>(
        &self,
        name: &str,
        ip: impl Into<IpAddr>,
        start: impl Fn() -> F + 'static,
    ) -> NodeId {
        self.world.add_node(name, ip.into(), Rc::new(move || Box::pin(start())))
    }

    /// Starts a node again: after a crash, after power loss (the machine boots), or (crashing it first) while it runs.
    pub fn restart(&self, node: NodeId) {
        self.world.restart(node);
    }

    /// kill -9: the kernel closes the sockets, and keeps what was written.
    pub fn crash(&self, node: NodeId) {
        self.world.crash(node);
    }

    /// The machine goes dark: peers hear nothing, and unsynced writes are lost or torn.
    pub fn power_loss(&self, node: NodeId) {
        self.world.lose_power(node);
    }

    /// SIGSTOP: no task runs; the kernel goes on acknowledging and buffering.
    pub fn pause(&self, node: NodeId) {
        self.world.pause(node);
    }

    /// SIGCONT.
    pub fn resume(&self, node: NodeId) {
        self.world.resume(node);
    }

    /// SIGCONT, where it was stopped.
    pub fn resume_if_paused(&self, node: NodeId) {
        if self.status(node) == Status::Paused {
            self.resume(node);
        }
    }

    /// What a node is doing.
    pub fn status(&self, node: NodeId) -> Status {
        self.world.status(node)
    }

    /// Runs a future as one more task of a node's process. `None` if the process ends before it does.
    pub fn run_on<T: 'static, F: Future<Output = T> + 'static>(
        &self,
        node: NodeId,
        future: F,
    ) -> impl Future<Output = Option<T>> + use<T, F> {
        let (sender, receiver) = oneshot::channel();
        let task = async move { drop(sender.send(future.await)) };
        self.world.spawn(self.world.life_of(node), Box::pin(task));
        async move { receiver.await.ok() }
    }

    /// A random stream for a consumer of the scenario's own: a workload, a nemesis.
    pub fn random(&self, consumer: &str, number: u64) -> Random {
        self.world.on_ground(|ground| ground.seeds.stream(&format!("scenario: {consumer}"), number))
    }

    /// Counts something that only the scenario knows, for the report.
    pub fn count(&self, name: &str) {
        tracing::info!(at = ?self.true_time(), "{name}");
        self.world.on_ground(|ground| ground.coverage.count_named(name));
    }

    /// Adds something to the trace, so that runs which differ in it have different hashes.
    pub fn record(&self, first: u64, second: u64) {
        self.world.on_ground(|ground| ground.record(Kind::Scenario, first, second));
    }

    /// How often something was counted so far.
    pub fn counted(&self, counter: Counter) -> u64 {
        self.world.on_ground(|ground| ground.coverage.of(counter))
    }

    /// The same of what has a name only, or by its name in reports.
    pub fn counted_by_name(&self, name: &str) -> u64 {
        self.world.on_ground(|ground| ground.coverage.report().get(name).copied().unwrap_or(0))
    }

    /// True time since the run began; no node can see it.
    pub fn true_time(&self) -> Duration {
        self.world.on_ground(|ground| Duration::from_nanos(ground.now))
    }
}

/// Clocks.
impl Simulation {
    /// Steps a node's wall clock.
    pub fn jump_wall_clock(&self, node: NodeId, micros: i64) {
        self.world.change_clock(node, Counter::ClockJumps, |clock, _| clock.jump_wall(micros));
    }

    /// Makes both of a node's clocks gain so many parts per billion on true time from now on.
    pub fn set_clock_drift(&self, node: NodeId, parts_per_billion: i64) {
        self.world
            .change_clock(node, Counter::ClockDrifts, |clock, now| clock.set_drift(now, parts_per_billion));
    }

    /// A node's wall clock, for invariants that compare nodes.
    pub fn wall_clock_of(&self, node: NodeId) -> UnixTime {
        self.world.on_ground(|ground| ground.node(node).clock.wall(ground.now))
    }
}

/// The network.
impl Simulation {
    /// Changes one direction of one link.
    pub fn change_link(&self, from: NodeId, to: NodeId, change: impl FnOnce(&mut LinkSettings)) {
        self.world.on_network(|network, ground| {
            network.links.change(from, to, change);
            ground.record(
                Kind::Fault,
                u64::from(from.0) << 32 | u64::from(to.0),
                Counter::LinkChanges as u64,
            );
            ground.count(Counter::LinkChanges);
        });
    }

    /// Changes all links that were not changed on their own.
    pub fn change_all_links(&self, change: impl FnOnce(&mut LinkSettings)) {
        self.world.on_network(|network, ground| {
            network.links.change_common(change);
            ground.record(Kind::Fault, u64::MAX, Counter::LinkChanges as u64);
            ground.count(Counter::LinkChanges);
        });
    }

    /// Cuts or joins one direction.
    pub fn set_cut(&self, from: NodeId, to: NodeId, cut: bool) {
        self.change_link(from, to, |link| link.down = cut);
    }

    /// Cuts both directions between each of one group and each of another.
    pub fn partition(&self, group: &[NodeId], others: &[NodeId]) {
        self.set_cut_between(group, others, true);
    }

    /// Joins both directions between each of one group and each of another.
    pub fn join(&self, group: &[NodeId], others: &[NodeId]) {
        self.set_cut_between(group, others, false);
    }

    /// Gives every link the common settings again.
    pub fn heal(&self) {
        self.world.on_network(|network, ground| {
            network.links.forget_changes();
            ground.record(Kind::Fault, u64::MAX - 1, Counter::LinkChanges as u64);
            ground.count(Counter::LinkChanges);
        });
    }

    /// Resets every connection between two nodes; both ends learn of it at once. Returns how many.
    pub fn reset_connections(&self, one: NodeId, other: NodeId) -> usize {
        self.world.on_network(|network, ground| network.reset_between(ground, one, other))
    }

    /// Changes the probability that a read or write on a stream does less than it could.
    pub fn set_short_io(&self, probability: f64) {
        self.world.on_network(|network, _| network.set_short_io(probability));
    }

    fn set_cut_between(&self, group: &[NodeId], others: &[NodeId], cut: bool) {
        for (&one, &other) in group.iter().flat_map(|one| others.iter().map(move |other| (one, other))) {
            self.set_cut(one, other, cut);
            self.set_cut(other, one, cut);
        }
    }
}

/// Disks.
impl Simulation {
    /// Changes what a node's disk does.
    pub fn change_disk(&self, node: NodeId, change: impl FnOnce(&mut DiskSettings)) {
        self.world.on_disk(node, |disk, ground| {
            change(&mut disk.settings);
            ground.record(Kind::Fault, u64::from(node.0), 200);
        });
    }

    /// Sets a trap on a node's disk. What it strikes may end the process: look at [`Simulation::strikes`].
    pub fn set_trap(&self, node: NodeId, trap: Trap) {
        self.world.on_disk(node, |disk, ground| {
            disk.set_trap(trap);
            ground.record(Kind::Fault, u64::from(node.0), 201);
        });
    }

    /// Takes all traps away from a node's disk.
    pub fn clear_traps(&self, node: NodeId) {
        self.world.on_disk(node, |disk, _| disk.clear_traps());
    }

    /// What traps on a node's disk did so far.
    pub fn strikes(&self, node: NodeId) -> Vec<Strike> {
        self.world.on_disk(node, |disk, _| disk.strikes().to_vec())
    }

    /// When a node's disk did not do what it was asked for, since this was last asked.
    pub fn take_disk_troubles(&self, node: NodeId) -> Vec<Trouble> {
        self.world.on_disk(node, |disk, _| disk.take_troubles())
    }

    /// Bytes in use on a node's disk.
    pub fn used_bytes(&self, node: NodeId) -> u64 {
        self.world.on_disk(node, |disk, _| disk.used_bytes())
    }

    /// Flips a bit of one byte of a file.
    pub fn rot_at(&self, node: NodeId, path: &Path, position: u64) -> io::Result<()> {
        self.world.on_disk(node, |disk, ground| disk.rot_at(ground, path, position))
    }

    /// Flips one bit of a file. Returns its byte; `None` for an empty file.
    pub fn rot(&self, node: NodeId, path: &Path) -> io::Result<Option<u64>> {
        self.world.on_disk(node, |disk, ground| disk.rot(ground, path))
    }

    /// Replaces a node's disk by an empty one. The node should be down.
    pub fn erase_disk(&self, node: NodeId) {
        self.world.on_disk(node, |disk, ground| disk.erase(ground));
    }

    /// A file's content as the node's kernel would show it, whether the node is up or down; no fault strikes this.
    pub fn read_file(&self, node: NodeId, path: &Path) -> io::Result<Vec<u8>> {
        self.world.on_disk(node, |disk, _| disk.peek(path))
    }

    /// Puts a file there, durable, as an operator might before a start.
    pub fn write_file(&self, node: NodeId, path: &Path, content: &[u8]) -> io::Result<()> {
        self.world.on_disk(node, |disk, ground| disk.place(ground, path, content))
    }

    /// The names in a directory of a node's disk.
    pub fn list_files(&self, node: NodeId, directory: &Path) -> io::Result<Vec<String>> {
        self.world.on_disk(node, |disk, _| disk.list(directory))
    }
}
