//! Listening sockets. A connection waits in the listener's queue until it is accepted; when the queue is full, the kernel
//! drops SYNs and last acknowledgements alike, so connecting takes longer or times out, as on Linux.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Waker;

use crate::coverage::Counter;
use crate::ground::{Ground, Life, NodeId};
use crate::network::connection::{End, Payload, keep, wake};
use crate::network::state::{Network, Socket};

impl Network {
    /// Opens a listening socket; port 0 chooses one. Returns its number and address.
    pub fn listen(
        &mut self,
        ground: &mut Ground,
        life: Life,
        address: SocketAddr,
        backlog: u32,
    ) -> io::Result<(u64, SocketAddr)> {
        let node = ground.node_mut(life.node);
        if !is_own(node.ip, address.ip()) {
            return Err(io::ErrorKind::AddrNotAvailable.into());
        }
        let port = if address.port() == 0 { node.take_port() } else { address.port() };
        let address = SocketAddr::new(address.ip(), port);
        let taken = |other: &Socket| other.life.node == life.node && overlap(other.address, address);
        if self.listeners.values().any(taken) {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        let (number, capacity) = (self.next_number(), backlog as usize + 1);
        let socket = Socket { life, address, capacity, queue: VecDeque::new(), waker: None };
        self.listeners.insert(number, socket);
        Ok((number, address))
    }

    /// The next waiting connection; otherwise keeps the waker. An error if the socket is gone.
    pub fn poll_accept(&mut self, listener: u64, waker: &Waker) -> io::Result<Option<End>> {
        let socket = self.listeners.get_mut(&listener).ok_or(io::ErrorKind::NotConnected)?;
        let end = socket.queue.pop_front();
        if end.is_none() {
            keep(&mut socket.waker, waker);
        }
        Ok(end)
    }

    /// Gives the socket up; whoever waits in its queue is reset.
    pub fn close_listener(&mut self, ground: &mut Ground, listener: u64) {
        let Some(socket) = self.listeners.remove(&listener) else { return };
        for end in socket.queue {
            self.fail(ground, end, io::ErrorKind::ConnectionAborted);
            self.send(ground, end, Payload::Reset);
            self.close(ground, end);
        }
    }

    /// The handshake's last step has arrived: the connection waits for being accepted. False if there is no room: the
    /// client believes to be connected, and what it sends is repeated until there is.
    pub(super) fn on_established(&mut self, ground: &mut Ground, server: End) -> bool {
        let Some(state) = self.connections.get(&server.connection) else { return true };
        let (life, address) = (state.ends[server.side].life, state.ends[server.side].address);
        match self.listener_at(life.node, address) {
            None => {
                self.fail(ground, server, io::ErrorKind::ConnectionAborted);
                let answered = self.refuse(ground, server.peer());
                self.close(ground, server);
                answered
            }
            Some((_, socket)) if socket.is_full() => {
                ground.count(Counter::BacklogOverflows);
                false
            }
            Some((_, socket)) => {
                socket.queue.push_back(server);
                wake(&mut socket.waker);
                true
            }
        }
    }

    /// The socket that a SYN to this address would reach.
    pub(super) fn listener_at(&mut self, node: NodeId, address: SocketAddr) -> Option<(u64, &mut Socket)> {
        let reached = |socket: &Socket| socket.life.node == node && overlap(socket.address, address);
        self.listeners
            .iter_mut()
            .find(|(_, socket)| reached(socket))
            .map(|(number, socket)| (*number, socket))
    }
}

fn is_own(own: IpAddr, asked: IpAddr) -> bool {
    asked == own || own.is_ipv4() == asked.is_ipv4() && (asked.is_unspecified() || asked.is_loopback())
}

fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port() && one.is_ipv4() == other.is_ipv4() && (any || one.ip() == other.ip())
}
