//! Within one life and one name an offset never goes back, but by a snapshot; an earlier name ends where the later one begins.

use super::View;
use crate::deployment::Look;

pub(super) fn check(view: &View<'_>, before: &[Option<Look>]) -> Result<(), String> {
    for (node, look) in view.nodes().filter(|(_, look)| look.is_settled) {
        if let Some((_, end)) = look.history.second()
            && end > look.offset
        {
            return Err(format!(
                "node {node} is at {}, and its earlier history is said to reach to {end}",
                look.offset
            ));
        }
        let Some(earlier) =
            before[node].as_ref().filter(|earlier| earlier.life == look.life && earlier.is_settled)
        else {
            continue;
        };
        // A snapshot leaves nothing of the backlog.
        let kept_from = |look: &Look| look.backlog.as_ref().map(|backlog| backlog.start);
        let is_anew = look.upstream.is_some() && kept_from(look) != kept_from(earlier);
        if earlier.id() == look.id() && look.offset < earlier.offset && !is_anew {
            return Err(format!(
                "node {node} has gone back from {} to {} in one history",
                earlier.offset, look.offset
            ));
        }
        let renamed =
            look.history.second().filter(|(id, _)| *id == earlier.id() && look.id() != earlier.id());
        if let Some((_, end)) = renamed
            && end < earlier.offset
        {
            return Err(format!(
                "node {node} was at {}, and says that this history ended at {end}",
                earlier.offset
            ));
        }
    }
    Ok(())
}
