//! Writing commands whose words come one by one.

use crate::protocol::client::{encode, encode_argument, encode_count};
use crate::types::Item;
use crate::types::stream::{IdText, StreamId};

/// The most elements that one command has, as in Redis: whoever loads it serves nobody else meanwhile.
pub(super) const ELEMENTS_MAX: usize = 64;

/// Commands in the making.
#[derive(Debug, Default)]
pub(super) struct Commands {
    pub out: Vec<u8>,
}

impl Commands {
    /// Begins a command; so many words have to follow its name.
    pub fn begin(&mut self, name: &[u8], words: usize) -> &mut Self {
        encode_count(&mut self.out, 1 + words);
        self.word(name)
    }

    /// Adds a command that is there.
    pub fn whole(&mut self, words: &[&[u8]]) {
        encode(&mut self.out, words);
    }

    pub fn word(&mut self, word: &[u8]) -> &mut Self {
        encode_argument(&mut self.out, word);
        self
    }

    /// Begins a word of so many bytes, which have to follow.
    pub fn begin_word(&mut self, len: usize) {
        self.out.push(b'$');
        self.out.extend_from_slice(itoa::Buffer::new().format(len).as_bytes());
        self.end_word();
    }

    /// Ends it.
    pub fn end_word(&mut self) {
        self.out.extend_from_slice(b"\r\n");
    }

    pub fn item(&mut self, item: Item<'_>) -> &mut Self {
        self.word(item.text(&mut itoa::Buffer::new()))
    }

    pub fn number(&mut self, number: impl itoa::Integer) -> &mut Self {
        self.word(itoa::Buffer::new().format(number).as_bytes())
    }

    pub fn id(&mut self, id: StreamId) -> &mut Self {
        self.word(id.text(&mut IdText::default()))
    }
}

/// The elements of a value, spread over commands that each add some of them.
#[derive(Debug)]
pub(super) struct Row {
    name: &'static [u8],
    /// Words that an element takes.
    words: usize,
    /// Elements to come: of the command that has been begun, and of others.
    here: usize,
    later: usize,
}

impl Row {
    /// So many elements, each of so many words.
    pub fn new(name: &'static [u8], words: usize, elements: usize) -> Row {
        Row { name, words, here: 0, later: elements }
    }

    /// What the next element's words have to be added to.
    pub fn element<'c>(&mut self, commands: &'c mut Commands, key: &[u8]) -> &'c mut Commands {
        if self.here == 0 {
            self.here = self.later.min(ELEMENTS_MAX);
            self.later -= self.here;
            commands.begin(self.name, 1 + self.here * self.words).word(key);
        }
        self.here -= 1;
        commands
    }
}

/// The deadline of a key, if it has one.
pub(super) fn expire(commands: &mut Commands, key: &[u8], expiry_ms: Option<i64>) {
    if let Some(at_ms) = expiry_ms {
        commands.begin(b"PEXPIREAT", 2).word(key).number(at_ms);
    }
}

/// The deadline of a field.
pub(super) fn expire_field(commands: &mut Commands, key: &[u8], at_ms: i64, field: Item<'_>) {
    commands.begin(b"HPEXPIREAT", 5).word(key).number(at_ms).word(b"FIELDS").word(b"1").item(field);
}
