//! What a command asks the node to do: things that take time or reach outside.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tracing::{info, warn};

use super::listener;
use super::shared::Shared;
use crate::engine::Job;
use crate::engine::session::SessionHandle;
use crate::runtime::{File, OpenMode, Runtime};

/// Does the job and appends the reply that it calls for.
pub(super) async fn run<R: Runtime>(
    shared: &Rc<Shared<R>>,
    job: Job,
    client: SessionHandle,
    output: &mut Vec<u8>,
) {
    match job {
        Job::Sleep(duration) => {
            sleep(shared, duration).await;
            output.extend_from_slice(b"+OK\r\n");
        }
        Job::Listen { bind, port, refusal } => match listen(shared).await {
            Ok(()) => output.extend_from_slice(b"+OK\r\n"),
            Err(e) => {
                warn!("{e}");
                return_to(shared, &bind, port).await;
                output.extend_from_slice(format!("-{refusal}\r\n").as_bytes());
            }
        },
        Job::RewriteConfig(path) => rewrite_config(shared, &path, output).await,
        Job::PurgeMemory => {
            R::purge_memory();
            output.extend_from_slice(b"+OK\r\n");
        }
        Job::Shutdown => {
            info!("User requested shutdown...");
            shared.stop();
            // No reply: the client sees the end of the connection, as from Redis.
            shared.engine.borrow_mut().sessions[client].closing =
                Some(crate::engine::session::Closing::AfterReply);
        }
    }
}

/// DEBUG SLEEP: nobody is served meanwhile.
async fn sleep<R: Runtime>(shared: &Shared<R>, duration: Duration) {
    let until = R::now() + duration;
    shared.frozen_until.set(until);
    R::sleep_until(until).await;
}

/// Listens where `bind` and `port` say, and no longer where they said before: a new address may overlap an old one, so those
/// are closed first.
async fn listen<R: Runtime>(shared: &Rc<Shared<R>>) -> io::Result<()> {
    while !shared.close_tcp() {
        R::sleep(Duration::from_millis(1)).await;
    }
    let listeners = listener::open_tcp::<R>(&shared.engine.borrow().config)?;
    shared.listen_on(listeners);
    Ok(())
}

/// The way back to addresses that were served before.
async fn return_to<R: Runtime>(shared: &Rc<Shared<R>>, bind: &[String], port: u16) {
    let (bind, port) = (bind.join(" "), port.to_string());
    let former: [(&[u8], &[u8]); 2] = [(b"bind", bind.as_bytes()), (b"port", port.as_bytes())];
    let restored = shared.engine.borrow_mut().config.set(&former, true);
    if restored.is_err() || listen(shared).await.is_err() {
        warn!("Failed to listen on the former addresses again.");
    }
}

/// CONFIG REWRITE: the new file takes the old one's place in one step, and only when it is whole and durable.
async fn rewrite_config<R: Runtime>(shared: &Shared<R>, path: &str, output: &mut Vec<u8>) {
    match try_rewrite::<R>(shared, Path::new(path)).await {
        Ok(()) => {
            info!("CONFIG REWRITE executed with success.");
            output.extend_from_slice(b"+OK\r\n");
        }
        Err(e) => {
            warn!("CONFIG REWRITE failed: {e}");
            output.extend_from_slice(format!("-ERR Rewriting config file: {e}\r\n").as_bytes());
        }
    }
}

async fn try_rewrite<R: Runtime>(shared: &Shared<R>, path: &Path) -> io::Result<()> {
    let old = match R::read_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        read => read?,
    };
    let new = shared.engine.borrow().config.rewrite(&old);
    let temporary = PathBuf::from(format!("{}.{:x}.tmp", path.display(), R::random()));
    let written = write_durably::<R>(&temporary, &new).await;
    if let Err(e) = written.and_then(|()| R::rename(&temporary, path)) {
        let _ = R::remove(&temporary);
        return Err(e);
    }
    let directory = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    R::sync_directory(directory).await
}

async fn write_durably<R: Runtime>(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = R::open(path, OpenMode::CreateNew)?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = file.append(rest)?;
        rest = &rest[written..];
    }
    file.sync().await
}
