//! Replication.
use crate::config::kinds::{I32_MAX, I64_MAX, Kind};
use crate::config::row::{Row, field};

pub(super) const ROWS: &[Row] = &[
    Row::new("dual-channel-replication-enabled", Kind::Bool, "no").unlisted(),
    Row::new("masterauth", Kind::Text, "").later_names(&["primaryauth"]).secret().field(field!(masterauth)),
    Row::new("masteruser", Kind::Text, "").later_names(&["primaryuser"]).field(field!(masteruser)),
    Row::new("min-replicas-max-lag", Kind::int(0, I32_MAX), "10")
        .aliases(&["min-slaves-max-lag"])
        .field(field!(min_replicas_max_lag_seconds)),
    Row::new("min-replicas-to-write", Kind::int(0, I32_MAX), "0")
        .aliases(&["min-slaves-to-write"])
        .field(field!(min_replicas_to_write)),
    Row::new("repl-backlog-size", Kind::memory(1, I64_MAX), "1048576").field(field!(repl_backlog_size_bytes)),
    Row::new("repl-backlog-ttl", Kind::int(0, I64_MAX), "3600").field(field!(repl_backlog_ttl_seconds)),
    Row::new("repl-disable-tcp-nodelay", Kind::Bool, "no").field(field!(repl_disable_tcp_nodelay)),
    Row::new("repl-diskless-load", Kind::Enum(&["disabled", "on-empty-db", "swapdb"]), "disabled")
        .field(field!(repl_diskless_load)),
    Row::new("repl-diskless-sync", Kind::Bool, "yes").field(field!(repl_diskless_sync)),
    Row::new("repl-diskless-sync-delay", Kind::int(0, I32_MAX), "5")
        .field(field!(repl_diskless_sync_delay_seconds)),
    Row::new("repl-diskless-sync-max-replicas", Kind::int(0, I32_MAX), "0")
        .field(field!(repl_diskless_sync_max_replicas)),
    Row::new("repl-ping-replica-period", Kind::int(1, I32_MAX), "10")
        .aliases(&["repl-ping-slave-period"])
        .field(field!(repl_ping_replica_period_seconds)),
    Row::new("repl-timeout", Kind::int(1, I32_MAX), "60").field(field!(repl_timeout_seconds)),
    Row::new("replica-accept-empty-primary", Kind::Bool, "no").field(field!(replica_accept_empty_primary)),
    Row::new("replica-announce-ip", Kind::Text, "")
        .aliases(&["slave-announce-ip"])
        .field(field!(replica_announce_ip)),
    Row::new("replica-announce-port", Kind::int(0, 65_535), "0")
        .aliases(&["slave-announce-port"])
        .field(field!(replica_announce_port)),
    Row::new("replica-announced", Kind::Bool, "yes").field(field!(replica_announced)),
    Row::new("replica-full-sync-buffer-limit", Kind::memory(0, I64_MAX), "0").unlisted(),
    Row::new("replica-ignore-disk-write-errors", Kind::Bool, "no"),
    Row::new("replica-ignore-maxmemory", Kind::Bool, "yes")
        .aliases(&["slave-ignore-maxmemory"])
        .field(field!(replica_ignore_maxmemory)),
    Row::new("replica-lazy-flush", Kind::Bool, "no")
        .aliases(&["slave-lazy-flush"])
        .field(field!(replica_lazy_flush)),
    Row::new("replica-priority", Kind::int(0, I32_MAX), "100")
        .aliases(&["slave-priority"])
        .field(field!(replica_priority)),
    Row::new("replica-read-only", Kind::Bool, "yes")
        .aliases(&["slave-read-only"])
        .field(field!(replica_read_only)),
    Row::new("replica-serve-stale-data", Kind::Bool, "yes")
        .aliases(&["slave-serve-stale-data"])
        .field(field!(replica_serve_stale_data)),
    Row::new("replicaof", Kind::ReplicaOf, "").aliases(&["slaveof"]).immutable().field(field!(replicaof)),
    Row::new("slot-migration-max-failover-repl-bytes", Kind::memory(-1, I64_MAX), "0").unlisted(),
];
