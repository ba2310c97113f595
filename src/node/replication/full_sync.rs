//! Makes the snapshots that replicas begin with: one for all that wait together.
//!
//! ```text
//! somebody waits ──delay, turn──► begin: one moment, one offset for all ──► pieces | file ──► next, if somebody waits
//! ```
//!
//! It is a save like any other ([`Purpose::Sync`]) but that its bytes go to the replicas: as they are made
//! (`repl-diskless-sync`), or by way of a file, which those may join who come while it is sent. When the last replica has gone,
//! it is given up.

use std::cell::RefCell;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tracing::{info, warn};

use super::transfer::Transfer;
use crate::engine::Engine;
use crate::engine::persistence::{Purpose, SaveHead};
use crate::engine::session::{Closing, SessionHandle};
use crate::keyspace::SnapshotStep;
use crate::node::persistence::{self, Snapshot};
use crate::node::shared::Shared;
use crate::node::{TICK_MAX, now};
use crate::persistence::aof::BaseForm;
use crate::replication::{Parts, Stage};
use crate::runtime::{File, Runtime};

/// A piece of at least so many bytes is worth being sent.
const PIECE_BYTES: usize = 64 * 1024;
/// The mark behind a snapshot whose length is not known before.
const MARK_BYTES: usize = 40;

/// A snapshot that has begun.
struct Begun<R: Runtime> {
    head: SaveHead,
    transfer: Rc<RefCell<Transfer<R>>>,
    is_streamed: bool,
}

/// A replica has come that waits for a snapshot.
pub(super) fn ask<R: Runtime>(shared: &Rc<Shared<R>>, client: SessionHandle) {
    if join(shared, client) {
        return;
    }
    let mut syncs = shared.syncs.borrow_mut();
    if !std::mem::replace(&mut syncs.is_making, true) {
        R::spawn(run(shared.clone()));
    }
}

/// Lets a replica take the file that others are being sent: what was written since it was begun is still there.
fn join<R: Runtime>(shared: &Rc<Shared<R>>, client: SessionHandle) -> bool {
    let (mut engine, mut syncs) = (shared.engine.borrow_mut(), shared.syncs.borrow_mut());
    let Some(last) = syncs.last_file.clone() else { return false };
    let mut transfer = last.borrow_mut();
    let loads = |client: &SessionHandle| {
        let stage = engine.replication.replicas.get(client).map(|replica| replica.stage);
        stage == Some(Stage::Loading { offset: transfer.offset })
    };
    let is_wanted = engine.replication.replicas.get(&client).is_some_and(|r| r.parts == transfer.parts);
    if transfer.has_failed || !is_wanted || !transfer.takers().iter().any(loads) {
        return false;
    }
    transfer.join(client);
    announce::<R>(&mut engine, client, transfer.offset);
    if let Some(length) = transfer.length() {
        announce_length(&mut engine, client, length);
    }
    syncs.of.insert(client, last.clone());
    true
}

/// Runs as long as somebody waits.
async fn run<R: Runtime>(shared: Rc<Shared<R>>) {
    while let Some(due) = next_is_due(&shared) {
        match due.is_zero().then(|| begin(&shared)).flatten() {
            Some(begun) => make(&shared, begun).await,
            None => R::sleep(due.clamp(Duration::from_millis(1), TICK_MAX)).await,
        }
    }
}

/// How long it takes until the next snapshot is due; `None`, and the task is over, if nobody waits for one.
fn next_is_due<R: Runtime>(shared: &Rc<Shared<R>>) -> Option<Duration> {
    let engine = shared.engine.borrow();
    let waiting = engine.waiting_replicas();
    let Some((since, parts, replicas)) = waiting else {
        shared.syncs.borrow_mut().is_making = false;
        return None;
    };
    let is_busy = engine.persistence.is_saving()
        || engine.is_script_suspended()
        || engine.persistence.loading().is_some();
    if is_busy {
        return Some(TICK_MAX);
    }
    let config = &engine.config;
    let enough = config.repl_diskless_sync_max_replicas as usize;
    if !is_streamed(&engine, parts, &replicas) || enough > 0 && replicas.len() >= enough {
        return Some(Duration::ZERO);
    }
    let delay = Duration::from_secs(config.repl_diskless_sync_delay_seconds.into());
    Some(delay.saturating_sub(R::now() - since))
}

/// Whether a snapshot goes without a file.
fn is_streamed(engine: &Engine, parts: Parts, replicas: &[SessionHandle]) -> bool {
    let takes = |client: &SessionHandle| engine.replication.replicas[client].capabilities.eof;
    (engine.config.repl_diskless_sync || !parts.is_all()) && replicas.iter().all(takes)
}

/// All that was done is in the history, and the snapshot is of just this moment.
fn begin<R: Runtime>(shared: &Rc<Shared<R>>) -> Option<Begun<R>> {
    persistence::settle(shared);
    let mut engine = shared.engine.borrow_mut();
    debug_assert!(engine.effects.is_empty(), "what was done has been handed over");
    let (_, parts, replicas) = engine.waiting_replicas()?;
    let head = engine.begin_save(Purpose::Sync, now::<R>()).ok()?;
    if !engine.replication.faults.forgets_select {
        engine.effects.select_again();
    }
    let is_streamed = is_streamed(&engine, parts, &replicas);
    let offset = engine.replication.history.offset();
    info!(
        "Starting a snapshot for {} replica(s), {}",
        replicas.len(),
        if is_streamed { "sent as it is made" } else { "by way of a file" }
    );
    let transfer = Rc::new(RefCell::new(Transfer::new(offset, parts, is_streamed, &replicas)));
    let mut syncs = shared.syncs.borrow_mut();
    for client in replicas {
        announce::<R>(&mut engine, client, offset);
        syncs.of.insert(client, transfer.clone());
        shared.wake(client);
    }
    syncs.last_file = (!is_streamed).then(|| transfer.clone());
    engine.look_at_replicas(R::now());
    Some(Begun { head, transfer, is_streamed })
}

