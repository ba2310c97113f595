//! Connecting: SYN, answer, last acknowledgement.
//!
//! ```text
//!   Send ──▶ SynArrives ──▶ AnswerArrives(accepted) ──▶ connected; the acknowledgement travels as the first segment
//!     ▲           │     └─▶ AnswerArrives(refused)  ──▶ ConnectionRefused
//!     └─ lost ────┘            after 1, 2, 4 ... seconds; after the last, TimedOut
//! ```
//!
//! Lost is: a cut link either way, no such machine, no power, a full backlog.

use std::io;
use std::net::SocketAddr;
use std::task::Waker;

use crate::clock::Nanos;
use crate::coverage::Counter;
use crate::ground::{Event, Ground, Life, NodeId};
use crate::network::connection::{Connection, End, EndState, Payload, State, keep};
use crate::network::link::Fate;
use crate::network::state::{Attempt, Network, Step};
use crate::trace::Kind;

impl Network {
    /// Begins to connect; returns the attempt's number.
    pub fn connect(&mut self, ground: &mut Ground, life: Life, target: SocketAddr) -> u64 {
        let number = self.next_number();
        let (step, sent_at) = (Step::Send, ground.now);
        let attempt = Attempt { life, target, step, sent_at, tries: 0, result: None, waker: None };
        self.attempts.insert(number, attempt);
        self.on_connect(ground, number);
        number
    }

    /// The attempt's result, once; otherwise keeps the waker.
    pub fn poll_connect(&mut self, number: u64, waker: &Waker) -> Option<io::Result<End>> {
        let Some(attempt) = self.attempts.get_mut(&number) else {
            return Some(Err(io::ErrorKind::NotConnected.into()));
        };
        match attempt.result.take() {
            None => {
                keep(&mut attempt.waker, waker);
                None
            }
            result => {
                self.attempts.remove(&number);
                result
            }
        }
    }

    /// Nobody wants the result any more.
    pub fn abandon_connect(&mut self, ground: &mut Ground, number: u64) {
        if let Some(Attempt { result: Some(Ok(end)), .. }) = self.attempts.remove(&number) {
            self.close(ground, end);
        }
    }

    /// The attempt's next step is due.
    pub fn on_connect(&mut self, ground: &mut Ground, number: u64) {
        let Some(attempt) = self.attempts.get(&number) else { return };
        let step = attempt.step;
        ground.record(Kind::Connect, number, u64::from(attempt.tries));
        match step {
            Step::Send => self.send_syn(ground, number),
            Step::SynArrives => self.on_syn(ground, number),
            Step::AnswerArrives { server } => self.on_answer(ground, number, server),
        }
    }

    fn send_syn(&mut self, ground: &mut Ground, number: u64) {
        let Some(attempt) = self.attempts.get_mut(&number) else { return };
        if attempt.tries > self.options.syn_retries {
            ground.count(Counter::ConnectsTimedOut);
            return attempt.finish(Err(io::ErrorKind::TimedOut.into()));
        }
        attempt.tries += 1;
        attempt.sent_at = ground.now;
        let (from, target) = (attempt.life.node, attempt.target);
        match ground.node_at(from, target.ip()) {
            None => self.retry(ground, number),
            Some(to) => self.travel(ground, number, (from, to), Step::SynArrives),
        }
    }

    fn on_syn(&mut self, ground: &mut Ground, number: u64) {
        let Some((from, target)) = self.ways(number) else { return };
        let Some(to) = ground.node_at(from, target.ip()) else { return self.retry(ground, number) };
        if self.links.fate(ground, from, to) == Fate::Lost {
            return self.retry(ground, number);
        }
        let server = match self.listener_at(to, target) {
            Some((_, socket)) if socket.is_full() => {
                ground.count(Counter::BacklogOverflows);
                return self.retry(ground, number);
            }
            Some((_, socket)) => Some(socket.life),
            None => None,
        };
        if self.links.fate(ground, to, from) == Fate::Lost {
            return self.retry(ground, number);
        }
        self.travel(ground, number, (to, from), Step::AnswerArrives { server });
    }

    fn on_answer(&mut self, ground: &mut Ground, number: u64, server: Option<Life>) {
        let result = match server {
            None => {
                ground.count(Counter::ConnectsRefused);
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            Some(server) => self.establish(ground, number, server),
        };
        if let Some(attempt) = self.attempts.get_mut(&number) {
            attempt.finish(result);
        }
    }

    fn establish(&mut self, ground: &mut Ground, number: u64, server: Life) -> io::Result<End> {
        let attempt = self.attempts.get(&number).ok_or(io::ErrorKind::NotConnected)?;
        let (client, target) = (attempt.life, attempt.target);
        ground.count(Counter::ConnectsMade);
        let node = ground.node_mut(client.node);
        let own =
            SocketAddr::new(if target.ip().is_loopback() { target.ip() } else { node.ip }, node.take_port());
        let far = if ground.is_alive(server) { State::Open } else { State::Vanished };
        let ends = [
            EndState::new(client, own, State::Open, ground.now),
            EndState::new(server, target, far, ground.now),
        ];
        let connection = self.next_number();
        self.connections.insert(connection, Connection { ends, pipes: Default::default() });
        let end = End { connection, side: 0 };
        self.send(ground, end, Payload::Established);
        Ok(end)
    }

    fn ways(&self, number: u64) -> Option<(NodeId, SocketAddr)> {
        self.attempts.get(&number).map(|attempt| (attempt.life.node, attempt.target))
    }

    fn travel(&mut self, ground: &mut Ground, number: u64, way: (NodeId, NodeId), step: Step) {
        let (_, due) = self.links.transmit(ground.now, way.0, way.1, 0);
        self.schedule(ground, number, due, step);
    }

    fn retry(&mut self, ground: &mut Ground, number: u64) {
        let Some(attempt) = self.attempts.get(&number) else { return };
        ground.count(Counter::SegmentsLost);
        let wait = 1_000_000_000 << attempt.tries.saturating_sub(1).min(20);
        let at = (attempt.sent_at + wait).max(ground.now);
        self.schedule(ground, number, at, Step::Send);
    }

    fn schedule(&mut self, ground: &mut Ground, number: u64, at: Nanos, step: Step) {
        if let Some(attempt) = self.attempts.get_mut(&number) {
            attempt.step = step;
            ground.queue.schedule(at, Event::Connect(number));
        }
    }
}
