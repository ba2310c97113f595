//! One row declares one parameter: names, kind of value, default, who may change it, and the field that holds it.
//!
//! A row without a field is accepted, kept as text and shown, and changes nothing.
use super::kinds::Kind;
use super::settings::Settings;
use super::slots::Slot;

/// Access to a typed field.
#[derive(Clone, Copy)]
pub struct Field {
    /// The field, to show.
    pub get: fn(&Settings) -> &dyn Slot,
    /// The field, to change.
    pub get_mut: fn(&mut Settings) -> &mut dyn Slot,
}

/// Names a field of the settings.
macro_rules! field {
    ($name:ident) => {
        $crate::config::row::Field {
            get: |settings| &settings.$name,
            get_mut: |settings| &mut settings.$name,
        }
    };
}
pub(super) use field;

/// When a parameter may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// By CONFIG SET at any time.
    Mutable,
    /// Only at startup.
    Immutable,
    /// By CONFIG SET of those whom `enable-protected-configs` allows.
    Protected,
}

/// What the server does with a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It acts on it.
    Supported,
    /// It keeps it; a value other than the default is worth a warning.
    NotYet,
    /// It keeps it; what the parameter steers in Redis has no counterpart here.
    Moot,
}

/// What must be done once a changed parameter is in the settings. Parameters that are read where they are used need
/// [`Apply::Nothing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apply {
    /// The field is read each time.
    Nothing,
    /// Open and close listeners.
    Listeners,
    /// See whether the system allows so many open files.
    MaxClients,
    /// See whether keys must be evicted, or access clocks be read in another way.
    Memory,
    /// Change the filter of the log.
    Logging,
    /// Change the working directory.
    Directory,
    /// Write the process title again.
    ProcessTitle,
    /// Restart the periodic work at another rate.
    Timer,
    /// Shorten the slow log.
    SlowLog,
    /// Turn the append log on or off, or write it in another way.
    AppendLog,
}

/// The declaration of one parameter.
#[derive(Clone, Copy)]
pub struct Row {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Other names under which CONFIG GET lists it.
    pub aliases: &'static [&'static str],
    /// Names that newer servers gave it: understood, but not listed.
    pub later_names: &'static [&'static str],
    /// Which values it takes.
    pub kind: Kind,
    /// Canonical text of its default.
    pub default: &'static str,
    /// When it may change.
    pub mutability: Mutability,
    /// Where its value lives; `None` keeps it as text.
    pub field: Option<Field>,
    /// Whether patterns of CONFIG GET find it; others are found by their exact name only.
    pub listed: bool,
    /// Whether its value must stay out of logs and messages.
    pub secret: bool,
    /// Whether it has no counterpart here.
    pub moot: bool,
    /// Data or access would not be as the operator thinks if another value than the default were accepted and had no effect:
    /// it is refused until it has one.
    pub vital: bool,
    /// What a change asks for.
    pub apply: Apply,
}

impl Row {
    /// A listed, mutable parameter without a field.
    pub const fn new(name: &'static str, kind: Kind, default: &'static str) -> Self {
        Row {
            name,
            aliases: &[],
            later_names: &[],
            kind,
            default,
            mutability: Mutability::Mutable,
            field: None,
            listed: true,
            secret: false,
            moot: false,
            vital: false,
            apply: Apply::Nothing,
        }
    }

    pub(super) const fn aliases(mut self, names: &'static [&'static str]) -> Self {
        self.aliases = names;
        self
    }

    pub(super) const fn later_names(mut self, names: &'static [&'static str]) -> Self {
        self.later_names = names;
        self
    }

    pub(super) const fn immutable(mut self) -> Self {
        self.mutability = Mutability::Immutable;
        self
    }

    pub(super) const fn protected(mut self) -> Self {
        self.mutability = Mutability::Protected;
        self
    }

    pub(super) const fn unlisted(mut self) -> Self {
        self.listed = false;
        self
    }

    pub(super) const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    pub(super) const fn vital(mut self) -> Self {
        self.vital = true;
        self
    }

    pub(super) const fn moot(mut self) -> Self {
        self.moot = true;
        self
    }

    pub(super) const fn field(mut self, field: Field) -> Self {
        self.field = Some(field);
        self
    }

    pub(super) const fn apply(mut self, apply: Apply) -> Self {
        self.apply = apply;
        self
    }

    /// What the server does with it.
    pub fn support(&self) -> Support {
        match self.field {
            Some(_) => Support::Supported,
            None if self.moot => Support::Moot,
            None => Support::NotYet,
        }
    }

    /// Every name it answers to.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + use<> {
        [self.name].into_iter().chain(self.aliases.iter().copied()).chain(self.later_names.iter().copied())
    }
}
