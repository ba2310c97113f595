//! Writing a dump file.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tracing::{info, warn};

use super::behind::Behind;
use super::snapshot::{Snapshot, WAITING_BYTES_MAX, clear_slice};
use crate::engine::Engine;
use crate::engine::persistence::{Purpose, SaveHead};
use crate::keyspace::SnapshotStep;
use crate::node::now;
use crate::node::shared::Shared;
use crate::persistence::aof::BaseForm;
use crate::replication::Parts;
use crate::runtime::{File, OpenMode, Runtime};

/// Bytes that are written at once, about.
const CHUNK_BYTES: usize = 128 * 1024;
/// A file in the making.
struct Writing<R: Runtime> {
    file: Behind<R>,
    snapshot: Snapshot,
}

/// Brings a save to its end, and tells the engine how it ended.
pub(super) async fn save<R: Runtime>(shared: &Rc<Shared<R>>, head: SaveHead) -> bool {
    let started = R::now();
    let written = write(shared, &head).await;
    let aborted = shared.engine.borrow().persistence.is_aborted();
    match &written {
        Ok(()) => info!("DB saved on disk in {:.3} seconds", (R::now() - started).as_secs_f64()),
        Err(_) if aborted => info!("The save under way was given up."),
        Err(e) => warn!("Error saving the data set: {e}"),
    }
    end(shared, written.is_ok()).await;
    written.is_ok()
}

/// Saves the base of an append log as this file, which is synced. Its handle; its name is the caller's concern.
pub(super) async fn save_base<R: Runtime>(
    shared: &Rc<Shared<R>>,
    head: &SaveHead,
    path: &Path,
    form: BaseForm,
) -> io::Result<R::File> {
    let written = write_to(shared, head, path, form).await;
    end(shared, written.is_ok()).await;
    if written.is_err() {
        let _ = R::remove(path);
    }
    written
}

/// Tells the engine how a save has ended.
pub(in crate::node) async fn end<R: Runtime>(shared: &Rc<Shared<R>>, well: bool) {
    if !well {
        shared.engine.borrow_mut().abort_failed_save();
        clear_away(shared).await;
    }
    shared.engine.borrow_mut().end_save(well, now::<R>());
}

/// What was held back for a save that has ended too early.
async fn clear_away<R: Runtime>(shared: &Rc<Shared<R>>) {
    while clear_slice(&mut shared.engine.borrow_mut()) != SnapshotStep::Done {
        R::yield_now().await;
    }
}

async fn write<R: Runtime>(shared: &Rc<Shared<R>>, head: &SaveHead) -> io::Result<()> {
    let path = PathBuf::from(&shared.engine.borrow().config.dbfilename);
    // Always the same name, so that crashes do not leave a row of files behind.
    let temporary = path.with_file_name(format!("temp-{}", path.display()));
    let written = write_to(shared, head, &temporary, BaseForm::Dump).await;
    if let Err(e) = written.and_then(|_| R::rename(&temporary, &path)) {
        let _ = R::remove(&temporary);
        return Err(e);
    }
    R::sync_directory(Path::new(".")).await
}

async fn write_to<R: Runtime>(
    shared: &Rc<Shared<R>>,
    head: &SaveHead,
    path: &Path,
    form: BaseForm,
) -> io::Result<R::File> {
    write_parts(shared, head, path, form, Parts::ALL).await
}

/// Writes what was begun into a file, which is synced.
pub(in crate::node) async fn write_parts<R: Runtime>(
    shared: &Rc<Shared<R>>,
    head: &SaveHead,
    path: &Path,
    form: BaseForm,
    parts: Parts,
) -> io::Result<R::File> {
    let snapshot = Snapshot::begin(form, &shared.engine.borrow(), head.clone(), parts, shared.faults);
    let mut writing = Writing::<R>::begin(&shared.engine.borrow(), head.purpose, path, snapshot)?;
    loop {
        let step = writing.snapshot.slice::<R>(&mut shared.engine.borrow_mut());
        if shared.engine.borrow().persistence.is_aborted() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        writing.flush(CHUNK_BYTES).await?;
        if step == SnapshotStep::Done {
            return writing.end().await;
        }
        R::yield_now().await;
    }
}

impl<R: Runtime> Writing<R> {
    fn begin(engine: &Engine, purpose: Purpose, path: &Path, snapshot: Snapshot) -> io::Result<Writing<R>> {
        let file = R::open(path, OpenMode::ReadWrite)?;
        file.set_length(0)?;
        let incremental = match purpose {
            Purpose::Dump | Purpose::Sync => engine.config.rdb_save_incremental_fsync,
            Purpose::Base => engine.config.aof_rewrite_incremental_fsync,
        };
        Ok(Writing { file: Behind::new(file, incremental), snapshot })
    }

    /// Writes what has collected, if that is so much, and the file is free.
    async fn flush(&mut self, bytes: usize) -> io::Result<()> {
        let waiting = self.snapshot.buffered();
        if waiting < bytes || waiting < WAITING_BYTES_MAX && !self.file.is_free().await? {
            return Ok(());
        }
        self.file.write(self.snapshot.take()).await
    }

    async fn end(mut self) -> io::Result<R::File> {
        let header = self.snapshot.end();
        self.file.write(self.snapshot.take()).await?;
        let file = self.file.end().await?;
        if let Some(header) = header {
            let mut rest: &[u8] = &header;
            while !rest.is_empty() {
                let at = header.len() - rest.len();
                rest = &rest[file.write_at(rest, at as u64)?..];
            }
        }
        file.sync().await?;
        Ok(file)
    }
}
