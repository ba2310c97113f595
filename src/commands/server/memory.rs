//! MEMORY: what takes how much.

use crate::commands::help;
use crate::engine::command::{Command, Flag, Group, KeySpec};
use crate::engine::{Call, Engine, Failure, Flow, Job};
use crate::keyspace::Database;
use crate::text::size::human;

pub(super) const MEMORY: Command = Command {
    name: "memory",
    arity: -2,
    group: Group::Server,
    since: "4.0.0",
    summary: "Holds the commands about memory.",
    complexity: "Depends on subcommand.",
    subcommands: &[DOCTOR, HELP, MALLOC_STATS, PURGE, STATS, USAGE],
    ..Command::DEFAULT
};

/// What the sub-commands share.
const SUBCOMMAND: Command = Command { group: Group::Server, since: "4.0.0", ..Command::DEFAULT };

/// Each shard has its own answer, and they do not add up to one.
const SPECIAL: &[&str] = &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"];

const HELP: Command = Command {
    name: "memory|help",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale],
    summary: "Prints this help.",
    handler: help::of_container,
    ..SUBCOMMAND
};

const USAGE: Command = Command {
    name: "memory|usage",
    arity: -3,
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(2, &["RO"])],
    summary: "Returns how many bytes a key and its value take.",
    complexity: "O(N) where N is the number of samples",
    syntax: "key [SAMPLES count]",
    handler: usage,
    ..SUBCOMMAND
};

fn usage(call: &mut Call<'_>) -> Result<(), Failure> {
    for at in (3..call.len()).step_by(2) {
        // Strings need no samples; the number has to be right all the same.
        if !call.arg_is(at, "samples") || at + 1 >= call.len() || call.integer(at + 1)? < 0 {
            return Err(Failure::SYNTAX);
        }
    }
    let key = call.key(2);
    match call.peek(&key) {
        (None, reply) => reply.null(),
        (Some(entry), reply) => {
            let bytes = entry.memory_bytes();
            reply.integer(bytes as i64);
        }
    }
    Ok(())
}

const PURGE: Command = Command {
    name: "memory|purge",
    arity: 2,
    summary: "Gives freed memory back to the operating system.",
    complexity: "Depends on how much memory is allocated, could be slow",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    handler: purge,
    ..SUBCOMMAND
};

fn purge(call: &mut Call<'_>) -> Result<(), Failure> {
    call.then(Flow::Job(Job::PurgeMemory));
    Ok(())
}

const MALLOC_STATS: Command = Command {
    name: "memory|malloc-stats",
    arity: 2,
    summary: "Returns the allocator's own figures.",
    complexity: "Depends on how much memory is allocated, could be slow",
    tips: SPECIAL,
    handler: malloc_stats,
    ..SUBCOMMAND
};

