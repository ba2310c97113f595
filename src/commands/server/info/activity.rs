//! Sections about what the node has done: stats, CPU, commands, errors.

use super::Report;
use crate::engine::Engine;
use crate::engine::pubsub::Space;
use crate::runtime::Now;

pub(super) fn stats(report: &mut Report, engine: &Engine, now: Now) {
    traffic(report, engine);
    let stats = &engine.stats;
    report.field("rejected_connections", stats.rejected_connections);
    report.field("sync_full", stats.sync_full);
    report.field("sync_partial_ok", stats.sync_partial_ok);
    report.field("sync_partial_err", stats.sync_partial_err);
    report.field("expired_subkeys", stats.expired_fields);
    report.field("expired_keys", stats.expired_keys);
    report.field("expired_stale_perc", format!("{:.2}", stats.expired_stale_percent));
    report.field("expired_time_cap_reached_count", stats.expired_time_cap_reached_count);
    report.field("expire_cycle_cpu_milliseconds", stats.expire_cycle_cpu.as_millis());
    report.field("evicted_keys", stats.evicted_keys);
    let full_since = stats.memory_full_since.map_or(std::time::Duration::ZERO, |since| now.mono - since);
    report.field("total_eviction_exceeded_time", (stats.memory_full_time + full_since).as_millis());
    report.field("current_eviction_exceeded_time", full_since.as_millis());
    report.field("evicted_scripts", engine.scripts.evicted);
    report.field("evicted_clients", stats.evicted_clients);
    report.field("keyspace_hits", stats.keyspace_hits);
    report.field("keyspace_misses", stats.keyspace_misses);
    let pubsub = &engine.pubsub;
    report.field("pubsub_channels", pubsub.len(Space::Channels));
    report.field("pubsub_patterns", pubsub.len(Space::Patterns));
    report.field("pubsubshard_channels", pubsub.len(Space::Shards));
    let none_yet = ["latest_fork_usec", "total_forks", "unexpected_error_replies"];
    report.field("tracking_total_keys", engine.tracking.keys());
    report.field("tracking_total_items", engine.tracking.items());
    report.field("tracking_total_prefixes", engine.tracking.prefixes());
    for name in none_yet {
        report.field(name, 0);
    }
    report.field("total_error_replies", stats.total_error_replies);
    report.field("total_reads_processed", stats.total_reads_processed);
    report.field("total_writes_processed", stats.total_writes_processed);
    report.field("client_query_buffer_limit_disconnections", stats.client_query_buffer_limit_disconnections);
    report
        .field("client_output_buffer_limit_disconnections", stats.client_output_buffer_limit_disconnections);
    report.field("acl_access_denied_auth", stats.auth_failures);
}

fn traffic(report: &mut Report, engine: &Engine) {
    let stats = &engine.stats;
    let kilobytes = |rate: f64| format!("{:.2}", rate / 1024.0);
    report.field("total_connections_received", stats.total_connections_received);
    report.field("total_commands_processed", stats.total_commands_processed);
    report.field("instantaneous_ops_per_sec", stats.operations.per_second() as u64);
    report.field("total_net_input_bytes", stats.total_net_input_bytes);
    report.field("total_net_output_bytes", stats.total_net_output_bytes);
    report.field("total_net_repl_input_bytes", engine.replica.received_bytes);
    report.field("total_net_repl_output_bytes", stats.total_net_repl_output_bytes);
    report.field("instantaneous_input_kbps", kilobytes(stats.input.per_second()));
    report.field("instantaneous_output_kbps", kilobytes(stats.output.per_second()));
    report.field("instantaneous_input_repl_kbps", kilobytes(0.0));
    report.field("instantaneous_output_repl_kbps", kilobytes(0.0));
}

/// No work is left to child processes, so theirs is none.
pub(super) fn cpu(report: &mut Report, engine: &Engine, _: Now) {
    let cpu = engine.process_cpu;
    report.field("used_cpu_sys", format!("{:.6}", cpu.system.as_secs_f64()));
    report.field("used_cpu_user", format!("{:.6}", cpu.user.as_secs_f64()));
    report.field("used_cpu_sys_children", "0.000000");
    report.field("used_cpu_user_children", "0.000000");
    report.field("used_cpu_sys_main_thread", format!("{:.6}", cpu.thread_system.as_secs_f64()));
    report.field("used_cpu_user_main_thread", format!("{:.6}", cpu.thread_user.as_secs_f64()));
}

pub(super) fn commandstats(report: &mut Report, engine: &Engine, _: Now) {
    for (row, stats) in engine.table().rows().iter().zip(&engine.stats.commands) {
        if stats.calls + stats.rejected + stats.failed == 0 {
            continue;
        }
        let micros = stats.duration.as_micros();
        let per_call = if stats.calls == 0 { 0.0 } else { micros as f64 / stats.calls as f64 };
        let value = format!(
            "calls={},usec={micros},usec_per_call={per_call:.2},rejected_calls={},failed_calls={}",
            stats.calls, stats.rejected, stats.failed
        );
        report.field(&format!("cmdstat_{}", row.command.name), value);
    }
}

pub(super) fn errorstats(report: &mut Report, engine: &Engine, _: Now) {
    for (code, count) in &engine.stats.errors {
        report.field(&format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

/// Percentiles of the commands' durations, in microseconds.
pub(super) fn latencystats(report: &mut Report, engine: &Engine, _: Now) {
    let percentiles = &engine.config.latency_tracking_info_percentiles.0;
    for (row, durations) in engine.table().rows().iter().zip(&engine.stats.durations) {
        let Some(durations) = durations else { continue };
        let shown = percentiles.iter().map(|p| format!("p{p}={:.3}", durations.percentile_us(*p)));
        let shown = shown.collect::<Vec<_>>().join(",");
        report.field(&format!("latency_percentiles_usec_{}", row.command.name), shown);
    }
}
