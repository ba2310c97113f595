//! Histories as text, one operation a line: to save one that failed, to read it, to write one by hand.
//!
//! ```text
//! # began ended client key call -> outcome
//! 10 20 c1 x SET new -> OK
//! 12 30 c2 x GET -> "old"
//! 15 40 c3 x SET newer NX -> unknown
//! 50 60 wipe
//! 70 80 c1 n INCRBY 5 -> 5
//! ```
//!
//! - `began` and `ended` are nanoseconds since the start of the run; `-` for what did not end. Where several events
//!   share an instant, `70#2` is the one with rank 2. Moments that are equal count as concurrent.
//! - `wipe` is a crash and the restart with nothing left.
//! - Keys and arguments are bare words, or quoted with the escapes `\" \\ \n \r \t \xHH`.
//! - An outcome is a reply (`OK`, `nil`, `5`, `"string"`, `error "ERR ..."`, `[ 1 nil ]`), `failed` or `unknown`.
//! - `RUN LPUSH k v ; RPOP other` is several requests that take effect as one.
//! - Calls are those of [`Call`]; also read are `INCR`, `DECR`, `DECRBY n` and `GETSET v` (as `SET v GET`).
//! - Empty lines and lines that begin with `#` say nothing.

use crate::call::{Call, Condition, Reply};
use crate::history::{History, Moment, Operation, Outcome};
use crate::quote::{Word, word, words};
use std::fmt::{self, Write};
use std::time::Duration;

/// Why a text is no history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// The line, counted from one.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ParseError {}

/// Reads a history. Whether it is well-formed is for [`History::validate`] to say.
pub fn read(text: &str) -> Result<History, ParseError> {
    let mut history = History::new();
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with('#') || line.trim().is_empty() {
            continue;
        }
        let operation = read_line(line).map_err(|message| ParseError { line: index + 1, message })?;
        history.push(operation);
    }
    Ok(history)
}

/// Writes a history, by time of invocation. Reading it gives the same operations.
pub fn write(history: &History) -> String {
    let all = history.operations().iter().chain(history.wipes());
    let mut operations: Vec<&Operation> = all.collect();
    operations.sort_by_key(|operation| operation.invoked);
    let mut text = String::from("# began ended client key call -> outcome\n");
    for operation in operations {
        text.push_str(&line(operation));
        text.push('\n');
    }
    text
}

/// One operation as a line, without its end.
pub fn line(operation: &Operation) -> String {
    let began = moment(operation.invoked);
    let ended = operation.completed.map_or("-".into(), moment);
    let Some(client) = operation.client else {
        return format!("{began} {ended} wipe");
    };
    let key = word(&operation.key);
    let (call, outcome) = (&operation.call, &operation.outcome);
    format!("{began} {ended} c{client} {key} {call} -> {outcome}")
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok(reply) => reply.fmt(f),
            Self::Failed => f.write_str("failed"),
            Self::Indeterminate => f.write_str("unknown"),
        }
    }
}

fn moment(moment: Moment) -> String {
    let mut text = moment.at.as_nanos().to_string();
    if moment.rank > 0 {
        let written = write!(text, "#{}", moment.rank);
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }
    text
}

fn read_line(line: &str) -> Result<Operation, String> {
    let words = words(line)?;
    let [began, ended, who, rest @ ..] = words.as_slice() else {
        return Err("expected: began ended client key call -> outcome".into());
    };
    let invoked = read_moment(began)?;
    let completed = match ended.bare() {
        Some("-") => None,
        _ => Some(read_moment(ended)?),
    };
    let who = who.bare().unwrap_or_default();
    if who == "wipe" && rest.is_empty() {
        return Ok(wipe(invoked, completed));
    }
    let client = who
        .strip_prefix('c')
        .and_then(|number| number.parse().ok())
        .ok_or("the third word must be a client (c1) or wipe")?;
    let (key, rest) = rest.split_first().ok_or("there is no key")?;
    let is_arrow = |word: &Word| word.bare() == Some("->");
    let arrow = rest.iter().position(is_arrow).ok_or("there is no -> before the outcome")?;
    Ok(Operation {
        client: Some(client),
        key: key.bytes.clone(),
        call: read_call(&rest[..arrow])?,
        invoked,
        completed,
        outcome: read_outcome(&rest[arrow + 1..])?,
    })
}

fn wipe(invoked: Moment, completed: Option<Moment>) -> Operation {
    Operation {
        client: None,
        key: Vec::new(),
        call: Call::Wipe,
        invoked,
        completed,
        outcome: match completed {
            Some(_) => Outcome::Ok(Reply::Ok),
            None => Outcome::Indeterminate,
        },
    }
}

