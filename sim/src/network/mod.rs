//! TCP between nodes: byte streams over links that delay, lose, throttle and cut.
//!
//! A `connection` is two pipes, one each way. Bytes written become segments, which travel one `link` and arrive in
//! order (`delivery`); what is lost is sent again after a time-out that doubles, and holds back what follows it. A cut
//! link, or a machine without power, loses everything. Connecting (`handshake`) and accepting (`listener`) behave as
//! on Linux.
//!
//! Simplified: acknowledgements and window updates cost no time and no events while their way is open (while it is cut,
//! they are missing); there is no congestion window; loss is always noticed by the time-out.
//!
//! Nothing here knows of tasks or of the `Runtime` trait. Sockets are named by numbers; whoever waits leaves a waker.

mod connection;
mod delivery;
mod ends;
mod handshake;
mod link;
mod listener;
mod state;
mod upkeep;

pub use connection::{End, Ending};
pub use link::{Fate, Links};
pub use state::Network;

use crate::ground::{Ground, Life, NodeId};
use connection::Connection;

impl Network {
    /// A process ended: the kernel closes its sockets, or (without power) there is no kernel any more.
    pub fn on_process_end(&mut self, ground: &mut Ground, life: Life, ending: Ending) {
        let own = self.listeners.iter().filter(|(_, socket)| socket.life == life);
        for number in own.map(|(number, _)| *number).collect::<Vec<u64>>() {
            match ending {
                Ending::Process => self.close_listener(ground, number),
                Ending::Power => drop(self.listeners.remove(&number)),
            }
        }
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

    fn ends_of(&self, belongs: impl Fn(Life) -> bool) -> Vec<End> {
        let of = |(&connection, state): (&u64, &Connection)| {
            let sides = (0..2).filter(|&side| belongs(state.ends[side].life));
            sides.map(|side| End { connection, side }).collect::<Vec<_>>()
        };
        self.connections.iter().flat_map(of).collect()
    }
}
