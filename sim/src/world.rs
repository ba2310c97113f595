//! The world of one run: ground, network, disks, tasks and timers, put together and hosted by an executor.
//!
//! The [`Host`] gives virtual time and polls shells; everything else happens here. Each part sits in a cell of its own and is
//! borrowed for one step at a time; nothing that could run foreign code (polling or dropping a future) happens while one is
//! borrowed. Wakers are called inside: they only queue a shell.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::clock::Nanos;
use crate::coverage::Counter;
use crate::disk::Disk;
use crate::ground::{Event, Ground, Life, NodeId, SCENARIO_IP, Status};
use crate::network::{End, Ending, Network};
use crate::options::Options;
use crate::tasks::{LocalFuture, Place, Tasks};
use crate::timers::Timers;
use crate::trace::Kind;

/// What an executor does for the world. A faster one for long runs needs no more than this.
pub trait Host {
    /// True time.
    fn now(&self) -> Nanos;
    /// Polls this future whenever it is woken, in an order that the seed decides.
    fn run_shell(&self, shell: LocalFuture);
    /// The next event is now earlier than it was: [`World::run_due`] is to be called at [`World::next_event_at`].
    fn kick(&self);
}

/// What a node's process begins with, at every start.
pub type Start = Rc<dyn Fn() -> LocalFuture>;

/// See the module.
pub struct World {
    host: Rc<dyn Host>,
    options: Options,
    ground: RefCell<Ground>,
    network: RefCell<Network>,
    disks: RefCell<Vec<Disk>>,
    tasks: RefCell<Tasks>,
    timers: RefCell<Timers>,
    starts: RefCell<BTreeMap<NodeId, Start>>,
    /// Whose code runs now.
    current: Cell<Life>,
    /// Futures of a node that ended in the middle of its own code: what that code holds must be let go first.
    dead: RefCell<Vec<(Life, LocalFuture)>>,
    /// Up to when the host knows of the next event.
    announced: Cell<Nanos>,
    /// Shells that are polled from now on are finished; a task of madsim's that is not lives for ever.
    ended: Cell<bool>,
}

thread_local!(static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) });

impl World {
    /// An empty world, except for the scenario's own node.
    pub fn new(seed: u64, options: Options, host: Rc<dyn Host>) -> Rc<World> {
        let ground = Ground::new(seed);
        let network = Network::new(ground.seeds, options.network.clone());
        let world = World {
            host,
            options,
            ground: RefCell::new(ground),
            network: RefCell::new(network),
            disks: RefCell::default(),
            tasks: RefCell::default(),
            timers: RefCell::default(),
            starts: RefCell::default(),
            current: Cell::new(Life { node: NodeId::SCENARIO, number: 0 }),
            dead: RefCell::default(),
            announced: Cell::new(Nanos::MAX),
            ended: Cell::new(false),
        };
        world.create_node("scenario", SCENARIO_IP);
        Rc::new(world)
    }

    /// The world of this thread.
    ///
    /// # Panics
    /// Outside a simulation, where there is no world to ask.
    pub fn current() -> Rc<World> {
        WORLD.with(|world| world.borrow().clone()).expect("SimRuntime works only inside Simulation::run")
    }

    /// Makes this the world of this thread, or none; returns the one before.
    pub fn enter(world: Option<Rc<World>>) -> Option<Rc<World>> {
        WORLD.with(|place| place.replace(world))
    }

    /// Looks at or changes the ground, at the present time.
    pub fn on_ground<T>(&self, action: impl FnOnce(&mut Ground) -> T) -> T {
        let mut ground = self.ground.borrow_mut();
        ground.now = self.host.now();
        let result = action(&mut ground);
        self.announce(&ground);
        result
    }

    /// Looks at or changes the network.
    pub fn on_network<T>(&self, action: impl FnOnce(&mut Network, &mut Ground) -> T) -> T {
        self.on_ground(|ground| action(&mut self.network.borrow_mut(), ground))
    }

    /// Looks at or changes a node's disk.
    pub fn on_disk<T>(&self, node: NodeId, action: impl FnOnce(&mut Disk, &mut Ground) -> T) -> T {
        self.on_ground(|ground| action(&mut self.disks.borrow_mut()[node.0 as usize], ground))
    }

    /// Looks at or changes the timers.
    pub fn on_timers<T>(&self, action: impl FnOnce(&mut Timers, &mut Ground) -> T) -> T {
        self.on_ground(|ground| action(&mut self.timers.borrow_mut(), ground))
    }

    /// Whose code runs now.
    pub fn life(&self) -> Life {
        self.current.get()
    }

    /// Whether the code that runs now belongs to a process that lives.
    pub fn is_alive(&self, life: Life) -> bool {
        self.ground.borrow().is_alive(life)
    }

