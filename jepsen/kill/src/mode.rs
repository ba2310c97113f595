//! Modes of persistence, what each promises, and how servers are set up for it.

use std::time::Duration;

use seawall_checker::durability::Promise;

use crate::random::Random;

/// See the module.
#[derive(Debug)]
pub struct Mode {
    /// As it is chosen and reported.
    pub name: &'static str,
    /// What has to be there after a kill.
    pub promise: Promise,
    /// Whether there is an append log.
    pub is_log: bool,
    /// Whether the server saves by itself.
    pub saves_itself: bool,
    /// What is asked for meanwhile.
    pub keeping: &'static [&'static str],
    options: &'static [&'static str],
    /// How many lives in a hundred outlast the time whose writes may be lost, or after which the server saves.
    pub long_percent: u64,
}

const LOG: Mode = Mode {
    name: "always",
    promise: Promise::Always,
    is_log: true,
    saves_itself: false,
    keeping: &["BGREWRITEAOF", "BGREWRITEAOF", "BGREWRITEAOF", "BGSAVE"],
    options: &["--save", "", "--appendonly", "yes", "--appendfsync", "always"],
    long_percent: 0,
};
const SNAPSHOTS: Mode = Mode {
    name: "rdb",
    promise: Promise::SnapshotOnly,
    is_log: false,
    saves_itself: false,
    keeping: &["BGSAVE", "BGSAVE", "BGSAVE", "SAVE"],
    options: &["--save", "", "--appendonly", "no"],
    long_percent: 0,
};

/// The log first, since most depends on it.
pub const MODES: &[Mode] = &[
    LOG,
    Mode {
        name: "everysec",
        // A process that is killed is found to be gone a little later.
        promise: Promise::EverySec { window: Duration::from_millis(2005) },
        options: &["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"],
        long_percent: 10,
        ..LOG
    },
    SNAPSHOTS,
    Mode {
        name: "save-points",
        saves_itself: true,
        options: &["--save", "1 10", "--appendonly", "no"],
        long_percent: 50,
        ..SNAPSHOTS
    },
];

/// Which mode each run has, by its number. The log has the most.
pub fn of_run(number: u64) -> &'static Mode {
    &MODES[[0, 1, 2, 0, 1, 0, 2, 1, 0, 3][(number % 10) as usize]]
}

impl Mode {
    /// The server's options, some of them by chance; whether it may rewrite its log unasked.
    pub fn options(&self, random: &mut Random, may_rewrite: bool) -> Vec<String> {
        let mut options: Vec<String> = self.options.iter().map(|word| (*word).to_owned()).collect();
        let mut add = |name: &str, value: &str| options.extend([format!("--{name}"), value.to_owned()]);
        // So that large forms are met.
        if random.percent(50) {
            add("list-max-listpack-size", "8");
            add("zset-max-listpack-entries", "8");
            add("stream-node-max-entries", "10");
        }
        if !self.is_log {
            add("rdbcompression", random.pick(&["yes", "no"]));
            return options;
        }
        add("aof-use-rdb-preamble", random.pick(&["yes", "yes", "no"]));
        add("aof-timestamp-enabled", random.pick(&["no", "no", "yes"]));
        add("no-appendfsync-on-rewrite", random.pick(&["no", "no", "yes"]));
        if may_rewrite && random.percent(40) {
            add("auto-aof-rewrite-percentage", "30");
            add("auto-aof-rewrite-min-size", "64kb");
        }
        options
    }
}
