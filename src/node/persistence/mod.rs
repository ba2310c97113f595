//! The data set on disk: saving it, and loading it at the start.
//!
//! A save shows the data set as it was at one moment ([`Engine::begin_save`](crate::engine::Engine::begin_save)) and works in
//! slices, between which clients are served. The file is written under another name, synced, renamed, and its directory synced:
//! so there is always a whole file, the old one or the new one, and never half of one.

mod load;
mod save;

use std::io;
use std::rc::Rc;
use std::time::Duration;

use super::now;
use super::shared::Shared;
use crate::engine::persistence::SaveHead;
use crate::engine::{PauseScope, Shutdown};
use crate::runtime::{File, Runtime};

pub(super) use load::{Found, find, load};

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
        engine.begin_save(at)
    };
    if let Ok(head) = begun {
        save_in_background(shared, head);
    }
}

/// Saves before the end of the node, if that is wanted. False: it should not end.
pub(super) async fn save_at_end<R: Runtime>(shared: &Rc<Shared<R>>, how: Shutdown) -> bool {
    let wanted = how.save.unwrap_or(!shared.engine.borrow().config.save.0.is_empty());
    // Half a data set must not take the place of a whole one.
    if !wanted || shared.engine.borrow().persistence.loading().is_some() {
        return true;
    }
    tracing::info!("Saving the final RDB snapshot before exiting.");
    shared.engine.borrow_mut().abort_save();
    loop {
        let begun = {
            let mut engine = shared.engine.borrow_mut();
            let begun = engine.begin_save(now::<R>());
            if begun.is_ok() {
                // What is written from now on would be acknowledged and lost.
                engine.pause.start(PauseScope::Writes, R::now() + FOREVER, R::now());
            }
            begun
        };
        match begun {
            Ok(head) => return save::save(shared, head).await || how.force || stay(shared),
            // The one that was given up has yet to be cleared away, or a script to end.
            Err(_) => R::sleep(super::TICK_MAX).await,
        }
    }
}

/// The node does not end after all: writes may go on.
fn stay<R: Runtime>(shared: &Shared<R>) -> bool {
    let mut engine = shared.engine.borrow_mut();
    engine.pause.stop();
    engine.wake_all();
    drop(engine);
    shared.deliver();
    false
}

/// Appends all of it.
fn append_all(file: &impl File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.append(bytes)? {
            0 => return Err(io::ErrorKind::WriteZero.into()),
            written => bytes = &bytes[written..],
        }
    }
    Ok(())
}
