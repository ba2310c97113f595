//! What a reply is expected to be: the notation of replies, and matchers where they are not the same in every run.
//!
//! Matchers: `~any`, `~int`, `~int 0..100` (with `as name`, the value becomes `${name}`), `~/regex/` in place of a quoted
//! text, with or without a mark before it (`-~/^ERR/`; named groups become variables), `unordered [ ... ]`,
//! `contains [ ... ]`. `none` stands for no reply, `closed` for the connection's end.

use std::collections::BTreeMap;

use regex::bytes::Regex;
use seawall::text::quote::split_args;

use super::notation::elements_per_line;
use super::wire::{Event, Value};

/// Values that replies have given.
pub type Variables = BTreeMap<String, String>;

/// What one reply is expected to be.
#[derive(Debug)]
pub enum Pattern {
    /// The connection's end.
    Closed,
    /// No reply; not waited for, but seen when the next reply is read.
    Silence,
    /// A reply.
    Reply(Expected),
}

/// What a value is expected to be.
#[derive(Debug)]
pub enum Expected {
    /// Any value; a scalar's text may become a variable.
    Any(Option<String>),
    /// An integer from the first to the last, which may become a variable.
    Integer(i64, i64, Option<String>),
    /// A null with this mark.
    Null(u8),
    /// Exactly this text with this mark.
    Text(u8, Vec<u8>),
    /// A text with this mark that the expression finds something in.
    Regex(u8, Regex),
    /// An aggregate with this mark.
    List(u8, Order, Vec<Expected>),
}

/// How an aggregate's elements are compared; a map's pairs stay together.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// All, in order.
    Same,
    /// All, in any order.
    Any,
    /// These and perhaps others, in any order.
    Part,
}

impl Pattern {
    /// Whether it is met; takes the variables that it names.
    pub fn matches(&self, event: &Event, variables: &mut Variables) -> bool {
        match (self, event) {
            (Pattern::Closed, Event::Closed) | (Pattern::Silence, Event::Silence) => true,
            (Pattern::Reply(expected), Event::Reply(value)) => expected.matches(value, variables),
            _ => false,
        }
    }

    /// Whether it says less than a reply written out.
    pub fn is_loose(&self) -> bool {
        matches!(self, Pattern::Reply(expected) if expected.is_loose())
    }
}

impl Expected {
    fn matches(&self, value: &Value, variables: &mut Variables) -> bool {
        match (self, value) {
            (Expected::Any(name), value) => keep(name, value, variables),
            (Expected::Integer(first, last, name), Value::Text(b':', digits)) => {
                integer(digits).is_some_and(|number| (*first..=*last).contains(&number))
                    && keep(name, value, variables)
            }
            (Expected::Null(mark), Value::Null(other)) => mark == other,
            (Expected::Text(mark, text), Value::Text(other, bytes)) => mark == other && text == bytes,
            (Expected::Regex(mark, regex), Value::Text(other, bytes)) => {
                mark == other && captures(regex, bytes, variables)
            }
            (Expected::List(mark, order, items), Value::List(other, values)) => {
                mark == other && items_match(*order, elements_per_line(*mark), items, values, variables)
            }
            _ => false,
        }
    }

    fn is_loose(&self) -> bool {
        match self {
            Expected::Any(_) | Expected::Integer(..) | Expected::Regex(..) => true,
            Expected::List(_, order, items) => *order != Order::Same || items.iter().any(Expected::is_loose),
            Expected::Null(_) | Expected::Text(..) => false,
        }
    }
}

/// In any order: each element takes the first value left that it matches, so the strictest should stand first.
fn items_match(
    order: Order,
    width: usize,
    items: &[Expected],
    values: &[Value],
    variables: &mut Variables,
) -> bool {
    if order != Order::Part && items.len() != values.len() {
        return false;
    }
    let mut left: Vec<&[Value]> = values.chunks(width).collect();
    items.chunks(width).all(|wanted| {
        let candidates = if order == Order::Same { 1 } else { left.len() };
        let mut matches = |values: &&[Value]| {
            wanted.len() == values.len()
                && wanted.iter().zip(*values).all(|(item, value)| item.matches(value, variables))
        };
        let place = left.iter().take(candidates).position(&mut matches);
        place.map(|place| left.remove(place)).is_some()
    })
}

fn keep(name: &Option<String>, value: &Value, variables: &mut Variables) -> bool {
    if let (Some(name), Value::Text(_, bytes)) = (name, value) {
        variables.insert(name.clone(), String::from_utf8_lossy(bytes).into_owned());
    }
    true
}

fn captures(regex: &Regex, bytes: &[u8], variables: &mut Variables) -> bool {
    let Some(found) = regex.captures(bytes) else { return false };
    for name in regex.capture_names().flatten() {
        if let Some(group) = found.name(name) {
            variables.insert(name.into(), String::from_utf8_lossy(group.as_bytes()).into_owned());
        }
    }
    true
}

fn integer(digits: &[u8]) -> Option<i64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Reads the replies that a transcript expects after one command.
pub fn parse(text: &str) -> Result<Vec<Pattern>, String> {
    let mut parser = Parser { rest: text, depth: 0 };
    let mut patterns = Vec::new();
    while parser.skip_blanks() {
        patterns.push(parser.pattern()?);
    }
    Ok(patterns)
}

/// The bytes that `repeat(text,N)` stands for.
pub fn repeated(word: &str) -> Option<Vec<u8>> {
    let (text, times) = word.strip_prefix("repeat(")?.strip_suffix(')')?.rsplit_once(',')?;
    Some(text.repeat(times.parse().ok()?).into_bytes())
}

