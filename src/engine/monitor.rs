//! MONITOR: every command that runs, as a line, to those who asked.

use super::Engine;
use super::command::Command;
use super::identity::address_text;
use super::nested::Source;
use super::session::SessionHandle;
use crate::config::rows;
use crate::protocol::request::Request;
use crate::runtime::{Address, Now, UnixTime};
use crate::text::quote;

impl Engine {
    /// Makes a client a monitor. It stays one until RESET or the end of its connection.
    pub fn start_monitor(&mut self, client: SessionHandle) {
        if !std::mem::replace(&mut self.sessions[client].monitor, true) {
            self.monitors += 1;
        }
    }

    /// Ends that.
    pub fn stop_monitor(&mut self, client: SessionHandle) {
        if std::mem::replace(&mut self.sessions[client].monitor, false) {
            self.monitors -= 1;
        }
    }

    /// Sends the line of a command that has run to every monitor, so a monitor sees its own replies first.
    #[cold]
    pub(super) fn feed_monitors(
        &mut self,
        client: SessionHandle,
        command: &Command,
        request: Request<'_>,
        source: Source,
        now: Now,
    ) {
        let session = &self.sessions[client];
        let from = match (source, &session.peer) {
            (Source::Script, _) => "lua".to_owned(),
            (_, Address::Ip(_)) => address_text(&session.peer),
            (_, Address::Unix(path)) => format!("unix:{}", path.display()),
        };
        // What a primary has sent runs before all deadlines.
        let wall = self.persistence.replaying().map_or(now.wall, |at_ms| UnixTime(at_ms * 1000));
        let now = Now { wall, ..now };
        let line = line(session.db, &from, &shown_words(command, request), now);
        let monitors: Vec<_> = self.sessions.iter().filter(|(_, s)| s.monitor).map(|(h, _)| h).collect();
        for monitor in monitors {
            self.send(monitor, &line);
        }
    }
}

/// `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"`
fn line(db: usize, from: &str, words: &[&[u8]], now: Now) -> Vec<u8> {
    let (seconds, micros) = (now.wall.0.div_euclid(1_000_000), now.wall.0.rem_euclid(1_000_000));
    let mut line = format!("+{seconds}.{micros:06} [{db} {from}]").into_bytes();
    for word in words {
        line.push(b' ');
        quote::write_quoted(&mut line, word);
    }
    line.extend_from_slice(b"\r\n");
    line
}

/// A request's words for a log that others may read: what may be a password is hidden.
pub(super) fn shown_words<'a>(command: &Command, request: Request<'a>) -> Vec<&'a [u8]> {
    let mut words: Vec<&[u8]> = request.iter().collect();
    let secrets: Vec<usize> = match command.name {
        "auth" => (1..words.len()).collect(),
        "hello" => match words.iter().position(|word| word.eq_ignore_ascii_case(b"auth")) {
            Some(auth) => (auth + 1..words.len().min(auth + 3)).collect(),
            None => Vec::new(),
        },
        "config|set" => (3..words.len()).step_by(2).filter(|at| is_secret(words[at - 1])).collect(),
        _ => Vec::new(),
    };
    secrets.into_iter().for_each(|at| words[at] = b"(redacted)");
    words
}

fn is_secret(parameter: &[u8]) -> bool {
    rows::find(parameter).is_some_and(|(row, _)| row.secret)
}
