//! Replies, written straight into a connection's output buffer.
//!
//! A [`Reply`] is the buffer and the protocol version that the session speaks. Each method writes one value; those with a
//! length must be followed by so many values (twice as many for a map). RESP2 has no maps, sets, doubles and so on; they
//! are written as the RESP2 type that clients have always been given for them.

use crate::text;

/// The version of RESP that a session speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Version {
    /// What a connection begins with.
    #[default]
    Resp2,
    /// After `HELLO 3`.
    Resp3,
}

/// What a deferred length counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Aggregate {
    Array,
    Map,
    Set,
}

/// Where a length is to be written once it is known.
#[derive(Debug)]
#[must_use = "an aggregate without a length breaks the connection"]
pub struct Mark {
    at: usize,
    aggregate: Aggregate,
}

/// Writes the replies of one session.
#[derive(Debug)]
pub struct Reply<'a> {
    out: &'a mut Vec<u8>,
    version: Version,
}

impl<'a> Reply<'a> {
    /// Appends to `out` in the given version.
    #[inline]
    pub fn new(out: &'a mut Vec<u8>, version: Version) -> Reply<'a> {
        Reply { out, version }
    }

    /// The version that is written.
    #[inline]
    pub fn version(&self) -> Version {
        self.version
    }

    /// Writes the values that follow in another version (HELLO).
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// The output itself, for whole replies that others write (a transaction's, one after the other).
    #[inline]
    pub fn out(&mut self) -> &mut Vec<u8> {
        self.out
    }

    /// How many bytes the output holds, those of earlier replies included.
    #[inline]
    pub fn position(&self) -> usize {
        self.out.len()
    }

    /// Takes back everything after a [`Reply::position`].
    pub fn rewind(&mut self, position: usize) {
        self.out.truncate(position);
    }

    /// Writes bytes that are a whole reply already.
    #[inline]
    pub fn raw(&mut self, reply: &[u8]) {
        self.out.extend_from_slice(reply);
    }

    /// A status.
    #[inline]
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// A status of any bytes; line ends in it become blanks.
    pub fn simple_bytes(&mut self, text: &[u8]) {
        self.line(b'+', text);
    }

    /// The status `OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.raw(b"+OK\r\n");
    }

