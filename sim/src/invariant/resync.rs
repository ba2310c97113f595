//! Who could have gone on from the backlog does not begin anew.

use std::time::Duration;

use seawall::replication::{Answer, Link};

use super::View;
use crate::deployment::Look;

/// When each node was last seen to be something else than it is.
#[derive(Debug)]
pub(super) struct Resync {
    /// Another process, name, or primary to follow.
    changed: Vec<Duration>,
    /// The link was up, or the data were under way.
    away_since: Vec<Duration>,
}

impl Resync {
    pub fn new(nodes: usize) -> Resync {
        Resync { changed: vec![Duration::ZERO; nodes], away_since: vec![Duration::ZERO; nodes] }
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
        for (node, look) in view.nodes() {
            if let (Some(earlier), true) = (&before[node], begins(look)) {
                if !begins(earlier) {
                    self.judge(view, node, earlier, look)?;
                }
            }
            if look.is_connected() || begins(look) || !look.is_settled {
                self.away_since[node] = view.now;
            }
        }
        Ok(())
    }

    fn judge(&self, view: &View<'_>, node: usize, earlier: &Look, look: &Look) -> Result<(), String> {
        let Some((primary, _)) = look.upstream else { return Ok(()) };
        let away_since = self.away_since[node];
        let Some(Some(upstream)) = view.looks.get(primary) else { return Ok(()) };
        // Its primary was what it is for all the time in which it can have asked; so was it itself, and it had something.
        let is_steady =
            self.changed[primary] < away_since && self.changed[node] < away_since && earlier.is_settled;
        if !is_steady || earlier.life != look.life || !upstream.is_settled {
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

fn begins(look: &Look) -> bool {
    matches!(look.upstream, Some((_, Link::Transfer { .. })))
}
