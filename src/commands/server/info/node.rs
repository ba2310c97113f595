//! Sections about what the node is: server, clients, persistence, cluster.

use std::time::Duration;

use super::Report;
use crate::engine::persistence::{Loading, Purpose};
use crate::engine::{Engine, PauseScope, REDIS_VERSION, SEAWALL_VERSION};
use crate::runtime::Now;

const DAY_SECONDS: u64 = 24 * 60 * 60;
/// The access clock of an entry has 24 bits of seconds.
const LRU_CLOCK_MASK: i64 = 0xff_ffff;

pub(super) fn server(report: &mut Report, engine: &Engine, now: Now) {
    let (identity, config) = (&engine.identity, &engine.config);
    let uptime = (now.mono - identity.started.mono).as_secs();
    report.field("redis_version", REDIS_VERSION);
    report.field("seawall_version", SEAWALL_VERSION);
    report.field("redis_mode", "standalone");
    report.field("os", &identity.os);
    report.field("arch_bits", usize::BITS);
    report.field("monotonic_clock", "POSIX clock_gettime");
    report.field("multiplexing_api", "epoll");
    report.field("process_id", identity.process_id);
    report.field("process_supervised", config.supervised.name());
    report.field("run_id", &identity.run_id);
    report.field("tcp_port", config.port);
    report.field("server_time_usec", now.wall.0);
    report.field("uptime_in_seconds", uptime);
    report.field("uptime_in_days", uptime / DAY_SECONDS);
    report.field("hz", config.hz);
    report.field("configured_hz", config.hz);
    report.field("lru_clock", now.wall.seconds() & LRU_CLOCK_MASK);
    report.field("executable", &identity.executable);
    report.field("config_file", &identity.config_file);
    report.field("io_threads_active", 0);
    listeners(report, engine);
}

fn listeners(report: &mut Report, engine: &Engine) {
    let config = &engine.config;
    let mut listeners = Vec::new();
    if config.port != 0 {
        let bind = config.bind.iter().map(|address| format!(",bind={address}")).collect::<String>();
        listeners.push(format!("name=tcp{bind},port={}", config.port));
    }
    if !config.unixsocket.is_empty() {
        listeners.push(format!("name=unix,bind={}", config.unixsocket));
    }
    for (number, listener) in listeners.iter().enumerate() {
        report.field(&format!("listener{number}"), listener);
    }
}

fn pause(report: &mut Report, engine: &Engine, now: Now) {
    if engine.pause.is_failover() {
        report.field("paused_reason", "failover_in_progress");
        report.field("paused_actions", "write");
        return report.field("paused_timeout_milliseconds", 0);
    }
    let (reason, actions, left) = match engine.pause.active(now.mono) {
        None => ("none", "none", Duration::ZERO),
        Some((PauseScope::Writes, end)) => ("client_pause", "write", end - now.mono),
        Some((PauseScope::All, end)) => ("client_pause", "all", end - now.mono),
    };
    report.field("paused_reason", reason);
    report.field("paused_actions", actions);
    report.field("paused_timeout_milliseconds", left.as_millis());
}

pub(super) fn clients(report: &mut Report, engine: &Engine, now: Now) {
    let largest = |bytes: fn(&crate::engine::session::Traffic) -> usize| {
        engine.sessions.iter().map(|(_, session)| bytes(&session.traffic)).max().unwrap_or(0)
    };
    report.field("connected_clients", engine.sessions.len());
    report.field("cluster_connections", 0);
    report.field("maxclients", engine.config.maxclients);
    report.field("client_recent_max_input_buffer", largest(|t| t.query_bytes + t.query_free_bytes));
    report.field("client_recent_max_output_buffer", largest(|t| t.output_bytes));
    let (waits, watched) = (engine.wait_figures(), engine.watch_figures());
    report.field("blocked_clients", waits.clients);
    report.field("tracking_clients", engine.tracking.clients());
    report.field("pubsub_clients", engine.pubsub.clients());
    report.field("watching_clients", watched.clients);
    report.field("clients_in_timeout_table", waits.clients_with_timeout);
    report.field("total_watched_keys", watched.keys);
    report.field("total_blocking_keys", waits.keys);
    report.field("total_blocking_keys_on_nokey", waits.keys_on_loss);
    pause(report, engine, now);
}

