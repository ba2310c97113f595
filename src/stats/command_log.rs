//! Logs of remarkable commands: those that took long (SLOWLOG), those whose request or whose reply was large. An entry
//! holds what was measured: microseconds or bytes.

use std::collections::VecDeque;

use crate::runtime::UnixTime;

/// As in Redis: no more arguments of a command are kept, and no more bytes of one.
const ARGUMENTS_MAX: usize = 32;
const ARGUMENT_BYTES_MAX: usize = 128;

/// One command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CommandLogEntry {
    /// Rises by one for each entry, for the life of the process.
    pub id: u64,
    /// When it ended.
    pub time: UnixTime,
    /// How long it ran, in microseconds, or how large it was, in bytes.
    pub figure: u64,
    /// Name and arguments, shortened.
    pub arguments: Vec<Vec<u8>>,
    /// The client's address.
    pub peer: String,
    /// The client's name.
    pub client_name: Vec<u8>,
}

/// The log, newest first.
#[derive(Clone, Debug, Default)]
pub struct CommandLog {
    entries: VecDeque<CommandLogEntry>,
    next_id: u64,
}

impl CommandLog {
    /// Adds an entry and drops the oldest beyond `length_max`.
    pub fn add<'a>(
        &mut self,
        arguments: impl ExactSizeIterator<Item = &'a [u8]>,
        (peer, client_name): (String, Vec<u8>),
        (time, figure): (UnixTime, u64),
        length_max: usize,
    ) {
        let arguments = shortened(arguments);
        self.entries.push_front(CommandLogEntry {
            id: self.next_id,
            time,
            figure,
            arguments,
            peer,
            client_name,
        });
        self.next_id += 1;
        self.entries.truncate(length_max);
    }

    /// The entries, newest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &CommandLogEntry> {
        self.entries.iter()
    }

    /// Forgets them all.
    pub fn clear(&mut self) {
        self.entries.clear();
    }
}

/// Long commands keep their beginning and say what is missing, in Redis's words.
fn shortened<'a>(arguments: impl ExactSizeIterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let count = arguments.len();
    let kept = if count > ARGUMENTS_MAX { ARGUMENTS_MAX - 1 } else { count };
    let mut out: Vec<Vec<u8>> = arguments.take(kept).map(shortened_argument).collect();
    if kept < count {
        out.push(format!("... ({} more arguments)", count - kept).into_bytes());
    }
    out
}

fn shortened_argument(argument: &[u8]) -> Vec<u8> {
    let Some(more) = argument.len().checked_sub(ARGUMENT_BYTES_MAX).filter(|more| *more > 0) else {
        return argument.to_vec();
    };
    let mut out = argument[..ARGUMENT_BYTES_MAX].to_vec();
    out.extend_from_slice(format!("... ({more} more bytes)").as_bytes());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_commands_are_shortened_as_redis_does() {
        let words: Vec<Vec<u8>> = (0..40).map(|i| vec![b'x'; if i == 0 { 130 } else { 1 }]).collect();
        let kept = shortened(words.iter().map(Vec::as_slice));
        assert_eq!(kept.len(), 32);
        assert!(kept[0].ends_with(b"x... (2 more bytes)"));
        assert_eq!(kept[31], b"... (9 more arguments)");
    }
}
