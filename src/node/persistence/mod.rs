//! The data set on disk: saving it, and loading it at the start.
//!
//! A save shows the data set as it was at one moment ([`Engine::begin_save`](crate::engine::Engine::begin_save)) and works in
//! slices, between which clients are served. The file is written under another name, synced, renamed, and its directory synced:
//! so there is always a whole file, the old one or the new one, and never half of one.

mod append;
mod behind;
mod form;
mod held;
mod load;
mod log;
mod replay;
mod rewrite;
mod save;
mod snapshot;
mod start;
mod steps;

use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::now;
use super::shared::Shared;
use crate::engine::persistence::{Purpose, SaveHead};
use crate::engine::{Engine, PauseScope, Shutdown};
use crate::runtime::Runtime;

pub(super) use append::{leave_log, renew_log, settle, tick, wake_replicas};
pub(super) use behind::Behind;
pub(super) use load::Intake;
pub(super) use log::{Gate, Log};
pub(super) use save::{end as end_snapshot, write_parts};
pub(super) use snapshot::Snapshot;
pub(super) use start::{Plan, bring_up, find};

/// Longer than any save at the end lasts.
const FOREVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Brings a save that has begun to its end. Whether it is durable.
pub(super) async fn save<R: Runtime>(shared: &Rc<Shared<R>>, head: SaveHead) -> bool {
    save::save(shared, head).await
}

/// Begins a save and goes on with it beside everything else.
pub(super) fn save_in_background<R: Runtime>(shared: &Rc<Shared<R>>, head: SaveHead) {
    let shared = shared.clone();
    R::spawn(async move {
        save::save(&shared, head).await;
    });
}

/// Saves by itself if it is time.
pub(super) fn save_if_due<R: Runtime>(shared: &Rc<Shared<R>>) {
    let begun = {
        let mut engine = shared.engine.borrow_mut();
        let at = now::<R>();
        if !engine.save_is_due(at) {
            return;
        }
        tracing::info!("{} changes. Saving...", engine.unsaved_changes());
        engine.begin_save(Purpose::Dump, at)
    };
    if let Ok(head) = begun {
        save_in_background(shared, head);
    }
}

/// Saves before the end of the node, if that is wanted, and brings the append log to its end. False: it should not end.
pub(super) async fn save_at_end<R: Runtime>(shared: &Rc<Shared<R>>, how: Shutdown) -> bool {
    let wanted = how.save.unwrap_or(!shared.engine.borrow().config.save.0.is_empty());
    // Half a data set must not take the place of a whole one.
    if shared.engine.borrow().persistence.loading().is_some() {
        return true;
    }
    let is_first_rewrite = {
        let append = &shared.engine.borrow().append;
        append.rewriting().is_some() && append.policy.is_beginning()
    };
    if is_first_rewrite && !how.force {
        tracing::warn!("Writing initial AOF, can't exit");
        return false;
    }
    if wanted {
        tracing::info!("Saving the final RDB snapshot before exiting.");
        shared.log.borrow_mut().is_ending = true;
        shared.engine.borrow_mut().abort_save();
        if !(final_save(shared).await || how.force) {
            return stay(shared);
        }
    } else {
        hold_writes::<R>(&mut shared.engine.borrow_mut());
    }
    append::finish(shared).await;
    true
}

/// What is written from now on would be acknowledged and lost.
fn hold_writes<R: Runtime>(engine: &mut Engine) {
    engine.pause.start(PauseScope::Writes, R::now() + FOREVER, R::now());
}

async fn final_save<R: Runtime>(shared: &Rc<Shared<R>>) -> bool {
    loop {
        let begun = {
            let mut engine = shared.engine.borrow_mut();
            let begun = engine.begin_save(Purpose::Dump, now::<R>());
            if begun.is_ok() {
                hold_writes::<R>(&mut engine);
            }
            begun
        };
        match begun {
            Ok(head) => return save::save(shared, head).await,
            // The one that was given up has yet to be cleared away, or a script to end.
            Err(_) => R::sleep(super::TICK_MAX).await,
        }
    }
}

/// The node does not end after all: writes may go on.
fn stay<R: Runtime>(shared: &Shared<R>) -> bool {
    shared.log.borrow_mut().is_ending = false;
    let mut engine = shared.engine.borrow_mut();
    engine.pause.stop();
    engine.wake_all();
    drop(engine);
    shared.deliver();
    false
}

/// What the operating system says, in its own words: as Redis shows it.
fn error_text(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error ").next().unwrap_or(&text).to_owned()
}
