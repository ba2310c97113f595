//! What every part of the world stands on: the time of the current event, the events to come, the nodes, the trace and the
//! counts. Parts of the world (network, disk) are given it with each call and know nothing of the executor or of each other.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use crate::clock::{Clock, Nanos};
use crate::coverage::{Counter, Coverage};
use crate::queue::Queue;
use crate::random::{Random, Seeds};
use crate::trace::{Kind, Trace};

/// A node (a machine and the process on it), in the order of creation. Node 0 is the scenario itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// Where the scenario's own code runs.
    pub const SCENARIO: NodeId = NodeId(0);
}

/// The scenario's own address.
pub const SCENARIO_IP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 255, 255, 254));

/// One life of one node's process. Whatever belongs to an earlier life has no effect any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Life {
    /// The node.
    pub node: NodeId,
    /// Counts its starts.
    pub number: u32,
}

/// What a node is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its process runs.
    Running,
    /// Its process is stopped; the kernel goes on acknowledging and buffering.
    Paused,
    /// Its process ended or crashed; the kernel refuses connections.
    Ended,
    /// The machine has no power: silence.
    Off,
}

/// One node.
#[derive(Debug)]
pub struct Node {
    /// For reports.
    pub name: String,
    /// Its only address, besides loopback.
    pub ip: IpAddr,
    /// The current life; also current while the process is down, until the next start.
    pub life: Life,
    /// What it is doing.
    pub status: Status,
    /// Until when its disk stops it.
    pub stalled_until: Option<Nanos>,
    /// Its clocks.
    pub clock: Clock,
    /// The stream of `Runtime::random`.
    pub random: Random,
    /// The stream of delays that the machine itself adds.
    pub delays: Random,
    next_port: u16,
}

impl Node {
    /// A port for an outgoing connection: 32768 and up, in turn, as none is ever in use for long.
    pub fn take_port(&mut self) -> u16 {
        self.next_port = self.next_port.checked_add(1).unwrap_or(32768);
        self.next_port
    }
}

/// What is going to happen. Plain numbers only: whoever they name may be gone by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A timer of the timer table.
    Timer(u32),
    /// The first segment of a pipe (connection, side that sends) is due.
    Deliver(u64, usize),
    /// Delivered bytes of a pipe are still not acknowledged.
    Acknowledge(u64, usize),
    /// A connection attempt's next step.
    Connect(u64),
    /// An idle end of a connection sends a probe.
    Keepalive(u64, usize),
    /// A node's process may go on, if nothing stopped it anew.
    StallOver(NodeId),
}

/// See the module.
#[derive(Debug)]
pub struct Ground {
    /// True time of what happens now.
    pub now: Nanos,
    /// What is to come.
    pub queue: Queue<Event>,
    /// What happened.
    pub trace: Trace,
    /// What was met.
    pub coverage: Coverage,
    /// Source of the streams.
    pub seeds: Seeds,
    nodes: Vec<Node>,
    by_ip: BTreeMap<IpAddr, NodeId>,
}

impl Ground {
    /// A ground with no nodes.
    pub fn new(seed: u64) -> Ground {
        Ground {
            now: 0,
            queue: Queue::default(),
            trace: Trace::default(),
            coverage: Coverage::default(),
            seeds: Seeds(seed),
            nodes: Vec::new(),
            by_ip: BTreeMap::new(),
        }
    }

    /// Adds a node that runs. Its monotonic clock starts anywhere within a day, its wall clock right.
    ///
    /// # Panics
    /// If another node has that address: the scenario is wrong.
    pub fn add_node(&mut self, name: &str, ip: IpAddr) -> NodeId {
        let node = NodeId(self.nodes.len() as u32);
        let number = u64::from(node.0);
        let mut delays = self.seeds.stream("node delays", number);
        let uptime = delays.below(86_400_000_000_000);
        assert!(self.by_ip.insert(ip, node).is_none(), "two nodes at {ip}");
        self.nodes.push(Node {
            name: name.into(),
            ip,
            life: Life { node, number: 0 },
            status: Status::Running,
            stalled_until: None,
            clock: Clock::new(self.now, uptime),
            random: self.seeds.stream("node", number),
            delays,
            next_port: 32767,
        });
        node
    }

    /// A node that was added.
    pub fn node(&self, node: NodeId) -> &Node {
        // Ids are only made by `add_node`, and nodes are never removed.
        &self.nodes[node.0 as usize]
    }

    /// A node that was added.
    pub fn node_mut(&mut self, node: NodeId) -> &mut Node {
        &mut self.nodes[node.0 as usize]
    }

    /// Every node that was added.
    pub fn node_ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The node at an address, as seen from `from`: loopback leads back to it.
    pub fn node_at(&self, from: NodeId, ip: IpAddr) -> Option<NodeId> {
        if ip.is_loopback() { Some(from) } else { self.by_ip.get(&ip).copied() }
    }

    /// Whether this life is the current one and has not ended.
    pub fn is_alive(&self, life: Life) -> bool {
        let node = self.node(life.node);
        node.life == life && matches!(node.status, Status::Running | Status::Paused)
    }

    /// Whether the machine answers at all.
    pub fn has_power(&self, node: NodeId) -> bool {
        self.node(node).status != Status::Off
    }

    /// Adds an entry to the trace at the current time.
    pub fn record(&mut self, kind: Kind, first: u64, second: u64) {
        self.trace.record(kind, self.now, first, second);
    }

    /// Counts one.
    pub fn count(&mut self, counter: Counter) {
        self.coverage.count(counter);
    }
}
