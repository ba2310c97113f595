//! TCP and Unix sockets behind one type, so that a node need not care which it serves.
#![allow(clippy::disallowed_types, reason = "see the module above")]

use super::super::{Address, Listener, Stream};

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use ::tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};

/// A connected socket.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A Unix domain socket, with the listener's path (its peer has no name).
    Unix(UnixStream, PathBuf),
}

/// Calls the same method whichever kind of socket it is.
macro_rules! either {
    ($socket:expr, $inner:ident => $call:expr) => {
        match $socket {
            Socket::Tcp($inner) => $call,
            Socket::Unix($inner, _) => $call,
        }
    };
}

impl Stream for Socket {
    #[inline]
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        either!(self, s => s.try_read(buffer))
    }

    #[inline]
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        either!(self, s => s.try_write(bytes))
    }

    #[inline]
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, s => s.poll_read_ready(cx))
    }

    #[inline]
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, s => s.poll_write_ready(cx))
    }

    fn peer_address(&self) -> io::Result<Address> {
        match self {
            Socket::Tcp(s) => s.peer_addr().map(Address::Ip),
            Socket::Unix(_, path) => Ok(Address::Unix(path.clone())),
        }
    }

    fn local_address(&self) -> io::Result<Address> {
        match self {
            Socket::Tcp(s) => s.local_addr().map(Address::Ip),
            Socket::Unix(_, path) => Ok(Address::Unix(path.clone())),
        }
    }

    fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        match self {
            Socket::Tcp(s) => s.set_nodelay(nodelay),
            Socket::Unix(..) => Ok(()),
        }
    }

    fn set_keepalive(&self, interval: Option<Duration>) -> io::Result<()> {
        let Socket::Tcp(s) = self else { return Ok(()) };
        let socket = socket2::SockRef::from(s);
        let Some(interval) = interval else { return socket.set_keepalive(false) };
        // As Redis: the first probe after the interval, then three at a third of it.
        let probe = (interval / 3).max(Duration::from_secs(1));
        let keepalive = socket2::TcpKeepalive::new().with_time(interval).with_interval(probe).with_retries(3);
        socket.set_tcp_keepalive(&keepalive)
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        either!(&mut *self, s => Pin::new(s).poll_read(cx, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(&mut *self, s => Pin::new(s).poll_write(cx, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut *self, s => Pin::new(s).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(&mut *self, s => Pin::new(s).poll_shutdown(cx))
    }
}

/// A listening socket. A Unix socket's file goes when its listener does.
#[derive(Debug)]
pub enum SocketListener {
    /// TCP.
    Tcp(TcpListener),
    /// A Unix domain socket and its path.
    Unix(UnixListener, PathBuf),
}

impl Listener for SocketListener {
    type Stream = Socket;

    async fn accept(&self) -> io::Result<Socket> {
        match self {
            SocketListener::Tcp(l) => l.accept().await.map(|(s, _)| Socket::Tcp(s)),
            SocketListener::Unix(l, path) => l.accept().await.map(|(s, _)| Socket::Unix(s, path.clone())),
        }
    }

    fn local_address(&self) -> io::Result<Address> {
        match self {
            SocketListener::Tcp(l) => l.local_addr().map(Address::Ip),
            SocketListener::Unix(_, path) => Ok(Address::Unix(path.clone())),
        }
    }
}

impl Drop for SocketListener {
    fn drop(&mut self) {
        if let SocketListener::Unix(_, path) = self {
            // Nobody can connect to it any more; if it is gone already, all the better.
            let _ = std::fs::remove_file(path);
        }
    }
}

pub(super) async fn connect(address: SocketAddr) -> io::Result<Socket> {
    TcpStream::connect(address).await.map(Socket::Tcp)
}

pub(super) fn listen(address: SocketAddr, backlog: u32) -> io::Result<SocketListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_reuseaddr(true)?;
    if address.is_ipv6() {
        // As Redis: an IPv6 listener leaves IPv4 to a listener of its own.
        socket2::SockRef::from(&socket).set_only_v6(true)?;
    }
    socket.bind(address)?;
    socket.listen(backlog).map(SocketListener::Tcp)
}

pub(super) fn listen_unix(path: &Path, mode: Option<u32>) -> io::Result<SocketListener> {
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)?;
    if let Some(mode) = mode {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    Ok(SocketListener::Unix(listener, path.to_owned()))
}
