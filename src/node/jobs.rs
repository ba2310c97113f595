//! What a command asks the node to do: things that take time or reach outside.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tracing::{info, warn};

use super::shared::Shared;
use super::{listener, persistence, replication};
use crate::config::{Apply, Changed, SetError};
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
            shared.engine.borrow_mut().note_latency("command", duration, super::now::<R>());
            output.extend_from_slice(b"+OK\r\n");
        }
        Job::RewriteConfig(path) => rewrite_config(shared, &path, output).await,
        Job::Follow(primary) => {
            replication::primary_link::follow(shared, primary);
            output.extend_from_slice(b"+OK\r\n");
        }
        Job::Listen(changed) => listen_again(shared, changed, output).await,
        Job::PurgeMemory => {
            R::purge_memory();
            output.extend_from_slice(b"+OK\r\n");
        }
        Job::Several(jobs) => {
            for (job, rest) in jobs {
                Box::pin(run(shared, job, client, output)).await;
                output.extend_from_slice(&rest);
            }
        }
        Job::Save { head, waits: true } => {
            let saved = persistence::save(shared, *head).await;
            output.extend_from_slice(if saved { b"+OK\r\n" } else { b"-ERR\r\n" });
        }
        Job::Save { head, waits: false } => {
            persistence::save_in_background(shared, *head);
            output.extend_from_slice(b"+Background saving started\r\n");
        }
        Job::Shutdown(how) => {
            info!("User requested shutdown...");
            if !persistence::save_at_end(shared, how).await {
                output.extend_from_slice(b"-ERR Errors trying to SHUTDOWN. Check logs.\r\n");
                return;
            }
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

/// CONFIG SET of port or addresses: the old listeners go first, since the new ones may want the same addresses. If these
/// cannot be had, the parameters and the listeners are as before.
async fn listen_again<R: Runtime>(shared: &Rc<Shared<R>>, changed: Vec<Changed>, output: &mut Vec<u8>) {
    shared.stop_listening().await;
    if let Err(e) = open_again(shared) {
        warn!("Failed to listen as CONFIG SET asks: {e}");
        let undo: Vec<_> = changed.iter().map(|c| (c.name.as_bytes(), c.before.as_slice())).collect();
        // These values were in force a moment ago, so they are not refused.
        let _ = shared.engine.borrow_mut().config.set(&undo, true);
        if let Err(e) = open_again(shared) {
            warn!("Failed to listen as before: {e}");
        }
        output.extend_from_slice(format!("-{}\r\n", refusal(&changed)).as_bytes());
        return;
    }
    shared.engine.borrow_mut().config_changes.extend(changed);
    output.extend_from_slice(b"+OK\r\n");
}

fn open_again<R: Runtime>(shared: &Rc<Shared<R>>) -> io::Result<()> {
    let opened = listener::open_tcp::<R>(&shared.engine.borrow().config)?;
    shared.listen_on(opened);
    Ok(())
}

/// The first parameter that is about listeners is to blame, in Redis's words.
fn refusal(changed: &[Changed]) -> SetError {
    let name =
        changed.iter().find(|change| change.apply == Apply::Listeners).map_or("port", |change| change.name);
    let reason = match name {
        "bind" => "Failed to bind to specified addresses.",
        _ => "Unable to listen on this port. Check server logs.",
    };
    SetError::refused(name, reason)
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
