//! Modes of persistence: what a node is told, what it promises then, and what is asked of it.

use std::time::Duration;

use seawall_checker::durability::Promise;

use crate::wrecker::{DiskFault, Telling};

/// A mode of persistence.
pub(super) struct Mode {
    pub name: &'static str,
    /// Lines of redis.conf.
    pub config: &'static str,
    /// Of each, one is added.
    pub variants: &'static [&'static [&'static str]],
    pub promise: Promise,
    pub faults: &'static [DiskFault],
    /// What is asked for now and then.
    pub keeping: &'static [&'static str],
    /// How the node may be told to end.
    pub tellings: &'static [Telling],
    /// Whether the node saves by itself, too.
    pub saves_itself: bool,
    /// Whether a rewrite weakens the promise.
    pub weakened_by_rewrites: bool,
}

/// Of a node with a log.
const LOG_TELLINGS: &[Telling] = &[
    Telling { words: &["SHUTDOWN"], keeps_all: true },
    Telling { words: &["SHUTDOWN", "NOSAVE"], keeps_all: true },
    Telling { words: &["SHUTDOWN", "SAVE"], keeps_all: true },
];

const DUMP_VARIANTS: &[&[&str]] = &[
    &["rdbcompression yes", "rdbcompression no"],
    &["rdb-save-incremental-fsync yes", "rdb-save-incremental-fsync no"],
];
const LOG_VARIANTS: &[&[&str]] = &[
    &["aof-use-rdb-preamble yes", "aof-use-rdb-preamble no"],
    &["aof-load-truncated yes", "aof-load-truncated no"],
    &["aof-timestamp-enabled no", "aof-timestamp-enabled yes"],
    &["auto-aof-rewrite-percentage 0", "auto-aof-rewrite-percentage 50\nauto-aof-rewrite-min-size 8kb"],
];

pub(super) const WITHOUT: Mode = Mode {
    name: "durability-none",
    config: "save \"\"\nappendonly no",
    variants: &[],
    promise: Promise::None,
    faults: &[DiskFault::Nothing],
    keeping: &[],
    tellings: &[Telling { words: &["SHUTDOWN"], keeps_all: false }],
    saves_itself: false,
    weakened_by_rewrites: false,
};
pub(super) const SNAPSHOTS: Mode = Mode {
    name: "durability-rdb",
    variants: DUMP_VARIANTS,
    promise: Promise::SnapshotOnly,
    faults: DiskFault::ALL,
    keeping: &["SAVE", "BGSAVE"],
    tellings: &[
        Telling { words: &["SHUTDOWN", "SAVE"], keeps_all: true },
        Telling { words: &["SHUTDOWN", "NOSAVE"], keeps_all: false },
        Telling { words: &["SHUTDOWN"], keeps_all: false },
    ],
    ..WITHOUT
};
pub(super) const SELF_SAVING: Mode = Mode {
    name: "durability-save-points",
    config: "save 1 10\nappendonly no",
    saves_itself: true,
    tellings: &[
        Telling { words: &["SHUTDOWN"], keeps_all: true },
        Telling { words: &["SHUTDOWN", "NOSAVE"], keeps_all: false },
    ],
    ..SNAPSHOTS
};
pub(super) const LOG_ALWAYS: Mode = Mode {
    name: "durability-always",
    config: "save \"\"\nappendonly yes\nappendfsync always",
    variants: LOG_VARIANTS,
    promise: Promise::Always,
    keeping: &["BGREWRITEAOF"],
    tellings: LOG_TELLINGS,
    ..SNAPSHOTS
};
pub(super) const LOG_EVERY_SECOND: Mode = Mode {
    name: "durability-everysec",
    config: "save \"\"\nappendonly yes\nappendfsync everysec",
    // A write may stop the node when it has decided to answer, and a reply travels.
    promise: Promise::EverySec { window: Duration::from_millis(2050) },
    ..LOG_ALWAYS
};
pub(super) const LOG_UNSYNCED: Mode = Mode {
    name: "durability-no",
    config: "save \"\"\nappendonly yes\nappendfsync no",
    promise: Promise::Unsynced,
    ..LOG_ALWAYS
};
pub(super) const BOTH: Mode = Mode {
    name: "durability-both",
    config: "save 1 10\nappendonly yes\nappendfsync always",
    variants: &[LOG_VARIANTS[0], LOG_VARIANTS[1], LOG_VARIANTS[3], DUMP_VARIANTS[0]],
    keeping: &["BGREWRITEAOF", "BGSAVE", "SAVE"],
    ..LOG_ALWAYS
};
pub(super) const REWRITE_UNSYNCED: Mode = Mode {
    name: "durability-no-sync-on-rewrite",
    config: "save \"\"\nappendonly yes\nappendfsync always\nno-appendfsync-on-rewrite yes",
    variants: &[LOG_VARIANTS[0], LOG_VARIANTS[1], LOG_VARIANTS[2]],
    weakened_by_rewrites: true,
    ..LOG_ALWAYS
};
pub(super) const SWITCHED: Mode = Mode {
    name: "durability-switched",
    variants: &[LOG_VARIANTS[0], LOG_VARIANTS[1], LOG_VARIANTS[2], LOG_VARIANTS[3]],
    keeping: &[
        "CONFIG SET appendonly yes",
        "CONFIG SET appendonly no",
        "CONFIG SET appendonly yes",
        "BGREWRITEAOF",
    ],
    ..LOG_ALWAYS
};
