//! Listening sockets.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::task::Poll;

use crate::ground::Life;
use crate::runtime::stream::SimStream;
use crate::world::World;
use seawall::runtime::{Address, Listener};

/// A socket that accepts streams. Dropping it closes it, unless the process has ended before.
pub struct SimListener {
    world: Rc<World>,
    life: Life,
    number: u64,
    address: SocketAddr,
}

impl SimListener {
    pub(super) fn open(world: Rc<World>, address: SocketAddr, backlog: u32) -> io::Result<SimListener> {
        let life = world.life();
        if !world.is_alive(life) {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let (number, address) =
            world.on_network(|network, ground| network.listen(ground, life, address, backlog))?;
        Ok(SimListener { world, life, number, address })
    }
}

impl Listener for SimListener {
    type Stream = SimStream;

    fn accept(&self) -> impl Future<Output = io::Result<SimStream>> {
        poll_fn(|cx| {
            let accepted = self.world.on_network(|network, _| network.poll_accept(self.number, cx.waker()));
            match accepted {
                Ok(None) => Poll::Pending,
                Ok(Some(end)) => Poll::Ready(Ok(SimStream::new(Rc::clone(&self.world), self.life, end))),
                Err(error) => Poll::Ready(Err(error)),
            }
        })
    }

    fn local_address(&self) -> io::Result<Address> {
        Ok(Address::Ip(self.address))
    }
}

impl Drop for SimListener {
    fn drop(&mut self) {
        if self.world.is_alive(self.life) {
            self.world.on_network(|network, ground| network.close_listener(ground, self.number));
        }
    }
}