fn malloc_stats(call: &mut Call<'_>) -> Result<(), Failure> {
    let memory = call.engine.process_memory;
    let text = format!(
        "Allocated: {}, active: {}, resident: {}\nResident set of the process: {}\n",
        memory.allocated, memory.active, memory.resident, memory.rss
    );
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

const STATS: Command = Command {
    name: "memory|stats",
    arity: 2,
    summary: "Returns what the memory is used for.",
    tips: SPECIAL,
    handler: stats,
    ..SUBCOMMAND
};

/// Redis computes these ratios in single precision, and clients see it.
fn single(value: f64) -> f64 {
    f64::from(value as f32)
}

fn stats(call: &mut Call<'_>) -> Result<(), Failure> {
    let figures = Figures::of(call.engine);
    let (whole, ratios) = (figures.whole(), figures.ratios());
    call.reply.map(whole.len() + ratios.len() + figures.databases.len());
    for DatabaseOverhead { index, tables, expires } in &figures.databases {
        call.reply.bulk(format!("db.{index}").as_bytes());
        call.reply.map(2);
        for (name, bytes) in [("overhead.hashtable.main", tables), ("overhead.hashtable.expires", expires)] {
            call.reply.bulk(name.as_bytes());
            call.reply.integer(*bytes as i64);
        }
    }
    for (name, value) in whole {
        call.reply.bulk(name.as_bytes());
        call.reply.integer(value);
    }
    for (name, value) in ratios {
        call.reply.bulk(name.as_bytes());
        call.reply.double(single(value));
    }
    Ok(())
}

/// What a database that has keys takes beside keys and values, in bytes.
struct DatabaseOverhead {
    index: usize,
    tables: usize,
    /// Deadlines of keys stand beside the keys; those of fields have an index.
    expires: usize,
}

impl DatabaseOverhead {
    fn of_all(engine: &Engine) -> Vec<DatabaseOverhead> {
        let databases = engine.keyspace.databases.iter().enumerate().filter(|(_, db)| !db.is_empty());
        let overhead = |(index, db): (usize, &Database)| {
            let (tables, expires) = db.overhead_bytes();
            DatabaseOverhead { index, tables, expires }
        };
        databases.map(overhead).collect()
    }
}

/// The figures that INFO and MEMORY show, derived once.
pub(super) struct Figures {
    /// Bytes in use, by our own account.
    pub used: f64,
    /// The most there has been.
    pub peak: f64,
    /// In use before the first key came.
    pub startup: f64,
    /// What clients' connections take.
    pub clients: f64,
    /// In use for other things than data.
    pub overhead: f64,
    databases: Vec<DatabaseOverhead>,
    machine: usize,
    scripts: usize,
    functions: usize,
    keys: usize,
    allocated: f64,
    active: f64,
    resident: f64,
    rss: f64,
}

impl Figures {
    /// Takes them.
    pub fn of(engine: &Engine) -> Figures {
        let (used, clients) = (engine.used_memory(), engine.clients_memory());
        let scripts = engine.scripts.figures();
        let startup = engine.identity.startup_memory_bytes;
        let process = engine.process_memory;
        let databases = DatabaseOverhead::of_all(engine);
        let tables: usize = databases.iter().map(|db| db.tables + db.expires).sum();
        Figures {
            used: used as f64,
            peak: engine.stats.peak_memory_bytes.max(used) as f64,
            startup: startup as f64,
            clients: clients as f64,
            overhead: (startup + clients + engine.scripts.memory_bytes() + tables) as f64,
            databases,
            machine: scripts.machine_bytes,
            scripts: scripts.cache_bytes,
            functions: scripts.library_bytes,
            keys: engine.keyspace.len(),
            allocated: process.allocated as f64,
            active: process.active as f64,
            resident: process.resident as f64,
            rss: process.rss as f64,
        }
    }

    /// Bytes of data.
    pub fn dataset(&self) -> f64 {
        self.used - self.overhead
    }

    /// The data's share of what came after the start, in percent.
    pub fn dataset_percent(&self) -> f64 {
        ratio(self.dataset(), self.used - self.startup) * 100.0
    }

    /// Active by allocated bytes, and the difference.
    pub fn allocator_fragmentation(&self) -> (f64, f64) {
        (ratio(self.active, self.allocated), self.active - self.allocated)
    }

    /// Resident by active bytes, and the difference.
    pub fn allocator_rss(&self) -> (f64, f64) {
        (ratio(self.resident, self.active), self.resident - self.active)
    }

    /// The process's resident set by the allocator's, and the difference.
    pub fn rss_overhead(&self) -> (f64, f64) {
        (ratio(self.rss, self.resident), self.rss - self.resident)
    }

    /// The process's resident set by the bytes in use, and the difference.
    pub fn fragmentation(&self) -> (f64, f64) {
        (ratio(self.rss, self.used), self.rss - self.used)
    }

    fn whole(&self) -> Vec<(&'static str, i64)> {
        let a_key = ratio(self.used - self.startup, self.keys as f64) as i64;
        vec![
            ("peak.allocated", self.peak as i64),
            ("total.allocated", self.used as i64),
            ("startup.allocated", self.startup as i64),
            ("replication.backlog", 0),
            ("clients.slaves", 0),
            ("clients.normal", self.clients as i64),
            ("cluster.links", 0),
            ("aof.buffer", 0),
            ("lua.caches", self.scripts as i64),
            ("functions.caches", self.functions as i64),
            ("script.VMs", self.machine as i64),
            ("overhead.total", self.overhead as i64),
            ("keys.count", self.keys as i64),
            ("keys.bytes-per-key", a_key),
            ("dataset.bytes", self.dataset() as i64),
            ("allocator.allocated", self.allocated as i64),
            ("allocator.active", self.active as i64),
            ("allocator.resident", self.resident as i64),
            ("allocator-fragmentation.bytes", self.allocator_fragmentation().1 as i64),
            ("allocator-rss.bytes", self.allocator_rss().1 as i64),
            ("rss-overhead.bytes", self.rss_overhead().1 as i64),
            ("fragmentation.bytes", self.fragmentation().1 as i64),
        ]
    }

    fn ratios(&self) -> [(&'static str, f64); 6] {
        [
            ("dataset.percentage", self.dataset_percent()),
            ("peak.percentage", ratio(self.used, self.peak) * 100.0),
            ("allocator-fragmentation.ratio", self.allocator_fragmentation().0),
            ("allocator-rss.ratio", self.allocator_rss().0),
            ("rss-overhead.ratio", self.rss_overhead().0),
            ("fragmentation", self.fragmentation().0),
        ]
    }
}

/// A quotient, 0 where there is nothing to divide by.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

const DOCTOR: Command = Command {
    name: "memory|doctor",
    arity: 2,
    summary: "Looks for trouble with memory and says what could help.",
    tips: SPECIAL,
    handler: doctor,
    ..SUBCOMMAND
};

fn doctor(call: &mut Call<'_>) -> Result<(), Failure> {
    let figures = Figures::of(call.engine);
    let text = diagnosis(&figures, call.engine.sessions.len());
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

const MIB: f64 = 1024.0 * 1024.0;

/// The thresholds are Redis's.
fn diagnosis(figures: &Figures, clients: usize) -> String {
    if figures.used < 5.0 * MIB {
        return "There is too little data for a diagnosis.\n".to_owned();
    }
    let wasted = |(share, bytes): (f64, f64), limit: f64| share > limit && bytes > 10.0 * MIB;
    let (peak, used) = (human(figures.peak as u64), human(figures.used as u64));
    let findings = [
        (
            figures.peak / figures.used > 1.5,
            format!(
                "Peak: {used} are in use now, {peak} were once; what was freed may still count as resident."
            ),
        ),
        (
            wasted(figures.fragmentation(), 1.4),
            "Fragmentation: the process holds over 1.4 times what is in use.".to_owned(),
        ),
        (
            wasted(figures.allocator_fragmentation(), 1.1),
            "Allocator: over a tenth of its pages is lost between allocations.".to_owned(),
        ),
        (
            wasted(figures.allocator_rss(), 1.1),
            "Allocator: it keeps freed pages; MEMORY PURGE gives them back.".to_owned(),
        ),
        (
            wasted(figures.rss_overhead(), 1.1),
            "Process: over a tenth of its resident set is outside the allocator.".to_owned(),
        ),
        (
            ratio(figures.clients, clients as f64) > 200.0 * 1024.0,
            "Clients: their buffers take over 200K each; some may not read their replies.".to_owned(),
        ),
    ];
    let found: Vec<String> =
        findings.into_iter().filter(|(is, _)| *is).map(|(_, text)| format!(" * {text}\n")).collect();
    match found.as_slice() {
        [] => "No trouble with memory was found.\n".to_owned(),
        found => format!("Trouble with memory:\n\n{}", found.concat()),
    }
}
