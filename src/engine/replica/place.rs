//! Where in a history the node is after a restart: files say it, a dump in its AUX fields, an append log in a line at its clean end.

use super::Said;
use crate::engine::Engine;
use crate::engine::persistence::Position;
use crate::replication::{Backlog, ReplicationId};

impl Engine {
    /// A file that is loaded says something of its place in a history.
    pub fn note_loaded_history(&mut self, name: &[u8], value: &[u8]) {
        let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse::<i64>().ok());
        let said = &mut self.replica.said;
        match name {
            b"repl-stream-db" => said.db = number().and_then(|db| usize::try_from(db).ok()),
            b"repl-id" => said.id = ReplicationId::parse(value),
            b"repl-offset" => said.offset = number().and_then(|offset| u64::try_from(offset).ok()),
            _ => {}
        }
        if let Said { id: Some(id), offset: Some(offset), db } = self.replica.said {
            let known = db.unwrap_or(0) < self.keyspace.databases.len();
            self.replica.loaded = known.then_some(Position { id, offset, db: db.unwrap_or(0) });
        }
    }

    /// An append log that is loaded says at which place of a history it ends.
    pub fn note_loaded_place(&mut self, words: &[u8]) {
        let mut words = words.split(|byte| *byte == b' ');
        for name in [&b"repl-id"[..], b"repl-offset", b"repl-stream-db"] {
            self.note_loaded_history(name, words.next().unwrap_or_default());
        }
    }

    /// The same line of this node, if it knows where it is in a history that somebody may follow.
    pub fn place_words(&self) -> Option<String> {
        let follows_unknown =
            self.replication.upstream.as_ref().is_some_and(|upstream| !upstream.has_history);
        let Position { id, offset, db } = self.position().filter(|_| !follows_unknown)?;
        Some(format!("{id} {offset} {db}"))
    }

    /// What was loaded is no place in a history after all: something was added to it.
    pub fn forget_loaded_history(&mut self) {
        (self.replica.loaded, self.replica.said) = (None, Said::default());
    }

    /// The start has loaded the data set: it may be a known place in a history.
    pub fn take_up_loaded_history(&mut self) {
        let Some(Position { id, offset, db }) = self.replica.loaded.take() else { return };
        let new = self.new_replication_id();
        let replication = &mut self.replication;
        match &mut replication.upstream {
            Some(upstream) => {
                replication.history.follow(id, offset);
                (upstream.has_history, upstream.db) = (true, db);
                replication.backlog = Some(Backlog::new(offset));
            }
            None => {
                replication.history.resume_under(new, id, offset);
                self.open_backlog();
            }
        }
    }

    /// Whether what was past its deadline when it was loaded stays: somebody follows a history in which it is.
    pub fn keeps_expired(&self) -> bool {
        self.replication.is_replica() || self.replica.loaded.is_some()
    }
}
