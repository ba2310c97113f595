//! The command table of an engine: lookup by name without allocation, whatever the case of the letters.
//!
//! It is built from the groups' constant entries when the engine is made, so the engine never imports `commands`, and a
//! test can give it other commands. `rename-command` changes the names under which entries are found, not the entries.

use super::command::{Command, Flag};

/// A command's place in the table: an index into its rows and into the statistics for each command.
pub type CommandId = u16;

/// One row: the entry and what is derived from it once.
#[derive(Debug)]
pub struct Row {
    /// The entry.
    pub command: &'static Command,
    /// The entry's flags as bits ([`Flag::bit`]).
    pub flags: u32,
    /// The argument that is the first key, if that is fixed: its bucket can be fetched ahead. 0 for none.
    pub first_key: usize,
    /// The rows of the sub-commands.
    pub subcommands: Vec<CommandId>,
}

impl Row {
    /// Whether the command carries this flag.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags & flag.bit() != 0
    }
}

/// All commands of an engine.
#[derive(Debug, Default)]
pub struct CommandTable {
    rows: Vec<Row>,
    /// Names in use and their rows; the order is that of the groups.
    names: Vec<(Box<[u8]>, CommandId)>,
    /// Open addressing over `names`. Its length is a power of two, or zero.
    index: Vec<Place>,
}

/// One place of the index: what is compared before the name itself is looked at. Most names are no longer than that.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: u64,
    length: u16,
    /// Index into the names; [`u16::MAX`] for none.
    name: u16,
}

impl Place {
    const EMPTY: Place = Place { start: 0, length: 0, name: u16::MAX };

    #[inline]
    fn is_empty(&self) -> bool {
        self.name == u16::MAX
    }
}

/// The bytes of a name that are compared at once.
const START_BYTES: usize = 8;
/// `rename-command` takes no longer names.
const NAME_MAX: usize = 4096;

impl CommandTable {
    /// Builds the table of these groups.
    pub fn new(groups: &[&'static [Command]]) -> CommandTable {
        let mut table = CommandTable::default();
        for command in groups.iter().flat_map(|group| group.iter()) {
            let id = table.add(command);
            table.names.push((command.name.as_bytes().into(), id));
        }
        table.rebuild();
        table
    }

    fn add(&mut self, command: &'static Command) -> CommandId {
        let id = self.rows.len() as CommandId;
        let flags = command.flags.iter().fold(0, |bits, flag| bits | flag.bit());
        let first_key = match command.keys.first().map(|spec| spec.begin) {
            Some(super::command::Begin::Index(index)) => index as usize,
            _ => 0,
        };
        self.rows.push(Row { command, flags, first_key, subcommands: Vec::new() });
        for sub in command.subcommands {
            let sub = self.add(sub);
            self.rows[id as usize].subcommands.push(sub);
        }
        id
    }

    fn rebuild(&mut self) {
        let places = (self.names.len() * 4).next_power_of_two().max(16);
        self.index = vec![Place::EMPTY; places];
        for (i, (name, _)) in self.names.iter().enumerate() {
            let start = start_of(name);
            let mut at = place_of(start, name.len()) & (places - 1);
            while !self.index[at].is_empty() {
                at = (at + 1) & (places - 1);
            }
            self.index[at] = Place { start, length: name.len() as u16, name: i as u16 };
        }
    }

    /// `rename-command`: `from` is found as `to` from now on; an empty `to` takes it away. False if there is no `from` or
    /// `to` is in use.
    pub fn rename(&mut self, from: &[u8], to: &[u8]) -> bool {
        let to: Box<[u8]> = to.to_ascii_lowercase().into();
        let Some(at) = self.names.iter().position(|(name, _)| name.eq_ignore_ascii_case(from)) else {
            return false;
        };
        if self.names.iter().any(|(name, _)| *name == to) || to.len() > NAME_MAX {
            return false;
        }
        if to.is_empty() {
            self.names.remove(at);
        } else {
            self.names[at].0 = to;
        }
        self.rebuild();
        true
    }

    /// Finds a command by its name, in any case.
    #[inline]
    pub fn find(&self, name: &[u8]) -> Option<CommandId> {
        let mask = self.index.len().checked_sub(1)?;
        let start = start_of(name);
        let mut at = place_of(start, name.len()) & mask;
        loop {
            let place = &self.index[at];
            if place.is_empty() {
                return None;
            }
            if place.start == start && usize::from(place.length) == name.len() {
                let (known, id) = &self.names[usize::from(place.name)];
                if name.len() <= START_BYTES || known.eq_ignore_ascii_case(name) {
                    return Some(*id);
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// Finds a sub-command by its token, in any case.
    pub fn find_subcommand(&self, parent: CommandId, token: &[u8]) -> Option<CommandId> {
        let row = self.row(parent);
        let fits = |id: &&CommandId| self.row(**id).command.token().as_bytes().eq_ignore_ascii_case(token);
        row.subcommands.iter().find(fits).copied()
    }

    /// A row.
    #[inline]
    pub fn row(&self, id: CommandId) -> &Row {
        &self.rows[id as usize]
    }

    /// All rows, sub-commands included.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The names that are in use, with their rows.
    pub fn names(&self) -> impl Iterator<Item = (&[u8], CommandId)> {
        self.names.iter().map(|(name, id)| (&**name, *id))
    }

    /// How many commands there are, sub-commands not counted.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }
}

/// The first bytes of a name in lower case, padded with zeros.
#[inline]
fn start_of(name: &[u8]) -> u64 {
    let mut start = [0; START_BYTES];
    for (to, from) in start.iter_mut().zip(name) {
        *to = from.to_ascii_lowercase();
    }
    u64::from_le_bytes(start)
}

/// Mixes what is compared first into a place; the multiplier is the golden ratio's.
#[inline]
fn place_of(start: u64, length: usize) -> usize {
    let mixed = (start ^ length as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize
}
