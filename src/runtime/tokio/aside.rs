//! A thread for work that can wait: writing a save's pieces. With as many threads as cores it would take turns with the event loop,
//! each of which lasts milliseconds; so it comes behind everything else that wants to run.
#![allow(clippy::disallowed_methods, reason = "see the module above")]

use std::io;
use std::sync::{OnceLock, mpsc};

use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// Runs a job there, behind those before it.
pub(super) fn run<T: Send + 'static>(
    job: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> impl Future<Output = io::Result<T>> + 'static {
    let (tell, told) = oneshot::channel();
    let job = move || {
        // Whoever asked may have gone.
        let _ = tell.send(job());
    };
    let sent = thread().map(|thread| thread.send(Box::new(job)).is_ok());
    async move {
        match sent {
            Some(true) => told.await.map_err(io::Error::other)?,
            _ => Err(io::Error::other("no thread could be started")),
        }
    }
}

/// Started at the first use; it lasts to the end of the process.
fn thread() -> Option<&'static mpsc::Sender<Job>> {
    static THREAD: OnceLock<Option<mpsc::Sender<Job>>> = OnceLock::new();
    let start = || {
        let (sender, jobs) = mpsc::channel::<Job>();
        let work = move || {
            step_back();
            jobs.into_iter().for_each(|job| job());
        };
        std::thread::Builder::new().name("seawall-save".into()).spawn(work).ok().map(|_| sender)
    };
    THREAD.get_or_init(start).as_ref()
}

/// Lets all others go before this thread. (Elsewhere than on Linux that would be the whole process.)
fn step_back() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::nice(NICE);
}

/// A tenth of what others have, where not all can have their fill.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;
