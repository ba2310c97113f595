//! What kernels do besides delivering: acknowledging, and probing idle connections.

use std::io;

use crate::clock::Nanos;
use crate::coverage::Counter;
use crate::ground::{Event, Ground};
use crate::network::connection::{End, Retry, State, wake};
use crate::network::link::Fate;
use crate::network::state::Network;
use crate::trace::Kind;

/// Unanswered probes after which an idle connection is dead, and how much faster they follow each other than the first.
const PROBES: u32 = 3;

impl Network {
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
}
