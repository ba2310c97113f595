//! First key, last key and step: how clients were told where keys stand before there were key specifications.

use super::command::{Begin, Command, Find, KeySpec};

/// What one range can say of a command's keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeyRange {
    /// The first key's argument; 0 if there is none or it is not at a fixed place.
    pub first: i32,
    /// The last key's; negative: counted from the end.
    pub last: i32,
    /// The distance between keys.
    pub step: i32,
}

impl KeyRange {
    /// A single specification by position speaks for itself; several are joined as long as they follow each other without
    /// gaps and step by one.
    pub fn of(command: &Command) -> KeyRange {
        let ranges: Vec<KeyRange> = command.keys.iter().filter_map(KeyRange::of_spec).collect();
        if let ([range], 1) = (ranges.as_slice(), command.keys.len()) {
            return *range;
        }
        let mut joined: Option<KeyRange> = None;
        for range in ranges {
            let follows = joined.is_none_or(|before| before.last == range.first - 1);
            if range.step != 1 || !follows {
                break;
            }
            let first = joined.map_or(range.first, |before| before.first);
            joined = Some(KeyRange { first, ..range });
        }
        joined.unwrap_or_default()
    }

    fn of_spec(spec: &KeySpec) -> Option<KeyRange> {
        match (spec.begin, spec.find) {
            (Begin::Index(first), Find::Range { last, step, .. }) => {
                Some(KeyRange { first, last: if last >= 0 { first + last } else { last }, step })
            }
            _ => None,
        }
    }
}
