//! [`SimRuntime`]: the simulated world as a node sees it. Every static function asks the thread's world, on behalf of the
//! process whose code runs; what a process that has ended still holds is dead and does nothing.

mod file;
mod listener;
mod sleep;
mod stream;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

pub use file::SimFile;
pub use listener::SimListener;
pub use sleep::Sleep;
pub use stream::SimStream;

use crate::world::World;
use seawall::runtime::{Monotonic, OpenMode, ProcessCpu, ProcessMemory, Runtime, UnixTime};

/// The simulated runtime.
#[derive(Clone, Copy, Debug)]
pub struct SimRuntime;

/// How long a job off the event loop takes, in nanoseconds.
const BLOCKING: std::ops::Range<u64> = 10_000..2_000_000;

impl Runtime for SimRuntime {
    type Stream = SimStream;
    type Listener = SimListener;
    type File = SimFile;

    fn now() -> Monotonic {
        let world = World::current();
        world.on_ground(|ground| ground.node(world.life().node).clock.monotonic(ground.now))
    }

    fn wall_clock() -> UnixTime {
        let world = World::current();
        world.on_ground(|ground| ground.node(world.life().node).clock.wall(ground.now))
    }

    fn random() -> u64 {
        let world = World::current();
        world.on_ground(|ground| ground.node_mut(world.life().node).random.bits())
    }

    fn spawn(future: impl Future<Output = ()> + 'static) {
        let world = World::current();
        world.spawn(world.life(), Box::pin(future));
    }

    /// Runs `f` on the event loop, a little later.
    fn blocking<T: Send + 'static>(
        f: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = io::Result<T>> + 'static {
        let world = World::current();
        let delay = world.on_ground(|ground| {
            let delays = &mut ground.node_mut(world.life().node).delays;
            BLOCKING.start + delays.below(BLOCKING.end - BLOCKING.start)
        });
        let sleep = Sleep::for_nanos(world, delay);
        async move {
            sleep.await;
            Ok(f())
        }
    }

    fn sleep_until(deadline: Monotonic) -> impl Future<Output = ()> + 'static {
        Sleep::until(World::current(), deadline)
    }

    fn connect(address: SocketAddr) -> impl Future<Output = io::Result<SimStream>> + 'static {
        stream::Connecting::begin(World::current(), address)
    }

    fn listen(address: SocketAddr, backlog: u32) -> io::Result<SimListener> {
        SimListener::open(World::current(), address, backlog)
    }

    /// Not part of the world yet.
    fn listen_unix(_path: &Path, _mode: Option<u32>) -> io::Result<SimListener> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn open(path: &Path, mode: OpenMode) -> io::Result<SimFile> {
        SimFile::open(World::current(), path, mode)
    }

    fn rename(from: &Path, to: &Path) -> io::Result<()> {
        file::on_own_disk(|disk, ground| disk.rename(ground, from, to))
    }

    fn remove(path: &Path) -> io::Result<()> {
        file::on_own_disk(|disk, ground| disk.remove(ground, path))
    }

    fn list(directory: &Path) -> io::Result<Vec<String>> {
        file::on_own_disk(|disk, _| disk.list(directory))
    }

    fn create_directory(path: &Path) -> io::Result<()> {
        file::on_own_disk(|disk, ground| disk.create_directory(ground, path))
    }

    fn sync_directory(path: &Path) -> impl Future<Output = io::Result<()>> + 'static {
        file::sync_directory(path)
    }

    fn process_memory() -> ProcessMemory {
        ProcessMemory::default()
    }

    fn process_cpu() -> ProcessCpu {
        ProcessCpu::default()
    }

    fn purge_memory() {}
}
