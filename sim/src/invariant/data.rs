//! Equal name and offset mean equal data: whoever has come to an offset of a history holds what all others held there.

use std::collections::BTreeMap;
use std::time::Duration;

use seawall::replication::ReplicationId;

use super::View;
use crate::deployment::{Look, Number};

/// What was seen at each place.
#[derive(Debug, Default)]
pub(super) struct Data {
    seen: BTreeMap<(ReplicationId, u64), (u64, Number, Duration)>,
}

/// One offset in so many is compared as soon as it is seen; the same ones at all nodes.
const SAMPLE: u64 = 3;

impl Data {
    /// Compares what is new, and with `all` everything.
    pub fn check(
        &mut self,
        view: &View<'_>,
        before: &[Option<Look>],
        all: bool,
        fingerprint: impl Fn(Number) -> Option<u64>,
    ) -> Result<(), String> {
        for (node, look) in view.nodes().filter(|(_, look)| counts(look)) {
            let place = |look: &Look| (look.life, look.id(), look.offset, look.is_settled);
            let is_new = before[node].as_ref().map(place) != Some(place(look));
            if !(all || is_new && look.offset.is_multiple_of(SAMPLE)) {
                continue;
            }
            let Some(data) = fingerprint(node) else { continue };
            // Where a history goes on under another name, the place has both.
            let second = look.history.second().filter(|(_, end)| *end == look.offset);
            for id in second.map(|(id, _)| id).into_iter().chain([look.id()]) {
                self.compare((id, look.offset), (data, node, view.now))?;
            }
        }
        Ok(())
    }

    fn compare(&mut self, place: (ReplicationId, u64), seen: (u64, Number, Duration)) -> Result<(), String> {
        let (data, node, _) = seen;
        let (first, other, at) = *self.seen.entry(place).or_insert(seen);
        if first == data {
            return Ok(());
        }
        let (id, offset) = (place.0.to_string(), place.1);
        Err(format!(
            "node {node} holds other data at {offset} of history {} than node {other} at {at:?} ({data:016x}, {first:016x})",
            &id[..6]
        ))
    }
}

/// Whether an offset says anything: a primary that nobody follows writes no history.
fn counts(look: &Look) -> bool {
    look.is_settled && (look.upstream.is_some() || look.backlog.is_some())
}