    /// Tasks that are not finished, and connections of which something is left.
    pub fn load(&self) -> (usize, usize) {
        (self.tasks.borrow().count(), self.network.borrow().connection_count())
    }

    /// When the next event is due, for the host; it will be kicked only for an earlier one.
    pub fn next_event_at(&self) -> Option<Nanos> {
        let next = self.ground.borrow().queue.next_at();
        self.announced.set(next.unwrap_or(Nanos::MAX));
        next
    }

    /// Lets everything happen that is due.
    pub fn run_due(&self) {
        loop {
            let event = self.on_ground(|ground| ground.queue.pop_due(ground.now));
            let Some(event) = event else { return };
            self.run_event(event);
        }
    }

    fn run_event(&self, event: Event) {
        let end = |connection, side| End { connection, side };
        match event {
            Event::Timer(slot) => self.on_timers(|timers, ground| timers.on_due(ground, slot)),
            Event::Deliver(connection, side) => {
                self.on_network(|network, ground| network.on_deliver(ground, end(connection, side)));
            }
            Event::Acknowledge(connection, side) => {
                self.on_network(|network, ground| network.on_acknowledge(ground, end(connection, side)));
            }
            Event::Connect(attempt) => {
                self.on_network(|network, ground| network.on_connect(ground, attempt));
            }
            Event::Keepalive(connection, side) => {
                self.on_network(|network, ground| network.on_keepalive(ground, end(connection, side)));
            }
            Event::StallOver(node) => self.on_stall_over(node),
        }
    }

    fn announce(&self, ground: &Ground) {
        if let Some(next) = ground.queue.next_at()
            && next < self.announced.get()
        {
            self.announced.set(next);
            self.host.kick();
        }
    }

    fn create_node(&self, name: &str, ip: IpAddr) -> NodeId {
        self.on_ground(|ground| {
            let node = ground.add_node(name, ip);
            let random = ground.seeds.stream("disk", u64::from(node.0));
            self.disks.borrow_mut().push(Disk::new(self.options.disk.clone(), random, u64::from(node.0)));
            node
        })
    }
}

/// Tasks.
impl World {
    /// Starts a task of the given life; dropped at once if that life is over.
    pub fn spawn(self: &Rc<Self>, life: Life, future: LocalFuture) {
        if !self.is_alive(life) {
            return self.as_life(life, || drop(future));
        }
        let place = self.tasks.borrow_mut().spawn(life, future);
        if let Place::New(index) = place {
            let world = Rc::clone(self);
            let shell = std::future::poll_fn(move |cx| world.poll_task(index, cx));
            self.host.run_shell(Box::pin(shell));
        }
    }

    fn poll_task(&self, index: usize, cx: &mut Context<'_>) -> Poll<()> {
        if self.ended.get() {
            return Poll::Ready(());
        }
        let is_paused = |node| self.ground.borrow().node(node).status == Status::Paused;
        let taken = self.tasks.borrow_mut().begin_poll(index, cx.waker(), is_paused);
        let Some((mut future, life, number)) = taken else { return Poll::Pending };
        self.on_ground(|ground| {
            ground.record(Kind::Poll, number, u64::from(life.node.0));
            ground.count(Counter::Polls);
        });
        let finished = self.as_life(life, || future.as_mut().poll(cx).is_ready());
        let dead = self.tasks.borrow_mut().end_poll(index, future, finished);
        self.as_life(life, || drop(dead));
        let buried = self.dead.take();
        buried.into_iter().for_each(|(life, future)| self.as_life(life, || drop(future)));
        Poll::Pending
    }

    fn as_life<T>(&self, life: Life, action: impl FnOnce() -> T) -> T {
        let before = self.current.replace(life);
        let result = action();
        self.current.set(before);
        result
    }
}

/// Lives of nodes.
impl World {
    /// Adds a node and starts its process.
    pub fn add_node(self: &Rc<Self>, name: &str, ip: IpAddr, start: Start) -> NodeId {
        let node = self.create_node(name, ip);
        self.starts.borrow_mut().insert(node, start);
        self.start(node);
        node
    }

    /// Starts the process of a node that is down, with power or without, and reboots the machine in the latter case.
    /// A process that runs is crashed first.
    pub fn restart(self: &Rc<Self>, node: NodeId) {
        if self.is_alive(self.life_of(node)) {
            self.crash(node);
        }
        self.on_ground(|ground| {
            let now = ground.now;
            let state = ground.node_mut(node);
            if state.status == Status::Off {
                let booted = 5_000_000_000 + state.delays.below(60_000_000_000);
                state.clock.reboot(now, booted);
            }
            state.life.number += 1;
            state.status = Status::Running;
            state.stalled_until = None;
        });
        self.start(node);
    }

    /// Ends a node's process as kill -9 does: its sockets are closed by the kernel, its files keep what was written.
    pub fn crash(&self, node: NodeId) {
        self.end_process(node, Status::Ended, Counter::NodeCrashes);
    }

