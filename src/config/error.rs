//! What goes wrong with a configuration, in the words that a Redis operator knows.
use std::fmt;

/// Why a directive is refused that is known but has no effect yet: going on without it would endanger data, or let the wrong
/// people in.
pub(super) const REFUSED: &str = "not supported yet, and not safe to ignore";

/// Where a directive stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// File name, or what else the text came from.
    pub source: String,
    /// Line, from 1.
    pub line: usize,
    /// The line itself, without its secrets.
    pub text: String,
}

impl Place {
    /// The place of an error that the configuration cannot see itself, such as a command that cannot be renamed.
    pub fn error(&self, reason: impl Into<String>) -> ConfigError {
        ConfigError { place: self.clone(), reason: reason.into() }
    }
}

/// The configuration cannot be loaded; the server must not start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The directive at fault.
    pub place: Place,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { source, line, text } = &self.place;
        writeln!(f, "*** FATAL CONFIG FILE ERROR (Seawall {}) ***", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "Reading the configuration file {source}, at line {line}")?;
        write!(f, ">>> '{text}'\n{}", self.reason)
    }
}

impl std::error::Error for ConfigError {}

/// A directive that is accepted and changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The directive.
    pub place: Place,
    /// Why it changes nothing, to be read after the directive.
    pub reason: &'static str,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { source, line, text } = &self.place;
        write!(f, "{source}:{line}: '{text}' {}", self.reason)
    }
}

/// CONFIG SET is refused as a whole. `Display` gives the error reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetError {
    /// There is no such parameter.
    Unknown(String),
    /// This parameter cannot be set, or not to this value.
    Refused {
        /// The parameter.
        name: String,
        /// Why not.
        reason: String,
    },
}

impl SetError {
    /// A value that what lies outside the configuration refuses, such as a port that is in use.
    pub fn refused(name: &str, reason: impl Into<String>) -> Self {
        Self::Refused { name: name.to_owned(), reason: reason.into() }
    }
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(name) => {
                write!(f, "ERR Unknown option or number of arguments for CONFIG SET - '{name}'")
            }
            Self::Refused { name, reason } => {
                write!(f, "ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
            }
        }
    }
}

impl std::error::Error for SetError {}
