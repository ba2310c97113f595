//! How segments travel: sent, due, then arrived, lost and repeated, or answered with a reset. One event stands for the
//! first segment of a pipe; those behind it wait for it, as TCP delivers in order.

use std::io;

use super::connection::{Payload, Retry, Segment, State, wake};
use super::link::Fate;
use super::{End, Network};
use crate::clock::Nanos;
use crate::coverage::Counter;
use crate::ground::{Event, Ground};
use crate::trace::Kind;

/// Unanswered probes after which an idle connection is dead, and how much faster they follow each other than the first.
const PROBES: u32 = 3;

impl Network {
    /// Puts a segment on its way.
    pub(super) fn send(&mut self, ground: &mut Ground, end: End, payload: Payload) {
        let Some(state) = self.connections.get_mut(&end.connection) else { return };
        let nodes = state.nodes();
        let (from, to) = (nodes[end.side], nodes[1 - end.side]);
        let length = payload.length();
        let (leaves, due) = self.links.transmit(ground.now, from, to, length);
        let pipe = &mut state.pipes[end.side];
        let due = due.max(pipe.segments.back().map_or(0, |last| last.due));
        pipe.in_flight += length;
        pipe.segments.push_back(Segment { leaves, due, payload });
        if !std::mem::replace(&mut pipe.armed, true) {
            ground.queue.schedule(due, Event::Deliver(end.connection, end.side));
        }
    }

    /// The first segment sent by `end` is due; perhaps more are.
    pub fn on_deliver(&mut self, ground: &mut Ground, end: End) {
        if let Some(state) = self.connections.get_mut(&end.connection) {
            state.pipes[end.side].armed = false;
        }
        while let Some(due) = self.first_due(end) {
            if due > ground.now {
                self.arm(ground, end, due);
                break;
            }
            if !self.deliver_first(ground, end) {
                break;
            }
        }
        self.collect(end.connection);
    }

    /// Lets the first segment meet its fate; false if it has to be repeated, or was dropped with all others.
    fn deliver_first(&mut self, ground: &mut Ground, end: End) -> bool {
        let Some(state) = self.connections.get_mut(&end.connection) else { return false };
        let [from, to] = [end.side, 1 - end.side].map(|side| state.ends[side].life.node);
        let fate = self.links.fate(ground, from, to);
        ground.record(Kind::Network, end.connection << 1 | end.side as u64, fate as u64);
        match fate {
            Fate::Reset => {
                self.reset_both(ground, end.connection);
                false
            }
            Fate::Arrives => self.arrive_first(ground, end),
            Fate::Lost => self.lose_first(ground, end),
        }
    }

    fn arrive_first(&mut self, ground: &mut Ground, end: End) -> bool {
        let Some(segment) = self.take_first(end) else { return false };
        match self.receive(ground, end, &segment.payload) {
            true => {
                ground.count(Counter::SegmentsDelivered);
                if let Some(state) = self.connections.get_mut(&end.connection) {
                    state.pipes[end.side].retry = None;
                }
                true
            }
            false => {
                self.put_back(end, segment);
                self.lose_first(ground, end)
            }
        }
    }

    /// Gives a segment to the receiving end; false if it was not accepted and has to come again.
    fn receive(&mut self, ground: &mut Ground, end: End, payload: &Payload) -> bool {
        let receiver = end.peer();
        let Some(state) = self.connections.get_mut(&end.connection) else { return true };
        let here = &mut state.ends[receiver.side];
        if here.state != State::Open {
            return *payload == Payload::Reset || self.refuse(ground, end);
        }
        (here.heard_at, here.probes_lost) = (ground.now, 0);
        let pipe = &mut state.pipes[end.side];
        match payload {
            Payload::Established => return self.on_established(ground, receiver),
            Payload::Reset => {
                ground.count(Counter::ResetsDelivered);
                self.fail(ground, receiver, io::ErrorKind::ConnectionReset);
                return true;
            }
            Payload::Data(bytes) => {
                ground.trace.bytes(bytes);
                pipe.arrived.extend(bytes);
            }
            Payload::Fin => pipe.ended = true,
        }
        wake(&mut state.ends[receiver.side].reader);
        self.acknowledge(ground, end);
        true
    }

    /// Something reached an end that is not open: it answers with a reset, if that gets through; else the sender repeats.
    pub(super) fn refuse(&mut self, ground: &mut Ground, sender: End) -> bool {
        let Ok(state) = self.connection_mut(sender) else { return true };
        let [from, to] = [1 - sender.side, sender.side].map(|side| state.ends[side].life.node);
        if state.ends[sender.side].state != State::Open {
            return true;
        }
        if self.links.fate(ground, from, to) == Fate::Lost {
            return false;
        }
        self.send(ground, sender.peer(), Payload::Reset);
        true
    }