pub(super) fn persistence(report: &mut Report, engine: &Engine, now: Now) {
    let (saves, loading) = (engine.save_figures(), engine.persistence.loading());
    let seconds = |took: Duration| took.as_secs() as i64;
    let since = |begun: Now| seconds(now.mono - begun.mono);
    report.field("loading", u8::from(loading.is_some()));
    report.field("async_loading", 0);
    report.field("current_cow_size", saves.held_bytes);
    report.field("current_save_keys_processed", saves.under_way.map_or(0, |(_, shown, _)| shown));
    report.field("current_save_keys_total", saves.under_way.map_or(0, |(_, _, keys)| keys));
    report.field("rdb_changes_since_last_save", saves.changes);
    let is_saving = matches!(engine.persistence.saving_for(), Some(Purpose::Dump | Purpose::Sync));
    report.field("rdb_bgsave_in_progress", u8::from(is_saving));
    report.field("rdb_last_save_time", saves.last_save);
    report.field("rdb_last_bgsave_status", if saves.last_ok { "ok" } else { "err" });
    report.field("rdb_last_bgsave_time_sec", saves.last_took.map_or(-1, seconds));
    let current = saves.under_way.filter(|_| is_saving);
    report.field("rdb_current_bgsave_time_sec", current.map_or(-1, |(begun, ..)| since(begun)));
    report.field("rdb_saves", saves.saves);
    // Nothing forks.
    report.field("rdb_last_cow_size", 0);
    report.field("rdb_last_load_keys_expired", engine.persistence.loaded.expired);
    report.field("rdb_last_load_keys_loaded", engine.persistence.loaded.keys);
    append_log(report, engine, now);
    if let Some(loading) = loading {
        progress(report, loading, now);
    }
}

fn append_log(report: &mut Report, engine: &Engine, now: Now) {
    let (append, status) = (&engine.append, |failed| if failed { "err" } else { "ok" });
    let (policy, last, rewriting) = (&append.policy, append.last_rewrite(), append.rewriting());
    let seconds = |took: Duration| took.as_secs() as i64;
    report.field("aof_enabled", u8::from(engine.config.appendonly));
    report.field("aof_rewrite_in_progress", u8::from(rewriting.is_some()));
    let is_scheduled = append.scheduled || policy.is_pending();
    report.field("aof_rewrite_scheduled", u8::from(is_scheduled && rewriting.is_none()));
    report.field("aof_last_rewrite_time_sec", last.took.map_or(-1, seconds));
    let current = rewriting.map_or(-1, |begun| seconds(now.mono - begun.mono));
    report.field("aof_current_rewrite_time_sec", current);
    report.field("aof_last_bgrewrite_status", status(last.failed));
    report.field("aof_rewrites", last.begun);
    report.field("aof_rewrites_consecutive_failures", last.failures);
    report.field("aof_last_write_status", status(policy.refusal().is_some()));
    report.field("aof_last_cow_size", 0);
    if engine.config.appendonly {
        let (current_bytes, base_bytes) = policy.sizes();
        report.field("aof_current_size", current_bytes);
        report.field("aof_base_size", base_bytes);
        report.field("aof_pending_rewrite", 0);
        report.field("aof_buffer_length", policy.held());
        report.field("aof_pending_bio_fsync", u8::from(policy.is_syncing()));
        report.field("aof_delayed_fsync", policy.delayed_syncs());
    }
}

/// How far loading is, and how long it may yet take.
fn progress(report: &mut Report, loading: Loading, now: Now) {
    let (total, loaded) = (loading.total_bytes, loading.loaded_bytes);
    let elapsed = (now.mono - loading.since.mono).as_secs_f64();
    let left = total.saturating_sub(loaded) as f64;
    let eta = if loaded == 0 { 1.0 } else { elapsed * left / loaded as f64 };
    report.field("loading_start_time", loading.since.wall.seconds());
    report.field("loading_total_bytes", total);
    report.field("loading_loaded_bytes", loaded);
    report.field("loading_loaded_perc", format!("{:.2}", 100.0 * loaded as f64 / total.max(1) as f64));
    report.field("loading_eta_seconds", eta as u64);
}

pub(super) fn cluster(report: &mut Report, _: &Engine, _: Now) {
    report.field("cluster_enabled", 0);
}
