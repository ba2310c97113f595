//! Deployments: how many nodes, what they are told, what breaks, who promotes whom, what clients ask for.

use std::time::Duration;

use crate::failover::{Rule, Shape};
use crate::havoc::{Fault, Persistence};
use crate::workload::replicated::Asks;

/// A kind of deployment.
pub(super) struct Mode {
    pub name: &'static str,
    /// The fewest and the most replicas.
    pub replicas: (usize, usize),
    pub shape: Shape,
    /// Lines of redis.conf for all.
    pub config: &'static str,
    /// Lines for those that begin as replicas.
    pub replica_config: &'static str,
    /// Of each, one is added for all nodes.
    pub variants: &'static [&'static [&'static str]],
    /// One breaker each.
    pub breakers: &'static [&'static [Fault]],
    /// Twice in each run the primary is struck by one of these.
    pub strikes: &'static [Fault],
    /// The first node is never struck itself.
    pub spares_primary: bool,
    pub cuts_both_ways: bool,
    pub persistence: Persistence,
    /// Empty: nobody is promoted.
    pub rules: &'static [Rule],
    pub asks: &'static [Asks],
    /// P5.
    pub window_max: Option<Duration>,
    /// Counts of which at least one must not be zero, or nothing was tried.
    pub meets: &'static [&'static str],
}

/// Replication itself: small backlogs, short time-outs, every way to send and to load a snapshot.
const VARIANTS: &[&[&str]] = &[
    &["repl-backlog-size 16kb", "repl-backlog-size 2kb", "repl-backlog-size 1mb"],
    &["repl-diskless-sync yes", "repl-diskless-sync no"],
    &["repl-diskless-sync-delay 0", "repl-diskless-sync-delay 1"],
    &["repl-diskless-load disabled", "repl-diskless-load on-empty-db", "repl-diskless-load swapdb"],
    &["repl-timeout 3", "repl-timeout 2", "repl-timeout 5"],
    &["client-output-buffer-limit replica 0 0 0", "client-output-buffer-limit replica 64kb 16kb 2"],
    &["replica-lazy-flush no", "replica-lazy-flush yes"],
    &["replica-serve-stale-data yes", "replica-serve-stale-data no"],
];

const LOG: &str = "appendonly yes";
const LOG_VARIANTS: &[&[&str]] = &[
    VARIANTS[0],
    VARIANTS[1],
    VARIANTS[2],
    VARIANTS[3],
    VARIANTS[4],
    VARIANTS[5],
    &["aof-use-rdb-preamble yes", "aof-use-rdb-preamble no"],
];

const CRASHES: &[Fault] = &[Fault::Crash, Fault::PowerLoss, Fault::Pause, Fault::Reset, Fault::Reset];
const RESETS: &[Fault] = &[Fault::Reset, Fault::Reset, Fault::Cut, Fault::Thin];

/// One primary for ever, whose replicas come and go.
pub(super) const PLAIN: Mode = Mode {
    name: "replication-plain",
    replicas: (2, 4),
    shape: Shape::Star,
    config: "",
    // A replica neither evicts nor refuses, whatever its own limit.
    replica_config: "maxmemory 1\nmaxmemory-policy allkeys-random",
    variants: VARIANTS,
    breakers: &[Fault::HARMLESS, CRASHES, RESETS],
    strikes: &[],
    spares_primary: true,
    cuts_both_ways: false,
    persistence: Persistence::None,
    rules: &[],
    asks: &[Asks::Nothing, Asks::Wait(1), Asks::Nothing, Asks::Wait(2)],
    window_max: None,
    meets: &["partial resyncs", "full syncs"],
};

/// Failovers by any rule; nothing is kept on disk.
pub(super) const ASYNC: Mode = Mode {
    name: "replication-async",
    replica_config: "",
    breakers: &[Fault::ALL_BUT_FAILOVER],
    strikes: &[Fault::Crash, Fault::PowerLoss, Fault::Pause, Fault::Partition],
    spares_primary: false,
    rules: &[Rule::Furthest, Rule::Random, Rule::First],
    asks: &[Asks::Nothing, Asks::Nothing, Asks::Nothing, Asks::Wait(1)],
    meets: &["promotion after silence"],
    ..PLAIN
};

/// Failovers to the furthest, and clients who wait.
pub(super) const WAIT: Mode = Mode {
    name: "replication-wait",
    rules: &[Rule::Furthest],
    asks: &[Asks::Wait(1), Asks::Wait(2), Asks::Wait(1), Asks::Wait(2)],
    ..ASYNC
};

/// The append log everywhere, clients who wait for it.
pub(super) const PERSISTENT: Mode = Mode {
    name: "replication-persistent",
    config: LOG,
    variants: LOG_VARIANTS,
    persistence: Persistence::Synced,
    asks: &[Asks::WaitAof(1, 1), Asks::WaitAof(1, 0), Asks::WaitAof(0, 1), Asks::WaitAof(1, 2)],
    meets: &["promotion after silence", "node crashes", "node power losses"],
    ..WAIT
};

/// Snapshots on disk: nodes come back with something older.
pub(super) const DUMPS: Mode = Mode {
    name: "replication-dumps",
    config: "save 1 5",
    asks: &[Asks::Nothing, Asks::Wait(1), Asks::Wait(2), Asks::Nothing],
    meets: &["node crashes", "node power losses", "promotion after silence"],
    ..WAIT
};

/// FAILOVER at any moment.
pub(super) const FAILOVER: Mode = Mode {
    name: "replication-failover",
    breakers: &[Fault::WITH_FAILOVER],
    strikes: &[Fault::Failover],
    meets: &["failover done", "failover forced", "failover not done"],
    ..ASYNC
};

/// Replicas of replicas.
pub(super) const CHAIN: Mode = Mode {
    name: "replication-chain",
    replicas: (3, 4),
    shape: Shape::Chain,
    rules: &[Rule::Furthest],
    ..ASYNC
};

/// Writes only while every replica is heard of: how much that can lose.
pub(super) const BOUNDED: Mode = Mode {
    name: "replication-min-replicas",
    replicas: (2, 2),
    config: "min-replicas-to-write 2\nmin-replicas-max-lag 2",
    breakers: &[Fault::BOUNDED],
    strikes: &[Fault::Partition],
    cuts_both_ways: true,
    rules: &[Rule::Furthest],
    asks: &[Asks::Nothing, Asks::Nothing, Asks::Nothing, Asks::Wait(1)],
    // The lag in whole seconds, the period of acknowledgements, the period by which the count is made anew.
    window_max: Some(Duration::from_millis(4200)),
    ..ASYNC
};
