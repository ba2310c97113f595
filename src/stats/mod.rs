//! Counters of a node: what INFO, SLOWLOG and LATENCY show. Plain figures; whoever does a thing counts it.

mod command_log;
mod latency;
mod rate;

pub use command_log::{CommandLog, CommandLogEntry};
pub use latency::{Durations, LatencyMonitor, Series};
pub use rate::Rate;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::runtime::Monotonic;

/// What one command has cost so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CommandStats {
    /// Times it ran.
    pub calls: u64,
    /// Time it took in all.
    pub duration: Duration,
    /// Times it was refused before it ran.
    pub rejected: u64,
    /// Times it ran and answered an error.
    pub failed: u64,
}

/// Counters since the start or the last CONFIG RESETSTAT, named as INFO names them.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)] // the names are INFO's
pub struct Stats {
    pub total_connections_received: u64,
    pub total_commands_processed: u64,
    pub total_net_input_bytes: u64,
    pub total_net_output_bytes: u64,
    /// Those of `total_net_output_bytes` that went to replicas.
    pub total_net_repl_output_bytes: u64,
    /// How often a request that writes had to wait until replicas have caught up.
    pub writes_held_for_replicas: u64,
    pub sync_full: u64,
    pub sync_partial_ok: u64,
    pub sync_partial_err: u64,
    pub total_reads_processed: u64,
    pub total_writes_processed: u64,
    pub rejected_connections: u64,
    pub expired_keys: u64,
    pub expired_fields: u64,
    pub expired_time_cap_reached_count: u64,
    pub expire_cycle_cpu: Duration,
    /// The share of keys with a deadline that are past it, in percent: an estimate from what expiry cycles find.
    pub expired_stale_percent: f64,
    /// Since when commands have left more memory in use than `maxmemory` allows, if they have.
    pub memory_full_since: Option<Monotonic>,
    /// For how long that was so before.
    pub memory_full_time: Duration,
    pub evicted_keys: u64,
    pub evicted_clients: u64,
    pub keyspace_hits: u64,
    pub keyspace_misses: u64,
    pub total_error_replies: u64,
    pub auth_failures: u64,
    pub client_query_buffer_limit_disconnections: u64,
    pub client_output_buffer_limit_disconnections: u64,
    pub lazyfreed_objects: u64,
    pub peak_memory_bytes: usize,
    /// Commands a second, lately.
    pub operations: Rate,
    /// Bytes received a second, lately.
    pub input: Rate,
    /// Bytes sent a second, lately.
    pub output: Rate,
    /// For each row of the command table.
    pub commands: Vec<CommandStats>,
    /// The same: how long it took (`latency-tracking`), from its first run on.
    pub durations: Vec<Option<Box<Durations>>>,
    /// For each error code, how often it was answered.
    pub errors: BTreeMap<String, u64>,
}

/// As Redis: beyond so many different error codes, something invents them; no more are counted.
const ERROR_CODES_MAX: usize = 128;

impl Stats {
    /// Counters for a table of so many commands.
    pub fn new(commands: usize) -> Stats {
        Stats {
            commands: vec![CommandStats::default(); commands],
            durations: vec![None; commands],
            ..Stats::default()
        }
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        *self = Stats { peak_memory_bytes: self.peak_memory_bytes, ..Stats::new(self.commands.len()) };
    }

    /// Takes up what a cycle of expiry has found; as in Redis, each weighs a twentieth.
    pub fn note_expire_cycle(&mut self, examined: usize, expired: usize) {
        let share = if examined == 0 { 0.0 } else { expired as f64 * 100.0 / examined as f64 };
        self.expired_stale_percent = share * 0.05 + self.expired_stale_percent * 0.95;
    }

    /// Notes whether more memory is in use than `maxmemory` allows.
    #[inline]
    pub fn note_memory_full(&mut self, is_full: bool, now: Monotonic) {
        match self.memory_full_since {
            None if is_full => self.memory_full_since = Some(now),
            Some(since) if !is_full => {
                self.memory_full_time += now - since;
                self.memory_full_since = None;
            }
            _ => {}
        }
    }

    /// Counts a key that a reading command has looked up.
    #[inline]
    pub fn count_lookup(&mut self, found: bool) {
        self.keyspace_hits += u64::from(found);
        self.keyspace_misses += u64::from(!found);
    }

    /// Counts an error reply.
    pub fn count_error(&mut self, code: &str) {
        self.total_error_replies += 1;
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code.to_owned(), 1);
        }
    }
}
