//! The section about replication.

use super::Report;
use crate::engine::Engine;
use crate::replication::{Link, Replica, Stage, Upstream};
use crate::runtime::{Monotonic, Now};

pub(super) fn replication(report: &mut Report, engine: &Engine, now: Now) {
    match &engine.replication.upstream {
        None => report.field("role", "master"),
        Some(upstream) => {
            report.field("role", "slave");
            of_replica(report, engine, upstream, now.mono);
        }
    }
    replicas(report, engine, now.mono);
    report.field("master_failover_state", engine.replication.failover.word());
    history(report, engine);
}

fn of_replica(report: &mut Report, engine: &Engine, upstream: &Upstream, now: Monotonic) {
    let (config, offset) = (&engine.config, engine.replication.history.offset());
    let seconds_since = |at: Monotonic| (now - at).as_secs();
    report.field("master_host", &upstream.host);
    report.field("master_port", upstream.port);
    report.field("master_link_status", if upstream.is_connected() { "up" } else { "down" });
    let silent = if upstream.is_connected() { seconds_since(upstream.heard_at) as i64 } else { -1 };
    report.field("master_last_io_seconds_ago", silent);
    report.field("master_sync_in_progress", u8::from(matches!(upstream.link, Link::Transfer { .. })));
    report.field("slave_read_repl_offset", offset);
    report.field("slave_repl_offset", offset);
    if let Link::Transfer { total, received, last } = upstream.link {
        let left = total.map_or(-1, |total| total.saturating_sub(received) as i64);
        let percent = total.map_or(0.0, |total| 100.0 * received as f64 / total.max(1) as f64);
        report.field("master_sync_total_bytes", total.unwrap_or(0));
        report.field("master_sync_read_bytes", received);
        report.field("master_sync_left_bytes", left);
        report.field("master_sync_perc", format!("{percent:.2}"));
        report.field("master_sync_last_io_seconds_ago", seconds_since(last));
    }
    if !upstream.is_connected() {
        let down = upstream.down_since.map_or(-1, |since| seconds_since(since) as i64);
        report.field("master_link_down_since_seconds", down);
    }
    if let Some(why) = &upstream.refused {
        report.field("master_sync_refused", why);
    }
    report.field("slave_priority", config.replica_priority);
    report.field("slave_read_only", u8::from(config.replica_read_only));
    report.field("replica_announced", u8::from(config.replica_announced));
}

fn replicas(report: &mut Report, engine: &Engine, now: Monotonic) {
    let has_asked = |replica: &&Replica| replica.stage != Stage::Greeting;
    let replicas: Vec<&Replica> = engine.replication.replicas.values().filter(has_asked).collect();
    report.field("connected_slaves", replicas.len());
    if engine.config.min_replicas_to_write > 0 && engine.config.min_replicas_max_lag_seconds > 0 {
        report.field("min_slaves_good_slaves", engine.replication.serving.good);
    }
    for (number, replica) in replicas.into_iter().enumerate() {
        let (state, lag) = match replica.stage {
            Stage::Greeting | Stage::Waiting { .. } => ("wait_bgsave", 0),
            Stage::Loading { .. } => ("send_bulk", 0),
            Stage::Streaming => ("online", replica.lag_seconds(now)),
        };
        let (ip, port, acked) = (replica.address(), replica.port, replica.acked);
        let line = format!("ip={ip},port={port},state={state},offset={acked},lag={lag}");
        report.field(&format!("slave{number}"), line);
    }
}

fn history(report: &mut Report, engine: &Engine) {
    let (replication, no_id) = (&engine.replication, || "0".repeat(40));
    let second = replication.history.second();
    report.field("master_replid", replication.history.id());
    report.field("master_replid2", second.map_or_else(no_id, |(id, _)| id.to_string()));
    report.field("master_repl_offset", engine.replication_offset());
    // As the first byte that the old name does not cover, counted from 1.
    report.field("second_repl_offset", second.map_or(-1, |(_, end)| end as i64 + 1));
    let kept = replication.backlog.as_ref().map(|backlog| backlog.range());
    report.field("repl_backlog_active", u8::from(kept.is_some()));
    report.field("repl_backlog_size", engine.config.repl_backlog_size_bytes);
    report.field("repl_backlog_first_byte_offset", kept.as_ref().map_or(0, |kept| kept.start + 1));
    report.field("repl_backlog_histlen", kept.map_or(0, |kept| kept.end - kept.start));
}
