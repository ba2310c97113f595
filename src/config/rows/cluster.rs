//! Cluster: kept until there is one.
use crate::config::checks::host_name;
use crate::config::kinds::{I32_MAX, I64_MAX, Kind, U32_MAX};
use crate::config::row::Row;

pub(super) const ROWS: &[Row] = &[
    Row::new("cluster-allow-pubsubshard-when-down", Kind::Bool, "yes"),
    Row::new("cluster-allow-reads-when-down", Kind::Bool, "no"),
    Row::new("cluster-allow-replica-migration", Kind::Bool, "yes"),
    Row::new("cluster-announce-bus-port", Kind::int(0, 65_535), "0"),
    Row::new("cluster-announce-client-ipv4", Kind::Text, "").unlisted(),
    Row::new("cluster-announce-client-ipv6", Kind::Text, "").unlisted(),
    Row::new("cluster-announce-client-port", Kind::int(0, 65_535), "0").unlisted(),
    Row::new("cluster-announce-client-tls-port", Kind::int(0, 65_535), "0").unlisted(),
    Row::new("cluster-announce-hostname", Kind::Checked(host_name), ""),
    Row::new("cluster-announce-human-nodename", Kind::Text, "").unlisted(),
    Row::new("cluster-announce-ip", Kind::Text, ""),
    Row::new("cluster-announce-port", Kind::int(0, 65_535), "0"),
    Row::new("cluster-announce-tls-port", Kind::int(0, 65_535), "0"),
    Row::new("cluster-blacklist-ttl", Kind::int(0, U32_MAX), "60").unlisted(),
    Row::new("cluster-compatibility-sample-ratio", Kind::int(0, 100), "0").unlisted(),
    Row::new("cluster-config-file", Kind::Text, "nodes.conf").immutable(),
    Row::new("cluster-config-save-behavior", Kind::Enum(&["sync", "best-effort"]), "sync").unlisted(),
    Row::new("cluster-databases", Kind::int(1, I32_MAX), "1").immutable().unlisted(),
    Row::new("cluster-enabled", Kind::Bool, "no").immutable().vital(),
    Row::new("cluster-link-sendbuf-limit", Kind::memory(0, u64::MAX), "0"),
    Row::new("cluster-manual-failover-timeout", Kind::int(1, I32_MAX), "5000").unlisted(),
    Row::new("cluster-migration-barrier", Kind::int(0, I32_MAX), "1"),
    Row::new("cluster-node-timeout", Kind::int(0, I64_MAX), "15000"),
    Row::new("cluster-port", Kind::int(0, 65_535), "0").immutable(),
    Row::new("cluster-preferred-endpoint-type", Kind::Enum(&["ip", "hostname", "unknown-endpoint"]), "ip"),
    Row::new("cluster-replica-no-failover", Kind::Bool, "no").aliases(&["cluster-slave-no-failover"]),
    Row::new("cluster-replica-validity-factor", Kind::int(0, I32_MAX), "10")
        .aliases(&["cluster-slave-validity-factor"]),
    Row::new("cluster-require-full-coverage", Kind::Bool, "yes"),
    Row::new("cluster-slot-migration-log-max-len", Kind::int(0, I64_MAX), "1000").unlisted(),
    Row::new("cluster-slot-stats-enabled", Kind::Bool, "no").unlisted(),
];
