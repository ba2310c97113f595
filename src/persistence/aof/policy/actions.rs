//! What the policy is told of, and what it says to do.

use crate::runtime::Monotonic;

/// `appendfsync`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fsync {
    /// Before the reply.
    Always,
    /// Each second.
    EverySecond,
    /// When the operating system likes.
    No,
}

/// The parameters that matter here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settings {
    /// `appendfsync`
    pub fsync: Fsync,
    /// `no-appendfsync-on-rewrite`
    pub no_fsync_on_rewrite: bool,
    /// `auto-aof-rewrite-percentage`; 0 for never.
    pub rewrite_percentage: u64,
    /// `auto-aof-rewrite-min-size`
    pub rewrite_bytes_min: u64,
}

/// A kind of rewrite.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rewrite {
    /// The log goes on, in a new increment: `Manifest::begin_rewrite`.
    Beside,
    /// There is no log that could go on: `Manifest::begin_fresh`.
    Fresh,
}

/// What the node has to do, in this order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Append the first `bytes` of the held effects to the current file, now, and tell by `AppendLog::on_written` before
    /// anything else happens. What was written is not held any more.
    Write {
        /// More than none.
        bytes: u64,
    },
    /// Begin to sync the current file; tell by `AppendLog::on_synced`.
    Sync {
        /// To be given back.
        ticket: u64,
    },
    /// Cut the last `bytes` of the current file off: its sync failed, so that they are in the page cache only, and no later sync
    /// would say so. A start would take them for durable. It does no harm if that fails, too.
    CutBack {
        /// More than none.
        bytes: u64,
    },
    /// Call [`AppendLog::on_turn`](super::AppendLog::on_turn) when others have had their turn.
    GoOn,
    /// Call [`AppendLog::on_tick`](super::AppendLog::on_tick) at this moment, or soon after it.
    TickAt(Monotonic),
    /// From now on write to the file that the rewrite has opened.
    NextFile,
    /// Forget the first `bytes` of the held effects: a snapshot has them.
    Discard {
        /// More than none.
        bytes: u64,
    },
    /// Replies up to this position may leave.
    Acknowledge {
        /// Greater than all before.
        through: u64,
    },
    /// Begin a rewrite, as soon as possible; tell by `AppendLog::on_rewrite_started`, or by
    /// `AppendLog::on_rewrite_ended` that it could not begin.
    StartRewrite(Rewrite),
    /// The rewrite that runs or begins is of no use; its files may go. Nothing need be told.
    AbandonRewrite,
    /// From now on clients' writes are refused with MISCONF.
    Refuse {
        /// What the disk said.
        error: String,
    },
    /// Writes are accepted again.
    Accept,
    /// The promise can't be kept: end the process, and let no reply leave.
    Exit {
        /// What the disk said.
        error: String,
    },
}

/// How a write went.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Written {
    /// All of it was written.
    All,
    /// Only so many bytes were: it is so much that others are to have their turn first.
    Portion {
        /// More than none, less than wanted.
        bytes: u64,
    },
    /// Only so many bytes were, maybe none.
    Part {
        /// Less than wanted.
        bytes: u64,
        /// What the disk said.
        error: String,
    },
}
