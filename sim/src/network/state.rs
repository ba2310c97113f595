//! The network's state: what there is, and how to find it. What it does stands in the files above.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::task::Waker;

use crate::clock::Nanos;
use crate::ground::{Life, NodeId};
use crate::network::connection::{Connection, End, EndState, wake};
use crate::network::link::Links;
use crate::options::NetworkOptions;
use crate::random::{Random, Seeds};

/// A listening socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub life: Life,
    pub address: SocketAddr,
    /// As on Linux, one more than the backlog fits.
    pub capacity: usize,
    pub queue: VecDeque<End>,
    pub waker: Option<Waker>,
}

impl Socket {
    pub fn is_full(&self) -> bool {
        self.queue.len() >= self.capacity
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Send,
    SynArrives,
    AnswerArrives { server: Option<Life> },
}

/// A connect that is under way.
#[derive(Debug)]
pub(super) struct Attempt {
    pub life: Life,
    pub target: SocketAddr,
    pub step: Step,
    pub sent_at: Nanos,
    /// SYNs sent so far.
    pub tries: u32,
    pub result: Option<io::Result<End>>,
    pub waker: Option<Waker>,
}

impl Attempt {
    pub fn finish(&mut self, result: io::Result<End>) {
        self.result = Some(result);
        wake(&mut self.waker);
    }
}

/// The network of one world.
#[derive(Debug)]
pub struct Network {
    pub(super) options: NetworkOptions,
    /// The links and their settings.
    pub links: Links,
    pub(super) connections: BTreeMap<u64, Connection>,
    pub(super) listeners: BTreeMap<u64, Socket>,
    pub(super) attempts: BTreeMap<u64, Attempt>,
    /// The last number given to a connection, listener or attempt.
    pub(super) last_number: u64,
    pub(super) seeds: Seeds,
    /// For each node, the stream that cuts reads and writes short.
    pub(super) short_io: BTreeMap<NodeId, Random>,
}

impl Network {
    /// A network without connections.
    pub fn new(seeds: Seeds, options: NetworkOptions) -> Network {
        Network {
            links: Links::new(seeds, options.link.clone()),
            options,
            connections: BTreeMap::new(),
            listeners: BTreeMap::new(),
            attempts: BTreeMap::new(),
            last_number: 0,
            seeds,
            short_io: BTreeMap::new(),
        }
    }

    /// Changes the probability that a read or write on a stream does less than it could.
    pub fn set_short_io(&mut self, probability: f64) {
        self.options.short_io = probability;
    }

    /// Connections of which something is left: open ends, or segments on their way.
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn connection_mut(&mut self, end: End) -> io::Result<&mut Connection> {
        self.connections.get_mut(&end.connection).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    pub(super) fn collect(&mut self, connection: u64) {
        if self.connections.get(&connection).is_some_and(Connection::is_forgotten) {
            self.connections.remove(&connection);
        }
    }

    pub(super) fn end_state(&self, end: End) -> io::Result<&EndState> {
        let state = self.connections.get(&end.connection).ok_or(io::ErrorKind::NotConnected)?;
        Ok(&state.ends[end.side])
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    pub(super) fn short_io_of(&mut self, node: NodeId) -> Option<&mut Random> {
        let (probability, seeds) = (self.options.short_io, self.seeds);
        if probability <= 0.0 {
            return None;
        }
        let random =
            self.short_io.entry(node).or_insert_with(|| seeds.stream("short stream io", u64::from(node.0)));
        random.chance(probability).then_some(random)
    }
}