    fn lose_first(&mut self, ground: &mut Ground, end: End) -> bool {
        ground.count(Counter::SegmentsLost);
        let now = ground.now;
        let Ok(state) = self.connection_mut(end) else { return false };
        let sender = state.ends[end.side].state;
        let pipe = &mut state.pipes[end.side];
        if pipe.segments.front().is_some_and(|segment| segment.payload == Payload::Reset) {
            self.take_first(end);
            return true;
        }
        let retry = pipe.retry.get_or_insert(Retry { since: now, count: 0 });
        let (waited, count) = (now - retry.since, retry.count);
        retry.count += 1;
        if sender == State::Vanished || waited > self.patience(sender) {
            self.give_up(ground, end);
            return false;
        }
        let due = now + self.backoff(end, count);
        if let Some(first) =
            self.connection_mut(end).ok().and_then(|state| state.pipes[end.side].segments.front_mut())
        {
            first.due = due;
        }
        self.arm(ground, end, due);
        false
    }

    /// How long a kernel goes on repeating.
    fn patience(&self, sender: State) -> Nanos {
        let limit =
            if sender == State::Open { self.options.user_timeout } else { self.options.orphan_timeout };
        limit.as_nanos() as Nanos
    }

    fn backoff(&mut self, end: End, count: u32) -> Nanos {
        let range = &self.options.retransmit;
        let [first, most] = [range.start, range.end].map(|bound| bound.as_nanos() as Nanos);
        let wait = first.saturating_mul(1 << count.min(20)).min(most);
        let Ok(state) = self.connection_mut(end) else { return wait };
        let nodes = state.nodes();
        wait + self.links.jitter(nodes[end.side], nodes[1 - end.side], wait / 8)
    }

    fn give_up(&mut self, ground: &mut Ground, end: End) {
        let Ok(state) = self.connection_mut(end) else { return };
        if state.ends[end.side].state == State::Open {
            ground.count(Counter::StreamsTimedOut);
            self.fail(ground, end, io::ErrorKind::TimedOut);
        } else {
            state.pipes[end.side].drop_segments();
        }
    }

    /// What has been read counts against the window until it is acknowledged, which costs nothing while the way back is
    /// open; while it is cut, the sender goes on repeating and at last gives up, although everything has arrived.
    pub(super) fn acknowledge(&mut self, ground: &mut Ground, sender: End) {
        let Some(state) = self.connections.get_mut(&sender.connection) else { return };
        let nodes = state.nodes();
        let cut = self.links.is_cut(ground, nodes[1 - sender.side], nodes[sender.side]);
        let pipe = &mut state.pipes[sender.side];
        match (cut, pipe.acknowledge) {
            (true, None) if state.ends[sender.side].state == State::Open => {
                pipe.acknowledge = Some(Retry { since: ground.now, count: 0 });
                self.arm_acknowledge(ground, sender, 0);
            }
            (false, None) => self.release(sender),
            _ => {}
        }
    }

    /// The sender repeats what was not acknowledged.
    pub fn on_acknowledge(&mut self, ground: &mut Ground, sender: End) {
        let Some(state) = self.connections.get_mut(&sender.connection) else { return };
        let nodes = state.nodes();
        let (from, to) = (nodes[sender.side], nodes[1 - sender.side]);
        let cut = self.links.is_cut(ground, to, from) || self.links.is_cut(ground, from, to);
        let here = state.ends[sender.side].state;
        let Some(retry) = &mut state.pipes[sender.side].acknowledge else { return };
        retry.count += 1;
        let (waited, count) = (ground.now - retry.since, retry.count);
        ground.record(Kind::Network, sender.connection << 1 | sender.side as u64, 8 | u64::from(cut));
        if !cut {
            state.pipes[sender.side].acknowledge = None;
            self.release(sender);
        } else if here == State::Open && waited > self.patience(here) {
            self.give_up(ground, sender);
            self.collect(sender.connection);
        } else if here == State::Open {
            self.arm_acknowledge(ground, sender, count);
        }
    }

    fn arm_acknowledge(&mut self, ground: &mut Ground, sender: End, count: u32) {
        let at = ground.now + self.backoff(sender, count);
        ground.queue.schedule(at, Event::Acknowledge(sender.connection, sender.side));
    }

    fn release(&mut self, sender: End) {
        let Ok(state) = self.connection_mut(sender) else { return };
        let freed = std::mem::take(&mut state.pipes[sender.side].unacknowledged);
        if freed > 0 {
            wake(&mut state.ends[sender.side].writer);
        }
    }

