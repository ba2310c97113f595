//! What a primary says, done as it was done there.

use tracing::error;

use crate::engine::nested::Source;
use crate::engine::run::Running;
use crate::engine::session::{ClientRole, Session, SessionHandle};
use crate::engine::{Engine, Flow, Prepared, gates};
use crate::protocol::reply::Version;
use crate::protocol::request::Request;
use crate::runtime::{Now, UnixTime};

impl Engine {
    /// Begins to do what the primary says: as this client.
    pub fn begin_stream(&mut self, client: SessionHandle) {
        let forgets = self.replication.faults.forgets_select;
        let db = self.replication.upstream.as_ref().map_or(0, |upstream| upstream.db);
        let session: &mut Session = &mut self.sessions[client];
        session.role = ClientRole::Primary;
        session.db = if forgets { 0 } else { db };
    }

    /// Whether what the primary says has to wait: a script stands in the middle of the data set, or writes are held back.
    pub fn holds_stream(&self, now: Now) -> bool {
        // This node's own replicas hold it up as they hold up those who write to a primary.
        self.is_script_suspended()
            || self.pause.active(now.mono).is_some()
            || self.replication.holds_writers()
    }

    /// A unit of what the primary says begins. Its commands are given to [`Engine::apply`].
    #[inline]
    pub fn begin_unit(&mut self, now: Now) {
        self.note_replay(Some(now.wall.millis()));
        self.effects.begin();
    }

    /// It ends.
    #[inline]
    pub fn end_unit(&mut self, now: Now) {
        self.effects.end();
        self.note_replay(None);
        self.serve_waiting(now);
    }

    /// Does what the primary says: a command, as it was done there. What it answers is appended to `out`.
    pub fn apply(
        &mut self,
        client: SessionHandle,
        request: Request<'_>,
        prepared: Prepared,
        out: &mut Vec<u8>,
        now: Now,
    ) {
        let start = out.len();
        let command = match gates::resolve(&self.table, prepared, request) {
            Ok(row) => row.command,
            Err(failure) => {
                self.count_rejected(prepared, &failure);
                return self.diverges(request, failure.text());
            }
        };
        let session = &mut self.sessions[client];
        session.commands += 1;
        session.last_command = command.name;
        // `resolve` has seen that there is a command.
        let (id, key) = (prepared.command.unwrap_or_default(), prepared.key);
        let running = Running { client, command, id, key, version: Version::Resp2, source: Source::Client };
        // Deadlines lie ahead of this moment, all of them.
        let at = Now { mono: now.mono, wall: UnixTime(0) };
        self.uncounted = false;
        self.nesting += 1;
        let mut flow = self.execute(request, running, out, at);
        while flow == Flow::Script {
            // What a primary of old sends as a script is not left in its middle: it is a part of a unit.
            flow = self.resume_script(out, at);
        }
        self.nesting -= 1;
        if out.get(start) == Some(&b'-') {
            let text = out[start + 1..].trim_ascii_end().to_vec();
            self.diverges(request, &text);
        }
        let outbox = &mut self.sessions[client].outbox;
        if !outbox.is_empty() {
            *outbox = Vec::new();
        }
    }

    /// What the primary could do cannot be done here: the data is not the same any more.
    #[cold]
    fn diverges(&self, request: Request<'_>, text: &[u8]) {
        error!(
            "== CRITICAL == This replica is sending an error to its master: '{}' after processing the command '{}'",
            String::from_utf8_lossy(text),
            String::from_utf8_lossy(request.name()).to_ascii_lowercase(),
        );
    }

    /// This much of what the primary has sent has been done: whole units.
    pub fn note_applied(&mut self, client: SessionHandle, bytes: &[u8]) {
        self.replication.advance(bytes);
        let db = self.sessions[client].db;
        if let Some(upstream) = &mut self.replication.upstream {
            upstream.db = db;
        }
        self.trim_backlog();
    }
}
