//! What a world is like when a run begins. Links and disks can be changed while it runs.

use std::ops::Range;
use std::time::Duration;

/// One direction of one link.
#[derive(Clone, Debug, PartialEq)]
pub struct LinkSettings {
    /// Time that a segment travels.
    pub latency: Range<Duration>,
    /// Probability that a segment is lost; it then costs a retransmission time-out, which doubles with every loss.
    pub loss: f64,
    /// Probability that a segment makes something in between reset the connection, for both ends.
    pub reset: f64,
    /// Bytes a second, shared by all connections; `None` is unlimited.
    pub rate: Option<u64>,
    /// Nothing passes in this direction: neither data nor SYN, FIN or RST.
    pub down: bool,
}

impl Default for LinkSettings {
    fn default() -> Self {
        let latency = Duration::from_micros(200)..Duration::from_millis(2);
        LinkSettings { latency, loss: 0.0, reset: 0.0, rate: None, down: false }
    }
}

/// The network. Times are Linux's defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkOptions {
    /// Every link that was not set on its own.
    pub link: LinkSettings,
    /// Bytes of one direction of one connection that are on their way or not yet read; a writer waits beyond it.
    pub window_bytes: usize,
    /// The most that one segment carries.
    pub segment_bytes: usize,
    /// Probability that a read or write on a stream does less than it could.
    pub short_io: f64,
    /// Retransmission time-out after the first loss, and its upper bound as it doubles.
    pub retransmit: Range<Duration>,
    /// After so long without an acknowledgement a stream fails with `TimedOut`.
    pub user_timeout: Duration,
    /// After so long the kernel gives up sending what a closed socket left behind.
    pub orphan_timeout: Duration,
    /// SYNs after the first, sent after 1, 2, 4 ... seconds, before a connect fails with `TimedOut`.
    pub syn_retries: u32,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        NetworkOptions {
            link: LinkSettings::default(),
            window_bytes: 64 * 1024,
            segment_bytes: 16 * 1024,
            short_io: 0.0,
            retransmit: Duration::from_millis(200)..Duration::from_secs(120),
            user_timeout: Duration::from_secs(924),
            orphan_timeout: Duration::from_secs(100),
            syn_retries: 6,
        }
    }
}

/// One node's disk. All probabilities are per operation.
#[derive(Clone, Debug)]
pub struct DiskSettings {
    /// Bytes that fit on it; beyond, writes fail with `StorageFull`.
    pub capacity_bytes: u64,
    /// Probability that a read fails with EIO.
    pub read_error: f64,
    /// Probability that a write, or a change of a length or a name, fails with EIO.
    pub write_error: f64,
    /// Probability that a sync of a file or directory fails with EIO. What it should have made durable is then given up.
    pub sync_error: f64,
    /// Probability that a read or write does less than asked for.
    pub short_io: f64,
    /// Time that a sync takes.
    pub sync_latency: Range<Duration>,
    /// Time that a read stops the process for.
    pub read_latency: Range<Duration>,
    /// Time that a write stops the process for: the cache has no room for it before the disk has caught up.
    pub write_latency: Range<Duration>,
    /// Probability that power loss keeps one unsynced sector.
    pub sector_kept: f64,
    /// Whether a file that power loss leaves longer than it was durable has everything up to its new end, as where a file
    /// system notes the length after the data; or holes, which read as zeros.
    pub tails_in_order: bool,
    /// Whether power loss keeps a first part of the unsynced changes of names, as one journal does, or any of them that do
    /// not build on a lost one.
    pub names_in_order: bool,
    /// What the disk claims wrongly.
    pub lies: Lies,
}

/// What no server can make up for: the mistakes of a server that uses its disk carelessly, seen from the disk. For plants.
#[derive(Clone, Debug, Default)]
pub struct Lies {
    /// A sync of a directory succeeds and does nothing.
    pub directory_sync_skipped: bool,
    /// A sync of a file whose path contains this is reported at once, and done later.
    pub sync_reported_early: Option<&'static str>,
    /// A sync that failed is reported as done.
    pub sync_errors_hidden: bool,
    /// What is written to a file with this path arrives as something else.
    pub forgery: Option<Forgery>,
}

/// What becomes of bytes on their way to a file, by its path. Who writes is told that all went well.
pub type Forgery = fn(path: &str, bytes: &[u8]) -> Vec<u8>;

impl Default for DiskSettings {
    fn default() -> Self {
        DiskSettings {
            capacity_bytes: u64::MAX,
            read_error: 0.0,
            write_error: 0.0,
            sync_error: 0.0,
            short_io: 0.0,
            sync_latency: Duration::from_micros(100)..Duration::from_millis(5),
            read_latency: Duration::ZERO..Duration::ZERO,
            write_latency: Duration::ZERO..Duration::ZERO,
            sector_kept: 0.5,
            tails_in_order: false,
            names_in_order: true,
            lies: Lies::default(),
        }
    }
}

/// Everything that a run is given besides its seed.
#[derive(Clone, Debug)]
pub struct Options {
    /// The network.
    pub network: NetworkOptions,
    /// Every node's disk at first.
    pub disk: DiskSettings,
    /// Virtual time after which the run is stopped as failed.
    pub time_limit: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let time_limit = Duration::from_secs(24 * 3600);
        Options { network: NetworkOptions::default(), disk: DiskSettings::default(), time_limit }
    }
}
