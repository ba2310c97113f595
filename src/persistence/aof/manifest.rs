//! The manifest: which files make up the log, in which order. As in Redis 7.
//!
//! ```text
//! file appendonly.aof.2.base.rdb seq 2 type b      at most one base, first
//! file appendonly.aof.1.incr.aof seq 1 type h      history: not needed any more, to be removed
//! file appendonly.aof.2.incr.aof seq 2 type i      increments, sequences rising; the last one is written to
//! ```
//!
//! The data set is the base, then each increment in turn. A manifest is only ever replaced as a whole, so that one that does not
//! read well was damaged: it is refused, never guessed at.

use std::fmt;

use crate::text::number::{parse_i64, write_i64};
use crate::text::quote::{split_args, write_quoted};

/// The longest line, its end included, in bytes.
const LINE_BYTES_MAX: usize = 1024;
const TOO_LONG: &str = "The AOF manifest file contains too long line";

/// The largest sequence that is read, so that there is always a next one.
const SEQUENCE_MAX: i64 = i64::MAX / 2;

/// In which form a base is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BaseForm {
    /// A dump file (`aof-use-rdb-preamble yes`).
    Dump,
    /// Commands.
    Log,
}

/// What the files are called, by `appendfilename`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Names {
    /// `appendfilename`: also the name of the whole log before Redis 7, which stood outside the directory.
    pub file: String,
}

impl Names {
    /// The manifest.
    pub fn manifest(&self) -> String {
        format!("{}.manifest", self.file)
    }

    /// A manifest that is not in force yet.
    pub fn temporary_manifest(&self) -> String {
        format!("temp-{}.manifest", self.file)
    }

    /// A base.
    pub fn base(&self, sequence: i64, form: BaseForm) -> String {
        let ending = match form {
            BaseForm::Dump => "rdb",
            BaseForm::Log => "aof",
        };
        format!("{}.{sequence}.base.{ending}", self.file)
    }

    /// A base that is being written.
    pub fn temporary_base(&self) -> String {
        format!("temp-{}.base", self.file)
    }

    /// An increment.
    pub fn increment(&self, sequence: i64) -> String {
        format!("{}.{sequence}.incr.aof", self.file)
    }

    /// An increment to a base that is being written, while there is no log in force that it could belong to.
    pub fn temporary_increment(&self) -> String {
        format!("temp-{}.incr", self.file)
    }

    /// Those of a directory's files that a crash left half written; nobody needs them.
    pub fn leftovers<'a>(&self, listing: &'a [String]) -> impl Iterator<Item = &'a String> {
        let ours = [self.temporary_manifest(), self.temporary_base(), self.temporary_increment()];
        listing.iter().filter(move |name| ours.contains(name))
    }

    /// The sequence in the name of a base or an increment; `None` for any other name.
    pub fn sequence(&self, name: &str) -> Option<i64> {
        let middle = name.strip_prefix(&self.file)?.strip_prefix('.')?;
        let (digits, kind) = middle.split_once('.')?;
        matches!(kind, "base.rdb" | "base.aof" | "incr.aof").then(|| parse_i64(digits.as_bytes()))?
    }
}

/// A file of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its name in the log's directory.
    pub name: String,
    /// At least 1. Bases and increments count apart.
    pub sequence: i64,
}

/// See the module. The last of the increments is the one that is written to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// What the files are called.
    pub names: Names,
    /// What everything else builds on; none if the log begins with an empty data set.
    pub base: Option<Entry>,
    /// Sequences rise.
    pub increments: Vec<Entry>,
    /// Files that are not needed any more.
    pub history: Vec<Entry>,
    /// Not in the text: files that a change which failed may have made, and that the manifest on the disk may name. They must
    /// stay until a manifest without them is durable, and their sequences must not be used again.
    pub(super) abandoned: Vec<Entry>,
}

/// A manifest that cannot be read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManifestError {
    /// Counts from 1; 0 if there is no line.
    pub line: usize,
    /// The line.
    pub text: String,
    /// What is wrong with it.
    pub what: &'static str,
}

impl fmt::Display for ManifestError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            writeln!(formatter, "Reading the manifest file, at line {}", self.line)?;
            writeln!(formatter, ">>> '{}'", self.text.escape_debug())?;
        }
        formatter.write_str(self.what)
    }
}

impl std::error::Error for ManifestError {}

impl Manifest {
    /// The manifest of no files.
    pub fn empty(names: Names) -> Manifest {
        Manifest { names, base: None, increments: Vec::new(), history: Vec::new(), abandoned: Vec::new() }
    }

