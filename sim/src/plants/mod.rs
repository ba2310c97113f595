//! Mistakes put into a node on purpose, to prove that the simulator finds them. The first of a catalogue.
//!
//! The engine is given its commands when it is built; a plant is a table in which some handlers are replaced by wrong ones, or a
//! disk that hides what a careless node would not do. The server's own code contains none of this but some flags, for what can be
//! done wrongly only from within ([`Faults`]).

mod data;
mod log;
mod strings;

use std::sync::OnceLock;

use seawall::commands;
use seawall::engine::command::{Command, Handler};
use seawall::engine::replication::ReplicationFaults;
use seawall::engine::table::CommandTable;
use seawall::node::Faults;

use crate::options::Lies;

/// A mistake.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plant {
    /// SET is answered before it is applied; others see the old value for a few milliseconds.
    ReplyBeforeWrite,
    /// Now and then INCR answers the new value and forgets it.
    LostIncrement,
    /// Shortly after an overwrite, GET may answer the value before.
    StaleRead,
    /// Now and then LPOP hands out an element and leaves it where it is.
    DoublePop,
    /// Now and then SADD answers that a member was added, and forgets it.
    ForgottenMember,
    /// Now and then a step of a transaction or script is answered and not taken.
    HalfTransaction,
    /// Now and then an entry of a stream is gone as soon as its id was answered.
    LostEntry,
    /// The directory is not synced after a rename.
    SkippedDirectorySync,
    /// A snapshot gets its name before it is synced.
    RenameBeforeSync,
    /// A sync that failed is taken for one that succeeded.
    IgnoredSyncError,
    /// Under `appendfsync always`, replies do not wait for the sync.
    ReplyBeforeSync,
    /// Transactions are logged without MULTI and EXEC.
    UnwrappedTransaction,
    /// What follows a torn record of the log is loaded.
    LoadPastTorn,
    /// A snapshot has no deadlines.
    ForgottenExpiry,
    /// WAIT counts replicas that have not said that they have the write.
    AcknowledgedEarly,
    /// A promoted replica goes on under the name of its primary's history.
    KeptName,
    /// A byte is left out of what a replica gets that goes on.
    SkippedByte,
    /// A replica follows the stream before all of the snapshot is there.
    EarlyStream,
    /// A replica evicts.
    EvictingReplica,
    /// A replica removes what is past its deadline by its own clock.
    ExpiringReplica,
    /// A replica that goes on has forgotten which database is selected.
    ForgottenSelect,
    /// The earlier name of a history holds for one byte more than it should.
    SecondOffset,
}

impl Plant {
    /// All of them.
    pub const ALL: [Plant; 22] = [
        Plant::ReplyBeforeWrite,
        Plant::LostIncrement,
        Plant::StaleRead,
        Plant::DoublePop,
        Plant::ForgottenMember,
        Plant::HalfTransaction,
        Plant::LostEntry,
        Plant::SkippedDirectorySync,
        Plant::RenameBeforeSync,
        Plant::IgnoredSyncError,
        Plant::ReplyBeforeSync,
        Plant::UnwrappedTransaction,
        Plant::LoadPastTorn,
        Plant::ForgottenExpiry,
        Plant::AcknowledgedEarly,
        Plant::KeptName,
        Plant::SkippedByte,
        Plant::EarlyStream,
        Plant::EvictingReplica,
        Plant::ExpiringReplica,
        Plant::ForgottenSelect,
        Plant::SecondOffset,
    ];

