//! One connection: two ends, and two pipes between them.
//!
//! ```text
//!   end:   open ── close ──────────▶ closed     what is still to be sent is sent, then FIN; RST if bytes were unread
//!           │ ├── RST, time-out ───▶ dead       the error is reported once; then reads end, writes break
//!           │ └── power loss ──────▶ vanished   says nothing, repeats nothing
//! ```
//!
//! An end that is not open answers whatever reaches it with RST. A connection is forgotten when neither end is open and
//! nothing is on its way.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::Waker;

use super::{End, Network};
use crate::clock::Nanos;
use crate::coverage::Counter;
use crate::ground::{Event, Ground, Life, NodeId};

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
    /// In order; `due` never decreases.
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

    fn is_forgotten(&self) -> bool {
        let gone = |end: &EndState| matches!(end.state, State::Closed | State::Vanished);
        self.ends.iter().all(gone) && self.pipes.iter().all(|pipe| pipe.segments.is_empty())
    }
}

/// What an application does with its end. Each fails once with the error that struck the connection.
impl Network {
    /// Reads what has arrived: `WouldBlock` if nothing has, 0 at the end.
    pub fn read(&mut self, ground: &mut Ground, end: End, buffer: &mut [u8]) -> io::Result<usize> {
        let node = self.end_state(end)?.life.node;
        let limit = match self.short_io_of(node) {
            Some(random) => random.shorter(buffer.len()),
            None => buffer.len(),
        };
        let state = self.connection_mut(end)?;
        let pipe = &mut state.pipes[1 - end.side];
        if pipe.arrived.is_empty() && !buffer.is_empty() {
            return state.nothing_to_read(end.side);
        }
        let length = limit.min(pipe.arrived.len());
        if length < pipe.arrived.len().min(buffer.len()) {
            ground.count(Counter::ShortReads);
        }
        copy_out(&mut pipe.arrived, &mut buffer[..length]);
        pipe.unacknowledged += length;
        self.acknowledge(ground, end.peer());
        Ok(length)
    }

    /// Sends what fits into the window: `WouldBlock` if nothing does.
    pub fn write(&mut self, ground: &mut Ground, end: End, bytes: &[u8]) -> io::Result<usize> {
        let room = self.room(end)?;
        if room == 0 && !bytes.is_empty() {
            ground.count(Counter::WindowsFull);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut length = room.min(bytes.len());
        let node = self.end_state(end)?.life.node;
        if let Some(random) = self.short_io_of(node) {
            let shorter = random.shorter(length);
            ground.coverage.add(Counter::ShortWrites, u64::from(shorter < length));
            length = shorter;
        }
        for chunk in bytes[..length].chunks(self.options.segment_bytes.max(1)) {
            self.send(ground, end, Payload::Data(chunk.to_vec()));
        }
        Ok(length)
    }

    /// Says that no more will be written.
    pub fn shut(&mut self, ground: &mut Ground, end: End) -> io::Result<()> {
        let state = self.connection_mut(end)?;
        if state.ends[end.side].state == State::Open
            && !std::mem::replace(&mut state.pipes[end.side].shut, true)
        {
            self.send(ground, end, Payload::Fin);
        }
        Ok(())
    }

    /// Whether a read would not block; otherwise keeps the waker.
    pub fn poll_readable(&mut self, end: End, waker: &Waker) -> io::Result<bool> {
        let state = self.connection_mut(end)?;
        let pipe = &state.pipes[1 - end.side];
        let here = &mut state.ends[end.side];
        let ready = !pipe.arrived.is_empty() || pipe.ended || here.state != State::Open;
        if !ready {
            keep(&mut here.reader, waker);
        }
        Ok(ready)
    }

    /// Whether a write would not block; otherwise keeps the waker.
    pub fn poll_writable(&mut self, end: End, waker: &Waker) -> io::Result<bool> {
        let window = self.options.window_bytes;
        let state = self.connection_mut(end)?;
        let ready = state.pipes[end.side].used() < window || state.ends[end.side].state != State::Open;
        if !ready {
            keep(&mut state.ends[end.side].writer, waker);
        }
        Ok(ready)
    }

    /// Both addresses: this end's and the other's.
    pub fn addresses(&self, end: End) -> io::Result<(SocketAddr, SocketAddr)> {
        let state = self.connections.get(&end.connection).ok_or(io::ErrorKind::NotConnected)?;
        Ok((state.ends[end.side].address, state.ends[1 - end.side].address))
    }

    /// The application, or the kernel for a process that ended, gives the socket up.
    pub fn close(&mut self, ground: &mut Ground, end: End) {
        let Ok(state) = self.connection_mut(end) else { return };
        let here = &mut state.ends[end.side];
        let was_open = std::mem::replace(&mut here.state, State::Closed) == State::Open;
        (here.reader, here.writer) = (None, None);
        let unread = !std::mem::take(&mut state.pipes[1 - end.side].arrived).is_empty();
        let shut = std::mem::replace(&mut state.pipes[end.side].shut, true);
        match (was_open, unread) {
            (true, true) => self.send(ground, end, Payload::Reset),
            (true, false) if !shut => self.send(ground, end, Payload::Fin),
            _ => {}
        }
        self.collect(end.connection);
    }

    /// Sets or stops probing of an idle connection.
    pub fn set_keepalive(
        &mut self,
        ground: &mut Ground,
        end: End,
        interval: Option<Nanos>,
    ) -> io::Result<()> {
        let here = &mut self.connection_mut(end)?.ends[end.side];
        here.keepalive = interval;
        if let (Some(interval), false) = (interval, here.keepalive_armed) {
            here.keepalive_armed = true;
            ground.queue.schedule(ground.now + interval, Event::Keepalive(end.connection, end.side));
        }
        Ok(())
    }

    pub(super) fn connection_mut(&mut self, end: End) -> io::Result<&mut Connection> {
        self.connections.get_mut(&end.connection).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    pub(super) fn collect(&mut self, connection: u64) {
        if self.connections.get(&connection).is_some_and(Connection::is_forgotten) {
            self.connections.remove(&connection);
        }
    }

    fn end_state(&self, end: End) -> io::Result<&EndState> {
        let state = self.connections.get(&end.connection).ok_or(io::ErrorKind::NotConnected)?;
        Ok(&state.ends[end.side])
    }

    fn room(&mut self, end: End) -> io::Result<usize> {
        let window = self.options.window_bytes;
        let state = self.connection_mut(end)?;
        if let Some(error) = state.ends[end.side].error.take() {
            return Err(error.into());
        }
        if state.pipes[end.side].shut || state.ends[end.side].state != State::Open {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(window.saturating_sub(state.pipes[end.side].used()))
    }
}

impl Connection {
    fn nothing_to_read(&mut self, side: usize) -> io::Result<usize> {
        let here = &mut self.ends[side];
        if let Some(error) = here.error.take() {
            return Err(error.into());
        }
        let at_end = self.pipes[1 - side].ended || here.state != State::Open;
        if at_end { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) }
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

fn copy_out(from: &mut VecDeque<u8>, to: &mut [u8]) {
    let (front, back) = from.as_slices();
    let first = front.len().min(to.len());
    to[..first].copy_from_slice(&front[..first]);
    let rest = to.len() - first;
    to[first..].copy_from_slice(&back[..rest]);
    from.drain(..to.len());
}
