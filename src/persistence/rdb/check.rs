//! Telling what is in a dump file, and what is wrong with it.

use std::collections::BTreeMap;
use std::fmt;

use super::load::{Broken, Loader};
use super::parts::Part;
use crate::dump::{Limits, Loaded, Version};
use crate::text::quote::write_quoted;
use crate::types::Payload;

/// What is in a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Its version, once it was read.
    pub version: Option<Version>,
    /// AUX fields, each with the offset behind it.
    pub aux: Vec<(u64, Vec<u8>, Vec<u8>)>,
    /// Libraries of functions.
    pub libraries: u64,
    /// Keys that were read, by database.
    pub databases: BTreeMap<u64, Keys>,
    /// Keys that were left out since their value has no element.
    pub empty_keys: u64,
    /// Bytes up to the end of the dump, or to what is wrong.
    pub bytes: u64,
    /// What is wrong; `None` for a whole file.
    pub broken: Option<Broken>,
}

/// Keys of a database.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Keys {
    /// How many are of each type.
    pub types: BTreeMap<&'static str, u64>,
    /// How many have an expiry.
    pub volatile: u64,
    /// How many of those have expired.
    pub expired: u64,
}

impl Keys {
    /// All.
    pub fn count(&self) -> u64 {
        self.types.values().sum()
    }
}

/// A file that is being checked. It is fed pieces of the file, and gives a [`Report`].
pub struct Check {
    loader: Loader,
    now_ms: i64,
    database: u64,
    report: Report,
    is_done: bool,
}

impl Check {
    /// The check of a file of so many bytes, with its checksum, at this Unix time in milliseconds. The limits are of no account to what
    /// is found.
    pub fn new(limits: Limits, file_bytes: u64, now_ms: i64) -> Check {
        let loader = Loader::new(limits, file_bytes, true);
        Check { loader, now_ms, database: 0, report: Report::default(), is_done: false }
    }

    /// Takes the next bytes; false if nothing can be learnt from further ones.
    pub fn feed(&mut self, chunk: &[u8]) -> bool {
        if !self.is_done {
            self.loader.feed(chunk);
            self.read();
        }
        !self.is_done
    }

    /// What was found, in all that was fed.
    pub fn finish(mut self) -> Report {
        self.loader.finish();
        if !self.is_done {
            self.read();
        }
        self.report.version = self.loader.version();
        self.report.empty_keys = self.loader.empty_keys();
        self.report
    }

    fn read(&mut self) {
        loop {
            let got = self.loader.next().map(|part| part.map(Fact::of));
            self.report.bytes = self.loader.position();
            match got {
                Ok(Some(Fact::End)) => return self.is_done = true,
                Ok(Some(fact)) => self.note(fact),
                Ok(None) => return,
                Err(broken) => {
                    self.report.bytes = broken.at;
                    self.report.broken = Some(broken);
                    return self.is_done = true;
                }
            }
        }
    }

    fn note(&mut self, fact: Fact) {
        match fact {
            Fact::Aux(name, value) => self.report.aux.push((self.report.bytes, name, value)),
            Fact::Database(database) => self.database = database,
            Fact::Library => self.report.libraries += 1,
            Fact::Key { type_name, expiry_ms } => {
                let keys = self.report.databases.entry(self.database).or_default();
                *keys.types.entry(type_name).or_default() += 1;
                keys.volatile += u64::from(expiry_ms.is_some());
                keys.expired += u64::from(expiry_ms.is_some_and(|at_ms| at_ms < self.now_ms));
            }
            Fact::Other | Fact::End => {}
        }
    }
}

/// What is of interest in a part.
enum Fact {
    Aux(Vec<u8>, Vec<u8>),
    Database(u64),
    Library,
    Key { type_name: &'static str, expiry_ms: Option<i64> },
    Other,
    End,
}

impl Fact {
    fn of(part: Part<'_>) -> Fact {
        match part {
            Part::Aux { name, value } => Fact::Aux(name.into_owned(), value.into_owned()),
            Part::Database(database) => Fact::Database(database),
            Part::Library(_) => Fact::Library,
            Part::Sizes { .. } => Fact::Other,
            Part::End => Fact::End,
            Part::Entry { value, expiry_ms, .. } => {
                let type_name = match value {
                    Loaded::Int(_) | Loaded::Text(_) => "string",
                    Loaded::Object(object) => object.view().type_name(),
                };
                Fact::Key { type_name, expiry_ms }
            }
        }
    }
}

impl Report {
    /// Whether the file is whole.
    pub fn is_sound(&self) -> bool {
        self.broken.is_none()
    }

    fn total(&self, of: impl Fn(&Keys) -> u64) -> u64 {
        self.databases.values().map(of).sum()
    }
}

/// As redis-check-rdb tells it.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(version) = self.version {
            writeln!(f, "[info] RDB version {version}")?;
        }
        for (offset, name, value) in &self.aux {
            let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
            writeln!(f, "[offset {offset}] AUX FIELD {} = '{}'", name.escape_debug(), value.escape_debug())?;
        }
        match &self.broken {
            None => {
                writeln!(f, "[offset {}] \\o/ RDB looks OK! \\o/", self.bytes)?;
            }
            Some(broken) => write_broken(f, broken)?,
        }
        for (database, keys) in &self.databases {
            let types: Vec<_> = keys.types.iter().map(|(name, count)| format!("{count} {name}")).collect();
            writeln!(f, "[info] db{database}: {}", types.join(", "))?;
        }
        writeln!(f, "[info] {} functions libraries", self.libraries)?;
        writeln!(f, "[info] {} keys read", self.total(Keys::count))?;
        writeln!(f, "[info] {} keys without a value skipped", self.empty_keys)?;
        writeln!(f, "[info] {} expires", self.total(|keys| keys.volatile))?;
        writeln!(f, "[info] {} already expired", self.total(|keys| keys.expired))
    }
}

fn write_broken(f: &mut fmt::Formatter<'_>, broken: &Broken) -> fmt::Result {
    writeln!(f, "--- RDB ERROR DETECTED ---")?;
    writeln!(f, "[offset {}] {}", broken.at, broken.what)?;
    if let Some(key) = &broken.key {
        let mut quoted = Vec::new();
        write_quoted(&mut quoted, key);
        writeln!(f, "[additional info] Reading key {}", String::from_utf8_lossy(&quoted))?;
    }
    Ok(())
}
