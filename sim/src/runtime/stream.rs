//! Connected streams, and connecting.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::ground::Life;
use crate::network::End;
use crate::world::World;
use seawall::runtime::{Address, Stream};

/// One end of a connection. Dropping it closes it, unless the process has ended before.
pub struct SimStream {
    world: Rc<World>,
    life: Life,
    end: End,
}

impl SimStream {
    pub(super) fn new(world: Rc<World>, life: Life, end: End) -> SimStream {
        SimStream { world, life, end }
    }

    fn address(&self, of: impl Fn((SocketAddr, SocketAddr)) -> SocketAddr) -> io::Result<Address> {
        self.world.on_network(|network, _| network.addresses(self.end)).map(|pair| Address::Ip(of(pair)))
    }
}

impl Stream for SimStream {
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.world.on_network(|network, ground| network.read(ground, self.end, buffer))
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.world.on_network(|network, ground| network.write(ground, self.end, bytes))
    }

    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready_or_not(self.world.on_network(|network, _| network.poll_readable(self.end, cx.waker())))
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready_or_not(self.world.on_network(|network, _| network.poll_writable(self.end, cx.waker())))
    }

    fn peer_address(&self) -> io::Result<Address> {
        self.address(|(_, peer)| peer)
    }

    fn local_address(&self) -> io::Result<Address> {
        self.address(|(local, _)| local)
    }

    /// Segments always leave at once.
    fn set_nodelay(&self, _nodelay: bool) -> io::Result<()> {
        Ok(())
    }

    fn set_keepalive(&self, interval: Option<Duration>) -> io::Result<()> {
        let nanos = interval.map(|interval| u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX));
        self.world.on_network(|network, ground| network.set_keepalive(ground, self.end, nanos))
    }
}

fn ready_or_not(ready: io::Result<bool>) -> Poll<io::Result<()>> {
    match ready {
        Ok(false) => Poll::Pending,
        Ok(true) => Poll::Ready(Ok(())),
        Err(error) => Poll::Ready(Err(error)),
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_readable(cx))?;
        let length = self.try_read(buffer.initialize_unfilled())?;
        buffer.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_writable(cx))?;
        Poll::Ready(self.try_write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.world.on_network(|network, ground| network.shut(ground, self.end)))
    }
}

impl Drop for SimStream {
    fn drop(&mut self) {
        if self.world.is_alive(self.life) {
            self.world.on_network(|network, ground| network.close(ground, self.end));
        }
    }
}

/// A connect under way; dropping it abandons it.
pub(super) struct Connecting {
    world: Rc<World>,
    life: Life,
    attempt: Option<u64>,
}

impl Connecting {
    pub(super) fn begin(world: Rc<World>, address: SocketAddr) -> Connecting {
        let life = world.life();
        let attempt = world
            .is_alive(life)
            .then(|| world.on_network(|network, ground| network.connect(ground, life, address)));
        Connecting { world, life, attempt }
    }
}

impl Future for Connecting {
    type Output = io::Result<SimStream>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(attempt) = self.attempt else { return Poll::Ready(Err(io::ErrorKind::NotConnected.into())) };
        let result = self.world.on_network(|network, _| network.poll_connect(attempt, cx.waker()));
        let Some(result) = result else { return Poll::Pending };
        self.attempt = None;
        Poll::Ready(result.map(|end| SimStream::new(Rc::clone(&self.world), self.life, end)))
    }
}

impl Drop for Connecting {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt {
            self.world.on_network(|network, ground| network.abandon_connect(ground, attempt));
        }
    }
}
