//! Reads redis.conf: lines of words, `#` comments, quotes, `include`.
//!
//! No file is read here: the caller's closure turns the path or pattern of an `include` into names and texts, in order.
//! Guarantees: no text makes it panic; an error leaves the configuration half loaded, and the server must not start.
use std::collections::BTreeSet;

use super::error::{ConfigError, Place, REFUSED, Warning};
use super::kinds::Origin;
use super::row::{Row, Support};
use super::rows;
use super::store::{Config, Rename};
use crate::text::quote::split_args;

/// Files that include each other must end somewhere.
const INCLUDE_DEPTH_MAX: usize = 16;

/// Gives the names and texts of the files that an `include` names: a pattern that matches nothing gives none, a plain path
/// that cannot be read is an error (a sentence).
pub type Include<'a> = &'a mut dyn FnMut(&str) -> Result<Vec<(String, Vec<u8>)>, String>;

impl Config {
    /// Reads directives from `text`; `source` is its name in messages. What is read replaces what was there. Returns the
    /// directives that are understood and have no effect.
    pub fn load(
        &mut self,
        source: &str,
        text: &[u8],
        read: Include<'_>,
    ) -> Result<Vec<Warning>, ConfigError> {
        let mut loader = Loader { config: self, read, warnings: Vec::new(), seen: BTreeSet::new(), depth: 0 };
        loader.text(source, text)?;
        Ok(loader.warnings)
    }
}

struct Loader<'a> {
    config: &'a mut Config,
    read: Include<'a>,
    warnings: Vec<Warning>,
    /// Parameters that a line has named already.
    seen: BTreeSet<&'static str>,
    depth: usize,
}

impl Loader<'_> {
    fn text(&mut self, source: &str, text: &[u8]) -> Result<(), ConfigError> {
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let line = line.trim_ascii();
            if line.is_empty() || line[0] == b'#' {
                continue;
            }
            let text = String::from_utf8_lossy(line).into_owned();
            let mut place = Place { source: source.to_owned(), line: index + 1, text };
            // Before the line is understood: a broken one may hold a password as well.
            hide_secret(&mut place, line);
            let Ok(words) = split_args(line) else {
                return Err(place.error("Unbalanced quotes in configuration line"));
            };
            if let [name, args @ ..] = words.as_slice() {
                hide_secret(&mut place, name);
                self.directive(&place, name, args).map_err(|error| error.into_error(&place))?;
            }
        }
        Ok(())
    }

    fn directive(&mut self, place: &Place, name: &[u8], args: &[Vec<u8>]) -> Result<(), Fault> {
        match (name.to_ascii_lowercase().as_slice(), args) {
            (b"include", [path]) => self.include(path),
            (b"rename-command", [from, to]) => {
                self.config.renames.push(Rename { from: from.clone(), to: to.clone(), place: place.clone() });
                Ok(())
            }
            (b"user" | b"loadmodule", [_, ..]) => Err(REFUSED.into()),
            // These have meant nothing since Redis 2.6 and 3.2, and are still in files.
            (b"list-max-ziplist-entries" | b"list-max-ziplist-value", [_]) => Ok(()),
            (b"sentinel", [_, ..]) => Err("sentinel directive while not in sentinel mode".into()),
            _ => self.parameter(place, name, args),
        }
    }

    fn parameter(&mut self, place: &Place, name: &[u8], args: &[Vec<u8>]) -> Result<(), Fault> {
        let (row, _) = rows::find(name).ok_or("Bad directive or wrong number of arguments")?;
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        let origin = if self.seen.insert(row.name) { Origin::First } else { Origin::Further };
        self.config.assign(row, &args, origin)?;
        if row.vital && self.config.show(row) != row.default.as_bytes() {
            return Err(REFUSED.into());
        }
        self.warn_without_effect(place, row);
        Ok(())
    }

    fn warn_without_effect(&mut self, place: &Place, row: &Row) {
        if self.config.show(row) == row.default.as_bytes() {
            return;
        }
        match row.support() {
            Support::Supported => {}
            Support::NotYet => self.warn(place, NOT_YET),
            Support::Moot => self.warn(place, MOOT),
        }
    }

    fn warn(&mut self, place: &Place, reason: &'static str) {
        self.warnings.push(Warning { place: place.clone(), reason });
    }

    fn include(&mut self, path: &[u8]) -> Result<(), Fault> {
        if self.depth == INCLUDE_DEPTH_MAX {
            return Err("includes are nested too deeply".into());
        }
        let path = std::str::from_utf8(path).map_err(|_| "argument must be valid UTF-8")?;
        self.depth += 1;
        for (source, text) in (self.read)(path)? {
            self.text(&source, &text).map_err(Fault::Elsewhere)?;
        }
        self.depth -= 1;
        Ok(())
    }
}

const NOT_YET: &str = "is not supported yet and has no effect";
const MOOT: &str = "has no counterpart here and no effect";

/// A directive fails by itself, or because a file that it includes does.
enum Fault {
    Here(String),
    Elsewhere(ConfigError),
}

impl Fault {
    fn into_error(self, place: &Place) -> ConfigError {
        match self {
            Fault::Here(reason) => place.error(reason),
            Fault::Elsewhere(error) => error,
        }
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Fault::Here(reason)
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        Fault::Here(reason.to_owned())
    }
}

/// Keeps passwords out of messages; `line` begins with the directive's name.
fn hide_secret(place: &mut Place, line: &[u8]) {
    let name = line.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    let is_secret = name.eq_ignore_ascii_case(b"user") || rows::find(name).is_some_and(|(row, _)| row.secret);
    if is_secret {
        place.text = format!("{} (hidden)", String::from_utf8_lossy(name));
    }
}
