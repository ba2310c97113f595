//! Values of every kind, in their small and in their large form.

/// A value of key `k`: its name, the commands that make it, and the questions that tell it. `x^9` is x nine times.
pub struct Case {
    pub name: &'static str,
    pub made_by: &'static str,
    pub asked: &'static str,
}

const fn case(name: &'static str, made_by: &'static str, asked: &'static str) -> Case {
    Case { name, made_by, asked }
}

pub const GET: &str = "TYPE k; GET k";
pub const LRANGE: &str = "TYPE k; LRANGE k 0 -1";
pub const SORT: &str = "TYPE k; SORT k ALPHA";
pub const HGETALL: &str = "TYPE k; HLEN k; HMGET k a b c d e f g 7 \"\"";
pub const TIMES: &str = "TYPE k; HLEN k; HMGET k a b c d e f; HPEXPIRETIME k FIELDS 6 a b c d e f";
pub const ZRANGE: &str = "TYPE k; ZRANGE k 0 -1 WITHSCORES; ZSCORE k b";
pub const XRANGE: &str = "TYPE k; XRANGE k - +; XINFO GROUPS k; XPENDING k g; XPENDING k h";

pub const OLD_LIST: &str = "RPUSH k a 5 -7 300 -70000 1073741824 1099511627776 x^100 y^300 \"\"";
pub const OLD_HASH: &str = "HSET k f 1 g z^60";
pub const OLD_SORTED_SET: &str = "ZADD k 1 a 1.5 b inf c";
pub const GROUP: &str = "XADD k 1-1 f v g 2; XADD k 1-2 f w g -5; XADD k 2-0 other 1; XADD k 3-0 f x^40 g z; XDEL k 1-2; \
                     XGROUP CREATE k g 0; XGROUP CREATE k h 2-0; XREADGROUP GROUP g one COUNT 2 STREAMS k >; \
                     XREADGROUP GROUP g 22 COUNT 1 STREAMS k >";

pub const CASES: &[Case] = &[
    case("int8", "SET k -7", GET),
    case("int16", "SET k 300", GET),
    case("int32", "SET k -70000", GET),
    case("int64", "SET k 12345678901", GET),
    case("no-int", "SET k 007", GET),
    case("empty", "SET k \"\"", GET),
    case("text", "SET k hello", GET),
    case("long-text", "SET k x^70", GET),
    case("longer-text", "SET k ab^20000", GET),
    case("list", "RPUSH k a 5 -300", LRANGE),
    case("long-list", OLD_LIST, LRANGE),
    case("list-of-long", "RPUSH k ab^9000 c; LPUSH k ab^9000 \"\"", LRANGE),
    case("set-of-ints", "SADD k 1 -5 70000", SORT),
    case("set-of-wide-ints", "SADD k 1 -5 1099511627776", SORT),
    case("set", "SADD k 1 a x^40", SORT),
    case("large-set", "SADD k 1 -5 70000 1099511627776 a b x^40", SORT),
    case("hash", "HSET k a 1 b -300 c x^40 7 \"\"", HGETALL),
    case("large-hash", "HSET k a 1 b -300 c x^40 7 5 \"\" f e g", HGETALL),
    case(
        "timed-hash",
        "HSET k a 1 b 2 c x^40; HPEXPIREAT k 2000000000123 FIELDS 1 c; HPEXPIREAT k 1900000000000 FIELDS 1 b",
        TIMES,
    ),
    case(
        "large-timed-hash",
        "HSET k a 1 b 2 c 3 d x^40 e 5 f 6; HPEXPIREAT k 2000000000123 FIELDS 2 c f; HPEXPIREAT k 1900000000000 FIELDS 1 b",
        TIMES,
    ),
    case("sorted-set", "ZADD k 1 a 1.5 b -inf c 3 7", ZRANGE),
    case("large-sorted-set", "ZADD k 1 a 1.5 b -inf c 3 7 inf x^40 1 aa", ZRANGE),
    case("stream", "XADD k 1-1 f v; XADD k 2-0 f w; XADD k 2-1 g 1 h 2", XRANGE),
    case("group", GROUP, XRANGE),
    case("idle-consumer", "XADD k 1-1 f v; XGROUP CREATE k g 0; XGROUP CREATECONSUMER k g one", XRANGE),
    case(
        "pending-and-gone",
        "XADD k 1-1 f v; XADD k 1-2 f w; XADD k 1-3 f x; XGROUP CREATE k g 0; XREADGROUP GROUP g one COUNT 2 STREAMS k >; \
         XDEL k 1-2; XGROUP CREATECONSUMER k g two",
        XRANGE,
    ),
    case("empty-stream", "XADD k 5-5 f v; XDEL k 5-5", XRANGE),
    case("old-list-texts", "RPUSH k a 300 \"\"", LRANGE),
    case("old-list-ziplist", OLD_LIST, LRANGE),
    case("old-list-ziplists", OLD_LIST, LRANGE),
    case("old-hash-zipmap", OLD_HASH, "HLEN k; HMGET k f g"),
    case("old-hash-ziplist", OLD_HASH, "HLEN k; HMGET k f g"),
    case("old-zset-ziplist", OLD_SORTED_SET, ZRANGE),
    case("old-zset-decimal", OLD_SORTED_SET, ZRANGE),
    case(
        "old-stream",
        "XADD k 5-0 f v; XADD k 6-0 f w; XGROUP CREATE k g 5-0; XGROUP SETID k g 5-0 ENTRIESREAD 1; \
                        XCLAIM k g c 0 5-0 TIME 1700000000000 RETRYCOUNT 3 FORCE",
        XRANGE,
    ),
];
