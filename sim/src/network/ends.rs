//! What an application does with its end of a connection. Each end fails once with the error that struck the connection.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::Waker;

use crate::clock::Nanos;
use crate::coverage::Counter;
use crate::ground::{Event, Ground};
use crate::network::connection::{End, Payload, State, keep};
use crate::network::state::Network;

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

fn copy_out(from: &mut VecDeque<u8>, to: &mut [u8]) {
    let (front, back) = from.as_slices();
    let first = front.len().min(to.len());
    to[..first].copy_from_slice(&front[..first]);
    let rest = to.len() - first;
    to[first..].copy_from_slice(&back[..rest]);
    from.drain(..to.len());
}
