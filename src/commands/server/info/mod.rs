//! INFO: the node's figures, in Redis's sections and under its names.
//!
//! A field is there only if the figure is real: what does not exist here (forks, defragmentation, I/O threads) is left out,
//! what exists and is not used (replicas, an append log) has the value that Redis shows for that.

mod activity;
mod node;
mod replication;
mod sizes;

use std::collections::BTreeSet;
use std::fmt::{Display, Write};

use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::{Call, Engine, Failure};
use crate::runtime::Now;

pub(super) const INFO: Command = Command {
    name: "info",
    arity: -1,
    flags: &[Flag::Loading, Flag::Stale],
    categories: &[Category::Dangerous],
    group: Group::Server,
    summary: "Returns figures about the server.",
    syntax: "[section [section ...]]",
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    handler: info,
    ..Command::DEFAULT
};

/// One section.
struct Section {
    name: &'static str,
    title: &'static str,
    /// Whether it is shown unless told otherwise; `all` shows every one.
    by_default: bool,
    write: fn(&mut Report, &Engine, Now),
}

const SECTIONS: &[Section] = &[
    Section { name: "server", title: "Server", by_default: true, write: node::server },
    Section { name: "clients", title: "Clients", by_default: true, write: node::clients },
    Section { name: "memory", title: "Memory", by_default: true, write: sizes::memory },
    Section { name: "persistence", title: "Persistence", by_default: true, write: node::persistence },
    Section { name: "stats", title: "Stats", by_default: true, write: activity::stats },
    Section { name: "replication", title: "Replication", by_default: true, write: replication::replication },
    Section { name: "cpu", title: "CPU", by_default: true, write: activity::cpu },
    Section { name: "modules", title: "Modules", by_default: true, write: |_, _, _| {} },
    Section { name: "commandstats", title: "Commandstats", by_default: false, write: activity::commandstats },
    Section { name: "errorstats", title: "Errorstats", by_default: true, write: activity::errorstats },
    Section { name: "latencystats", title: "Latencystats", by_default: false, write: activity::latencystats },
    Section { name: "cluster", title: "Cluster", by_default: true, write: node::cluster },
    Section { name: "keyspace", title: "Keyspace", by_default: true, write: sizes::keyspace },
];

/// Collects `name:value` lines.
pub(super) struct Report {
    text: String,
}

impl Report {
    fn field(&mut self, name: &str, value: impl Display) {
        // Writing to memory does not fail.
        let _ = write!(self.text, "{name}:{value}\r\n");
    }
}

fn info(call: &mut Call<'_>) -> Result<(), Failure> {
    let words: BTreeSet<Vec<u8>> = call.request.iter_from(1).map(<[u8]>::to_ascii_lowercase).collect();
    let mut report = Report { text: String::new() };
    for section in SECTIONS.iter().filter(|section| is_wanted(section, &words)) {
        if !report.text.is_empty() {
            report.text.push_str("\r\n");
        }
        // Writing to memory does not fail.
        let _ = write!(report.text, "# {}\r\n", section.title);
        (section.write)(&mut report, call.engine, call.now);
    }
    call.reply.verbatim("txt", report.text.as_bytes());
    Ok(())
}

fn is_wanted(section: &Section, words: &BTreeSet<Vec<u8>>) -> bool {
    let has = |word: &str| words.contains(word.as_bytes());
    has("all")
        || has("everything")
        || has(section.name)
        || section.by_default && (words.is_empty() || has("default"))
}
