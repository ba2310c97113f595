//! Writing a dump file.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use tracing::{info, warn};

use super::append_all;
use crate::engine::persistence::{Purpose, SaveHead};
use crate::engine::{Engine, REDIS_VERSION};
use crate::keyspace::{Access, EntryRef, SnapshotStep};
use crate::node::shared::Shared;
use crate::node::{Faults, now};
use crate::persistence::aof::BaseForm;
use crate::persistence::rdb::{Options, Saver, Used};
use crate::runtime::{File, Now, OpenMode, Runtime};

/// Buckets between two looks at the clock.
const BUCKETS: usize = 16;
/// The longest that clients wait for a slice of the work.
const SLICE: Duration = Duration::from_micros(500);
/// However slow the clock (in a simulation it stands still meanwhile), no slice takes more steps.
const STEPS_MAX: usize = 64;
/// Bytes that are written at once, about.
const CHUNK_BYTES: usize = 128 * 1024;
/// With `rdb-save-incremental-fsync`, so many bytes are synced at once.
const SYNC_BYTES: usize = 4 << 20;

/// A file in the making.
struct Writing<R: Runtime> {
    file: R::File,
    saver: Saver,
    unsynced_bytes: usize,
    incremental: bool,
    faults: Faults,
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
    _form: BaseForm,
) -> io::Result<R::File> {
    let written = write_to(shared, head, path).await;
    end(shared, written.is_ok()).await;
    if written.is_err() {
        let _ = R::remove(path);
    }
    written
}

/// Tells the engine how a save has ended.
async fn end<R: Runtime>(shared: &Rc<Shared<R>>, well: bool) {
    if !well {
        shared.engine.borrow_mut().abort_failed_save();
        clear_away(shared).await;
    }
    shared.engine.borrow_mut().end_save(well, now::<R>());
}

/// What was held back for a save that has ended too early.
async fn clear_away<R: Runtime>(shared: &Rc<Shared<R>>) {
    while shared.engine.borrow_mut().save_step(BUCKETS * STEPS_MAX, |_, _| ()) != SnapshotStep::Done {
        R::yield_now().await;
    }
}

async fn write<R: Runtime>(shared: &Rc<Shared<R>>, head: &SaveHead) -> io::Result<()> {
    let path = PathBuf::from(&shared.engine.borrow().config.dbfilename);
    // Always the same name, so that crashes do not leave a row of files behind.
    let temporary = path.with_file_name(format!("temp-{}", path.display()));
    let written = write_to(shared, head, &temporary).await;
    if let Err(e) = written.and_then(|_| R::rename(&temporary, &path)) {
        let _ = R::remove(&temporary);
        return Err(e);
    }
    R::sync_directory(Path::new(".")).await
}

async fn write_to<R: Runtime>(shared: &Rc<Shared<R>>, head: &SaveHead, path: &Path) -> io::Result<R::File> {
    let mut writing = Writing::<R>::begin(&shared.engine.borrow(), head.purpose, path, shared.faults)?;
    writing.head(head);
    loop {
        let step = writing.slice(&mut shared.engine.borrow_mut(), head);
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
    fn begin(engine: &Engine, purpose: Purpose, path: &Path, faults: Faults) -> io::Result<Writing<R>> {
        let file = R::open(path, OpenMode::ReadWrite)?;
        file.set_length(0)?;
        let options = Options { compress: engine.config.rdbcompression, checksum: engine.config.rdbchecksum };
        let incremental = match purpose {
            Purpose::Dump => engine.config.rdb_save_incremental_fsync,
            Purpose::Base => engine.config.aof_rewrite_incremental_fsync,
        };
        Ok(Writing { file, saver: Saver::new(options), unsynced_bytes: 0, incremental, faults })
    }

    fn head(&mut self, head: &SaveHead) {
        self.saver.aux("redis-ver", REDIS_VERSION.as_bytes());
        self.saver.aux("redis-bits", usize::BITS.to_string().as_bytes());
        self.saver.aux("ctime", head.at.wall.seconds().to_string().as_bytes());
        self.saver.aux("used-mem", head.used_memory.to_string().as_bytes());
        self.saver.aux("aof-base", if head.purpose == Purpose::Base { b"1" } else { b"0" });
        head.libraries.iter().for_each(|library| self.saver.library(library));
    }

    /// As much as may be done before others have their turn.
    fn slice(&mut self, engine: &mut Engine, head: &SaveHead) -> SnapshotStep {
        let started = R::now();
        let (access, writes_use, at) = (engine.access(), engine.saves_use(), head.at);
        for _ in 0..STEPS_MAX {
            let step = engine.save_step(BUCKETS, |database, entry| {
                let (keys, volatile) = head.databases[database];
                self.saver.database(database, keys, volatile);
                let used = if writes_use { used(access, entry, at) } else { Used::Unknown };
                let expiry = entry.expiry().filter(|_| !self.faults.forget_expiry);
                self.saver.entry(entry.key(), entry.value(), expiry, used);
            });
            if step == SnapshotStep::Done
                || self.saver.buffered() >= CHUNK_BYTES
                || R::now() - started > SLICE
            {
                return step;
            }
        }
        SnapshotStep::More
    }

    /// Writes what has collected, if that is so much.
    async fn flush(&mut self, bytes: usize) -> io::Result<()> {
        if self.saver.buffered() < bytes {
            return Ok(());
        }
        let chunk = self.saver.take();
        append_all(&self.file, &chunk)?;
        self.unsynced_bytes += chunk.len();
        if self.incremental && self.unsynced_bytes >= SYNC_BYTES {
            self.unsynced_bytes = 0;
            self.file.sync().await?;
        }
        Ok(())
    }

    async fn end(mut self) -> io::Result<R::File> {
        self.saver.end();
        self.flush(0).await?;
        if let Some(header) = self.saver.final_header() {
            let mut rest: &[u8] = &header;
            while !rest.is_empty() {
                let at = header.len() - rest.len();
                rest = &rest[self.file.write_at(rest, at as u64)?..];
            }
        }
        self.file.sync().await?;
        Ok(self.file)
    }
}

/// What is known of a key's use, in the form in which files say it.
fn used(access: Access, entry: EntryRef<'_>, at: Now) -> Used {
    let now_ms = at.wall.millis();
    match access {
        Access::Lru => Used::IdleSeconds(access.idle_seconds(entry.clock(), now_ms).into()),
        Access::Lfu { .. } => Used::Frequency(access.frequency(entry.clock(), now_ms) as u8),
    }
}
