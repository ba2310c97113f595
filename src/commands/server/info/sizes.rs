//! Sections about how much there is: memory, keyspace.

use super::super::memory::{Figures, ratio};
use super::Report;
use crate::engine::Engine;
use crate::runtime::Now;
use crate::text::size::human;

pub(super) fn memory(report: &mut Report, engine: &Engine, _: Now) {
    let figures = Figures::of(engine);
    usage(report, engine, &figures);
    scripts(report, engine);
    let limit = engine.config.maxmemory_bytes;
    report.field("maxmemory", limit);
    report.field("maxmemory_human", human(limit));
    report.field("maxmemory_policy", engine.config.maxmemory_policy.name());
    fragmentation(report, &figures);
    for name in ["mem_not_counted_for_evict", "mem_replication_backlog", "mem_total_replication_buffers"] {
        report.field(name, 0);
    }
    report.field("mem_clients_slaves", 0);
    report.field("mem_clients_normal", figures.clients);
    report.field("mem_cluster_links", 0);
    report.field("mem_aof_buffer", engine.append.policy.held());
    report.field("mem_allocator", "jemalloc");
    report.field("lazyfree_pending_objects", engine.garbage_len());
    report.field("lazyfreed_objects", engine.stats.lazyfreed_objects);
}

fn usage(report: &mut Report, engine: &Engine, figures: &Figures) {
    let process = engine.process_memory;
    let mut with_human = |name: &str, bytes: f64| {
        report.field(name, bytes);
        report.field(&format!("{name}_human"), human(bytes as u64));
    };
    with_human("used_memory", figures.used);
    with_human("used_memory_rss", process.rss as f64);
    with_human("used_memory_peak", figures.peak);
    report.field("used_memory_peak_perc", format!("{:.2}%", ratio(figures.used, figures.peak) * 100.0));
    report.field("used_memory_overhead", figures.overhead);
    report.field("used_memory_startup", figures.startup);
    report.field("used_memory_dataset", figures.dataset());
    report.field("used_memory_dataset_perc", format!("{:.2}%", figures.dataset_percent()));
    report.field("allocator_allocated", process.allocated);
    report.field("allocator_active", process.active);
    report.field("allocator_resident", process.resident);
    report.field("total_system_memory", engine.identity.system_memory_bytes);
    report.field("total_system_memory_human", human(engine.identity.system_memory_bytes));
}

/// Scripts and functions share one machine, which is named where Redis names that of scripts.
fn scripts(report: &mut Report, engine: &Engine) {
    let figures = engine.scripts.figures();
    report.field("used_memory_lua", figures.machine_bytes);
    report.field("used_memory_vm_eval", figures.machine_bytes);
    report.field("used_memory_lua_human", human(figures.machine_bytes as u64));
    report.field("used_memory_scripts_eval", figures.cache_bytes);
    report.field("number_of_cached_scripts", figures.scripts);
    report.field("number_of_functions", figures.functions);
    report.field("number_of_libraries", figures.libraries);
    report.field("used_memory_vm_functions", 0);
    report.field("used_memory_vm_total", figures.machine_bytes);
    report.field("used_memory_vm_total_human", human(figures.machine_bytes as u64));
    report.field("used_memory_functions", figures.library_bytes);
    let both = figures.cache_bytes + figures.library_bytes;
    report.field("used_memory_scripts", both);
    report.field("used_memory_scripts_human", human(both as u64));
}

fn fragmentation(report: &mut Report, figures: &Figures) {
    let pairs = [
        ("allocator_frag_ratio", "allocator_frag_bytes", figures.allocator_fragmentation()),
        ("allocator_rss_ratio", "allocator_rss_bytes", figures.allocator_rss()),
        ("rss_overhead_ratio", "rss_overhead_bytes", figures.rss_overhead()),
        ("mem_fragmentation_ratio", "mem_fragmentation_bytes", figures.fragmentation()),
    ];
    for (ratio_name, bytes_name, (ratio, bytes)) in pairs {
        report.field(ratio_name, format!("{ratio:.2}"));
        report.field(bytes_name, bytes);
    }
}

/// `avg_ttl` is 0, Redis's value for "not known": nothing keeps the figure.
pub(super) fn keyspace(report: &mut Report, engine: &Engine, _: Now) {
    for (index, database) in engine.keyspace.databases.iter().enumerate().filter(|(_, db)| !db.is_empty()) {
        let (keys, expires) = (database.len(), database.volatile_len());
        report.field(&format!("db{index}"), format!("keys={keys},expires={expires},avg_ttl=0"));
    }
}
