//! Large values, part by part.
//!
//! What a stream's commands would have to be hangs on all of it, so it becomes one RESTORE, which is kept until it is whole.

use super::commands::{Commands, Row, expire, expire_field};
use super::stream::STREAM;
use crate::dump::{Parts, Writer, sealed};
use crate::text::DoubleText;
use crate::types::list::Content;
use crate::types::{Head, Part};

/// A value of which some parts have come.
pub(super) struct Open {
    key: Vec<u8>,
    expiry_ms: Option<i64>,
    /// Parts to come, or of a string bytes.
    left: usize,
    way: Way,
}

enum Way {
    /// Parts are bytes of a word that has been begun.
    Word,
    /// Each part is an element of a row.
    Row(Row),
    /// Each part has commands of its own.
    Alone,
    Payload(Parts, Writer),
}

impl Open {
    pub fn begin(commands: &mut Commands, key: &[u8], head: Head, expiry_ms: Option<i64>) -> Open {
        let (left, way) = match head {
            Head::Text { len } => {
                commands.begin(b"SET", 2).word(key).begin_word(len);
                (len, Way::Word)
            }
            Head::Hash { len, soonest: None } => (len, Way::Row(Row::new(b"HMSET", 2, len))),
            Head::Hash { len, soonest: Some(_) } => (len, Way::Alone),
            Head::Set { len } => (len, Way::Row(Row::new(b"SADD", 1, len))),
            Head::SortedSet { len } => (len, Way::Row(Row::new(b"ZADD", 2, len))),
            Head::List { nodes } => (nodes, Way::Alone),
            Head::Stream { nodes, groups, .. } => {
                let parts = Parts::in_form(head, STREAM);
                let mut writer = Writer::new(vec![parts.form().code()], false);
                parts.head(&mut writer, head);
                (nodes + groups + 1, Way::Payload(parts, writer))
            }
        };
        Open { key: key.to_vec(), expiry_ms, left, way }
    }

    /// Adds a part; true if it was the last.
    pub fn part(&mut self, commands: &mut Commands, part: Part<'_>) -> bool {
        let (key, mut weight) = (&self.key, 1);
        match (&mut self.way, part) {
            (Way::Word, Part::Text(text)) => {
                commands.out.extend_from_slice(text);
                weight = text.len();
            }
            (Way::Payload(parts, writer), part) => parts.part(writer, part),
            (Way::Row(row), Part::Field(field)) => {
                row.element(commands, key).item(field.name).item(field.value);
            }
            (Way::Row(row), Part::Member(member)) => _ = row.element(commands, key).item(member),
            (Way::Row(row), Part::Element(element)) => {
                row.element(commands, key).word(&DoubleText::of(element.score)).item(element.member);
            }
            (Way::Alone, Part::Field(field)) => {
                commands.begin(b"HMSET", 3).word(key).item(field.name).item(field.value);
                if let Some(at_ms) = field.deadline {
                    expire_field(commands, key, at_ms, field.name);
                }
            }
            (Way::Alone, Part::Node(content)) => node(commands, key, content),
            // The head has said what the parts are.
            _ => {}
        }
        self.left = self.left.saturating_sub(weight);
        if self.left == 0 {
            self.end(commands);
        }
        self.left == 0
    }

    fn end(&mut self, commands: &mut Commands) {
        match std::mem::replace(&mut self.way, Way::Alone) {
            Way::Payload(parts, writer) => {
                commands.whole(&[b"RESTORE", &self.key, b"0", &sealed(writer, parts.form())]);
            }
            Way::Word => commands.end_word(),
            Way::Row(_) | Way::Alone => {}
        }
        expire(commands, &self.key, self.expiry_ms);
    }
}

fn node(commands: &mut Commands, key: &[u8], content: Content<'_>) {
    match content {
        Content::Plain(text) => commands.whole(&[b"RPUSH", key, text]),
        Content::Packed(pack) => {
            let mut row = Row::new(b"RPUSH", 1, pack.len());
            pack.iter().for_each(|item| _ = row.element(commands, key).item(item));
        }
    }
}
