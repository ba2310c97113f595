//! Memory: limit, eviction, expiry, and how values are encoded.
use crate::config::kinds::{I32_MAX, I32_MIN, I64_MAX, Kind};
use crate::config::row::{Apply, Row, field};
use crate::config::values::MaxmemoryPolicy;

pub(super) const ROWS: &[Row] = &[
    Row::new("active-defrag-cycle-max", Kind::int(1, 99), "25").moot(),
    Row::new("active-defrag-cycle-min", Kind::int(1, 99), "1").moot(),
    Row::new("active-defrag-cycle-us", Kind::int(0, 100_000), "500").unlisted().moot(),
    Row::new("active-defrag-ignore-bytes", Kind::memory(1, I64_MAX), "104857600").moot(),
    Row::new("active-defrag-max-scan-fields", Kind::int(1, I64_MAX), "1000").moot(),
    Row::new("active-defrag-threshold-lower", Kind::int(0, 1000), "10").moot(),
    Row::new("active-defrag-threshold-upper", Kind::int(0, 1000), "100").moot(),
    Row::new("active-expire-effort", Kind::int(1, 10), "1").field(field!(active_expire_effort)),
    Row::new("activedefrag", Kind::Bool, "no").moot(),
    Row::new("activerehashing", Kind::Bool, "yes").moot(),
    Row::new("disable-thp", Kind::Bool, "yes").immutable(),
    Row::new("hash-max-listpack-entries", Kind::int(0, I64_MAX), "512")
        .aliases(&["hash-max-ziplist-entries"])
        .field(field!(hash_max_listpack_entries)),
    Row::new("hash-max-listpack-value", Kind::memory(0, I64_MAX), "64")
        .aliases(&["hash-max-ziplist-value"])
        .field(field!(hash_max_listpack_value_bytes)),
    Row::new("hll-sparse-max-bytes", Kind::memory(0, I64_MAX), "3000").field(field!(hll_sparse_max_bytes)),
    Row::new("jemalloc-bg-thread", Kind::Bool, "yes").moot(),
    Row::new("lazyfree-lazy-eviction", Kind::Bool, "no").field(field!(lazyfree_lazy_eviction)),
    Row::new("lazyfree-lazy-expire", Kind::Bool, "no").field(field!(lazyfree_lazy_expire)),
    Row::new("lazyfree-lazy-server-del", Kind::Bool, "no").field(field!(lazyfree_lazy_server_del)),
    Row::new("lazyfree-lazy-user-del", Kind::Bool, "no").field(field!(lazyfree_lazy_user_del)),
    Row::new("lazyfree-lazy-user-flush", Kind::Bool, "no").field(field!(lazyfree_lazy_user_flush)),
    Row::new("lfu-decay-time", Kind::int(0, I32_MAX), "1")
        .field(field!(lfu_decay_minutes))
        .apply(Apply::Memory),
    Row::new("lfu-log-factor", Kind::int(0, I32_MAX), "10")
        .field(field!(lfu_log_factor))
        .apply(Apply::Memory),
    Row::new("list-compress-depth", Kind::int(0, I32_MAX), "0").field(field!(list_compress_depth)),
    Row::new("list-max-listpack-size", Kind::int(I32_MIN, I32_MAX), "-2")
        .aliases(&["list-max-ziplist-size"])
        .field(field!(list_max_listpack_size)),
    Row::new("maxmemory", Kind::memory(0, u64::MAX), "0").field(field!(maxmemory_bytes)).apply(Apply::Memory),
    Row::new("maxmemory-clients", Kind::MemoryOrPercent, "0")
        .field(field!(maxmemory_clients))
        .apply(Apply::Memory),
    Row::new("maxmemory-eviction-tenacity", Kind::int(0, 100), "10")
        .field(field!(maxmemory_eviction_tenacity)),
    Row::new("maxmemory-policy", Kind::Enum(MaxmemoryPolicy::NAMES), "noeviction")
        .field(field!(maxmemory_policy))
        .apply(Apply::Memory),
    Row::new("maxmemory-samples", Kind::int(1, I32_MAX), "5").field(field!(maxmemory_samples)),
    Row::new("oom-score-adj", Kind::Enum(&["no", "yes", "relative", "absolute"]), "no"),
    Row::new("oom-score-adj-values", Kind::OomScores, "0 200 800"),
    Row::new("set-max-intset-entries", Kind::int(0, I64_MAX), "512").field(field!(set_max_intset_entries)),
    Row::new("set-max-listpack-entries", Kind::int(0, I64_MAX), "128")
        .unlisted()
        .field(field!(set_max_listpack_entries)),
    Row::new("set-max-listpack-value", Kind::int(0, I64_MAX), "64")
        .unlisted()
        .field(field!(set_max_listpack_value_bytes)),
    Row::new("stream-node-max-bytes", Kind::memory(0, I64_MAX), "4096").field(field!(stream_node_max_bytes)),
    Row::new("stream-node-max-entries", Kind::int(0, I64_MAX), "100").field(field!(stream_node_max_entries)),
    Row::new("zset-max-listpack-entries", Kind::int(0, I64_MAX), "128")
        .aliases(&["zset-max-ziplist-entries"])
        .field(field!(zset_max_listpack_entries)),
    Row::new("zset-max-listpack-value", Kind::memory(0, I64_MAX), "64")
        .aliases(&["zset-max-ziplist-value"])
        .field(field!(zset_max_listpack_value_bytes)),
];
