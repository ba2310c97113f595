//! What a run met, counted by name: a green run in which no segment was lost says nothing about lost segments.

use std::collections::BTreeMap;

macro_rules! counters {
    ($($name:ident => $text:literal),* $(,)?) => {
        /// Something that the world counts.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Counter { $(#[doc = concat!("Name in reports: ", $text, ".")] $name),* }
        const NAMES: &[&str] = &[$($text),*];
    };
}

counters! {
    Polls => "polls",
    TimersFired => "timers fired",
    SegmentsDelivered => "segments delivered",
    SegmentsLost => "segments lost",
    ConnectsMade => "connects made",
    ConnectsRefused => "connects refused",
    ConnectsTimedOut => "connects timed out",
    BacklogOverflows => "backlog overflows",
    ResetsDelivered => "resets delivered",
    ResetsInjected => "resets injected",
    StreamsTimedOut => "streams timed out",
    WindowsFull => "windows full",
    ShortReads => "short reads",
    ShortWrites => "short writes",
    LinkChanges => "link changes",
    FileWrites => "file writes",
    FileSyncs => "file syncs",
    DirectorySyncs => "directory syncs",
    DiskReadErrors => "disk read errors",
    DiskWriteErrors => "disk write errors",
    DiskSyncErrors => "disk sync errors",
    DiskFull => "disk full",
    DiskShortWrites => "disk short writes",
    SectorsKept => "unsynced sectors kept",
    SectorsLost => "unsynced sectors lost",
    NamesKept => "unsynced name changes kept",
    NamesLost => "unsynced name changes lost",
    DiskStalls => "disk stalls",
    TrapsSprung => "traps sprung",
    BitsFlipped => "bits flipped",
    ClockJumps => "clock jumps",
    ClockDrifts => "clock drifts",
    NodeStarts => "node starts",
    NodeExits => "node exits",
    NodeCrashes => "node crashes",
    NodePowerLosses => "node power losses",
    NodePauses => "node pauses",
}

/// Counts of the world's own counters and of those that a scenario names.
#[derive(Clone, Debug)]
pub struct Coverage {
    world: [u64; NAMES.len()],
    named: BTreeMap<String, u64>,
}

impl Default for Coverage {
    fn default() -> Self {
        Coverage { world: [0; NAMES.len()], named: BTreeMap::new() }
    }
}

impl Coverage {
    /// Counts one.
    pub fn count(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts several at once.
    pub fn add(&mut self, counter: Counter, amount: u64) {
        self.world[counter as usize] += amount;
    }

    /// How many so far.
    pub fn of(&self, counter: Counter) -> u64 {
        self.world[counter as usize]
    }

    /// Counts something that only the scenario knows.
    pub fn count_named(&mut self, name: &str) {
        match self.named.get_mut(name) {
            Some(count) => *count += 1,
            None => drop(self.named.insert(name.into(), 1)),
        }
    }

    /// All counts by name, those of zero included.
    pub fn report(&self) -> BTreeMap<String, u64> {
        let world = NAMES.iter().zip(self.world).map(|(name, count)| ((*name).to_string(), count));
        world.chain(self.named.clone()).collect()
    }
}