    /// An error; the text begins with its code, as in `ERR syntax error`. Line ends in it become blanks.
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        self.line(b'-', text.as_ref());
    }

    /// An integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        self.number(b':', value);
    }

    /// A bulk string.
    #[inline]
    pub fn bulk(&mut self, bytes: &[u8]) {
        // One growth for all three parts; a length has at most 20 digits.
        self.out.reserve(bytes.len() + 32);
        self.length(b'$', bytes.len());
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(b"\r\n");
    }

    /// An integer as a bulk string.
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value).as_bytes());
    }

    /// The absence of a value.
    #[inline]
    pub fn null(&mut self) {
        self.raw(match self.version {
            Version::Resp2 => b"$-1\r\n",
            Version::Resp3 => b"_\r\n",
        });
    }

    /// The absence of an array.
    #[inline]
    pub fn null_array(&mut self) {
        self.raw(match self.version {
            Version::Resp2 => b"*-1\r\n",
            Version::Resp3 => b"_\r\n",
        });
    }

    /// An array; `length` values follow.
    #[inline]
    pub fn array(&mut self, length: usize) {
        self.length(b'*', length);
    }

    /// A map; `length` pairs follow, each a key and its value.
    #[inline]
    pub fn map(&mut self, length: usize) {
        self.aggregate(Aggregate::Map, length);
    }

    /// A set; `length` values follow.
    #[inline]
    pub fn set(&mut self, length: usize) {
        self.aggregate(Aggregate::Set, length);
    }

    /// A message that answers no request; `length` values follow.
    #[inline]
    pub fn push(&mut self, length: usize) {
        match self.version {
            Version::Resp2 => self.length(b'*', length),
            Version::Resp3 => self.length(b'>', length),
        }
    }

    /// Facts about the value that comes after them; `length` pairs follow. RESP2 cannot express them: then nothing is
    /// written, the answer is false, and the pairs must be left out.
    #[must_use = "in RESP2 the pairs must be left out"]
    pub fn attribute(&mut self, length: usize) -> bool {
        if self.version == Version::Resp3 {
            self.length(b'|', length);
        }
        self.version == Version::Resp3
    }

    /// A double.
    pub fn double(&mut self, value: f64) {
        let text = text::DoubleText::of(value);
        match self.version {
            Version::Resp2 => self.bulk(&text),
            Version::Resp3 => self.line(b',', &text),
        }
    }

    /// A truth value.
    #[inline]
    pub fn boolean(&mut self, value: bool) {
        self.raw(match (self.version, value) {
            (Version::Resp2, false) => b":0\r\n",
            (Version::Resp2, true) => b":1\r\n",
            (Version::Resp3, false) => b"#f\r\n",
            (Version::Resp3, true) => b"#t\r\n",
        });
    }

    /// An integer of any size, as its decimal digits.
    pub fn big_number(&mut self, digits: &str) {
        match self.version {
            Version::Resp2 => self.bulk(digits.as_bytes()),
            Version::Resp3 => self.line(b'(', digits.as_bytes()),
        }
    }

    /// A text to be shown as it is; `format` has three letters, `txt` or `mkd`.
    pub fn verbatim(&mut self, format: &str, bytes: &[u8]) {
        debug_assert_eq!(format.len(), 3);
        if self.version == Version::Resp2 {
            return self.bulk(bytes);
        }
        self.length(b'=', bytes.len() + 4);
        for part in [format.as_bytes(), b":", bytes, b"\r\n"] {
            self.out.extend_from_slice(part);
        }
    }

    /// An array whose length is told to [`Reply::close`] after its values are written.
    pub fn deferred_array(&mut self) -> Mark {
        Mark { at: self.out.len(), aggregate: Aggregate::Array }
    }

    /// A map whose length is told to [`Reply::close`] after its pairs are written.
    pub fn deferred_map(&mut self) -> Mark {
        Mark { at: self.out.len(), aggregate: Aggregate::Map }
    }

    /// A set whose length is told to [`Reply::close`] after its values are written.
    pub fn deferred_set(&mut self) -> Mark {
        Mark { at: self.out.len(), aggregate: Aggregate::Set }
    }

    /// Gives a deferred aggregate its length: values, or pairs of a map. Inner aggregates are closed before outer ones.
    /// Costs a move of what was written since.
    pub fn close(&mut self, mark: Mark, length: usize) {
        self.insert(mark.at, |reply| reply.aggregate(mark.aggregate, length));
    }

    /// Writes something before what is at `at` already.
    fn insert(&mut self, at: usize, write: impl FnOnce(&mut Self)) {
        let end = self.out.len();
        write(self);
        let written = self.out.len() - end;
        self.out[at..].rotate_right(written);
    }

    fn aggregate(&mut self, aggregate: Aggregate, length: usize) {
        match (aggregate, self.version) {
            (Aggregate::Map, Version::Resp2) => self.length(b'*', length * 2),
            (Aggregate::Map, Version::Resp3) => self.length(b'%', length),
            (Aggregate::Set, Version::Resp3) => self.length(b'~', length),
            (Aggregate::Array, _) | (Aggregate::Set, Version::Resp2) => self.length(b'*', length),
        }
    }

    /// A line of text.
    fn line(&mut self, mark: u8, text: &[u8]) {
        self.out.reserve(text.len() + 3);
        self.out.push(mark);
        let start = self.out.len();
        self.out.extend_from_slice(text);
        for byte in &mut self.out[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        self.out.extend_from_slice(b"\r\n");
    }

    #[inline]
    fn length(&mut self, mark: u8, length: usize) {
        self.number(mark, length as i64);
    }

    /// A line that holds a number; most have one or two digits.
    #[inline]
    fn number(&mut self, mark: u8, value: i64) {
        match value {
            0..10 => self.out.extend_from_slice(&[mark, b'0' + value as u8, b'\r', b'\n']),
            10..100 => {
                let (tens, ones) = (value as u8 / 10, value as u8 % 10);
                self.out.extend_from_slice(&[mark, b'0' + tens, b'0' + ones, b'\r', b'\n']);
            }
            _ => {
                self.out.push(mark);
                self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
                self.out.extend_from_slice(b"\r\n");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `write` writes in RESP2 and in RESP3, lines separated by blanks.
    fn written(write: impl Fn(&mut Reply<'_>)) -> [String; 2] {
        [Version::Resp2, Version::Resp3].map(|version| {
            let mut out = Vec::new();
            write(&mut Reply::new(&mut out, version));
            String::from_utf8(out).unwrap().trim_end().replace("\r\n", " ")
        })
    }

    #[test]
    fn scalars_have_the_form_of_their_version() {
        assert_eq!(written(|reply| reply.ok()), ["+OK", "+OK"]);
        assert_eq!(written(|reply| reply.null()), ["$-1", "_"]);
        assert_eq!(written(|reply| reply.null_array()), ["*-1", "_"]);
        assert_eq!(written(|reply| reply.boolean(true)), [":1", "#t"]);
        assert_eq!(written(|reply| reply.double(-0.5)), ["$4 -0.5", ",-0.5"]);
        assert_eq!(written(|reply| reply.double(f64::INFINITY)), ["$3 inf", ",inf"]);
        assert_eq!(written(|reply| reply.big_number("12")), ["$2 12", "(12"]);
        assert_eq!(written(|reply| reply.verbatim("txt", b"a")), ["$1 a", "=5 txt:a"]);
        assert_eq!(written(|reply| reply.bulk_integer(-7)), ["$2 -7", "$2 -7"]);
    }

    #[test]
    fn integers_of_every_length_are_whole() {
        for value in [0, 9, 10, 99, 100, -1, i64::MAX, i64::MIN] {
            assert_eq!(written(|reply| reply.integer(value)), [format!(":{value}"), format!(":{value}")]);
        }
    }

    #[test]
    fn an_error_is_one_line() {
        let text = "ERR unknown command 'a\r\n+OK'";
        assert_eq!(written(|reply| reply.error(text))[0], "-ERR unknown command 'a  +OK'");
    }

    #[test]
    fn deferred_lengths_nest() {
        let write = |reply: &mut Reply<'_>| {
            reply.integer(1);
            let outer = reply.deferred_array();
            let inner = reply.deferred_map();
            reply.bulk(b"key");
            reply.integer(2);
            reply.close(inner, 1);
            (0..11).for_each(|value| reply.integer(value));
            reply.close(outer, 12);
        };
        let tail = "$3 key :2 :0 :1 :2 :3 :4 :5 :6 :7 :8 :9 :10";
        assert_eq!(written(write), [format!(":1 *12 *2 {tail}"), format!(":1 *12 %1 {tail}")]);
    }

    #[test]
    fn attributes_exist_only_in_resp3() {
        let write = |reply: &mut Reply<'_>| {
            if reply.attribute(1) {
                reply.simple("ttl");
                reply.integer(3);
            }
            reply.ok();
        };
        assert_eq!(written(write), ["+OK", "|1 +ttl :3 +OK"]);
    }

    #[test]
    fn a_reply_can_be_taken_back() {
        let write = |reply: &mut Reply<'_>| {
            reply.ok();
            let position = reply.position();
            reply.integer(5);
            reply.rewind(position);
        };
        assert_eq!(written(write)[0], "+OK");
    }
}
