//! TCP between nodes: byte streams over links that delay, lose, throttle and cut.
//!
//! A [`connection`] is two pipes, one each way. Bytes written become segments, which travel one [`link`] and arrive in
//! order ([`delivery`]); what is lost is sent again after a time-out that doubles, and holds back what follows it. A cut
//! link, or a machine without power, loses everything. Connecting ([`handshake`]) and accepting ([`listener`]) behave as
//! on Linux.
//!
//! Simplified: acknowledgements and window updates cost no time and no events while their way is open (while it is cut,
//! they are missing); there is no congestion window; loss is always noticed by the time-out.
//!
//! Nothing here knows of tasks or of the `Runtime` trait. Sockets are named by numbers; whoever waits leaves a waker.

pub mod connection;
mod delivery;
pub mod handshake;
pub mod link;
pub mod listener;

use std::collections::BTreeMap;

use crate::coverage::Counter;
use crate::ground::{Ground, Life, NodeId};
use crate::options::NetworkOptions;
use crate::random::{Random, Seeds};
use connection::{Connection, Ending};
use handshake::Attempt;
use link::Links;
use listener::Socket;

/// One end of a connection: the connection, and 0 for the side that connected or 1 for the side that accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct End {
    /// Connections are numbered from 1 and never reused.
    pub connection: u64,
    /// 0 or 1.
    pub side: usize,
}

impl End {
    /// The opposite end.
    pub fn peer(self) -> End {
        End { connection: self.connection, side: 1 - self.side }
    }
}

/// The network of one world.
#[derive(Debug)]
pub struct Network {
    options: NetworkOptions,
    /// The links and their settings.
    pub links: Links,
    connections: BTreeMap<u64, Connection>,
    listeners: BTreeMap<u64, Socket>,
    attempts: BTreeMap<u64, Attempt>,
    /// The last number given to a connection, listener or attempt.
    last_number: u64,
    seeds: Seeds,
    /// For each node, the stream that cuts reads and writes short.
    short_io: BTreeMap<NodeId, Random>,
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

    /// A process ended: the kernel closes its sockets, or (without power) there is no kernel any more.
    pub fn on_process_end(&mut self, ground: &mut Ground, life: Life, ending: Ending) {
        self.listeners.retain(|_, socket| socket.life != life);
        self.attempts.retain(|_, attempt| attempt.life != life);
        for end in self.ends_of(|end_life| end_life == life) {
            match ending {
                Ending::Process => self.close(ground, end),
                Ending::Power => self.vanish(ground, end),
            }
        }
    }

    /// Resets every connection between two nodes, as something in between might: both ends learn of it at once.
    /// Returns how many.
    pub fn reset_between(&mut self, ground: &mut Ground, one: NodeId, other: NodeId) -> usize {
        let pair = |nodes: [NodeId; 2]| nodes == [one, other] || nodes == [other, one];
        let numbers: Vec<u64> =
            self.connections.iter().filter(|(_, c)| pair(c.nodes())).map(|(number, _)| *number).collect();
        for &connection in &numbers {
            self.reset_both(ground, connection);
        }
        numbers.len()
    }

    fn reset_both(&mut self, ground: &mut Ground, connection: u64) {
        ground.count(Counter::ResetsInjected);
        for side in 0..2 {
            self.fail(ground, End { connection, side }, std::io::ErrorKind::ConnectionReset);
        }
        self.collect(connection);
    }

    fn ends_of(&self, belongs: impl Fn(Life) -> bool) -> Vec<End> {
        let of = |(&connection, state): (&u64, &Connection)| {
            let sides = (0..2).filter(|&side| belongs(state.ends[side].life));
            sides.map(|side| End { connection, side }).collect::<Vec<_>>()
        };
        self.connections.iter().flat_map(of).collect()
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn short_io_of(&mut self, node: NodeId) -> Option<&mut Random> {
        let (probability, seeds) = (self.options.short_io, self.seeds);
        if probability <= 0.0 {
            return None;
        }
        let random =
            self.short_io.entry(node).or_insert_with(|| seeds.stream("short stream io", u64::from(node.0)));
        random.chance(probability).then_some(random)
    }
}
