//! How segments travel: sent, due, then arrived, lost and repeated, or answered with a reset. One event stands for the
//! first segment of a pipe; those behind it wait for it, as TCP delivers in order.

use std::io;

use crate::clock::Nanos;
use crate::coverage::Counter;
use crate::ground::{Event, Ground};
use crate::network::connection::{End, Payload, Retry, Segment, State, wake};
use crate::network::link::Fate;
use crate::network::state::Network;
use crate::trace::Kind;

impl Network {
    /// Puts a segment on its way.
    pub(super) fn send(&mut self, ground: &mut Ground, end: End, payload: Payload) {
        let Some(state) = self.connections.get_mut(&end.connection) else { return };
        let nodes = state.nodes();
        let (from, to) = (nodes[end.side], nodes[1 - end.side]);
        let length = payload.length();
        let (leaves, due) = self.links.transmit(ground.now, from, to, length);
        let pipe = &mut state.pipes[end.side];
        // A link that was thin a moment ago is still busy with those before.
        let (last_leaves, last_due) = pipe.segments.back().map_or((0, 0), |last| (last.leaves, last.due));
        let (leaves, due) = (leaves.max(last_leaves), due.max(last_due));
        pipe.in_flight += length;
        pipe.segments.push_back(Segment { leaves, due, payload });
        let first_due = pipe.segments[0].due;
        self.arm(ground, end, first_due);
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
        let Ok(state) = self.connection_mut(end) else { return false };
        let (sender, pipe) = (state.ends[end.side].state, &mut state.pipes[end.side]);
        if pipe.segments.front().is_some_and(|segment| segment.payload == Payload::Reset) {
            self.take_first(end);
            return true;
        }
        let retry = pipe.retry.get_or_insert(Retry { since: ground.now, count: 0 });
        let (waited, count) = (ground.now - retry.since, retry.count);
        retry.count += 1;
        if sender == State::Vanished || waited > self.patience(sender) {
            self.give_up(ground, end);
        } else {
            self.repeat_first(ground, end, count);
        }
        false
    }

    fn repeat_first(&mut self, ground: &mut Ground, end: End, count: u32) {
        let due = ground.now + self.backoff(end, count);
        let Ok(state) = self.connection_mut(end) else { return };
        if let Some(first) = state.pipes[end.side].segments.front_mut() {
            first.due = due;
        }
        self.arm(ground, end, due);
    }

    /// How long a kernel goes on repeating.
    pub(super) fn patience(&self, sender: State) -> Nanos {
        let limit =
            if sender == State::Open { self.options.user_timeout } else { self.options.orphan_timeout };
        limit.as_nanos() as Nanos
    }

    pub(super) fn backoff(&mut self, end: End, count: u32) -> Nanos {
        let range = &self.options.retransmit;
        let [first, most] = [range.start, range.end].map(|bound| bound.as_nanos() as Nanos);
        let wait = first.saturating_mul(1 << count.min(20)).min(most);
        let Ok(state) = self.connection_mut(end) else { return wait };
        let nodes = state.nodes();
        wait + self.links.jitter(nodes[end.side], nodes[1 - end.side], wait / 8)
    }

    pub(super) fn give_up(&mut self, ground: &mut Ground, end: End) {
        let Ok(state) = self.connection_mut(end) else { return };
        if state.ends[end.side].state == State::Open {
            ground.count(Counter::StreamsTimedOut);
            self.fail(ground, end, io::ErrorKind::TimedOut);
        } else {
            state.pipes[end.side].drop_segments();
        }
    }

    /// The connection is dead for this end; what it wanted to send is dropped.
    pub(super) fn fail(&mut self, ground: &mut Ground, end: End, error: io::ErrorKind) {
        let Ok(state) = self.connection_mut(end) else { return };
        let after_fin = state.pipes[1 - end.side].ended && error == io::ErrorKind::ConnectionReset;
        let here = &mut state.ends[end.side];
        if here.state == State::Open {
            here.state = State::Dead;
            here.error = Some(if after_fin { io::ErrorKind::BrokenPipe } else { error });
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

    pub(super) fn reset_both(&mut self, ground: &mut Ground, connection: u64) {
        ground.count(Counter::ResetsInjected);
        for side in 0..2 {
            self.fail(ground, End { connection, side }, io::ErrorKind::ConnectionReset);
        }
        self.collect(connection);
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