/// Tells a replica that it begins anew, at this offset.
fn announce<R: Runtime>(engine: &mut Engine, client: SessionHandle, offset: u64) {
    let id = engine.replication.history.id();
    let Some(replica) = engine.replication.replicas.get_mut(&client) else { return };
    replica.loads(offset, R::now());
    if !replica.is_old {
        let line = format!("+FULLRESYNC {id} {offset}\r\n");
        engine.sessions[client].outbox.extend_from_slice(line.as_bytes());
    }
}

fn announce_length(engine: &mut Engine, client: SessionHandle, length: u64) {
    engine.sessions[client].outbox.extend_from_slice(format!("${length}\r\n").as_bytes());
}

/// Brings a snapshot to its end, as far as its maker is concerned.
async fn make<R: Runtime>(shared: &Rc<Shared<R>>, begun: Begun<R>) {
    let Begun { head, transfer, is_streamed } = begun;
    let made = match is_streamed {
        true => stream(shared, head, &transfer).await,
        false => write(shared, head, &transfer).await,
    };
    if let Err(e) = &made {
        match e.kind() {
            io::ErrorKind::Interrupted => info!("The snapshot for replicas was given up."),
            _ => warn!("Error making a snapshot for replicas: {e}"),
        }
        transfer.borrow_mut().has_failed = true;
        let mut engine = shared.engine.borrow_mut();
        for client in transfer.borrow().takers() {
            engine.close_session(client, Closing::Now);
        }
    }
    persistence::end_snapshot(shared, made.is_ok()).await;
    shared.deliver();
}

fn given_up<R: Runtime>(shared: &Rc<Shared<R>>, transfer: &RefCell<Transfer<R>>) -> io::Result<()> {
    let is_aborted = shared.engine.borrow().persistence.is_aborted();
    if is_aborted || transfer.borrow().takers().is_empty() {
        return Err(io::ErrorKind::Interrupted.into());
    }
    Ok(())
}

/// The replicas are sent what there is.
fn wake_takers<R: Runtime>(shared: &Rc<Shared<R>>, transfer: &RefCell<Transfer<R>>) {
    transfer.borrow().takers().into_iter().for_each(|client| shared.wake(client));
}

fn mark<R: Runtime>() -> Vec<u8> {
    let digits: String = (0..3).map(|_| format!("{:016x}", R::random())).collect();
    digits.as_bytes()[..MARK_BYTES].to_vec()
}

/// Makes a snapshot piece by piece, as fast as the slowest takes them.
async fn stream<R: Runtime>(
    shared: &Rc<Shared<R>>,
    head: SaveHead,
    transfer: &Rc<RefCell<Transfer<R>>>,
) -> io::Result<()> {
    let mark = mark::<R>();
    transfer.borrow_mut().push([b"$EOF:", &mark[..], b"\r\n"].concat());
    let parts = transfer.borrow().parts;
    let mut snapshot = Snapshot::begin(BaseForm::Dump, &shared.engine.borrow(), head, parts, shared.faults);
    loop {
        given_up(shared, transfer)?;
        if snapshot.slice::<R>(&mut shared.engine.borrow_mut()) == SnapshotStep::Done {
            break;
        }
        if snapshot.buffered() >= PIECE_BYTES {
            transfer.borrow_mut().push(snapshot.take());
            wake_takers(shared, transfer);
        }
        wait_for_room(shared, transfer).await?;
        R::yield_now().await;
    }
    snapshot.end_as_it_is();
    transfer.borrow_mut().end_with(snapshot.take(), mark);
    wake_takers(shared, transfer);
    given_up(shared, transfer)
}

/// Waits until the slowest has taken enough, or nobody wants any more.
async fn wait_for_room<R: Runtime>(
    shared: &Rc<Shared<R>>,
    transfer: &Rc<RefCell<Transfer<R>>>,
) -> io::Result<()> {
    loop {
        let room = std::future::poll_fn(|cx| transfer.borrow_mut().poll_room(cx));
        if R::timeout(TICK_MAX, room).await.is_ok() {
            return Ok(());
        }
        given_up(shared, transfer)?;
    }
}

/// Makes a snapshot in a file. Its name is of no use: when it is whole, or after a crash, it may go.
async fn write<R: Runtime>(
    shared: &Rc<Shared<R>>,
    head: SaveHead,
    transfer: &Rc<RefCell<Transfer<R>>>,
) -> io::Result<()> {
    let path = PathBuf::from(format!("temp-sync-{}", shared.engine.borrow().config.dbfilename));
    let parts = transfer.borrow().parts;
    let written = persistence::write_parts(shared, &head, &path, BaseForm::Dump, parts).await;
    let removed = R::remove(&path);
    let file = written?;
    removed?;
    given_up(shared, transfer)?;
    let length = file.length()?;
    let takers = transfer.borrow().takers();
    transfer.borrow_mut().end_in_file(file, length);
    let mut engine = shared.engine.borrow_mut();
    takers.iter().for_each(|client| announce_length(&mut engine, *client, length));
    drop(engine);
    wake_takers(shared, transfer);
    Ok(())
}
