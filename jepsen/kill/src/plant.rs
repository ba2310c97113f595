//! Mistakes that are made on purpose between a kill and the restart: the checks have to find each of them.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::mode::{MODES, Mode};

/// See the module.
#[derive(Debug)]
pub struct Plant {
    /// As it is chosen and reported.
    pub name: &'static str,
    /// The mode whose promise it breaks.
    mode: &'static str,
    /// Whether it takes a life that outlasts the time whose writes may be lost.
    pub takes_long: bool,
    act: fn(&Before, &Path) -> io::Result<()>,
}

/// All of them.
pub const PLANTS: &[Plant] = &[
    Plant { name: "cut-tail", mode: "always", takes_long: false, act: |before, home| before.cut(home, 2) },
    Plant {
        name: "cut-seconds",
        mode: "everysec",
        takes_long: true,
        act: |before, home| before.cut(home, 20),
    },
    Plant { name: "hole", mode: "everysec", takes_long: false, act: hole },
    Plant { name: "half", mode: "everysec", takes_long: false, act: half },
    Plant { name: "twice", mode: "always", takes_long: false, act: twice },
    Plant { name: "no-deadline", mode: "always", takes_long: false, act: no_deadline },
    Plant { name: "old-dump", mode: "rdb", takes_long: false, act: old_dump },
    Plant { name: "lost-base", mode: "always", takes_long: false, act: lost_base },
];

impl Plant {
    /// The mode whose promise it breaks.
    pub fn mode(&self) -> &'static Mode {
        MODES.iter().find(|mode| mode.name == self.mode).unwrap_or(&MODES[0])
    }

    /// Makes the mistake. The error: there was no place for it.
    pub fn act(&self, before: &Before, home: &Path) -> io::Result<()> {
        (self.act)(before, home)
    }
}

/// What files were like when the life began that has ended.
#[derive(Debug, Default)]
pub struct Before {
    log: Option<(PathBuf, u64)>,
    dump: Option<Vec<u8>>,
}

impl Before {
    /// As it is now.
    pub fn of(home: &Path) -> Before {
        let log = log_file(home).ok().map(|path| {
            let bytes = fs::metadata(&path).map_or(0, |about| about.len());
            (path, bytes)
        });
        Before { log, dump: fs::read(home.join("dump.rdb")).ok() }
    }

    /// The log's last file, and from where on it was written in this life.
    fn grown(&self, home: &Path) -> io::Result<(PathBuf, Vec<u8>, usize)> {
        let path = log_file(home)?;
        let bytes = fs::read(&path)?;
        let from = match &self.log {
            Some((before, length)) if *before == path => *length as usize,
            _ => 0,
        };
        Ok((path, bytes, from))
    }

    /// Leaves only one part in so many of what the life has added.
    fn cut(&self, home: &Path, parts: usize) -> io::Result<()> {
        let (path, mut bytes, from) = self.grown(home)?;
        bytes.truncate(from + (bytes.len() - from) / parts);
        fs::write(path, bytes)
    }
}

/// The last of the increments.
fn log_file(home: &Path) -> io::Result<PathBuf> {
    let number = |path: &PathBuf| -> Option<u64> {
        let name = path.file_name()?.to_str()?;
        name.strip_prefix("appendonly.aof.")?.strip_suffix(".incr.aof")?.parse().ok()
    };
    let files = fs::read_dir(home.join("appendonlydir"))?.flatten().map(|entry| entry.path());
    files.filter(|path| number(path).is_some()).max_by_key(number).ok_or_else(nowhere)
}

fn nowhere() -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, "there is no place for the plant")
}

/// Where a command with these words stands: about in the middle of what was added.
fn find(bytes: &[u8], from: usize, words: &[u8]) -> io::Result<std::ops::Range<usize>> {
    let middle = from + (bytes.len() - from) / 2;
    let at =
        |from: usize| bytes[from..].windows(words.len()).position(|part| part == words).map(|at| from + at);
    let at = at(middle).or_else(|| at(from)).ok_or_else(nowhere)?;
    let is_head = |at: &usize| bytes[*at] == b'*' && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
    let starts_line = |at: &usize| *at == 0 || bytes[at - 1] == b'\n';
    let begin = (0..at).rev().find(|at| is_head(at) && starts_line(at)).ok_or_else(nowhere)?;
    let is_end = |at: &usize| starts_line(at) && (is_head(at) || bytes[*at] == b'#');
    let end = (at..bytes.len()).find(is_end).ok_or_else(nowhere)?;
    Ok(begin..end)
}

const APPENDS: &[u8] = b"\r\nRPUSH\r\n$6\r\nlist:";

/// A command is missing.
fn hole(before: &Before, home: &Path) -> io::Result<()> {
    let (path, mut bytes, from) = before.grown(home)?;
    let place = find(&bytes, from, APPENDS)?;
    bytes.drain(place);
    fs::write(path, bytes)
}

/// A command is there twice.
fn twice(before: &Before, home: &Path) -> io::Result<()> {
    let (path, mut bytes, from) = before.grown(home)?;
    let place = find(&bytes, from, APPENDS)?;
    let command = bytes[place.clone()].to_vec();
    bytes.splice(place.end..place.end, command);
    fs::write(path, bytes)
}

/// The log ends within a transaction, of which nobody says that it is one.
fn half(before: &Before, home: &Path) -> io::Result<()> {
    let (path, mut bytes, from) = before.grown(home)?;
    let debit = find(&bytes, from, b"\r\nDECRBY\r\n$9\r\naccount:")?;
    bytes.truncate(debit.end);
    let multi = b"*1\r\n$5\r\nMULTI\r\n";
    let begins = (0..debit.start).rev().find(|at| bytes[*at..].starts_with(multi)).ok_or_else(nowhere)?;
    bytes.drain(begins..begins + multi.len());
    fs::write(path, bytes)
}

/// A key is to live for ever.
fn no_deadline(before: &Before, home: &Path) -> io::Result<()> {
    let (path, mut bytes, from) = before.grown(home)?;
    let mut rest = from;
    // The last word of the last of them; far deadlines are years away to nobody.
    while let Ok(place) = find(&bytes, rest, b"\r\nPXAT\r\n$13\r\n") {
        let command = bytes[place.clone()].to_vec();
        let text = String::from_utf8_lossy(&command).into_owned();
        let Some((head, deadline)) = text.split_once("\r\nPXAT\r\n$13\r\n") else { return Err(nowhere()) };
        let later = deadline.replacen('1', "2", 1);
        bytes.splice(place.clone(), format!("{head}\r\nPXAT\r\n$13\r\n{later}").into_bytes());
        rest = place.end;
    }
    if rest == from { Err(nowhere()) } else { fs::write(path, bytes) }
}

/// The dump is that of the life before.
fn old_dump(before: &Before, home: &Path) -> io::Result<()> {
    fs::write(home.join("dump.rdb"), before.dump.as_ref().ok_or_else(nowhere)?)
}

/// The log's first file is empty.
fn lost_base(_: &Before, home: &Path) -> io::Result<()> {
    let files = fs::read_dir(home.join("appendonlydir"))?.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|kind| kind == "aof" || kind == "rdb")).collect();
    files.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).map_or(0, |about| about.len())));
    fs::write(files.first().ok_or_else(nowhere)?, b"")
}
