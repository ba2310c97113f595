//! The append log as the node holds it: effects that are not written yet, the open files, and who waits for an acknowledgement.
//!
//! What happens to it is decided elsewhere ([`AppendLog`]) and done by [`super::append`]; this is what both work with.

use std::collections::VecDeque;
use std::io;
use std::rc::Rc;

use tracing::warn;

use super::error_text;
use super::held::Held;
use crate::engine::session::SessionHandle;
use crate::persistence::aof::{Annotator, AppendLog, Manifest, Rewrite, Written};
use crate::runtime::{File, Runtime};

/// So much is written at once of what has collected; then others have their turn. Writing to the page cache takes a quarter of
/// a millisecond for it.
const PORTION_BYTES: usize = 128 * 1024;

/// How far the log is: what replies have to wait for.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::node) struct Gate {
    /// The end of all effects: what a reply made now waits for.
    pub accepted: u64,
    /// Replies that wait for this or less may leave.
    pub acknowledged: u64,
}

impl Gate {
    pub fn of(policy: &AppendLog) -> Gate {
        Gate { accepted: policy.accepted(), acknowledged: policy.acknowledged() }
    }

    /// No reply has to wait.
    #[inline]
    pub fn is_open(self) -> bool {
        self.acknowledged >= self.accepted
    }
}

/// A rewrite that is to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Task {
    /// Of the log in force.
    Log(Rewrite),
    /// There is none: only its base is made.
    WhileOff,
}

/// See the module.
pub(in crate::node) struct Log<R: Runtime> {
    /// Which files make it up, once that is known.
    pub(super) manifest: Option<Manifest>,
    /// The one that is written to.
    pub(super) file: Option<Rc<R::File>>,
    /// The one that a rewrite has opened to be written to next.
    pub(super) next: Option<Rc<R::File>>,
    /// Effects that are not written yet.
    pub(super) held: Held,
    /// While they are written in portions, the bytes that came since the last one.
    pub(super) fresh_bytes: Option<usize>,
    pub(super) annotator: Annotator,
    /// The next rewrite.
    pub(super) wanted: Option<Task>,
    /// There is a task that does rewrites.
    pub(super) has_rewriter: bool,
    /// The rewrite under way is of no use any more.
    pub(super) is_abandoned: bool,
    /// The node ends: no rewrite begins.
    pub(super) is_ending: bool,
    /// Clients with replies that wait for these positions, in order.
    waiting: VecDeque<(u64, SessionHandle)>,
}

impl<R: Runtime> Default for Log<R> {
    fn default() -> Self {
        Log {
            manifest: None,
            file: None,
            next: None,
            held: Held::default(),
            fresh_bytes: None,
            annotator: Annotator::default(),
            wanted: None,
            has_rewriter: false,
            is_abandoned: false,
            is_ending: false,
            waiting: VecDeque::new(),
        }
    }
}

impl<R: Runtime> Log<R> {
    /// Has a client woken when the log is acknowledged up to this position.
    pub fn wait(&mut self, position: u64, client: SessionHandle) {
        // Nearly always at the end.
        let behind = self.waiting.partition_point(|(other, _)| *other <= position);
        self.waiting.insert(behind, (position, client));
    }

    /// The next client whose position has been reached.
    pub(super) fn reached(&mut self, acknowledged: u64) -> Option<SessionHandle> {
        let (position, client) = *self.waiting.front()?;
        (position <= acknowledged).then(|| {
            self.waiting.pop_front();
            client
        })
    }

    /// Appends the first `bytes` of what is held. If that is far more than has just come, only some of it, which ends where a unit
    /// does: a log that is cut off there, by a kill, is whole.
    pub(super) fn write(&mut self, bytes: u64) -> Written {
        let (bytes, mut done) = (bytes as usize, 0);
        // However fast they come, there are fewer each time.
        let portion = PORTION_BYTES + self.fresh_bytes.take().unwrap_or(0);
        while done < bytes {
            let piece = self.held.first(bytes - done);
            let length = piece.len();
            let appended = match &self.file {
                Some(file) => append_some(&**file, piece),
                None => Err((0, io::ErrorKind::NotFound.into())),
            };
            let appended_bytes = appended.as_ref().map_or_else(|(bytes, _)| *bytes, |()| length);
            self.held.forget(appended_bytes);
            done += appended_bytes;
            if let Err((_, e)) = appended {
                return Written::Part { bytes: done as u64, error: error_text(&e) };
            }
            if done >= portion && done < bytes {
                self.fresh_bytes = Some(0);
                return Written::Portion { bytes: done as u64 };
            }
        }
        Written::All
    }

    /// Cuts the last `bytes` of the file off.
    pub(super) fn cut_back(&self, bytes: u64) {
        let Some(file) = &self.file else { return };
        let cut = file.length().and_then(|length| file.set_length(length.saturating_sub(bytes)));
        if let Err(e) = cut {
            warn!("The end of the append log that could not be synced can't be cut off: {e}");
        }
    }

    /// From now on the file that a rewrite has opened is written to.
    pub(super) fn go_on_in_next(&mut self) {
        if let Some(next) = self.next.take() {
            self.file = Some(next);
        }
    }
}

/// Appends all of it. An error: how much was appended before.
fn append_some(file: &impl File, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut done = 0;
    while done < bytes.len() {
        match file.append(&bytes[done..]) {
            Ok(0) => return Err((done, io::ErrorKind::WriteZero.into())),
            Ok(appended) => done += appended,
            Err(e) => return Err((done, e)),
        }
    }
    Ok(())
}
