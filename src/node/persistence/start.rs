//! What is loaded at the start, and in which state it leaves the files.
//!
//! ```text
//! appendonly no    the dump file, if there is one
//! appendonly yes   the log that the manifest names
//!                  else the single file of a log of before Redis 7, which becomes the base of a new one
//!                  else the dump file, which becomes the base of a new log (Redis would start empty)
//!                  else nothing: an empty base
//! ```
//!
//! The node serves when all of it is loaded and the log is open. Data that is there and cannot be read ends it: starting
//! without it would be losing it.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tracing::info;

use super::load::{self, Found};
use super::replay::{self, Files as Logs};
use super::rewrite;
use super::steps::{Files, perform};
use crate::config::Config;
use crate::engine::Engine;
use crate::node::now;
use crate::node::shared::Shared;
use crate::persistence::aof::{BaseForm, Manifest, Names};
use crate::runtime::{File, OpenMode, Runtime};

/// What has to be done before the node serves.
pub(in crate::node) enum Plan<R: Runtime> {
    /// A dump file is to be loaded.
    Dump(Found<R>),
    /// The append log is to be opened.
    Log(FoundLog<R>),
}

/// What there is of an append log.
pub(in crate::node) struct FoundLog<R: Runtime> {
    directory: PathBuf,
    listing: Vec<String>,
    manifest: Manifest,
    /// The single file of an old log is to be taken over.
    upgrades: bool,
    /// There is no log, but this.
    dump: Option<Found<R>>,
}

/// Looks at the files. If there is something to do, the node says from now on that it is loading.
pub(in crate::node) fn find<R: Runtime>(engine: &mut Engine) -> io::Result<Option<Plan<R>>> {
    if !engine.config.appendonly {
        let found = load::find(engine)?;
        if let Some(found) = &found {
            engine.begin_load(found.bytes, now::<R>());
        }
        return Ok(found.map(Plan::Dump));
    }
    let directory = PathBuf::from(&engine.config.appenddirname);
    let manifest = read_manifest::<R>(&engine.config)?;
    let listing = list::<R>(&directory)?;
    let has_moved = listing.contains(&manifest.names.file);
    let is_there = R::open(Path::new(&manifest.names.file), OpenMode::Read).is_ok();
    let upgrades = manifest.needs_upgrade(is_there, has_moved);
    let mut dump = None;
    if manifest.is_empty() && !upgrades {
        refuse_orphans::<R>(&directory, &manifest.names, &listing)?;
        dump = load::find(engine)?;
    }
    engine.begin_load(dump.as_ref().map_or(0, |found| found.bytes), now::<R>());
    Ok(Some(Plan::Log(FoundLog { directory, listing, manifest, upgrades, dump })))
}

/// The manifest on disk; that of no files if there is none.
pub(super) fn read_manifest<R: Runtime>(config: &Config) -> io::Result<Manifest> {
    let names = Names { file: config.appendfilename.clone() };
    let path = Path::new(&config.appenddirname).join(names.manifest());
    match R::read_file(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Manifest::empty(names)),
        Err(e) => Err(io::Error::new(e.kind(), format!("Can't read {}: {e}", path.display()))),
        Ok(text) => Manifest::parse(names, &text)
            .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("{}: {e}", path.display()))),
    }
}

fn list<R: Runtime>(directory: &Path) -> io::Result<Vec<String>> {
    match R::list(directory) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        listed => listed,
    }
}

