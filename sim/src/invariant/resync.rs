//! Who could have gone on from the backlog does not begin anew, and who goes on gets somewhere.

use std::time::Duration;

use seawall::replication::Answer;

use super::View;
use crate::deployment::{Look, Number};

/// When each node was last seen to be something else than it is.
#[derive(Debug)]
pub(super) struct Resync {
    /// Another process, name, or primary to follow.
    changed: Vec<Duration>,
    /// The link was up, or the data were under way.
    away_since: Vec<Duration>,
    /// Where each went on last, when, and how often in succession at this place.
    went_on: Vec<(u64, Duration, u32)>,
}

/// Attempts in quick succession at one offset, though there is more: nothing but a stream that cannot be followed does that.
const ATTEMPTS_MAX: u32 = 3;
/// A replica tries again after a second.
const SUCCESSION: Duration = Duration::from_millis(1500);

impl Resync {
    pub fn new(nodes: usize) -> Resync {
        Resync {
            changed: vec![Duration::ZERO; nodes],
            away_since: vec![Duration::ZERO; nodes],
            went_on: vec![(0, Duration::ZERO, 0); nodes],
        }
    }

    pub fn check(&mut self, view: &View<'_>, before: &[Option<Look>]) -> Result<(), String> {
        for (node, look) in view.looks.iter().enumerate() {
            let face = |look: &Look| {
                (
                    look.life,
                    look.id(),
                    look.backlog.is_some(),
                    look.upstream.as_ref().map(|(primary, _)| *primary),
                )
            };
            if look.as_ref().map(face) != before[node].as_ref().map(face) {
                self.changed[node] = view.now;
            }
        }
        for (primary, upstream) in view.nodes() {
            let earlier = before[primary].as_ref().filter(|earlier| earlier.life == upstream.life);
            let Some(earlier) = earlier else { continue };
            for node in upstream.beginning.iter().filter(|node| !earlier.beginning.contains(node)) {
                if let (Some(look), Some(Some(before))) = (&view.looks[*node], before.get(*node)) {
                    self.judge(primary, upstream, *node, before, look)?;
                }
            }
            for node in upstream.streaming.iter().filter(|node| !earlier.streaming.contains(node)) {
                if let Some(look) = &view.looks[*node] {
                    self.goes_on(*node, look, upstream, view.now)?;
                }
            }
        }
        for (node, look) in view.nodes() {
            if look.is_connected() || !look.is_settled {
                self.away_since[node] = view.now;
            }
        }
        Ok(())
    }

    /// A replica is told to go on, or has got its snapshot.
    fn goes_on(&mut self, node: Number, look: &Look, upstream: &Look, now: Duration) -> Result<(), String> {
        let (offset, at, times) = self.went_on[node];
        let again = offset == look.offset && now - at <= SUCCESSION && upstream.offset > look.offset;
        self.went_on[node] = (look.offset, now, if again { times + 1 } else { 1 });
        if self.went_on[node].2 >= ATTEMPTS_MAX {
            return Err(format!("node {node} goes on from {offset} again and again, and gets nowhere"));
        }
        Ok(())
    }

    /// A replica is told to begin anew.
    fn judge(
        &self,
        primary: Number,
        upstream: &Look,
        node: Number,
        earlier: &Look,
        look: &Look,
    ) -> Result<(), String> {
        // It has asked since then: before, it was connected, or had another primary or name.
        let asks_since = self.away_since[node].max(self.changed[node]);
        let is_steady = self.changed[primary] < asks_since && earlier.is_settled;
        if !is_steady || earlier.life != look.life || !upstream.is_settled || look.upstream.is_none() {
            return Ok(());
        }
        let answer =
            upstream.history.answer(Some(earlier.id()), Some(earlier.offset), upstream.backlog.clone());
        match answer {
            Answer::Continue { .. } => Err(format!(
                "node {node} begins anew although node {primary} keeps {:?} of its history, and it was at {}",
                upstream.backlog, earlier.offset
            )),
            Answer::Full(_) => Ok(()),
        }
    }
}
