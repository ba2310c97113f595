//! Snapshots and the append log.
use crate::config::checks::{append_dir_name, append_file_name, dump_file_name};
use crate::config::kinds::{I32_MAX, I32_MIN, I64_MAX, Kind};
use crate::config::row::{Apply, Row, field};

pub(super) const ROWS: &[Row] = &[
    Row::new("aof-disable-auto-gc", Kind::Bool, "no").field(field!(aof_disable_auto_gc)),
    Row::new("aof-load-truncated", Kind::Bool, "yes").field(field!(aof_load_truncated)),
    Row::new("aof-rewrite-incremental-fsync", Kind::Bool, "yes").field(field!(aof_rewrite_incremental_fsync)),
    Row::new("aof-timestamp-enabled", Kind::Bool, "no").field(field!(aof_timestamp_enabled)),
    Row::new("aof-use-rdb-preamble", Kind::Bool, "yes").field(field!(aof_use_rdb_preamble)),
    Row::new("aof_rewrite_cpulist", Kind::Text, "").later_names(&["aof-rewrite-cpulist"]).immutable().moot(),
    Row::new("appenddirname", Kind::Checked(append_dir_name), "appendonlydir")
        .immutable()
        .field(field!(appenddirname)),
    Row::new("appendfilename", Kind::Checked(append_file_name), "appendonly.aof")
        .immutable()
        .field(field!(appendfilename)),
    Row::new("appendfsync", Kind::Enum(&["everysec", "always", "no"]), "everysec")
        .field(field!(appendfsync))
        .apply(Apply::AppendLog),
    Row::new("appendonly", Kind::Bool, "no").field(field!(appendonly)).apply(Apply::AppendLog),
    Row::new("auto-aof-rewrite-min-size", Kind::memory(0, I64_MAX), "67108864")
        .field(field!(auto_aof_rewrite_min_size_bytes))
        .apply(Apply::AppendLog),
    Row::new("auto-aof-rewrite-percentage", Kind::int(0, I32_MAX), "100")
        .field(field!(auto_aof_rewrite_percentage))
        .apply(Apply::AppendLog),
    Row::new("bgsave_cpulist", Kind::Text, "").later_names(&["bgsave-cpulist"]).immutable().moot(),
    Row::new("dbfilename", Kind::Checked(dump_file_name), "dump.rdb").protected().field(field!(dbfilename)),
    Row::new("no-appendfsync-on-rewrite", Kind::Bool, "no")
        .field(field!(no_appendfsync_on_rewrite))
        .apply(Apply::AppendLog),
    Row::new("rdb-del-sync-files", Kind::Bool, "no"),
    Row::new("rdb-save-incremental-fsync", Kind::Bool, "yes").field(field!(rdb_save_incremental_fsync)),
    Row::new("rdb-version-check", Kind::Enum(&["strict", "relaxed"]), "strict").unlisted(),
    Row::new("rdbchecksum", Kind::Bool, "yes").immutable().field(field!(rdbchecksum)),
    Row::new("rdbcompression", Kind::Bool, "yes").field(field!(rdbcompression)),
    Row::new("sanitize-dump-payload", Kind::Enum(&["no", "yes", "clients"]), "no").moot(),
    Row::new("save", Kind::Save, "3600 1 300 100 60 10000").field(field!(save)),
    Row::new("stop-writes-on-bgsave-error", Kind::Bool, "yes").field(field!(stop_writes_on_bgsave_error)),
    Row::new("rdb-key-save-delay", Kind::int(I32_MIN, I32_MAX), "0").unlisted(),
];
