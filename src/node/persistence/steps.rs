//! Executes the steps by which one manifest becomes the next. A step that fails ends it; the manifest that is then in force is
//! what [`Change::failed`](crate::persistence::aof::Change::failed) says.

use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::save;
use crate::engine::persistence::Purpose;
use crate::node::now;
use crate::node::shared::Shared;
use crate::persistence::aof::{BaseForm, Change, Step};
use crate::runtime::{File, OpenMode, Runtime, append_all};

/// Files of a log's directory that the steps so far have opened. They are synced by the handles that wrote them: only these
/// are sure to hear of a failed write-back.
pub(super) struct Files<R: Runtime> {
    directory: PathBuf,
    open: Vec<(String, Rc<R::File>)>,
}

impl<R: Runtime> Files<R> {
    pub fn new(directory: &Path) -> Files<R> {
        Files { directory: directory.to_owned(), open: Vec::new() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// The handle by which this file was written.
    pub fn get(&self, name: &str) -> Option<Rc<R::File>> {
        self.open.iter().rev().find(|(open, _)| open == name).map(|(_, file)| file.clone())
    }

    /// This is the handle by which a file was written.
    pub fn put(&mut self, name: &str, file: Rc<R::File>) {
        self.open.push((name.to_owned(), file));
    }

    async fn create(&mut self, name: &str) -> io::Result<Rc<R::File>> {
        let file = Rc::new(R::open(&self.path(name), OpenMode::ReadWrite)?);
        if file.length()? > 0 {
            // What a crash has left, under a name that no manifest has. It must not come back when one has it.
            file.set_length(0)?;
            file.sync().await?;
        }
        self.put(name, file.clone());
        Ok(file)
    }

    async fn execute(&mut self, step: &Step) -> io::Result<()> {
        let here = Path::new(".");
        match step {
            Step::CreateDirectory => {
                R::create_directory(&self.directory)?;
                R::sync_directory(here).await
            }
            Step::Create(name) => self.create(name).await.map(drop),
            Step::SaveBase(..) => Err(io::ErrorKind::Unsupported.into()),
            Step::Sync(name) => match self.get(name) {
                Some(file) => file.sync().await,
                None => R::open(&self.path(name), OpenMode::ReadWrite)?.sync().await,
            },
            Step::Write(name, bytes) => append_all(&*self.create(name).await?, bytes),
            Step::Rename(from, to) => R::rename(&self.path(from), &self.path(to)),
            Step::MoveIn(name) => R::rename(Path::new(name), &self.path(name)),
            Step::SyncDirectory => R::sync_directory(&self.directory).await,
            Step::SyncDirectoryAbove => R::sync_directory(here).await,
            Step::Remove(name) => match R::remove(&self.path(name)) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            },
        }
    }
}

/// Executes a change, and puts the manifest in force that there is afterwards. An error: which step failed, and why.
pub(super) async fn perform<R: Runtime>(
    shared: &Rc<Shared<R>>,
    files: &mut Files<R>,
    change: Change,
) -> io::Result<()> {
    for (at, step) in change.steps.iter().enumerate() {
        let Err(e) = perform_step(shared, files, step).await else { continue };
        let (manifest, tidy) = change.failed(at);
        shared.log.borrow_mut().manifest = Some(manifest);
        for step in &tidy {
            // What cannot be removed now is removed at the next start.
            let _ = files.execute(step).await;
        }
        return Err(e);
    }
    shared.log.borrow_mut().manifest = Some(change.after);
    Ok(())
}

async fn perform_step<R: Runtime>(
    shared: &Rc<Shared<R>>,
    files: &mut Files<R>,
    step: &Step,
) -> io::Result<()> {
    if shared.log.borrow().is_abandoned {
        return Err(io::ErrorKind::Interrupted.into());
    }
    match step {
        Step::SaveBase(name, form) => save_base(shared, files, name, *form).await,
        step => files.execute(step).await,
    }
}

/// The data set as it is now, before the node serves.
async fn save_base<R: Runtime>(
    shared: &Rc<Shared<R>>,
    files: &mut Files<R>,
    name: &str,
    form: BaseForm,
) -> io::Result<()> {
    let begun = shared.engine.borrow_mut().begin_save(Purpose::Base, now::<R>());
    // Nobody else saves before the node serves.
    let head = begun.map_err(|_| io::Error::from(io::ErrorKind::ResourceBusy))?;
    let file = save::save_base(shared, &head, &files.path(name), form).await?;
    files.put(name, Rc::new(file));
    Ok(())
}