    /// The scenario whose clients meet it.
    pub fn scenario(self) -> &'static str {
        match self {
            Plant::ReplyBeforeWrite | Plant::LostIncrement | Plant::StaleRead => "single-node",
            Plant::DoublePop | Plant::ForgottenMember | Plant::HalfTransaction => "data-types",
            Plant::LostEntry => "consumer-groups",
            Plant::SkippedDirectorySync
            | Plant::RenameBeforeSync
            | Plant::IgnoredSyncError
            | Plant::ForgottenExpiry => "durability-rdb",
            Plant::ReplyBeforeSync => "durability-always",
            Plant::UnwrappedTransaction | Plant::LoadPastTorn => "durability-everysec",
            Plant::AcknowledgedEarly => "replication-wait",
            Plant::KeptName | Plant::SecondOffset => "replication-async",
            Plant::SkippedByte
            | Plant::EarlyStream
            | Plant::EvictingReplica
            | Plant::ExpiringReplica
            | Plant::ForgottenSelect => "replication-plain",
        }
    }

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Plant::ReplyBeforeWrite => "reply-before-write",
            Plant::LostIncrement => "lost-increment",
            Plant::StaleRead => "stale-read",
            Plant::DoublePop => "double-pop",
            Plant::ForgottenMember => "forgotten-member",
            Plant::HalfTransaction => "half-transaction",
            Plant::LostEntry => "lost-entry",
            Plant::SkippedDirectorySync => "skipped-directory-sync",
            Plant::RenameBeforeSync => "rename-before-sync",
            Plant::IgnoredSyncError => "ignored-sync-error",
            Plant::ReplyBeforeSync => "reply-before-sync",
            Plant::UnwrappedTransaction => "unwrapped-transaction",
            Plant::LoadPastTorn => "load-past-torn",
            Plant::ForgottenExpiry => "forgotten-expiry",
            Plant::AcknowledgedEarly => "acknowledged-early",
            Plant::KeptName => "kept-name",
            Plant::SkippedByte => "skipped-byte",
            Plant::EarlyStream => "early-stream",
            Plant::EvictingReplica => "evicting-replica",
            Plant::ExpiringReplica => "expiring-replica",
            Plant::ForgottenSelect => "forgotten-select",
            Plant::SecondOffset => "second-offset",
        }
    }

    /// The plant of this name.
    pub fn find(name: &str) -> Option<Plant> {
        Plant::ALL.into_iter().find(|plant| plant.name() == name)
    }

    /// What the node's disk claims wrongly: a node that uses its disk carelessly, seen from there.
    pub fn lies(self) -> Lies {
        match self {
            Plant::SkippedDirectorySync => Lies { directory_sync_skipped: true, ..Lies::default() },
            Plant::RenameBeforeSync => Lies { sync_reported_early: Some("temp"), ..Lies::default() },
            Plant::IgnoredSyncError => Lies { sync_errors_hidden: true, ..Lies::default() },
            Plant::ReplyBeforeSync => Lies { sync_reported_early: Some(".incr"), ..Lies::default() },
            Plant::UnwrappedTransaction => Lies { forgery: Some(log::unwrap), ..Lies::default() },
            _ => Lies::default(),
        }
    }

    /// What the node does wrongly by itself.
    pub fn faults(self) -> Faults {
        Faults {
            load_past_torn: self == Plant::LoadPastTorn,
            forget_expiry: self == Plant::ForgottenExpiry,
            replication: ReplicationFaults {
                wait_early: self == Plant::AcknowledgedEarly,
                keeps_old_id: self == Plant::KeptName,
                skips_byte: self == Plant::SkippedByte,
                applies_early: self == Plant::EarlyStream,
                evicts_as_replica: self == Plant::EvictingReplica,
                expires_as_replica: self == Plant::ExpiringReplica,
                forgets_select: self == Plant::ForgottenSelect,
                second_offset_off_by_one: self == Plant::SecondOffset,
            },
        }
    }

    fn replacements(self) -> &'static [(&'static str, Handler)] {
        match self {
            Plant::ReplyBeforeWrite => strings::REPLY_BEFORE_WRITE,
            Plant::LostIncrement => strings::LOST_INCREMENT,
            Plant::StaleRead => strings::STALE_READ,
            Plant::DoublePop => data::DOUBLE_POP,
            Plant::ForgottenMember => data::FORGOTTEN_MEMBER,
            Plant::HalfTransaction => data::HALF_TRANSACTION,
            Plant::LostEntry => data::LOST_ENTRY,
            _ => &[],
        }
    }
}

/// The commands of a node with this mistake, or of a sound one.
pub fn table(plant: Option<Plant>) -> CommandTable {
    let Some(plant) = plant else { return commands::table() };
    // A table wants entries that live for ever; each plant's are made once.
    static PLANTED: [OnceLock<Vec<Command>>; Plant::ALL.len()] =
        [const { OnceLock::new() }; Plant::ALL.len()];
    CommandTable::new(&[PLANTED[plant as usize].get_or_init(|| planted(plant))])
}

fn planted(plant: Plant) -> Vec<Command> {
    let mut all: Vec<Command> = commands::GROUPS.iter().flat_map(|group| group.iter().cloned()).collect();
    for (name, handler) in plant.replacements() {
        if let Some(command) = all.iter_mut().find(|command| command.name == *name) {
            command.handler = *handler;
        }
    }
    all
}

/// The sound handler of a command.
fn sound(name: &str) -> Handler {
    let all = commands::GROUPS.iter().flat_map(|group| group.iter());
    let found = all.into_iter().find(|command| command.name == name);
    found.expect("plants name commands that exist").handler
}
