//! No reply of WAIT counts a replica that has not got the write.

use seawall::engine::Engine;
use seawall::keyspace::{ObjectRef, Value};
use seawall::types::list::End;
use seawall_checker::durability::Effect;

/// Whether a node holds a write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Found {
    There,
    Missing,
    /// It cannot be told: the node was down or began anew meanwhile, or what was written may be overwritten.
    Unknown,
}

/// Whether elements that nobody takes out again are there.
pub(super) fn holds(engine: &Engine, db: usize, effects: &[Effect]) -> Found {
    let appended = effects.iter().find_map(|effect| match effect {
        Effect::Append { key, element } => Some((key, element)),
        _ => None,
    });
    let (Some((key, element)), Some(database)) = (appended, engine.keyspace.databases.get(db)) else {
        return Found::Unknown;
    };
    let entry = database.get(&engine.keyspace.hasher().key(key));
    let is_there = match entry.map(|entry| entry.value()) {
        Some(Value::Object(ObjectRef::Set(set))) => set.contains(element),
        Some(Value::Object(ObjectRef::List(list))) => {
            let mut is_there = false;
            // The latest are near the end.
            list.take(End::Back, 0, usize::MAX, |item| is_there |= item.to_vec() == *element);
            is_there
        }
        _ => false,
    };
    if is_there { Found::There } else { Found::Missing }
}

pub(super) fn check(others: &[Found], counted: i64) -> Result<(), String> {
    let possible = others.iter().filter(|found| **found != Found::Missing).count() as i64;
    if counted <= possible {
        return Ok(());
    }
    Err(format!("WAIT counts {counted} replicas, and {possible} at most can have the write"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_has_it_is_counted() {
        use Found::{Missing, There, Unknown};
        assert!(check(&[There, Missing, Unknown], 2).is_ok());
        assert!(check(&[There, Missing, Missing], 2).is_err());
    }
}
