//! The process, its logs and its measurements.
use crate::config::checks::title_template;
use crate::config::kinds::{I32_MAX, I32_MIN, I64_MAX, Kind, SHUTDOWN};
use crate::config::row::{Apply, Row, field};
use crate::config::values::{LogLevel, Supervised};

pub(super) const ROWS: &[Row] = &[
    Row::new("always-show-logo", Kind::Bool, "no").immutable().moot(),
    Row::new("availability-zone", Kind::Text, "").unlisted(),
    Row::new("bio_cpulist", Kind::Text, "").later_names(&["bio-cpulist"]).immutable().moot(),
    Row::new("busy-reply-threshold", Kind::int(0, I64_MAX), "5000")
        .aliases(&["lua-time-limit"])
        .field(field!(busy_reply_threshold_ms)),
    Row::new("commandlog-large-reply-max-len", Kind::int(0, I64_MAX), "128")
        .unlisted()
        .field(field!(commandlog_large_reply_max_len)),
    Row::new("commandlog-large-request-max-len", Kind::int(0, I64_MAX), "128")
        .unlisted()
        .field(field!(commandlog_large_request_max_len)),
    Row::new("commandlog-reply-larger-than", Kind::int(-1, I64_MAX), "1048576")
        .unlisted()
        .field(field!(commandlog_reply_larger_than_bytes)),
    Row::new("commandlog-request-larger-than", Kind::int(-1, I64_MAX), "1048576")
        .unlisted()
        .field(field!(commandlog_request_larger_than_bytes)),
    Row::new("crash-log-enabled", Kind::Bool, "yes"),
    Row::new("crash-memcheck-enabled", Kind::Bool, "yes"),
    Row::new("daemonize", Kind::Bool, "no").immutable().field(field!(daemonize)),
    Row::new("databases", Kind::int(1, I32_MAX), "16").immutable().field(field!(databases)),
    Row::new("dir", Kind::Text, "").protected().field(field!(dir)).apply(Apply::Directory),
    Row::new("dynamic-hz", Kind::Bool, "yes").field(field!(dynamic_hz)),
    Row::new("extended-redis-compatibility", Kind::Bool, "no").unlisted().moot(),
    Row::new("hash-seed", Kind::Text, "").immutable().unlisted().moot(),
    Row::new("hide-user-data-from-log", Kind::Bool, "no").unlisted(),
    Row::new("hz", Kind::Clamped { min: 1, max: 500 }, "10").field(field!(hz)).apply(Apply::Timer),
    Row::new("ignore-warnings", Kind::Text, "").moot(),
    Row::new("latency-monitor-threshold", Kind::int(0, I64_MAX), "0")
        .field(field!(latency_monitor_threshold_ms)),
    Row::new("latency-tracking", Kind::Bool, "yes").field(field!(latency_tracking)),
    Row::new("latency-tracking-info-percentiles", Kind::Percentiles, "50 99 99.9")
        .field(field!(latency_tracking_info_percentiles)),
    Row::new("locale-collate", Kind::Text, "").unlisted(),
    Row::new("log-format", Kind::Enum(&["legacy", "logfmt", "json"]), "legacy").unlisted(),
    Row::new("log-timestamp-format", Kind::Enum(&["legacy", "iso8601", "milliseconds"]), "legacy").unlisted(),
    Row::new("logfile", Kind::Text, "").immutable().field(field!(logfile)),
    Row::new("loglevel", Kind::Enum(LogLevel::NAMES), "notice").field(field!(loglevel)).apply(Apply::Logging),
    Row::new("notify-keyspace-events", Kind::KeyspaceEvents, "").field(field!(notify_keyspace_events)),
    Row::new("pidfile", Kind::Text, "").immutable().field(field!(pidfile)),
    Row::new("proc-title-template", Kind::Checked(title_template), "{title} {listen-addr} {server-mode}")
        .field(field!(proc_title_template))
        .apply(Apply::ProcessTitle),
    Row::new("propagation-error-behavior", Kind::Enum(&["ignore", "panic", "panic-on-replicas"]), "ignore"),
    Row::new("server_cpulist", Kind::Text, "").later_names(&["server-cpulist"]).immutable().moot(),
    Row::new("set-proc-title", Kind::Bool, "yes").immutable().field(field!(set_proc_title)),
    Row::new("shutdown-on-sigint", Kind::Flags(SHUTDOWN), "default"),
    Row::new("shutdown-on-sigterm", Kind::Flags(SHUTDOWN), "default"),
    Row::new("shutdown-timeout", Kind::int(0, I32_MAX), "10"),
    Row::new("slowlog-log-slower-than", Kind::int(-1, I64_MAX), "10000")
        .later_names(&["commandlog-execution-slower-than"])
        .field(field!(slowlog_log_slower_than_us)),
    Row::new("slowlog-max-len", Kind::int(0, I64_MAX), "128")
        .later_names(&["commandlog-slow-execution-max-len"])
        .field(field!(slowlog_max_len))
        .apply(Apply::SlowLog),
    Row::new("supervised", Kind::Enum(Supervised::NAMES), "no").immutable().field(field!(supervised)),
    Row::new("syslog-enabled", Kind::Bool, "no").immutable(),
    Row::new(
        "syslog-facility",
        Kind::Enum(&["user", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"]),
        "local0",
    )
    .immutable(),
    Row::new("syslog-ident", Kind::Text, "redis").immutable(),
    Row::new("key-load-delay", Kind::int(I32_MIN, I32_MAX), "0").unlisted(),
    Row::new("loading-process-events-interval-bytes", Kind::memory(1024, I32_MAX), "2097152").unlisted(),
    Row::new("lua-enable-deprecated-api", Kind::Bool, "no").immutable().unlisted().moot(),
    Row::new("use-exit-on-panic", Kind::Bool, "no").immutable().unlisted().moot(),
    Row::new("watchdog-period", Kind::int(0, I32_MAX), "0").unlisted(),
];