/// Increments that hold something are of a log whose manifest was lost: a log that is being made has an empty one.
fn refuse_orphans<R: Runtime>(directory: &Path, names: &Names, listing: &[String]) -> io::Result<()> {
    for name in listing.iter().filter(|name| name.ends_with(".incr.aof") && names.sequence(name).is_some()) {
        let bytes = R::open(&directory.join(name), OpenMode::Read)?.length()?;
        if bytes > 0 {
            let (directory, manifest) = (directory.display(), names.manifest());
            let text = format!(
                "{directory} holds {name} with {bytes} bytes, but {manifest} is missing. Not starting, lest data be lost: \
                 restore the manifest, or move the directory away."
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
    }
    Ok(())
}

/// Does it. An error: the node must not serve.
pub(in crate::node) async fn bring_up<R: Runtime>(shared: &Rc<Shared<R>>, plan: Plan<R>) -> io::Result<()> {
    match plan {
        Plan::Dump(found) => load::load(shared, &found).await?,
        Plan::Log(found) => open_log(shared, found).await?,
    }
    let (mut engine, at) = (shared.engine.borrow_mut(), now::<R>());
    engine.end_load(at);
    engine.take_up_loaded_history();
    // CONFIG SET may have changed them meanwhile.
    engine.log_settings_changed(at.mono);
    Ok(())
}

async fn open_log<R: Runtime>(shared: &Rc<Shared<R>>, found: FoundLog<R>) -> io::Result<()> {
    let FoundLog { directory, listing, manifest, upgrades, dump } = found;
    let about = |e: io::Error| io::Error::new(e.kind(), format!("Can't open the append log: {e}"));
    let mut files = Files::new(&directory);
    let (names, is_new) = (manifest.names.clone(), manifest.is_empty() && !upgrades);
    for name in names.leftovers(&listing) {
        R::remove(&directory.join(name)).map_err(about)?;
    }
    shared.log.borrow_mut().manifest = Some(manifest.clone());
    if upgrades {
        info!("Taking {} over as the base of an append log of several files", names.file);
        perform(shared, &mut files, manifest.upgrade()).await.map_err(about)?;
    }
    if is_new {
        if let Some(dump) = &dump {
            load::load(shared, dump).await?;
        }
        let has_preamble = shared.engine.borrow().config.aof_use_rdb_preamble;
        let form = if has_preamble { BaseForm::Dump } else { BaseForm::Log };
        perform(shared, &mut files, Manifest::first(names, form, &listing)).await.map_err(about)?;
    } else {
        load_log(shared, &directory).await?;
    }
    open_increment(shared, &mut files).await.map_err(about)?;
    rewrite::collect(shared).await;
    Ok(())
}

/// Loads what the manifest names. What was read may be in the page cache only, and so may the names be by which it was found:
/// all is made durable, as clients will see it and add to it.
async fn load_log<R: Runtime>(shared: &Rc<Shared<R>>, directory: &Path) -> io::Result<()> {
    let manifest = shared.log.borrow().manifest.clone();
    // The caller has set it.
    let Some(manifest) = manifest else { return Ok(()) };
    let logs = Logs::<R>::open(directory, &manifest)?;
    shared.engine.borrow_mut().begin_load(logs.bytes(), now::<R>());
    replay::load(shared, &logs).await?;
    logs.sync().await?;
    R::sync_directory(directory).await?;
    R::sync_directory(Path::new(".")).await
}

/// Opens the increment that is written to, and turns the log on.
async fn open_increment<R: Runtime>(shared: &Rc<Shared<R>>, files: &mut Files<R>) -> io::Result<()> {
    let change = shared.log.borrow().manifest.as_ref().and_then(Manifest::open);
    if let Some(change) = change {
        perform(shared, files, change).await?;
    }
    let mut log = shared.log.borrow_mut();
    let Some(manifest) = &log.manifest else { return Ok(()) };
    let length = |name: &str| R::open(&files.path(name), OpenMode::Read)?.length();
    let base_bytes = manifest.base.as_ref().map_or(Ok(0), |base| length(&base.name))?;
    let mut bytes = base_bytes;
    for entry in &manifest.increments {
        bytes += length(&entry.name)?;
    }
    // `open` has made one if there was none.
    let last = manifest.last_increment().map(|entry| files.path(&entry.name));
    let last = last.ok_or(io::ErrorKind::NotFound)?;
    log.file = Some(Rc::new(R::open(&last, OpenMode::ReadWrite)?));
    shared.engine.borrow_mut().begin_log(base_bytes, bytes, R::now());
    Ok(())
}