struct Parser<'a> {
    rest: &'a str,
    /// How many aggregates are open.
    depth: usize,
}

impl<'a> Parser<'a> {
    /// Whether anything follows.
    fn skip_blanks(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        !self.rest.is_empty()
    }

    fn take(&mut self, prefix: &str) -> bool {
        let rest = self.rest.strip_prefix(prefix);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn word(&mut self) -> &'a str {
        let end = self.rest.find(char::is_whitespace).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let mut ahead = Parser { rest: self.rest, depth: 0 };
        let taken = ahead.skip_blanks() && ahead.word() == wanted;
        self.rest = if taken { ahead.rest } else { self.rest };
        taken
    }

    fn pattern(&mut self) -> Result<Pattern, String> {
        if self.take_word("closed") {
            return Ok(Pattern::Closed);
        }
        if self.take_word("none") {
            return Ok(Pattern::Silence);
        }
        self.expected().map(Pattern::Reply)
    }

    fn expected(&mut self) -> Result<Expected, String> {
        if !self.skip_blanks() {
            return Err("an aggregate is not closed".into());
        }
        let order = match (self.take_word("unordered"), self.take_word("contains")) {
            (true, _) => Order::Any,
            (_, true) => Order::Part,
            _ => Order::Same,
        };
        self.skip_blanks();
        for (open, close, mark) in [("[", "]", b'*'), ("{", "}", b'%'), ("~[", "]", b'~'), (">[", "]", b'>')]
        {
            if self.take(open) {
                return self.list(mark, order, close);
            }
        }
        if order == Order::Same { self.scalar() } else { Err("an aggregate should follow".into()) }
    }

    fn list(&mut self, mark: u8, order: Order, close: &str) -> Result<Expected, String> {
        self.depth += 1;
        let mut items = Vec::new();
        while self.skip_blanks() && !self.take(close) {
            items.push(self.expected()?);
            self.skip_blanks();
            if self.rest.is_empty() {
                return Err("an aggregate is not closed".into());
            }
        }
        self.depth -= 1;
        Ok(Expected::List(mark, order, items))
    }

    fn scalar(&mut self) -> Result<Expected, String> {
        match self.rest.as_bytes() {
            [b'"', ..] | [b'~', b'/', ..] => self.text(b'$'),
            [mark @ (b'+' | b'-' | b'!' | b'='), ..] => {
                self.rest = &self.rest[1..];
                self.text(*mark)
            }
            [mark @ (b':' | b',' | b'#' | b'('), ..] => {
                self.rest = &self.rest[1..];
                Ok(Expected::Text(*mark, self.word().into()))
            }
            _ => self.named(),
        }
    }

    fn named(&mut self) -> Result<Expected, String> {
        match self.word() {
            "nil" => Ok(Expected::Null(b'$')),
            "nil-array" => Ok(Expected::Null(b'*')),
            "_" => Ok(Expected::Null(b'_')),
            "~any" => Ok(Expected::Any(self.name())),
            "~int" => {
                let (first, last) = self.range().unwrap_or((i64::MIN, i64::MAX));
                Ok(Expected::Integer(first, last, self.name()))
            }
            word => match repeated(word) {
                Some(bytes) => Ok(Expected::Text(b'$', bytes)),
                None => Err(format!("'{word}' is no reply")),
            },
        }
    }

    fn range(&mut self) -> Option<(i64, i64)> {
        let mut ahead = Parser { rest: self.rest.trim_start_matches(' '), depth: 0 };
        let (first, last) = ahead.word().split_once("..")?;
        let range = (first.parse().ok()?, last.parse().ok()?);
        self.rest = ahead.rest;
        Some(range)
    }

    fn name(&mut self) -> Option<String> {
        self.take_word("as").then(|| self.rest.trim_start()).map(|rest| {
            self.rest = rest;
            self.word().into()
        })
    }

    /// A quoted text, an expression, or what stands there: a word inside an aggregate, elsewhere the rest of the line.
    fn text(&mut self, mark: u8) -> Result<Expected, String> {
        if self.take("~/") {
            let expression = self.until_delimiter('/')?;
            let regex = Regex::new(expression).map_err(|error| error.to_string())?;
            return Ok(Expected::Regex(mark, regex));
        }
        if self.take("\"") {
            let inside = self.until_delimiter('"')?;
            let line = format!("\"{inside}\"");
            let [text] = &mut split_args(line.as_bytes()).map_err(|error| error.to_string())?[..] else {
                return Err(format!("{line} is no text"));
            };
            return Ok(Expected::Text(mark, std::mem::take(text)));
        }
        let line = self.rest.lines().next().unwrap_or_default();
        let text = if self.depth > 0 { self.word() } else { line };
        self.rest = if self.depth > 0 { self.rest } else { &self.rest[line.len()..] };
        Ok(Expected::Text(mark, text.into()))
    }

    /// What precedes the delimiter, which is then skipped; a backslash takes the next character with it.
    fn until_delimiter(&mut self, delimiter: char) -> Result<&'a str, String> {
        let mut escaped = false;
        for (place, character) in self.rest.char_indices() {
            if character == delimiter && !escaped {
                let inside = &self.rest[..place];
                self.rest = &self.rest[place + delimiter.len_utf8()..];
                return Ok(inside);
            }
            escaped = character == '\\' && !escaped;
        }
        Err(format!("no closing {delimiter}"))
    }
}
