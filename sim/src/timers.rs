//! Timers on nodes' monotonic clocks. A timer that is dropped takes its event out of the queue; one whose clock is changed
//! is woken to look again.

use std::task::Waker;

use crate::coverage::Counter;
use crate::ground::{Event, Ground, NodeId};
use crate::queue::Key;
use seawall::runtime::Monotonic;

#[derive(Debug)]
struct Timer {
    node: NodeId,
    waker: Waker,
    key: Key,
}

/// The timers that someone waits for.
#[derive(Debug, Default)]
pub struct Timers {
    slots: Vec<Option<Timer>>,
    free: Vec<u32>,
}

impl Timers {
    /// Sets a timer for when the node's clock shows `deadline`; `slot` names the same future's earlier one, if any.
    pub fn arm(
        &mut self,
        ground: &mut Ground,
        slot: Option<u32>,
        node: NodeId,
        deadline: Monotonic,
        waker: &Waker,
    ) -> u32 {
        if let Some(slot) = slot {
            if let Some(timer) = &mut self.slots[slot as usize] {
                timer.waker.clone_from(waker);
                return slot;
            }
            self.free.push(slot);
        }
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        let due = ground.node(node).clock.true_time_of(deadline).max(ground.now + 1);
        let key = ground.queue.schedule(due, Event::Timer(slot));
        self.slots[slot as usize] = Some(Timer { node, waker: waker.clone(), key });
        slot
    }

    /// The future is gone or satisfied.
    pub fn release(&mut self, ground: &mut Ground, slot: u32) {
        if let Some(timer) = self.slots[slot as usize].take() {
            ground.queue.cancel(timer.key);
        }
        self.free.push(slot);
    }

    /// A timer is due.
    pub fn on_due(&mut self, ground: &mut Ground, slot: u32) {
        if let Some(timer) = self.slots[slot as usize].take() {
            ground.count(Counter::TimersFired);
            timer.waker.wake();
        }
    }

    /// A node's clock runs differently from now on: all its timers look again.
    pub fn on_clock_change(&mut self, ground: &mut Ground, node: NodeId) {
        for slot in &mut self.slots {
            if let Some(timer) = slot.take_if(|timer| timer.node == node) {
                ground.queue.cancel(timer.key);
                timer.waker.wake();
            }
        }
    }

    /// Forgets everyone who waits.
    pub fn forget_wakers(&mut self) {
        self.slots.iter_mut().for_each(|slot| *slot = None);
    }
}
