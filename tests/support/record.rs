//! Writes replies into transcripts, as the server under test has given them.
//!
//! `SEAWALL_TRANSCRIPT_RECORD` says for whom: `all` fills in what is missing and replaces what differs; a condition such as
//! `redis >= 8` adds what differs as that server's own reply. An expectation with matchers is never replaced.

use super::notation::show_event;
use super::script::{Script, Step};
use super::versions::{Condition, Identity};
use super::wire::Event;

/// What is recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Recording {
    /// Nothing: expectations are checked.
    Off,
    /// The reply of every server.
    All,
    /// The reply of the servers of this condition.
    Only(String),
}

impl Recording {
    /// What the environment asks for.
    pub fn from_environment() -> Result<Recording, String> {
        match std::env::var("SEAWALL_TRANSCRIPT_RECORD").unwrap_or_default().as_str() {
            "" => Ok(Recording::Off),
            "all" => Ok(Recording::All),
            condition if Condition::parse(condition).is_some() => Ok(Recording::Only(condition.into())),
            other => Err(format!("SEAWALL_TRANSCRIPT_RECORD: '{other}' is neither all nor a condition")),
        }
    }
}

/// Changes to a transcript, from its first line on.
#[derive(Default)]
pub struct Edits {
    /// The lines that go, from the first to before the second, and what comes in their place.
    edits: Vec<(usize, usize, String)>,
}

impl Edits {
    /// Takes the replies to a step.
    pub fn add(&mut self, step: &Step, server: &Identity, recording: &Recording, events: &[Event]) {
        let shown: Vec<String> = events.iter().map(show_event).collect();
        let shown = shown.join("\n");
        let end = step.expectations.last().map_or(step.line + 1, |last| last.lines.end);
        let edit = match (recording, step.expectation(server)) {
            (Recording::Off, _) => return,
            (Recording::Only(servers), Some(old)) if old.prefix != format!("{servers}: ") => {
                (end, end, format!("{servers}: {shown}"))
            }
            (_, Some(old)) => (old.lines.start, old.lines.end, format!("{}{shown}", old.prefix)),
            (_, None) => (step.line + 1, step.line + 1, shown),
        };
        self.edits.push(edit);
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.edits.is_empty()
    }

    /// The transcript's new text.
    pub fn apply(self, script: &Script) -> String {
        let mut lines = script.lines.clone();
        for (start, end, text) in self.edits.into_iter().rev() {
            lines.splice(start..end, text.lines().map(String::from).collect::<Vec<_>>());
        }
        lines.join("\n") + "\n"
    }
}
