//! The only door to time, randomness, network, disk and tasks.
//!
//! [`Runtime`] has static functions only: there is no handle to carry, and a node generic over it costs nothing over one
//! written straight on tokio. Production uses [`tokio::Tokio`]; the simulated world of `sim/` implements the same trait.
//! Futures need not be `Send`: one thread runs a node.
//!
//! What must hold for every implementation: a future that is dropped has no further effect, except that bytes already
//! given to the network may arrive; nothing here panics for an error of the outside world.

mod clock;
pub mod tokio;

pub use clock::{Monotonic, Now, UnixTime};

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::task::{Context, Poll};
use std::time::Duration;

use ::tokio::io::{AsyncRead, AsyncWrite};

/// Where a stream comes from or leads to.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub enum Address {
    /// TCP.
    Ip(SocketAddr),
    /// A Unix domain socket, by the path that the listener is bound to.
    Unix(PathBuf),
}

/// A connected byte stream, TCP or Unix.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + 'static {
    /// Reads what is there, without waiting: `WouldBlock` if nothing is, `Ok(0)` at the end of the stream.
    fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes what fits, without waiting: `WouldBlock` if nothing does.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Ready when `try_read` may succeed; otherwise the task is woken when it may.
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Ready when `try_write` may succeed; otherwise the task is woken when it may.
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// The other end.
    fn peer_address(&self) -> io::Result<Address>;
    /// This end.
    fn local_address(&self) -> io::Result<Address>;
    /// Turns off Nagle's algorithm (no effect on Unix sockets).
    fn set_nodelay(&self, nodelay: bool) -> io::Result<()>;
    /// Sends probes on an idle connection each `interval`; `None` turns them off (no effect on Unix sockets).
    fn set_keepalive(&self, interval: Option<Duration>) -> io::Result<()>;
}

/// A socket that accepts streams.
pub trait Listener: 'static {
    /// What it accepts.
    type Stream: Stream;
    /// The next connection.
    fn accept(&self) -> impl Future<Output = io::Result<Self::Stream>>;
    /// Where it listens (with the port that was chosen, where 0 was asked for).
    fn local_address(&self) -> io::Result<Address>;
}

/// How a file is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum OpenMode {
    /// Must exist; only for reading.
    Read,
    /// Created if absent; for reading, appending and writing at a position.
    ReadWrite,
    /// Must not exist yet; for reading, appending and writing at a position.
    CreateNew,
}

/// An open file. Reads and writes go to the operating system's cache and do not wait for the disk; only
/// [`File::sync`] makes them durable. A file's name is durable only after [`Runtime::sync_directory`].
pub trait File: 'static {
    /// Appends to the end; may write less than asked for.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Appends all of it, and syncs then if that is wanted, off the event loop: however busy the disk is, nobody waits but who
    /// waits for this. Until it has ended nothing else may be done with the file.
    fn append_aside(&self, bytes: Vec<u8>, sync: bool) -> impl Future<Output = io::Result<()>> + 'static {
        let appended = append_all(self, &bytes);
        let synced = (sync && appended.is_ok()).then(|| self.sync());
        async move {
            appended?;
            match synced {
                Some(synced) => synced.await,
                None => Ok(()),
            }
        }
    }
    /// Reads at a position; may read less than asked for; 0 at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes at a position; may write less than asked for; extends the file with zeros where needed.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// The file's length in bytes.
    fn length(&self) -> io::Result<u64>;
    /// Cuts the file off, or extends it with zeros.
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// Makes content and length durable; runs off the event loop. After an error nothing is known of what was not yet
    /// durable.
    fn sync(&self) -> impl Future<Output = io::Result<()>> + 'static;
}

/// Appends all of it.
pub fn append_all(file: &(impl File + ?Sized), mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.append(bytes)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}

/// What the process uses, as its allocator and operating system tell it. Zero where it is not known.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ProcessMemory {
    /// Bytes that the program asked for and has not freed, rounded up to the allocator's size classes.
    pub allocated: u64,
    /// Bytes in pages that hold allocations.
    pub active: u64,
    /// Bytes that the allocator keeps in physical memory.
    pub resident: u64,
    /// Resident set of the whole process.
    pub rss: u64,
}

