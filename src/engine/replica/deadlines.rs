//! Keys to which clients of a writable replica gave a deadline: the primary knows nothing of them, so the replica removes them
//! itself.

use crate::engine::Engine;
use crate::engine::command::{Flag, KeySpec};
use crate::engine::session::SessionHandle;
use crate::engine::table::CommandId;
use crate::protocol::request::Request;
use crate::runtime::Now;

/// Keys that one step looks at.
const STEP: usize = 64;

impl Engine {
    /// A client of a writable replica has written: notes which of the keys have a deadline.
    #[cold]
    pub(in crate::engine) fn note_own_deadlines(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        id: CommandId,
    ) {
        let db = self.sessions[client].db;
        let row = self.table.row(id);
        if !row.has(Flag::Write) {
            return;
        }
        let places = |spec: &KeySpec| spec.positions(request.len(), |i| request.arg(i));
        let places = row.command.keys.iter().flat_map(|spec| places(spec).unwrap_or_default());
        let keys: Vec<Vec<u8>> = places.map(|at| request.arg(at).to_vec()).collect();
        for key in keys {
            let hashed = self.keyspace.hasher().key(&key);
            let expiry = self.keyspace.databases[db].get(&hashed).and_then(|entry| entry.expiry());
            match expiry {
                Some(_) => self.replica.own_deadlines.insert((db, key)),
                None => self.replica.own_deadlines.remove(&(db, key)),
            };
        }
    }

    /// Removes what clients of this replica have written and is past its deadline. True while there may be more.
    pub(in crate::engine) fn expire_own_step(&mut self, now: Now) -> usize {
        let some: Vec<(usize, Vec<u8>)> = self.replica.own_deadlines.iter().take(STEP).cloned().collect();
        let mut removed = 0;
        self.effects.begin();
        for place in some {
            let (db, key) = (place.0, self.keyspace.hasher().key(&place.1));
            let expiry = self.keyspace.databases[db].get(&key).and_then(|entry| entry.expiry());
            match expiry {
                Some(at_ms) if at_ms >= now.wall.millis() => continue,
                Some(_) => {
                    self.remove_expired(db, &key);
                    removed += 1;
                }
                None => {}
            }
            self.replica.own_deadlines.remove(&place);
        }
        self.effects.end();
        removed
    }
}
