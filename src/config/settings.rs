//! The typed fields: one for each parameter that does something.
//!
//! The fields' defaults are not here but in the rows, so that a default stands in one place; `Settings::default()` is a
//! blank form, and only `Config::default()` is a configuration.
use super::values::{
    AppendFsync, DisklessLoad, FileMode, KeyspaceEvents, LogLevel, MaxmemoryPolicy, MemoryShare,
    OutputLimits, Percentiles, Permission, SavePoints, Secret, Supervised,
};

/// Parameters that the server acts on. Names are those of redis.conf, with the unit at the end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Addresses to listen on; `*` and `::*` stand for all, a leading `-` forgives an address that is not there.
    pub bind: Vec<String>,
    /// TCP port; 0 listens on none.
    pub port: u16,
    /// Path of the Unix socket; empty for none.
    pub unixsocket: String,
    /// Permission of the Unix socket.
    pub unixsocket_mode: FileMode,
    /// Refuses clients from elsewhere while no password is set.
    pub protected_mode: bool,
    /// Most clients at a time.
    pub maxclients: u32,
    /// Closes a client idle for so long; 0 never does.
    pub timeout_seconds: u32,
    /// Interval of TCP keep-alive probes; 0 sends none.
    pub tcp_keepalive_seconds: u32,
    /// Length of the listener's queue.
    pub tcp_backlog: u32,
    /// Number of databases.
    pub databases: u32,
    /// How much the log tells.
    pub loglevel: LogLevel,
    /// Log file; empty for standard output.
    pub logfile: String,
    /// Runs in the background.
    pub daemonize: bool,
    /// File that holds the process id.
    pub pidfile: String,
    /// Working directory; empty until the node sets it (the rows cannot know where the server starts).
    pub dir: String,
    /// Ticks of the periodic work in a second, 1 to 500.
    pub hz: u32,
    /// Ticks faster while many clients are connected.
    pub dynamic_hz: bool,
    /// Unread output after which clients are disconnected.
    pub client_output_buffer_limits: OutputLimits,
    /// Most bytes of one client's unparsed input.
    pub client_query_buffer_limit_bytes: u64,
    /// Longest argument of a request.
    pub proto_max_bulk_len_bytes: u64,
    /// Memory to use for data; 0 is no limit.
    pub maxmemory_bytes: u64,
    /// What to evict beyond it.
    pub maxmemory_policy: MaxmemoryPolicy,
    /// Keys sampled for each eviction.
    pub maxmemory_samples: u32,
    /// How hard eviction works before a request is served, 0 to 100.
    pub maxmemory_eviction_tenacity: u32,
    /// Hits needed for the logarithmic counter of the LFU policies to rise.
    pub lfu_log_factor: u32,
    /// Minutes after which that counter falls by one; 0 never.
    pub lfu_decay_minutes: u32,
    /// How much work active expiry may do, 1 to 10.
    pub active_expire_effort: u32,
    /// Frees evicted values in the background.
    pub lazyfree_lazy_eviction: bool,
    /// Frees expired values in the background.
    pub lazyfree_lazy_expire: bool,
    /// Frees values that a command replaced in the background.
    pub lazyfree_lazy_server_del: bool,
    /// DEL acts as UNLINK.
    pub lazyfree_lazy_user_del: bool,
    /// FLUSHDB and FLUSHALL are asynchronous unless told otherwise.
    pub lazyfree_lazy_user_flush: bool,
    /// When to save by itself.
    pub save: SavePoints,
    /// The dump file's name, in the working directory.
    pub dbfilename: String,
    /// Dump files end with a checksum, and it is looked at.
    pub rdbchecksum: bool,
    /// Syncs a dump file while it is being written, so that little is left to sync at its end.
    pub rdb_save_incremental_fsync: bool,
    /// Refuses writes after a save by itself has failed.
    pub stop_writes_on_bgsave_error: bool,
    /// Compresses long texts in dump files and in what DUMP returns.
    pub rdbcompression: bool,
    /// Keeps an append log.
    pub appendonly: bool,
    /// When it is synced.
    pub appendfsync: AppendFsync,
    /// The directory of its files, in the working directory.
    pub appenddirname: String,
    /// What their names begin with.
    pub appendfilename: String,
    /// Its torn end is cut off at the start; otherwise it is refused.
    pub aof_load_truncated: bool,
    /// A base is written in dump form.
    pub aof_use_rdb_preamble: bool,
    /// Notes in it when its commands were run.
    pub aof_timestamp_enabled: bool,
    /// Files that are not needed any more stay.
    pub aof_disable_auto_gc: bool,
    /// Syncs a base while it is being written, so that little is left to sync at its end.
    pub aof_rewrite_incremental_fsync: bool,
    /// It is not synced while it is being rewritten.
    pub no_appendfsync_on_rewrite: bool,
    /// A log of fewer bytes is not rewritten by itself.
    pub auto_aof_rewrite_min_size_bytes: u64,
    /// By how much it must have grown since its last rewrite to be rewritten by itself; 0 never is.
    pub auto_aof_rewrite_percentage: u64,
    /// Who may use DEBUG.
    pub enable_debug_command: Permission,
    /// Who may set protected parameters.
    pub enable_protected_configs: Permission,
    /// Which supervisor to notify.
    pub supervised: Supervised,
    /// What `ps` shows, with `{variables}`.
    pub proc_title_template: String,
    /// Whether to change what `ps` shows.
    pub set_proc_title: bool,
    /// Password of the default user; empty for none.
    pub requirepass: Secret,
    /// Requests that take longer enter the slow log; 0 logs all, -1 none.
    pub slowlog_log_slower_than_us: i64,
    /// A script that runs for so long lets others be told that the node is busy.
    pub busy_reply_threshold_ms: u64,
    /// Longest slow log.
    pub slowlog_max_len: u64,
    /// Requests of more bytes enter the log of large requests; -1 logs none.
    pub commandlog_request_larger_than_bytes: i64,
    /// Longest log of large requests.
    pub commandlog_large_request_max_len: u64,
    /// Requests with replies of more bytes enter the log of large replies; -1 logs none.
    pub commandlog_reply_larger_than_bytes: i64,
    /// Longest log of large replies.
    pub commandlog_large_reply_max_len: u64,
    /// Events that take at least so long are kept for LATENCY; 0 keeps none.
    pub latency_monitor_threshold_ms: u64,
    /// Keeps a histogram of durations for each command.
    pub latency_tracking: bool,
    /// The percentiles of it that INFO shows.
    pub latency_tracking_info_percentiles: Percentiles,
    /// Which keyspace events are published.
    pub notify_keyspace_events: KeyspaceEvents,
    /// Most keys of which it is remembered who has read them; 0 is no limit.
    pub tracking_table_max_keys: u64,
    /// Memory that all clients together may use; 0 is no limit.
    pub maxmemory_clients: MemoryShare,
    /// Most pairs of a hash in its small form.
    pub hash_max_listpack_entries: u64,
    /// Longest field or value of a hash in its small form, in bytes.
    pub hash_max_listpack_value_bytes: u64,
    /// Longest HyperLogLog in its sparse form, in bytes.
    pub hll_sparse_max_bytes: u64,
    /// Size of a list's nodes: elements, or if negative one of five sizes in bytes (-1: 4 KiB to -5: 64 KiB).
    pub list_max_listpack_size: i64,
    /// Nodes at either end of a list that are not compressed; 0 compresses none.
    pub list_compress_depth: u32,
    /// Most members of a set of integers in its smallest form.
    pub set_max_intset_entries: u64,
    /// Most members of any other set in its small form.
    pub set_max_listpack_entries: u64,
    /// Longest member of a set in its small form, in bytes.
    pub set_max_listpack_value_bytes: u64,
    /// Most members of a sorted set in its small form.
    pub zset_max_listpack_entries: u64,
    /// Longest member of a sorted set in its small form, in bytes.
    pub zset_max_listpack_value_bytes: u64,
    /// Longest node of a stream, in bytes; 0 for no limit.
    pub stream_node_max_bytes: u64,
    /// Most entries of a stream's node; 0 for no limit.
    pub stream_node_max_entries: u64,
    /// This node's primary, `host port`; empty: it is one itself.
    pub replicaof: String,
    /// The password that is given to the primary; empty for none.
    pub masterauth: Secret,
    /// The user as whom; empty for the default.
    pub masteruser: String,
    /// A replica that was not heard of for longer does not count.
    pub min_replicas_max_lag_seconds: u32,
    /// With fewer replicas that count, writes are refused; 0 for never.
    pub min_replicas_to_write: u32,
    /// So much of the history is kept for replicas that were away.
    pub repl_backlog_size_bytes: u64,
    /// It is let go so long after the last replica has gone; 0 for never.
    pub repl_backlog_ttl_seconds: u64,
    /// Sends to replicas in fewer, larger packets, later.
    pub repl_disable_tcp_nodelay: bool,
    /// How a snapshot from the primary is loaded.
    pub repl_diskless_load: DisklessLoad,
    /// Sends snapshots to replicas without a file.
    pub repl_diskless_sync: bool,
    /// A snapshot without a file waits so long for more replicas.
    pub repl_diskless_sync_delay_seconds: u32,
    /// It does not wait longer when there are so many; 0 for any number.
    pub repl_diskless_sync_max_replicas: u32,
    /// Replicas are sent something at least so often.
    pub repl_ping_replica_period_seconds: u32,
    /// A link that is silent for so long is given up.
    pub repl_timeout_seconds: u32,
    /// What this node calls itself to its primary; empty for what the connection says.
    pub replica_announce_ip: String,
    /// The same of its port; 0 for `port`.
    pub replica_announce_port: u16,
    /// Whether Sentinel names this replica to others.
    pub replica_announced: bool,
    /// A replica does not evict: its primary does.
    pub replica_ignore_maxmemory: bool,
    /// What a snapshot replaces is freed in the background.
    pub replica_lazy_flush: bool,
    /// The lower, the sooner Sentinel promotes it; 0 for never.
    pub replica_priority: u32,
    /// Clients may not write to a replica.
    pub replica_read_only: bool,
    /// A replica answers also while its link is down.
    pub replica_serve_stale_data: bool,
    /// A replica with data takes also the snapshot of a primary that is empty and of another history (P15). Not in Redis.
    pub replica_accept_empty_primary: bool,
}
