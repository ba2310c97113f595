//! Plays one transcript against one server.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use seawall::protocol::encode;
use seawall::text::quote::split_args;

use super::notation::show_event;
use super::pattern::{self, Pattern, Variables, repeated};
use super::record::{Edits, Recording};
use super::script::{Act, Script, Step};
use super::server::{Server, Target};
use super::wire::{Connection, Event};

/// A reply that takes longer is missing.
const PATIENCE: Duration = Duration::from_secs(10);
/// While recording, so long a silence ends the replies to raw bytes.
const QUIET: Duration = Duration::from_millis(150);
/// The pause between two questions of an `until>`.
const POLL_INTERVAL: Duration = Duration::from_millis(3);
/// More failures of one transcript are not shown.
const FAILURES_SHOWN_MAX: usize = 12;

/// Plays a transcript; the error names each line that failed, what was expected and what came.
pub fn play(path: &Path, target: &Target, recording: &Recording) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let script = Script::parse(&text).map_err(|error| format!("{}:{error}", path.display()))?;
    if script.only.as_ref().is_some_and(|servers| !servers.is_for(&target.identity)) {
        return Ok(());
    }
    let mut player = Player::new(target.start(&script.options)?, target, recording);
    player.play(&script);
    if !player.edits.is_empty() {
        let edits = std::mem::take(&mut player.edits);
        std::fs::write(path, edits.apply(&script)).map_err(|error| error.to_string())?;
    }
    player.verdict(path)
}

struct Player<'a> {
    server: Server,
    target: &'a Target,
    recording: &'a Recording,
    clients: BTreeMap<String, Connection>,
    variables: Variables,
    /// The line, counted from 0, and what is wrong.
    failures: Vec<(usize, String)>,
    edits: Edits,
}

