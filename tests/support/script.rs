//! Reads a transcript: what is sent, and what is expected to come back.

use std::ops::Range;

use seawall::text::quote::split_args;

use super::versions::{Condition, Identity};

/// A transcript.
#[derive(Debug, Default)]
pub struct Script {
    /// Options of the server's command line.
    pub options: Vec<String>,
    /// The servers that it is for.
    pub only: Option<Condition>,
    /// What happens, in order.
    pub steps: Vec<Step>,
    /// The file, line by line.
    pub lines: Vec<String>,
}

/// One thing that a client does.
#[derive(Debug)]
pub struct Step {
    /// Its line, counted from 0.
    pub line: usize,
    /// The client's name; empty for the one that has none.
    pub client: String,
    /// What it does.
    pub act: Act,
    /// The servers that it is for.
    pub only: Option<Condition>,
    /// What should come back; which one applies depends on the server.
    pub expectations: Vec<Expectation>,
}

/// What a client does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Act {
    /// Sends a command, given as redis-cli would read it.
    Send(String),
    /// Sends these bytes, given as texts in quotes.
    SendRaw(String),
    /// Sends a command again and again until the reply is as expected.
    SendUntil(String),
    /// Only reads.
    Read,
    /// Closes its connection.
    Close,
}

/// Replies, for some servers.
#[derive(Debug)]
pub struct Expectation {
    /// The servers; all others' replies are in the expectation that names none.
    pub servers: Option<Condition>,
    /// The same, as it is written, with a colon and a blank; else nothing.
    pub prefix: String,
    /// The replies in the notation of transcripts.
    pub replies: String,
    /// Where they stand in the file.
    pub lines: Range<usize>,
}

impl Script {
    /// Reads a file's text; an error begins with the line's number.
    pub fn parse(text: &str) -> Result<Script, String> {
        let lines = text.lines().map(String::from).collect();
        let mut script = Script { lines, ..Script::default() };
        let mut paragraph = None;
        for (number, line) in text.lines().enumerate() {
            let read = script.read_line(number, line, &mut paragraph);
            read.map_err(|error| format!("{}: {error}", number + 1))?;
        }
        Ok(script)
    }

    fn read_line(
        &mut self,
        number: usize,
        line: &str,
        paragraph: &mut Option<Condition>,
    ) -> Result<(), String> {
        if line.trim().is_empty() {
            *paragraph = None;
        } else if line == "#" || line.starts_with("# ") {
        } else if let Some(option) = line.strip_prefix("config ") {
            self.options.extend(option_arguments(option)?);
        } else if let Some(servers) = line.strip_prefix("only ") {
            let condition = Condition::parse(servers).ok_or("no condition")?;
            let place = if self.steps.is_empty() && self.only.is_none() { &mut self.only } else { paragraph };
            *place = Some(condition);
        } else if let Some((client, act)) = act(line) {
            let only = paragraph.clone();
            self.steps.push(Step { line: number, client, act, only, expectations: Vec::new() });
        } else {
            let step = self.steps.last_mut().ok_or("a reply before the first command")?;
            step.expect(number, line);
        }
        Ok(())
    }
}

impl Step {
    /// What this server should answer.
    pub fn expectation(&self, server: &Identity) -> Option<&Expectation> {
        // The last that is named, as a recording adds the more special one at the end.
        let named = |expectation: &&Expectation| {
            expectation.servers.as_ref().is_some_and(|servers| servers.holds(server))
        };
        let unnamed = |expectation: &&Expectation| expectation.servers.is_none();
        self.expectations.iter().rfind(named).or_else(|| self.expectations.iter().find(unnamed))
    }

    fn expect(&mut self, number: usize, line: &str) {
        let lines = number..number + 1;
        if let Some((servers, rest)) = servers_prefix(line) {
            let prefix = line[..line.len() - rest.len()].into();
            self.expectations.push(Expectation {
                servers: Some(servers),
                prefix,
                replies: rest.into(),
                lines,
            });
        } else if let Some(expectation) = self.expectations.last_mut() {
            expectation.replies.extend(["\n", line]);
            expectation.lines.end = number + 1;
        } else {
            self.expectations.push(Expectation {
                servers: None,
                prefix: String::new(),
                replies: line.into(),
                lines,
            });
        }
    }
}

/// `NAME VALUE` as the arguments `--NAME VALUE`.
fn option_arguments(option: &str) -> Result<Vec<String>, String> {
    let mut arguments = split_args(option.as_bytes()).map_err(|error| error.to_string())?;
    let name = arguments.first_mut().ok_or("no option")?;
    name.splice(..0, *b"--");
    arguments
        .into_iter()
        .map(|argument| String::from_utf8(argument).map_err(|_| "not UTF-8".into()))
        .collect()
}

/// `redis >= 8: reply` as the condition and the reply.
fn servers_prefix(line: &str) -> Option<(Condition, &str)> {
    let (servers, rest) = line.split_once(':')?;
    Some((Condition::parse(servers)?, rest.trim_start()))
}

/// `[client] [raw|until]> ...`, `[client]< ` and `[client ]close`.
fn act(line: &str) -> Option<(String, Act)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        ["close"] => return Some((String::new(), Act::Close)),
        [client, "close"] if is_name(client) => return Some((client.into(), Act::Close)),
        [first] if first.ends_with('<') && is_name(&first[..first.len() - 1]) => {
            return Some((first[..first.len() - 1].into(), Act::Read));
        }
        _ => {}
    }
    let (who, text) = line.split_once("> ").or_else(|| Some((line.strip_suffix('>')?, "")))?;
    let who: Vec<&str> = who.split(' ').collect();
    let (client, how): (&str, fn(String) -> Act) = match who[..] {
        ["raw"] => ("", Act::SendRaw),
        ["until"] => ("", Act::SendUntil),
        [client] => (client, Act::Send),
        [client, "raw"] => (client, Act::SendRaw),
        [client, "until"] => (client, Act::SendUntil),
        _ => return None,
    };
    is_name(client).then(|| (client.into(), how(text.into())))
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase())
}