fn read_moment(word: &Word) -> Result<Moment, String> {
    let text = word.bare().unwrap_or_default();
    let (at, rank) = text.split_once('#').unwrap_or((text, "0"));
    match (at.parse(), rank.parse()) {
        (Ok(at), Ok(rank)) => Ok(Moment { at: Duration::from_nanos(at), rank }),
        _ => Err(format!("{text:?} is no time in nanoseconds")),
    }
}

fn read_call(words: &[Word]) -> Result<Call, String> {
    let (name, arguments) = words.split_first().ok_or("there is no call")?;
    let name = name.bare().unwrap_or_default();
    if name == "RUN" {
        let requests = arguments.split(|word| word.bare() == Some(";"));
        return Ok(Call::Run(
            requests.map(|words| words.iter().map(|w| w.bytes.clone()).collect()).collect(),
        ));
    }
    let argument = |index: usize| arguments[index].bytes.clone();
    Ok(match (name, arguments.len()) {
        ("GET", 0) => Call::Get,
        ("EXISTS", 0) => Call::Exists,
        ("DEL", 0) => Call::Del,
        ("GETDEL", 0) => Call::GetDel,
        ("INCR", 0) => Call::IncrBy(1),
        ("DECR", 0) => Call::IncrBy(-1),
        ("INCRBY", 1) => Call::IncrBy(read_integer(&arguments[0])?),
        ("DECRBY", 1) => {
            let by = read_integer(&arguments[0])?.checked_neg();
            Call::IncrBy(by.ok_or("DECRBY's argument is out of range")?)
        }
        ("APPEND", 1) => Call::Append(argument(0)),
        ("CAS", 2) => Call::Cas { expected: argument(0), value: argument(1) },
        ("GETSET", 1) => Call::Set { value: argument(0), condition: Condition::Always, get: true },
        ("SET", 1..) => read_set(argument(0), &arguments[1..])?,
        (name, count) => return Err(format!("there is no call {name} with {count} arguments")),
    })
}

fn read_set(value: Vec<u8>, options: &[Word]) -> Result<Call, String> {
    let options: Vec<&str> = options.iter().map(|word| word.bare().unwrap_or_default()).collect();
    let (condition, rest) = match options.as_slice() {
        ["NX", rest @ ..] => (Condition::Absent, rest),
        ["XX", rest @ ..] => (Condition::Present, rest),
        rest => (Condition::Always, rest),
    };
    let get = match rest {
        [] => false,
        ["GET"] => true,
        _ => return Err("SET's options are: [NX|XX] [GET]".into()),
    };
    Ok(Call::Set { value, condition, get })
}

fn read_outcome(words: &[Word]) -> Result<Outcome, String> {
    match words {
        [one] if one.bare() == Some("failed") => return Ok(Outcome::Failed),
        [one] if one.bare() == Some("unknown") => return Ok(Outcome::Indeterminate),
        _ => {}
    }
    match read_reply(words)? {
        (reply, []) => Ok(Outcome::Ok(reply)),
        _ => Err("expected one outcome after ->".into()),
    }
}

/// A reply, and the words behind it.
fn read_reply(words: &[Word]) -> Result<(Reply, &[Word]), String> {
    let (first, rest) = words.split_first().ok_or("expected an outcome")?;
    if first.quoted {
        return Ok((Reply::Bytes(first.bytes.clone()), rest));
    }
    Ok(match (first.bare(), rest) {
        (Some("OK"), _) => (Reply::Ok, rest),
        (Some("nil"), _) => (Reply::Nil, rest),
        (Some("error"), [text, rest @ ..]) => {
            (Reply::Error(String::from_utf8_lossy(&text.bytes).into_owned()), rest)
        }
        (Some("["), _) => read_array(rest)?,
        _ => (Reply::Int(read_integer(first)?), rest),
    })
}

/// Replies up to the closing bracket.
fn read_array(mut words: &[Word]) -> Result<(Reply, &[Word]), String> {
    let mut replies = Vec::new();
    loop {
        match words.split_first() {
            None => return Err("an array has no end".into()),
            Some((word, rest)) if word.bare() == Some("]") => return Ok((Reply::Array(replies), rest)),
            Some(_) => {
                let (reply, rest) = read_reply(words)?;
                replies.push(reply);
                words = rest;
            }
        }
    }
}

fn read_integer(word: &Word) -> Result<i64, String> {
    let text = word.bare().unwrap_or_default();
    text.parse().map_err(|_| format!("{text:?} is no outcome and no integer"))
}
