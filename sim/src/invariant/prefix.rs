//! What a node holds is a first part of one primary's history: a name has one writer, and nobody is beyond him.
//!
//! That the part itself is right follows from [`super::data`].

use std::collections::BTreeMap;

use super::View;

pub(super) fn check(view: &View<'_>) -> Result<(), String> {
    let mut writers = BTreeMap::new();
    // A primary that keeps nothing for replicas writes no history.
    let primaries = view.nodes().filter(|(_, look)| look.upstream.is_none() && look.backlog.is_some());
    for (node, look) in primaries.filter(|(_, look)| look.is_settled) {
        if let Some((other, _)) = writers.insert(look.id(), (node, look.offset)) {
            return Err(format!("nodes {other} and {node} both write history {}", look.id()));
        }
    }
    for (node, look) in view.nodes().filter(|(_, look)| look.upstream.is_some() && look.is_settled) {
        if let Some((writer, end)) = writers.get(&look.id()).filter(|(_, end)| *end < look.offset) {
            return Err(format!("node {node} is at {}, node {writer} has written {end} only", look.offset));
        }
    }
    Ok(())
}
