//! One connection: two ends, and two pipes between them.
//!
//! ```text
//!   end:   open ── close ──────────▶ closed     what is still to be sent is sent, then FIN; RST if bytes were unread
//!           │ ├── RST, time-out ───▶ dead       the error is reported once; then reads end, writes break
//!           │ │                                 (a RST after FIN is no error to readers, and a broken pipe to writers)
//!           │ └── power loss ──────▶ vanished   says nothing, repeats nothing
//! ```
//!
//! An end that is not open answers whatever reaches it with RST. A connection is forgotten when neither end is open and
//! nothing is on its way.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::Waker;

use crate::clock::Nanos;
use crate::ground::{Life, NodeId};

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

/// How a process ended, as far as its sockets are concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The kernel outlives it, and closes them.
    Process,
    /// The kernel is gone as well.
    Power,
}

/// What a segment carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Payload {
    /// The last step of the handshake: the connection waits to be accepted.
    Established,
    Data(Vec<u8>),
    /// No more data will follow.
    Fin,
    /// The connection is gone. Never repeated.
    Reset,
}

#[derive(Debug)]
pub(super) struct Segment {
    pub leaves: Nanos,
    pub due: Nanos,
    pub payload: Payload,
}

/// Repeated attempts of something that does not get through.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    pub since: Nanos,
    pub count: u32,
}

/// One direction, named by the side that sends.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    /// In order; neither `leaves` nor `due` ever decreases.
    pub segments: VecDeque<Segment>,
    /// Bytes in `segments`.
    pub in_flight: usize,
    /// Arrived and not yet read.
    pub arrived: VecDeque<u8>,
    /// Read, but the acknowledgement is missing: still counted against the window.
    pub unacknowledged: usize,
    /// Set while acknowledgements are missing; an `Acknowledge` event is then scheduled.
    pub acknowledge: Option<Retry>,
    /// Set while the first segment does not get through.
    pub retry: Option<Retry>,
    /// A `Deliver` event is scheduled.
    pub armed: bool,
    /// The sender will write no more.
    pub shut: bool,
    /// The receiver has everything.
    pub ended: bool,
}

/// Whether an end takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Closed,
    Dead,
    Vanished,
}

#[derive(Debug)]
pub(super) struct EndState {
    pub life: Life,
    pub address: SocketAddr,
    pub state: State,
    /// To be reported by the next operation.
    pub error: Option<io::ErrorKind>,
    pub reader: Option<Waker>,
    pub writer: Option<Waker>,
    /// Interval of probes, in nanoseconds.
    pub keepalive: Option<Nanos>,
    /// A `Keepalive` event is scheduled.
    pub keepalive_armed: bool,
    /// Probes that were not answered.
    pub probes_lost: u32,
    /// When something last arrived.
    pub heard_at: Nanos,
}

impl EndState {
    pub fn new(life: Life, address: SocketAddr, state: State, now: Nanos) -> EndState {
        EndState {
            life,
            address,
            state,
            error: None,
            reader: None,
            writer: None,
            keepalive: None,
            keepalive_armed: false,
            probes_lost: 0,
            heard_at: now,
        }
    }

    pub fn wake(&mut self) {
        wake(&mut self.reader);
        wake(&mut self.writer);
    }
}

/// Wakes whoever waits, if anyone does.
pub(super) fn wake(waker: &mut Option<Waker>) {
    if let Some(waker) = waker.take() {
        waker.wake();
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Connection {
    pub ends: [EndState; 2],
    /// `pipes[side]` leads from `side` to the other.
    pub pipes: [Pipe; 2],
}

impl Connection {
    pub fn nodes(&self) -> [NodeId; 2] {
        [self.ends[0].life.node, self.ends[1].life.node]
    }

    pub fn is_forgotten(&self) -> bool {
        let gone = |end: &EndState| matches!(end.state, State::Closed | State::Vanished);
        self.ends.iter().all(gone) && self.pipes.iter().all(|pipe| pipe.segments.is_empty())
    }
}

impl Connection {
    /// What a read finds where nothing has arrived.
    pub fn nothing_to_read(&mut self, side: usize) -> io::Result<usize> {
        let here = &mut self.ends[side];
        if self.pipes[1 - side].ended {
            return Ok(0);
        }
        if let Some(error) = here.error.take() {
            return Err(error.into());
        }
        if here.state == State::Open { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(0) }
    }
}

impl Pipe {
    /// Bytes that count against the window.
    pub fn used(&self) -> usize {
        self.in_flight + self.arrived.len() + self.unacknowledged
    }
}

/// Keeps the waker of the last task that waited.
pub(super) fn keep(place: &mut Option<Waker>, waker: &Waker) {
    match place {
        Some(kept) => kept.clone_from(waker),
        None => *place = Some(waker.clone()),
    }
}

impl Pipe {
    /// Sends nothing more.
    pub fn drop_segments(&mut self) {
        self.segments.clear();
        self.in_flight = 0;
        self.retry = None;
    }
}

impl Payload {
    /// Bytes of data.
    pub fn length(&self) -> usize {
        if let Payload::Data(bytes) = self { bytes.len() } else { 0 }
    }
}