impl<'a> Player<'a> {
    fn new(server: Server, target: &'a Target, recording: &'a Recording) -> Player<'a> {
        Player {
            server,
            target,
            recording,
            clients: BTreeMap::new(),
            variables: Variables::new(),
            failures: Vec::new(),
            edits: Edits::default(),
        }
    }

    fn play(&mut self, script: &Script) {
        for step in &script.steps {
            let skipped = step.only.as_ref().is_some_and(|servers| !servers.is_for(&self.target.identity));
            if !skipped && let Err(reason) = self.play_step(step) {
                let line = &script.lines[step.line];
                self.failures.push((step.line, format!("{line}\n{reason}")));
            }
        }
        let mut clients = self.clients.iter_mut();
        if let Some(name) = clients.find_map(|(name, client)| client.has_more().then_some(name)) {
            self.failures
                .push((script.lines.len(), format!("client '{name}' has a reply that nobody has read")));
        }
    }

    fn verdict(self, path: &Path) -> Result<(), String> {
        if self.failures.is_empty() {
            return Ok(());
        }
        let shown = self.failures.iter().take(FAILURES_SHOWN_MAX);
        let shown = shown.map(|(line, reason)| format!("{}:{}: {reason}\n", path.display(), line + 1));
        Err(format!("{} failures\n{}", self.failures.len(), shown.collect::<String>()))
    }

    fn play_step(&mut self, step: &Step) -> Result<(), String> {
        if step.act == Act::Close {
            self.clients.remove(&step.client);
            return Ok(());
        }
        let patterns = match step.expectation(&self.target.identity) {
            Some(expectation) => Some(pattern::parse(&self.substitute(&expectation.replies)?)?),
            None if *self.recording == Recording::Off => {
                return Err("no reply is expected; record one".into());
            }
            None => None,
        };
        let mut events = self.act(step, patterns.as_deref())?;
        let mut matched = self.matches(patterns.as_deref(), &events);
        let deadline = Instant::now() + PATIENCE;
        while matches!(step.act, Act::SendUntil(_)) && !matched && Instant::now() < deadline {
            std::thread::sleep(POLL_INTERVAL);
            events = self.act(step, patterns.as_deref())?;
            matched = self.matches(patterns.as_deref(), &events);
        }
        if matched { Ok(()) } else { self.on_difference(step, patterns, &events) }
    }

    fn on_difference(
        &mut self,
        step: &Step,
        patterns: Option<Vec<Pattern>>,
        events: &[Event],
    ) -> Result<(), String> {
        let is_loose = patterns.iter().flatten().any(Pattern::is_loose);
        if *self.recording != Recording::Off && !is_loose {
            self.edits.add(step, &self.target.identity, self.recording, events);
            return Ok(());
        }
        let got: Vec<String> = events.iter().map(show_event).collect();
        let expected = step.expectation(&self.target.identity).map_or("", |expectation| &expectation.replies);
        Err(format!("  expected: {expected}\n  got:      {}", got.join("\n")))
    }

    fn matches(&mut self, patterns: Option<&[Pattern]>, events: &[Event]) -> bool {
        let Some(patterns) = patterns else { return false };
        let mut pairs = patterns.iter().zip(events);
        patterns.len() == events.len()
            && pairs.all(|(pattern, event)| pattern.matches(event, &mut self.variables))
    }

    /// Sends what the step sends, and reads what is expected; without expectations, what seems to belong to it.
    fn act(&mut self, step: &Step, patterns: Option<&[Pattern]>) -> Result<Vec<Event>, String> {
        let bytes = match &step.act {
            Act::Send(line) | Act::SendUntil(line) => {
                let mut bytes = Vec::new();
                encode(&mut bytes, &self.words(line)?);
                bytes
            }
            Act::SendRaw(line) => self.words(line)?.concat(),
            Act::Read | Act::Close => Vec::new(),
        };
        self.client(&step.client)?.send(&bytes);
        match patterns {
            Some(patterns) => self.receive_all(&step.client, patterns),
            None if matches!(step.act, Act::SendRaw(_)) => self.receive_until_quiet(&step.client),
            None => self.receive_all(&step.client, &[Pattern::Closed]),
        }
    }

    /// As many events as are expected, unless the connection ends before.
    fn receive_all(&mut self, name: &str, patterns: &[Pattern]) -> Result<Vec<Event>, String> {
        let mut events = Vec::new();
        for pattern in patterns {
            events.push(self.receive(name, pattern)?);
            if !self.clients.contains_key(name) {
                break;
            }
        }
        Ok(events)
    }

    fn receive(&mut self, name: &str, pattern: &Pattern) -> Result<Event, String> {
        if matches!(pattern, Pattern::Silence) {
            return Ok(Event::Silence);
        }
        let event = self.client(name)?.receive(PATIENCE)?;
        if !matches!(event, Event::Reply(_)) {
            self.clients.remove(name);
        }
        Ok(event)
    }

    fn receive_until_quiet(&mut self, name: &str) -> Result<Vec<Event>, String> {
        let mut events = Vec::new();
        loop {
            let event = self.client(name)?.receive(QUIET)?;
            if event == Event::Closed {
                self.clients.remove(name);
            }
            match event {
                Event::Silence if !events.is_empty() => return Ok(events),
                Event::Reply(_) => events.push(event),
                _ => {
                    events.push(event);
                    return Ok(events);
                }
            }
        }
    }

    /// The client's connection, a new one if it has none.
    fn client(&mut self, name: &str) -> Result<&mut Connection, String> {
        if !self.clients.contains_key(name) {
            let connection = Connection::open(self.server.port);
            let connection = connection.map_err(|error| format!("cannot connect: {error}"))?;
            self.clients.insert(name.into(), connection);
        }
        self.clients.get_mut(name).ok_or_else(|| "no connection".into())
    }

    fn words(&self, line: &str) -> Result<Vec<Vec<u8>>, String> {
        let line = self.substitute(line)?;
        let words = split_args(line.as_bytes()).map_err(|error| error.to_string())?;
        let expand = |word: Vec<u8>| std::str::from_utf8(&word).ok().and_then(repeated).unwrap_or(word);
        Ok(words.into_iter().map(expand).collect())
    }

    /// Puts values in the place of `${name}`.
    fn substitute(&self, text: &str) -> Result<String, String> {
        let mut out = text.to_string();
        while let Some(start) = out.find("${") {
            let end = out[start..].find('}').map(|length| start + length).ok_or("no } after ${")?;
            let name = &out[start + 2..end];
            let value = if name == "port" {
                Some(self.server.port.to_string())
            } else {
                self.variables.get(name).cloned()
            };
            let value = value.ok_or_else(|| format!("{name} has no value yet"))?;
            out.replace_range(start..=end, &value);
        }
        Ok(out)
    }
}