/// The CPU time a process has used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ProcessCpu {
    /// In user mode.
    pub user: Duration,
    /// In the kernel.
    pub system: Duration,
    /// The part of the thread that asks, in user mode.
    pub thread_user: Duration,
    /// The same in the kernel.
    pub thread_system: Duration,
}

/// Everything that is not deterministic goes through here.
pub trait Runtime: Sized + 'static {
    /// Connected streams.
    type Stream: Stream;
    /// Listening sockets.
    type Listener: Listener<Stream = Self::Stream>;
    /// Open files.
    type File: File;

    /// This node's monotonic clock.
    fn now() -> Monotonic;
    /// This node's wall clock.
    fn wall_clock() -> UnixTime;
    /// 64 random bits, fit for seeds and secrets.
    fn random() -> u64;

    /// Starts a task on this node; it ends with the node.
    fn spawn(future: impl Future<Output = ()> + 'static);
    /// Runs `f` off the event loop.
    fn blocking<T: Send + 'static>(
        f: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static;
    /// Lets other tasks run and the world be heard: whatever has arrived meanwhile has its turn before this task goes on.
    fn yield_now() -> impl Future<Output = ()> + 'static {
        let mut yielded = false;
        std::future::poll_fn(move |cx| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }
    /// Waits until this node's monotonic clock reads `deadline` or later.
    fn sleep_until(deadline: Monotonic) -> impl Future<Output = ()> + 'static;
    /// Waits for `duration` by this node's monotonic clock.
    fn sleep(duration: Duration) -> impl Future<Output = ()> + 'static {
        Self::sleep_until(Self::now() + duration)
    }
    /// `future`'s result, or an error of kind `TimedOut` after `duration`.
    fn timeout<T>(
        duration: Duration,
        future: impl Future<Output = T>,
    ) -> impl Future<Output = io::Result<T>> {
        async move {
            let mut future = std::pin::pin!(future);
            let mut sleep = std::pin::pin!(Self::sleep(duration));
            std::future::poll_fn(|cx| {
                if let Poll::Ready(value) = future.as_mut().poll(cx) {
                    return Poll::Ready(Ok(value));
                }
                sleep.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
            })
            .await
        }
    }

    /// Opens a TCP connection.
    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + 'static;
    /// The addresses of a host. Names are looked up off the event loop; where there are none to look up, an address in digits is all
    /// that is understood.
    fn resolve(host: String, port: u16) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + 'static {
        let literal = host.parse().map(|ip| vec![SocketAddr::new(ip, port)]);
        async move { literal.map_err(|_| io::ErrorKind::NotFound.into()) }
    }
    /// Listens on a TCP address; `backlog` connections wait for being accepted.
    fn listen(address: SocketAddr, backlog: u32) -> io::Result<Self::Listener>;
    /// Listens on a Unix domain socket, replacing a stale one; `mode` are the file's permissions, if they matter.
    fn listen_unix(path: &Path, mode: Option<u32>) -> io::Result<Self::Listener>;

    /// Opens a file.
    fn open(path: &Path, mode: OpenMode) -> io::Result<Self::File>;
    /// Renames a file, replacing the target if there is one.
    fn rename(from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(path: &Path) -> io::Result<()>;
    /// The names in a directory, sorted.
    fn list(directory: &Path) -> io::Result<Vec<String>>;
    /// Creates a directory and those above it.
    fn create_directory(path: &Path) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_directory(path: &Path) -> impl Future<Output = io::Result<()>> + 'static;

    /// Memory of the process.
    fn process_memory() -> ProcessMemory;
    /// Processor time of the process.
    fn process_cpu() -> ProcessCpu;
    /// Gives freed memory back to the operating system (MEMORY PURGE).
    fn purge_memory();
    /// Whether the node is a replica now: lines of the log may say so.
    fn tell_role(is_replica: bool) {
        let _ = is_replica;
    }

    /// Reads a whole file.
    fn read_file(path: &Path) -> io::Result<Vec<u8>> {
        let file = Self::open(path, OpenMode::Read)?;
        let mut bytes = vec![0; file.length()? as usize];
        let mut filled = 0;
        while filled < bytes.len() {
            match file.read_at(&mut bytes[filled..], filled as u64)? {
                0 => break,
                n => filled += n,
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}
