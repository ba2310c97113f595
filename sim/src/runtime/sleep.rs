//! Waiting on a node's monotonic clock.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use crate::clock::Nanos;
use crate::ground::NodeId;
use crate::world::World;
use seawall::runtime::Monotonic;

/// Ready when the node's clock shows the deadline; dropping it cancels the timer.
pub struct Sleep {
    world: Rc<World>,
    node: NodeId,
    deadline: Monotonic,
    slot: Option<u32>,
}

impl Sleep {
    /// Waits until the current node's clock shows `deadline`.
    pub fn until(world: Rc<World>, deadline: Monotonic) -> Sleep {
        let node = world.life().node;
        Sleep { world, node, deadline, slot: None }
    }

    /// Waits for so long by the current node's clock.
    pub fn for_nanos(world: Rc<World>, nanos: Nanos) -> Sleep {
        let node = world.life().node;
        let now = world.on_ground(|ground| ground.node(node).clock.monotonic(ground.now));
        Sleep { world, node, deadline: Monotonic(now.0.saturating_add(nanos)), slot: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (slot, node, deadline) = (self.slot, self.node, self.deadline);
        let armed = self.world.on_timers(|timers, ground| {
            if ground.node(node).clock.monotonic(ground.now) >= deadline {
                slot.into_iter().for_each(|slot| timers.release(ground, slot));
                return None;
            }
            Some(timers.arm(ground, slot, node, deadline, cx.waker()))
        });
        self.slot = armed;
        if armed.is_some() { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.world.on_timers(|timers, ground| timers.release(ground, slot));
        }
    }
}
