//! Rewriting the append log: a snapshot of what is in memory becomes its base, and what was done since its increment.
//!
//! One task does all rewrites, one after the other. A rewrite that the policy gives up ends at its next step.

use std::io;
use std::path::PathBuf;
use std::rc::Rc;

use tracing::{info, warn};

use super::append::{execute, hand_in};
use super::log::Task;
use super::save;
use super::start;
use super::steps::{Files, perform};
use crate::engine::persistence::{Purpose, SaveHead};
use crate::node::shared::Shared;
use crate::node::{TICK_MAX, now};
use crate::persistence::aof::{BaseForm, Manifest, Rewrite};
use crate::runtime::{File, Runtime};

/// Does the rewrites that are wanted, until none is.
pub(super) async fn run<R: Runtime>(shared: Rc<Shared<R>>) {
    while let Some(task) = next(&shared) {
        let at = now::<R>();
        shared.engine.borrow_mut().note_rewrite_begun(at);
        let ended = rewrite(&shared, task).await;
        let was_abandoned = shared.log.borrow().is_abandoned;
        match &ended {
            Ok(_) => info!("Background AOF rewrite finished successfully"),
            Err(_) if was_abandoned => info!("The rewrite of the AOF was given up."),
            Err(e) => warn!("Background AOF rewrite terminated with error: {e}"),
        }
        tell(&shared, task, ended.ok(), was_abandoned);
        collect(&shared).await;
    }
}

fn next<R: Runtime>(shared: &Rc<Shared<R>>) -> Option<Task> {
    let mut log = shared.log.borrow_mut();
    log.is_abandoned = false;
    let task = log.wanted.take().filter(|_| !log.is_ending);
    log.has_rewriter = task.is_some();
    task
}

/// Tells engine and policy how it ended: with a base of so many bytes, or not at all.
fn tell<R: Runtime>(shared: &Rc<Shared<R>>, task: Task, base_bytes: Option<u64>, was_abandoned: bool) {
    let (mut engine, mut log) = (shared.engine.borrow_mut(), shared.log.borrow_mut());
    // One that was given up because the disk failed has failed: the log needs another.
    let has_failed = engine.append.policy.rewrite_kind() == Some(Rewrite::Fresh);
    let well = Some(base_bytes.is_some() && !was_abandoned).filter(|_| !was_abandoned || has_failed);
    engine.note_rewrite_ended(well, now::<R>());
    if task == Task::WhileOff || was_abandoned {
        return;
    }
    let result = base_bytes.ok_or(());
    engine.append.decide(|policy, out| policy.on_rewrite_ended(R::now(), result, out));
    execute(shared, &mut engine, &mut log);
}

async fn rewrite<R: Runtime>(shared: &Rc<Shared<R>>, task: Task) -> io::Result<u64> {
    let (directory, form) = {
        let config = &shared.engine.borrow().config;
        let form = if config.aof_use_rdb_preamble { BaseForm::Dump } else { BaseForm::Log };
        (PathBuf::from(&config.appenddirname), form)
    };
    wait_for_turn(shared).await?;
    let mut files = Files::new(&directory);
    let manifest = manifest(shared)?;
    let names = manifest.names.clone();
    match task {
        Task::Log(Rewrite::Beside) => perform(shared, &mut files, manifest.begin_rewrite()).await?,
        Task::Log(Rewrite::Fresh) => perform(shared, &mut files, manifest.begin_fresh()).await?,
        Task::WhileOff => R::create_directory(&directory)?,
    }
    let head = begin(shared, task, &files).await?;
    let temporary = names.temporary_base();
    let file = save::save_base(shared, &head, &files.path(&temporary), form).await?;
    let bytes = file.length()?;
    files.put(&temporary, Rc::new(file));
    let manifest = self::manifest(shared)?;
    let change = match task {
        Task::Log(Rewrite::Beside) => manifest.end_rewrite(form),
        Task::Log(Rewrite::Fresh) => {
            if let Some(file) = shared.log.borrow().file.clone() {
                files.put(&names.temporary_increment(), file);
            }
            manifest.end_fresh(form)
        }
        Task::WhileOff => manifest.end_rewrite_while_off(form),
    };
    perform(shared, &mut files, change).await?;
    Ok(bytes)
}

/// Saves and rewrites follow one another, and scripts are not cut in two.
async fn wait_for_turn<R: Runtime>(shared: &Rc<Shared<R>>) -> io::Result<()> {
    loop {
        given_up(shared)?;
        let is_busy = {
            let engine = shared.engine.borrow();
            // Half of a primary's snapshot is no data set.
            let is_loading = engine.persistence.loading().is_some();
            engine.persistence.is_saving() || engine.is_script_suspended() || is_loading
        };
        if !is_busy {
            return Ok(());
        }
        R::sleep(TICK_MAX).await;
    }
}

fn given_up<R: Runtime>(shared: &Rc<Shared<R>>) -> io::Result<()> {
    let log = shared.log.borrow();
    if log.is_abandoned || log.is_ending { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
}

/// What makes up the log. If it was off so far, nobody has looked yet.
fn manifest<R: Runtime>(shared: &Rc<Shared<R>>) -> io::Result<Manifest> {
    if let Some(manifest) = &shared.log.borrow().manifest {
        return Ok(manifest.clone());
    }
    let manifest = start::read_manifest::<R>(&shared.engine.borrow().config)?;
    shared.log.borrow_mut().manifest = Some(manifest.clone());
    Ok(manifest)
}

/// The snapshot begins, and in the same moment what is done goes to the new increment.
async fn begin<R: Runtime>(shared: &Rc<Shared<R>>, task: Task, files: &Files<R>) -> io::Result<SaveHead> {
    loop {
        wait_for_turn(shared).await?;
        let (mut engine, mut log) = (shared.engine.borrow_mut(), shared.log.borrow_mut());
        let at = now::<R>();
        hand_in(&mut engine, &mut log, at);
        execute(shared, &mut engine, &mut log);
        if log.is_abandoned {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if let Task::Log(kind) = task
            && engine.append.policy.rewrite_kind() != Some(kind)
        {
            return Err(io::Error::other("the state of the log has changed meanwhile"));
        }
        let Ok(head) = engine.begin_save(Purpose::Base, at) else { continue };
        if let Task::Log(kind) = task {
            log.next = opened(&log.manifest, kind).and_then(|name| files.get(&name));
            log.annotator = Default::default();
            engine.begin_rewritten_log(kind, at.mono);
            execute(shared, &mut engine, &mut log);
        }
        return Ok(head);
    }
}

/// The file that a rewrite of this kind has opened.
fn opened(manifest: &Option<Manifest>, kind: Rewrite) -> Option<String> {
    let manifest = manifest.as_ref()?;
    match kind {
        Rewrite::Beside => manifest.last_increment().map(|entry| entry.name.clone()),
        Rewrite::Fresh => Some(manifest.names.temporary_increment()),
    }
}

/// Removes what the log does not need any more.
pub(super) async fn collect<R: Runtime>(shared: &Rc<Shared<R>>) {
    let (directory, disabled) = {
        let config = &shared.engine.borrow().config;
        (PathBuf::from(&config.appenddirname), config.aof_disable_auto_gc)
    };
    let change = shared.log.borrow().manifest.as_ref().and_then(|manifest| manifest.collect(disabled));
    if let Some(change) = change
        && let Err(e) = perform(shared, &mut Files::new(&directory), change).await
    {
        warn!("Can't remove files of the append log that are not needed any more: {e}");
    }
}