    /// Takes a node's power: silence on the network, and only what was synced is surely left on the disk.
    pub fn lose_power(&self, node: NodeId) {
        self.end_process(node, Status::Off, Counter::NodePowerLosses);
    }

    /// Stops a node's process for so long, on top of what stops it already: it waits for its disk.
    pub fn stall(&self, node: NodeId, latency: Nanos) {
        self.change_status(node, Status::Running, Status::Paused);
        self.on_ground(|ground| {
            let until = ground.node(node).stalled_until.unwrap_or(ground.now).max(ground.now) + latency;
            ground.node_mut(node).stalled_until = Some(until);
            ground.queue.schedule(until, Event::StallOver(node));
        });
    }

    fn on_stall_over(&self, node: NodeId) {
        let until =
            |ground: &mut Ground| ground.node(node).stalled_until.filter(|until| *until <= ground.now);
        let is_last = self.on_ground(|ground| until(ground).is_some());
        if is_last {
            self.resume(node);
        }
    }

    /// Stops a node's process, as SIGSTOP does. Its kernel goes on.
    pub fn pause(&self, node: NodeId) {
        self.on_ground(|ground| ground.node_mut(node).stalled_until = None);
        self.change_status(node, Status::Running, Status::Paused);
        self.on_ground(|ground| ground.count(Counter::NodePauses));
    }

    /// Lets a paused process go on.
    pub fn resume(&self, node: NodeId) {
        self.on_ground(|ground| ground.node_mut(node).stalled_until = None);
        self.change_status(node, Status::Paused, Status::Running);
        self.tasks.borrow_mut().resume(node);
    }

    /// Changes a node's clock.
    pub fn change_clock(
        &self,
        node: NodeId,
        counter: Counter,
        change: impl FnOnce(&mut crate::clock::Clock, Nanos),
    ) {
        self.on_timers(|timers, ground| {
            let now = ground.now;
            change(&mut ground.node_mut(node).clock, now);
            ground.record(Kind::Clock, u64::from(node.0), counter as u64);
            ground.count(counter);
            timers.on_clock_change(ground, node);
        });
    }

    /// What a node is doing.
    pub fn status(&self, node: NodeId) -> Status {
        self.ground.borrow().node(node).status
    }

    /// A node's current or last life.
    pub fn life_of(&self, node: NodeId) -> Life {
        self.ground.borrow().node(node).life
    }

    /// Ends everything: futures are dropped, and nobody is left to be woken.
    pub fn end(&self) {
        let nodes: Vec<NodeId> = self.ground.borrow().node_ids().collect();
        for node in nodes {
            self.end_process(node, Status::Off, Counter::NodeExits);
        }
        self.ended.set(true);
        self.ground.borrow_mut().queue.clear();
        self.timers.borrow_mut().forget_wakers();
        self.tasks.borrow_mut().dismiss_shells();
        self.starts.borrow_mut().clear();
    }

    fn start(self: &Rc<Self>, node: NodeId) {
        let start = self.starts.borrow().get(&node).cloned();
        let life = self.life_of(node);
        self.on_ground(|ground| {
            ground.record(Kind::Fault, u64::from(node.0), Counter::NodeStarts as u64);
            ground.count(Counter::NodeStarts);
        });
        let Some(start) = start else { return };
        let world = Rc::downgrade(self);
        let process = self.as_life(life, || start());
        let whole = async move {
            process.await;
            if let Some(world) = world.upgrade() {
                world.end_process(node, Status::Ended, Counter::NodeExits);
            }
        };
        self.spawn(life, Box::pin(whole));
    }

    fn end_process(&self, node: NodeId, status: Status, counter: Counter) {
        let ending = if status == Status::Off { Ending::Power } else { Ending::Process };
        let before = self.status(node);
        if before == Status::Off || before == status {
            return;
        }
        self.on_network(|network, ground| {
            ground.node_mut(node).status = status;
            ground.record(Kind::Fault, u64::from(node.0), counter as u64);
            ground.count(counter);
            let life = ground.node(node).life;
            network.on_process_end(ground, life, ending);
        });
        self.on_disk(node, |disk, ground| match ending {
            Ending::Process => disk.close_all(),
            Ending::Power => disk.lose_power(ground),
        });
        let dead = self.tasks.borrow_mut().kill(node);
        if self.life().node == node {
            return self.dead.borrow_mut().extend(dead);
        }
        dead.into_iter().for_each(|(life, future)| self.as_life(life, || drop(future)));
    }

    fn change_status(&self, node: NodeId, from: Status, to: Status) {
        self.on_ground(|ground| {
            if ground.node(node).status == from {
                ground.node_mut(node).status = to;
                ground.record(Kind::Fault, u64::from(node.0), 100 + u64::from(to == Status::Paused));
            }
        });
    }
}
