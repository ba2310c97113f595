//! Sockets, clients and their buffers.
use crate::config::kinds::{I32_MAX, I64_MAX, Kind, U32_MAX};
use crate::config::row::{Apply, Row, field};

pub(super) const ROWS: &[Row] = &[
    Row::new("bind", Kind::Words, "* -::*").field(field!(bind)).apply(Apply::Listeners),
    Row::new("bind-source-addr", Kind::Text, ""),
    Row::new(
        "client-output-buffer-limit",
        Kind::BufferLimits,
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    )
    .field(field!(client_output_buffer_limits)),
    Row::new("client-query-buffer-limit", Kind::memory(1_048_576, I64_MAX), "1073741824")
        .field(field!(client_query_buffer_limit_bytes)),
    Row::new("import-mode", Kind::Bool, "no").unlisted(),
    Row::new("io-threads", Kind::int(1, 128), "1").immutable().moot(),
    Row::new("io-threads-do-reads", Kind::Bool, "no").immutable().moot(),
    Row::new("max-new-connections-per-cycle", Kind::int(1, 1000), "10").unlisted(),
    Row::new("max-new-tls-connections-per-cycle", Kind::int(1, 1000), "1").unlisted(),
    Row::new("maxclients", Kind::int(1, U32_MAX), "10000").field(field!(maxclients)).apply(Apply::MaxClients),
    Row::new("mptcp", Kind::Bool, "no").immutable().unlisted(),
    Row::new("port", Kind::int(0, 65_535), "6379").field(field!(port)).apply(Apply::Listeners),
    Row::new("prefetch-batch-max-size", Kind::int(0, 128), "16").unlisted(),
    Row::new("protected-mode", Kind::Bool, "yes").field(field!(protected_mode)),
    Row::new("proto-max-bulk-len", Kind::memory(1_048_576, I64_MAX), "536870912")
        .field(field!(proto_max_bulk_len_bytes)),
    Row::new("rdma-bind", Kind::Words, "").unlisted().moot(),
    Row::new("rdma-completion-vector", Kind::int(-1, 1024), "-1").immutable().unlisted().moot(),
    Row::new("rdma-port", Kind::int(0, 65_535), "0").unlisted().moot(),
    Row::new("rdma-rx-size", Kind::int(65_536, 16_777_216), "1048576").immutable().unlisted().moot(),
    Row::new("repl-mptcp", Kind::Bool, "no").immutable().unlisted(),
    Row::new("socket-mark-id", Kind::int(0, U32_MAX), "0").immutable(),
    Row::new("tcp-backlog", Kind::int(0, I32_MAX), "511").immutable().field(field!(tcp_backlog)),
    Row::new("tcp-keepalive", Kind::int(0, I32_MAX), "300").field(field!(tcp_keepalive_seconds)),
    Row::new("timeout", Kind::int(0, I32_MAX), "0").field(field!(timeout_seconds)),
    Row::new("tracking-table-max-keys", Kind::int(0, I64_MAX), "1000000")
        .field(field!(tracking_table_max_keys)),
    Row::new("unixsocket", Kind::Text, "").immutable().field(field!(unixsocket)),
    Row::new("unixsocketgroup", Kind::Text, "").immutable().unlisted(),
    Row::new("unixsocketperm", Kind::Octal { max: 0o777 }, "0").immutable().field(field!(unixsocket_mode)),
];
