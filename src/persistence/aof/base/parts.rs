//! Large values as commands, part by part.

use super::commands::{Commands, ELEMENTS_MAX};
use super::expire_field;
use crate::dump::{self, Writer, footer};
use crate::text::DoubleText;
use crate::types::list::Content;
use crate::types::{Field, Head, Item, Part};

/// A value of which some parts are to come.
pub(super) struct Parts {
    key: Vec<u8>,
    expiry_ms: Option<i64>,
    /// How many.
    left: usize,
    body: Body,
}

enum Body {
    /// Elements, spread over commands.
    Row(Row),
    /// A stream, which is written as RESTORE: what commands could make of it is known only when all of it is.
    Sealed(Box<Writer>, dump::Parts),
}

/// Elements that wait for being enough for a command.
#[derive(Debug)]
struct Row {
    name: &'static [u8],
    /// Words that an element takes.
    words: usize,
    waiting: Commands,
    elements: usize,
}

impl Row {
    fn new(name: &'static [u8], words: usize) -> Row {
        Row { name, words, waiting: Commands::default(), elements: 0 }
    }

    fn flush(&mut self, commands: &mut Commands, key: &[u8]) {
        if self.elements > 0 {
            commands.begin(self.name, 1 + self.elements * self.words).word(key);
            commands.out.append(&mut self.waiting.out);
            self.elements = 0;
        }
    }

    /// What the next element's words have to be added to.
    fn element(&mut self, commands: &mut Commands, key: &[u8]) -> &mut Commands {
        if self.elements == ELEMENTS_MAX {
            self.flush(commands, key);
        }
        self.elements += 1;
        &mut self.waiting
    }
}

impl Parts {
    pub(super) fn new(key: &[u8], head: Head, expiry_ms: Option<i64>) -> Parts {
        let (left, body) = match head {
            Head::Hash { len, .. } => (len, Body::Row(Row::new(b"HMSET", 2))),
            Head::Set { len } => (len, Body::Row(Row::new(b"SADD", 1))),
            Head::SortedSet { len } => (len, Body::Row(Row::new(b"ZADD", 2))),
            Head::List { nodes } => (nodes, Body::Row(Row::new(b"RPUSH", 1))),
            Head::Stream { nodes, groups, .. } => {
                let parts = dump::Parts::new(head);
                let mut writer = Writer::new(vec![parts.form().code()], false);
                parts.head(&mut writer, head);
                (nodes + groups + 1, Body::Sealed(Box::new(writer), parts))
            }
        };
        Parts { key: key.to_vec(), expiry_ms, left, body }
    }

    /// Adds a part; true when that was the last one.
    pub(super) fn part(&mut self, commands: &mut Commands, part: Part<'_>) -> bool {
        match &mut self.body {
            Body::Row(row) => in_row(row, commands, &self.key, part),
            Body::Sealed(writer, parts) => parts.part(writer, part),
        }
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            self.end(commands);
        }
        self.left == 0
    }

    fn end(&mut self, commands: &mut Commands) {
        match &mut self.body {
            Body::Row(row) => row.flush(commands, &self.key),
            Body::Sealed(writer, parts) => {
                footer::seal(&mut writer.out, parts.form().version());
                commands.whole(&[b"RESTORE", &self.key, b"0", &writer.out]);
            }
        }
        if let Some(at_ms) = self.expiry_ms {
            commands.begin(b"PEXPIREAT", 2).word(&self.key).number(at_ms);
        }
    }
}

fn in_row(row: &mut Row, commands: &mut Commands, key: &[u8], part: Part<'_>) {
    match part {
        Part::Field(Field { name, value, deadline: None }) => {
            row.element(commands, key).item(name).item(value);
        }
        Part::Field(Field { name, value, deadline: Some(at_ms) }) => {
            commands.begin(b"HMSET", 3).word(key).item(name).item(value);
            expire_field(commands, key, at_ms, name);
        }
        Part::Member(member) => _ = row.element(commands, key).item(member),
        Part::Element(element) => {
            row.element(commands, key).word(&DoubleText::of(element.score)).item(element.member);
        }
        Part::Node(Content::Plain(text)) => _ = row.element(commands, key).item(Item::Bytes(text)),
        Part::Node(Content::Packed(pack)) => {
            pack.iter().for_each(|item| _ = row.element(commands, key).item(item));
        }
        // Streams are sealed.
        Part::Stream(_) => {}
    }
}
