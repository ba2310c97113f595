//! Making a dump file.

use std::collections::BTreeSet;

use super::parts::Used;
use super::{HEADER_BYTES, code};
use crate::dump::footer::Checksum;
use crate::dump::{self, Form, Parts, VERSION_MIN, VERSION_VALKEY_9, Version, Writer};
use crate::types::{Head, Part, Value};

/// How a file is written.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Whether long texts are compressed (`rdbcompression`).
    pub compress: bool,
    /// Whether the file ends with a checksum (`rdbchecksum`); a zero stands in its place otherwise.
    pub checksum: bool,
    /// Whether streams are written as the oldest readers know them, without when consumers were last active: a replica may be such
    /// a reader, and it does not say so.
    pub plain_streams: bool,
    /// Whether it is a file of Valkey 9: hashes whose fields expire are in that one's form.
    pub for_valkey: bool,
}

/// Bytes of room that a new buffer has: more than whoever takes them lets collect, values that are large by themselves aside. A buffer
/// that grows is copied, into memory that nobody has touched yet: that takes milliseconds.
const ROOM_BYTES: usize = (1 << 20) + (256 << 10);

/// A file in the making: collects bytes, which whoever writes the file takes from time to time.
///
/// It begins with the oldest version that we write. If something in it needs a newer one, the [header](Saver::final_header) has to be
/// written anew.
pub struct Saver {
    writer: Writer,
    /// Of all behind the header; `None` if the file is to have none.
    checksum: Option<Checksum>,
    /// Up to where the buffer counts in the checksum.
    counted: usize,
    version: Version,
    /// What the header says as long as it is not written anew.
    began_as: Version,
    database: Option<usize>,
    /// Databases whose sizes have been written.
    sized: BTreeSet<usize>,
    /// The value that comes in parts.
    parts: Option<Parts>,
    plain_streams: bool,
    for_valkey: bool,
}

fn header(version: Version) -> [u8; HEADER_BYTES] {
    let mut header = if version == VERSION_VALKEY_9 { *b"VALKEY000" } else { *b"REDIS0000" };
    let mut rest = version;
    for digit in header.iter_mut().rev().take(3) {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    header
}

impl Saver {
    /// A file with nothing but its header.
    pub fn new(options: Options) -> Saver {
        let mut out = Vec::with_capacity(ROOM_BYTES);
        let version = if options.for_valkey { VERSION_VALKEY_9 } else { VERSION_MIN };
        out.extend_from_slice(&header(version));
        let writer = Writer::new(out, options.compress);
        Saver {
            writer,
            checksum: options.checksum.then(Checksum::default),
            counted: HEADER_BYTES,
            version,
            began_as: version,
            database: None,
            sized: BTreeSet::new(),
            parts: None,
            plain_streams: options.plain_streams,
            for_valkey: options.for_valkey,
        }
    }

    /// Adds something to know about the file; values that are integers take little room.
    pub fn aux(&mut self, name: &str, value: &[u8]) {
        self.writer.out.push(code::AUX);
        self.writer.text(name.as_bytes());
        self.writer.text(value);
    }

    /// Adds a library of functions, by its code.
    pub fn library(&mut self, code: &[u8]) {
        self.writer.out.push(code::LIBRARY);
        self.writer.packed(code);
    }

    /// Says of which database the entries to come are, and how many it has, with and without expiry; nothing if it is the
    /// current one.
    pub fn database(&mut self, database: usize, keys: usize, volatile: usize) {
        if self.database.replace(database) == Some(database) {
            return;
        }
        self.writer.out.push(code::DATABASE);
        self.writer.length(database as u64);
        if self.sized.insert(database) {
            self.writer.out.push(code::SIZES);
            self.writer.length(keys as u64);
            self.writer.length(volatile as u64);
        }
    }

    /// Adds a key with its value.
    pub fn entry(&mut self, key: &[u8], value: Value<'_>, expiry_ms: Option<i64>, used: Used) {
        let form = match Form::of(value, VERSION_MIN) {
            Form::StreamActive if self.plain_streams => Form::Stream,
            form => self.told(form),
        };
        self.before_value(key, form, expiry_ms, used);
        dump::save(&mut self.writer, form, value);
    }

    /// Adds a key whose value comes in [parts](Saver::part).
    pub fn begin(&mut self, key: &[u8], head: Head, expiry_ms: Option<i64>, used: Used) {
        let head = match head {
            Head::Stream { nodes, groups, .. } if self.plain_streams => {
                Head::Stream { nodes, groups, active_when_seen: true }
            }
            head => head,
        };
        let parts = Parts::new(head);
        let parts = Parts::in_form(head, self.told(parts.form()));
        self.before_value(key, parts.form(), expiry_ms, used);
        parts.head(&mut self.writer, head);
        self.parts = Some(parts);
    }

    /// The form, or the one that stands for it in this file.
    fn told(&self, form: Form) -> Form {
        match form {
            Form::HashTimed | Form::HashTimedListpack if self.for_valkey => Form::HashValkey,
            form => form,
        }
    }

    /// Adds a part of the value that was begun last.
    pub fn part(&mut self, part: Part<'_>) {
        if let Some(parts) = &self.parts {
            parts.part(&mut self.writer, part);
        }
    }

    /// Adds what stands before a value.
    fn before_value(&mut self, key: &[u8], form: Form, expiry_ms: Option<i64>, used: Used) {
        let writer = &mut self.writer;
        if let Some(at_ms) = expiry_ms {
            writer.out.push(code::EXPIRY_MS);
            writer.raw(&at_ms.to_le_bytes());
        }
        match used {
            Used::Unknown => {}
            Used::IdleSeconds(seconds) => {
                writer.out.push(code::IDLE);
                writer.length(seconds);
            }
            Used::Frequency(frequency) => writer.out.extend([code::FREQUENCY, frequency]),
        }
        writer.out.push(form.code());
        writer.text(key);
        self.version = self.version.max(form.version());
    }

    /// Adds the end and the checksum, where the header can still be changed (see [`final_header`](Self::final_header)).
    pub fn end(&mut self) {
        self.end_with(self.version);
    }

    /// The same where the header has left: it says less than there is. Readers that do not know something that is there stumble
    /// over that, and not over the header.
    pub fn end_as_it_is(&mut self) {
        self.end_with(self.began_as);
    }

    fn end_with(&mut self, version: Version) {
        self.writer.out.push(code::END);
        self.count();
        let checksum = self.checksum.as_ref().map_or(0, |checksum| checksum.value_after(&header(version)));
        self.writer.raw(&checksum.to_le_bytes());
        self.counted = self.writer.out.len();
    }

    /// Bytes that wait to be [taken](Self::take).
    pub fn buffered(&self) -> usize {
        self.writer.out.len()
    }

    /// The bytes since the last time.
    pub fn take(&mut self) -> Vec<u8> {
        self.count();
        self.counted = 0;
        std::mem::replace(&mut self.writer.out, Vec::with_capacity(ROOM_BYTES))
    }

    /// What has to stand at the beginning of the file in place of what does; `None` if it is right. To be asked after
    /// [`end`](Self::end): the checksum counts on it.
    pub fn final_header(&self) -> Option<[u8; HEADER_BYTES]> {
        (self.version != self.began_as).then(|| header(self.version))
    }

    /// Counts the buffer in the checksum.
    fn count(&mut self) {
        if let Some(checksum) = &mut self.checksum {
            checksum.add(&self.writer.out[self.counted..]);
            self.counted = self.writer.out.len();
        }
    }
}
