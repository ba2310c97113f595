//! The trace hash: every poll of a task and every event of the world, in order, folded into 64 bits. Two runs with the same
//! hash did the same things at the same virtual times; a run that reads an address, a real clock or the order of a hash map
//! differs from its repetition at once.

/// What kind of thing happened: the first word of each entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A task was polled.
    Poll = 1,
    /// A segment arrived or was lost.
    Network,
    /// A connection attempt went one step on.
    Connect,
    /// A disk operation.
    Disk,
    /// A clock was changed.
    Clock,
    /// A fault was injected or healed, or a node's life changed.
    Fault,
    /// Whatever a scenario records.
    Scenario,
}

/// The hash so far, and how many entries are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    hash: u64,
    entries: u64,
}

impl Default for Trace {
    fn default() -> Self {
        Trace { hash: 0xcbf2_9ce4_8422_2325, entries: 0 }
    }
}

impl Trace {
    /// Adds one entry: what, when (virtual nanoseconds), and two words that tell it from others of its kind.
    pub fn record(&mut self, kind: Kind, at: u64, first: u64, second: u64) {
        self.entries += 1;
        self.word(at ^ (kind as u64) << 56);
        self.word(first);
        self.word(second);
    }

    /// Adds the content of a segment or a write.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.word(u64::from_le_bytes(*word)));
        self.word(rest.iter().fold(bytes.len() as u64, |word, byte| word << 8 | u64::from(*byte)));
    }

    /// The hash so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// Entries so far.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// FNV by words, with the high half folded down; a bijection, so no difference is lost in one step.
    fn word(&mut self, word: u64) {
        let mixed = (self.hash ^ word).wrapping_mul(0x100_0000_01b3);
        self.hash = mixed ^ mixed >> 32;
    }
}