    /// An idle connection is probed: three probes without an answer, and it is dead.
    pub fn on_keepalive(&mut self, ground: &mut Ground, end: End) {
        let Ok(state) = self.connection_mut(end) else { return };
        let nodes = state.nodes();
        let (from, to) = (nodes[end.side], nodes[1 - end.side]);
        let peer_open = state.ends[1 - end.side].state == State::Open;
        let here = &mut state.ends[end.side];
        here.keepalive_armed = false;
        let (State::Open, Some(interval)) = (here.state, here.keepalive) else { return };
        let next = here.heard_at + interval;
        if next > ground.now {
            return self.arm_keepalive(ground, end, next);
        }
        let lost = [(from, to), (to, from)].map(|(from, to)| self.links.fate(ground, from, to));
        ground.record(Kind::Network, end.connection << 1 | end.side as u64, 16 | lost[0] as u64);
        if lost.contains(&Fate::Lost) {
            self.on_probe_lost(ground, end, interval);
        } else if peer_open {
            self.on_probe_answered(ground, end, interval);
        } else {
            self.fail(ground, end, io::ErrorKind::ConnectionReset);
        }
    }

    fn on_probe_lost(&mut self, ground: &mut Ground, end: End, interval: Nanos) {
        let Ok(state) = self.connection_mut(end) else { return };
        state.ends[end.side].probes_lost += 1;
        if state.ends[end.side].probes_lost >= PROBES {
            ground.count(Counter::StreamsTimedOut);
            self.fail(ground, end, io::ErrorKind::TimedOut);
        } else {
            self.arm_keepalive(ground, end, ground.now + (interval / u64::from(PROBES)).max(1));
        }
    }

    fn on_probe_answered(&mut self, ground: &mut Ground, end: End, interval: Nanos) {
        let now = ground.now;
        let Ok(state) = self.connection_mut(end) else { return };
        let here = &mut state.ends[end.side];
        (here.heard_at, here.probes_lost) = (now, 0);
        self.arm_keepalive(ground, end, now + interval);
    }

    fn arm_keepalive(&mut self, ground: &mut Ground, end: End, at: Nanos) {
        if let Ok(state) = self.connection_mut(end) {
            state.ends[end.side].keepalive_armed = true;
            ground.queue.schedule(at, Event::Keepalive(end.connection, end.side));
        }
    }

    /// The connection is dead for this end; what it wanted to send is dropped.
    pub(super) fn fail(&mut self, ground: &mut Ground, end: End, error: io::ErrorKind) {
        let Ok(state) = self.connection_mut(end) else { return };
        let here = &mut state.ends[end.side];
        if here.state == State::Open {
            here.state = State::Dead;
            here.error = Some(error);
            here.wake();
            ground.record(Kind::Network, end.connection << 1 | end.side as u64, 32);
        }
        state.pipes[end.side].drop_segments();
    }

    /// The machine lost its power: only what has already left its network card may still arrive.
    pub(super) fn vanish(&mut self, ground: &mut Ground, end: End) {
        let Ok(state) = self.connection_mut(end) else { return };
        let here = &mut state.ends[end.side];
        here.state = State::Vanished;
        (here.reader, here.writer) = (None, None);
        let pipe = &mut state.pipes[end.side];
        pipe.segments.retain(|segment| segment.leaves <= ground.now);
        pipe.in_flight = pipe.segments.iter().map(|segment| segment.payload.length()).sum();
        if pipe.retry.is_some() {
            pipe.drop_segments();
        }
        self.collect(end.connection);
    }

    fn first_due(&self, end: End) -> Option<Nanos> {
        self.connections.get(&end.connection)?.pipes[end.side].segments.front().map(|segment| segment.due)
    }

    fn arm(&mut self, ground: &mut Ground, end: End, due: Nanos) {
        if let Ok(state) = self.connection_mut(end)
            && !std::mem::replace(&mut state.pipes[end.side].armed, true)
        {
            ground.queue.schedule(due, Event::Deliver(end.connection, end.side));
        }
    }

    fn take_first(&mut self, end: End) -> Option<Segment> {
        let pipe = &mut self.connections.get_mut(&end.connection)?.pipes[end.side];
        let segment = pipe.segments.pop_front()?;
        pipe.in_flight -= segment.payload.length();
        Some(segment)
    }

    fn put_back(&mut self, end: End, segment: Segment) {
        if let Ok(state) = self.connection_mut(end) {
            state.pipes[end.side].in_flight += segment.payload.length();
            state.pipes[end.side].segments.push_front(segment);
        }
    }
}

impl super::connection::Pipe {
    fn drop_segments(&mut self) {
        self.segments.clear();
        self.in_flight = 0;
        self.retry = None;
    }
}

impl Payload {
    fn length(&self) -> usize {
        if let Payload::Data(bytes) = self { bytes.len() } else { 0 }
    }
}
