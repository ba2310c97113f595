//! The production runtime: one event-loop thread on tokio's `LocalRuntime`, `blocking` on tokio's small pool of threads.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the door that the rule points to"
)]

mod aside;
mod disk;
pub mod host;
pub mod log;
mod network;
mod process;

pub use disk::DiskFile;
pub use network::{Socket, SocketListener};

use super::{Monotonic, OpenMode, ProcessCpu, ProcessMemory, Runtime, UnixTime};

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

/// The real world.
#[derive(Debug)]
pub struct Tokio;

/// tokio's clock and ours, read together: tokio takes its deadlines by its own.
fn origin() -> (Monotonic, Instant) {
    static ORIGIN: OnceLock<(Monotonic, Instant)> = OnceLock::new();
    *ORIGIN.get_or_init(|| (Tokio::now(), Instant::now()))
}

impl Tokio {
    /// Runs a node's main task to its end on this thread.
    pub fn run<T>(main: impl Future<Output = T> + 'static) -> io::Result<T>
    where
        T: 'static,
    {
        origin();
        let runtime = ::tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(4)
            .thread_name("seawall-io")
            .build_local(::tokio::runtime::LocalOptions::default())?;
        let result = runtime.block_on(main);
        runtime.shutdown_background();
        Ok(result)
    }
}

impl Runtime for Tokio {
    type Stream = Socket;
    type Listener = SocketListener;
    type File = DiskFile;

    #[inline]
    fn now() -> Monotonic {
        // Read for every command: std's `Instant` costs half as much again. The clock exists wherever this compiles.
        let now = clock_gettime(ClockId::CLOCK_MONOTONIC).unwrap_or(TimeSpec::new(0, 0));
        Monotonic(now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64)
    }

    #[inline]
    fn wall_clock() -> UnixTime {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        UnixTime(since.map_or_else(|e| -(e.duration().as_micros() as i64), |d| d.as_micros() as i64))
    }

    fn random() -> u64 {
        // std seeds its hashers from the operating system's random numbers, and each new one differs.
        RandomState::new().hash_one(0u64)
    }

    fn spawn(future: impl Future<Output = ()> + 'static) {
        ::tokio::task::spawn_local(future);
    }

    fn blocking<T: Send + 'static>(
        f: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static {
        let job = ::tokio::task::spawn_blocking(f);
        async move { job.await.map_err(io::Error::other) }
    }

    fn yield_now() -> impl Future<Output = ()> + 'static {
        // A task that woke itself would keep the loop from looking at the network for dozens of turns.
        ::tokio::task::yield_now()
    }

    fn sleep_until(deadline: Monotonic) -> impl Future<Output = ()> + 'static {
        let (origin, instant) = origin();
        // Beyond some thirty years tokio cannot wait, and nobody does.
        let wait = (deadline - origin).min(Duration::from_secs(30 * 365 * 86400));
        ::tokio::time::sleep_until((instant + wait).into())
    }

    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<Socket>> + 'static {
        network::connect(address)
    }

    async fn resolve(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
        match host.parse() {
            Ok(ip) => Ok(vec![SocketAddr::new(ip, port)]),
            Err(_) => Ok(::tokio::net::lookup_host((host, port)).await?.collect()),
        }
    }

    fn listen(address: SocketAddr, backlog: u32) -> io::Result<SocketListener> {
        network::listen(address, backlog)
    }

    fn listen_unix(path: &Path, mode: Option<u32>) -> io::Result<SocketListener> {
        network::listen_unix(path, mode)
    }

    fn open(path: &Path, mode: OpenMode) -> io::Result<DiskFile> {
        disk::open(path, mode)
    }

    fn rename(from: &Path, to: &Path) -> io::Result<()> {
        disk::rename(from, to)
    }

    fn remove(path: &Path) -> io::Result<()> {
        disk::remove(path)
    }

    fn list(directory: &Path) -> io::Result<Vec<String>> {
        disk::list(directory)
    }

    fn create_directory(path: &Path) -> io::Result<()> {
        std::fs::create_dir_all(path)
    }

    fn sync_directory(path: &Path) -> impl Future<Output = io::Result<()>> + 'static {
        disk::sync_directory(path)
    }

    fn process_memory() -> ProcessMemory {
        process::memory()
    }

    fn process_cpu() -> ProcessCpu {
        process::cpu()
    }

    fn purge_memory() {
        process::purge();
    }

    fn tell_role(is_replica: bool) {
        log::tell_role(is_replica);
    }
}
