//! Traps: faults that wait for one operation, so that a crash or an error can be put at every step that a node takes on its
//! disk. A trap lets some operations pass, strikes a number of times, and is spent.

use std::time::Duration;

/// What a process does with its disk. Opening what exists, listing and asking for lengths change nothing and are not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A file gets a name that was not there.
    Create,
    /// Bytes are read.
    Read,
    /// Bytes are appended, or written at a position.
    Write,
    /// A file is cut off or extended.
    SetLength,
    /// A file's sync ends.
    Sync,
    /// A directory's sync ends.
    DirectorySync,
    /// A name is given to another file, or a file another name. The trap's path is the new one.
    Rename,
    /// A name is removed.
    Remove,
    /// Directories are created.
    CreateDirectory,
}

impl Operation {
    /// All that change something, and are not a sync.
    pub const WRITES: &[Operation] = &[
        Operation::Create,
        Operation::Write,
        Operation::SetLength,
        Operation::Rename,
        Operation::Remove,
        Operation::CreateDirectory,
    ];

    /// All that leave a trace: what a crash can come between.
    pub const CHANGES: &[Operation] = &[
        Operation::Create,
        Operation::Write,
        Operation::SetLength,
        Operation::Sync,
        Operation::DirectorySync,
        Operation::Rename,
        Operation::Remove,
        Operation::CreateDirectory,
    ];
}

/// How a trap strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The operation fails with EIO. A sync gives up what it should have made durable.
    Fail,
    /// The disk is full: a write takes what ends its file's last sector, and fails with ENOSPC where that is nothing.
    Full,
    /// The process ends, as by kill -9.
    Crash(When),
    /// The machine loses its power.
    PowerLoss(When),
}

/// When in an operation everything ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Before anything is done.
    Before,
    /// In the middle: some first part of a write is done. As `Before` for what cannot be done in part.
    Midway,
    /// When it is done, and before anybody hears of it.
    After,
}

/// What a trap did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strike {
    /// When, by true time.
    pub at: Duration,
    /// How.
    pub effect: Effect,
    /// To what.
    pub operation: Operation,
    /// On which path.
    pub path: String,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// The operations that count; any other passes.
    pub operations: &'static [Operation],
    /// Only those on paths that contain this; all, if it is empty.
    pub path: String,
    /// So many pass first.
    pub skip: u64,
    /// So many are struck then.
    pub times: u64,
    /// How.
    pub effect: Effect,
}

impl Trap {
    /// A trap for the first of these operations, on any file.
    pub fn on(operations: &'static [Operation], effect: Effect) -> Trap {
        Trap { operations, path: String::new(), skip: 0, times: 1, effect }
    }

    /// An operation comes by: whether the trap strikes it.
    pub(super) fn step(&mut self, operation: Operation, path: &str) -> Option<Effect> {
        if !self.operations.contains(&operation) || !path.contains(&self.path) || self.times == 0 {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.times -= 1;
        Some(self.effect)
    }
}