    /// Reads a manifest. Later versions may add words to a line, in pairs.
    pub fn parse(names: Names, text: &[u8]) -> Result<Manifest, ManifestError> {
        let mut manifest = Manifest::empty(names);
        if text.is_empty() {
            return Err(ManifestError { line: 0, text: String::new(), what: "Found an empty AOF manifest" });
        }
        for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let error = |what| {
                let shown = &line[..line.len().min(LINE_BYTES_MAX)];
                let text = String::from_utf8_lossy(shown).trim().to_owned();
                ManifestError { line: index + 1, text, what }
            };
            manifest.take_line(line).map_err(error)?;
        }
        Ok(manifest)
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), &'static str> {
        if line.len() > LINE_BYTES_MAX || !line.ends_with(b"\n") {
            // Also what is left of a line that was cut.
            return Err(TOO_LONG);
        }
        if line.starts_with(b"#") {
            return Ok(());
        }
        let (entry, kind) = read_line(line)?;
        match kind {
            b'b' if self.base.is_some() => return Err("Found duplicate base file information"),
            b'b' => self.base = Some(entry),
            b'h' => self.history.push(entry),
            b'i' if self.increments.last().is_some_and(|last| entry.sequence <= last.sequence) => {
                return Err("Found a non-monotonic sequence number");
            }
            b'i' => self.increments.push(entry),
            _ => return Err("Unknown AOF file type"),
        }
        Ok(())
    }

    /// The manifest's text.
    pub fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let history = self.history.iter().map(|entry| (entry, b'h'));
        let increments = self.increments.iter().map(|entry| (entry, b'i'));
        let base = self.base.iter().map(|entry| (entry, b'b'));
        base.chain(history).chain(increments).for_each(|(entry, kind)| write_line(&mut out, entry, kind));
        out
    }

    /// Whether no file is needed: there is nothing to load.
    pub fn is_empty(&self) -> bool {
        self.base.is_none() && self.increments.is_empty()
    }

    /// The files to load, in this order.
    pub fn live(&self) -> impl Iterator<Item = &Entry> {
        self.base.iter().chain(&self.increments)
    }

    /// Whether this file is needed.
    pub fn is_live(&self, name: &str) -> bool {
        self.live().any(|entry| entry.name == name)
    }

    /// The increment that is written to.
    pub fn last_increment(&self) -> Option<&Entry> {
        self.increments.last()
    }

    /// A sequence that no base and no increment has, nor had as far as is known.
    pub(super) fn next_sequences(&self) -> (i64, i64) {
        let all = || self.history.iter().chain(&self.abandoned);
        let named = |ending: &str| {
            let taken = all().filter(|entry| entry.name.contains(ending)).map(|entry| entry.sequence);
            taken.max().unwrap_or(0)
        };
        let base = self.base.as_ref().map_or(0, |entry| entry.sequence).max(named(".base."));
        let increment = self.last_increment().map_or(0, |entry| entry.sequence).max(named(".incr."));
        (base.saturating_add(1), increment.saturating_add(1))
    }
}

/// The file that a line names, and its type's first letter.
fn read_line(line: &[u8]) -> Result<(Entry, u8), &'static str> {
    const INVALID: &str = "Invalid AOF manifest file format";
    let words = split_args(line.trim_ascii()).map_err(|_| INVALID)?;
    if words.len() < 6 || words.len() % 2 == 1 {
        return Err(INVALID);
    }
    // A key that is there twice is of two lines whose end between them was damaged.
    let value = |key: &[u8]| {
        let mut values = words.chunks_exact(2).filter(|pair| pair[0].eq_ignore_ascii_case(key));
        let value = values.next().map(|pair| pair[1].as_slice()).ok_or(INVALID)?;
        if values.next().is_some() { Err(INVALID) } else { Ok(value) }
    };
    let name = std::str::from_utf8(value(b"file")?).map_err(|_| INVALID)?;
    if name.contains(['/', '\\']) || matches!(name, "." | "..") {
        return Err("File can't be a path, just a filename");
    }
    let sequence =
        parse_i64(value(b"seq")?).filter(|sequence| (1..=SEQUENCE_MAX).contains(sequence)).ok_or(INVALID)?;
    let kind = *value(b"type")?.first().ok_or(INVALID)?;
    if name.is_empty() || name.contains('\0') {
        return Err(INVALID);
    }
    let entry = Entry { name: name.to_owned(), sequence };
    // Quoted, a name may be longer than it came; what was read must be fit to be written.
    let mut written = Vec::new();
    write_line(&mut written, &entry, kind);
    if written.len() > LINE_BYTES_MAX { Err(TOO_LONG) } else { Ok((entry, kind)) }
}

fn write_line(out: &mut Vec<u8>, entry: &Entry, kind: u8) {
    let name = entry.name.as_bytes();
    out.extend_from_slice(b"file ");
    if name.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte)) {
        out.extend_from_slice(name);
    } else {
        write_quoted(out, name);
    }
    out.extend_from_slice(b" seq ");
    write_i64(out, entry.sequence);
    out.extend_from_slice(b" type ");
    out.extend_from_slice(&[kind, b'\n']);
}
