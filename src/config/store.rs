//! The configuration itself: every parameter's value, by name and by field.
//!
//! Guarantees: every parameter always has a valid value; a refused change changes nothing.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};

use super::error::{Place, REFUSED, SetError};
use super::kinds::Origin;
use super::row::{Apply, Mutability, Row};
use super::rows;
use super::settings::Settings;
use crate::text::pattern::{Case, matches};

/// A directive that renames a command, or removes it where the new name is empty. Only the command table can tell
/// whether both names make sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// The command's name.
    pub from: Vec<u8>,
    /// Its new name.
    pub to: Vec<u8>,
    /// Where the directive stands.
    pub place: Place,
}

/// A changed parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its name.
    pub name: &'static str,
    /// What the change asks for.
    pub apply: Apply,
    /// The value before, as CONFIG SET takes it.
    pub before: Vec<u8>,
}

/// Everything that can be configured. Dereferences to the typed fields of [`Settings`].
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    settings: Settings,
    /// Values of rows without a field, where they differ from the default.
    stored: BTreeMap<&'static str, Stored>,
    /// Commands to rename, in order.
    pub renames: Vec<Rename>,
}

/// The text of a value, hidden from `Debug` where it is a secret.
#[derive(Clone, PartialEq)]
struct Stored {
    text: Vec<u8>,
    secret: bool,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = String::from_utf8_lossy(&self.text);
        if self.secret { f.write_str("(hidden)") } else { write!(f, "{text:?}") }
    }
}

impl Deref for Config {
    type Target = Settings;
    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl DerefMut for Config {
    fn deref_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }
}

impl Default for Config {
    fn default() -> Self {
        let mut config =
            Config { settings: Settings::default(), stored: BTreeMap::new(), renames: Vec::new() };
        for row in rows::all() {
            let written = config.write(row, row.default.as_bytes().to_vec());
            debug_assert!(written.is_ok(), "the default of {} does not fit its field", row.name);
        }
        config
    }
}

impl Config {
    /// Values by name, as CONFIG GET answers: patterns find listed names, a name without wildcards finds any, and is
    /// given back as it was written. Each name once, in the order of the names.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found = BTreeMap::new();
        for pattern in patterns {
            if pattern.iter().any(|byte| b"*?[".contains(byte)) {
                found.extend(listed(pattern).map(|(name, row)| (name.as_bytes().to_vec(), row)));
            } else if let Some((row, name)) = rows::find(pattern) {
                let key = name.as_bytes().to_vec();
                found.insert(if found.contains_key(&key) { key } else { pattern.to_vec() }, row);
            }
        }
        found.into_iter().map(|(name, row)| (name, self.answer(row))).collect()
    }

    /// Sets several parameters at once, all or none, as CONFIG SET does. `local` says that the client connects from this
    /// machine. What the answer asks for is up to the caller; if it cannot be done, the caller goes back to a clone.
    pub fn set(&mut self, pairs: &[(&[u8], &[u8])], local: bool) -> Result<Vec<Changed>, SetError> {
        let rows = self.settable(pairs, local)?;
        let mut next = self.clone();
        let mut changed = Vec::new();
        for ((row, name), (_, value)) in rows.into_iter().zip(pairs) {
            let before = next.show(row);
            next.assign(row, &[value], Origin::Set).map_err(|reason| SetError::refused(name, reason))?;
            if row.vital && next.show(row) != row.default.as_bytes() {
                return Err(SetError::refused(name, REFUSED));
            }
            if next.show(row) != before {
                changed.push(Changed { name: row.name, apply: row.apply, before });
            }
        }
        *self = next;
        Ok(changed)
    }

    /// The rows that CONFIG SET names, if it may set them all.
    fn settable(
        &self,
        pairs: &[(&[u8], &[u8])],
        local: bool,
    ) -> Result<Vec<(&'static Row, &'static str)>, SetError> {
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        for (typed, _) in pairs {
            let text = String::from_utf8_lossy(typed);
            let (row, name) =
                rows::find(typed).ok_or_else(|| SetError::Unknown(text.clone().into_owned()))?;
            let refused = |reason| Err(SetError::refused(&text, reason));
            match row.mutability {
                Mutability::Immutable => return refused("can't set immutable config"),
                Mutability::Protected if !self.enable_protected_configs.allows(local) => {
                    return refused("can't set protected config");
                }
                _ if !seen.insert(name) => return refused("duplicate parameter"),
                _ => found.push((row, name)),
            }
        }
        Ok(found)
    }

    /// The canonical text of a parameter's value.
    pub(super) fn show(&self, row: &Row) -> Vec<u8> {
        match &row.field {
            Some(field) => (field.get)(&self.settings).show(),
            None => self.stored.get(row.name).map_or(row.default.as_bytes(), |stored| &stored.text).to_vec(),
        }
    }

    /// What CONFIG GET answers.
    fn answer(&self, row: &Row) -> Vec<u8> {
        row.field.as_ref().map_or_else(|| self.show(row), |field| (field.get)(&self.settings).answer())
    }

    /// Gives a parameter the value of these arguments.
    pub(super) fn assign(&mut self, row: &Row, args: &[&[u8]], origin: Origin) -> Result<(), String> {
        let text = row.kind.parse(args, &self.show(row), origin)?;
        self.write(row, text)
    }

    /// Takes a canonical text.
    fn write(&mut self, row: &Row, text: Vec<u8>) -> Result<(), String> {
        if let Some(field) = &row.field {
            let fits = (field.get_mut)(&mut self.settings).read(&text);
            // Ranges are checked before; what is left is text that a path or an address cannot be.
            return if fits { Ok(()) } else { Err("argument must be valid UTF-8".to_owned()) };
        }
        if text == row.default.as_bytes() {
            self.stored.remove(row.name);
        } else {
            self.stored.insert(row.name, Stored { text, secret: row.secret });
        }
        Ok(())
    }
}

/// Listed names that match, with their rows.
fn listed(pattern: &[u8]) -> impl Iterator<Item = (&'static str, &'static Row)> {
    let names = |row: &'static Row| [row.name].into_iter().chain(row.aliases.iter().copied());
    rows::all()
        .filter(|row| row.listed)
        .flat_map(move |row| names(row).map(move |name| (name, row)))
        .filter(move |(name, _)| matches(pattern, name.as_bytes(), Case::Ignored))
}
