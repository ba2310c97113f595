//! What is put into servers: values of every kind, and commands that are not what is written of them.

use seawall::protocol::client::Value;

use crate::cases::CASES;
use crate::process::Client;
use crate::sample;

/// Where small forms end, and how the log is written.
pub const OPTIONS: &[&str] = &[
    "--save",
    "",
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--list-max-listpack-size",
    "4",
    "--set-max-intset-entries",
    "4",
    "--hash-max-listpack-entries",
    "4",
    "--zset-max-listpack-entries",
    "4",
    "--stream-node-max-entries",
    "2",
    "--auto-aof-rewrite-percentage",
    "0",
];

const LIBRARY: &str = "#!lua name=writers\n\
     redis.register_function('put', function(keys, args) \
       redis.call('SET', keys[1], args[1]) \
       redis.call('RPUSH', keys[1] .. ':list', args[1], redis.call('INCR', keys[1] .. ':count')) \
     end)";

/// Commands whose effects the log has to say in other words, or as one unit.
const DEEDS: &[&str] = &[
    "SET {p}relative v EX 100000",
    "SETEX {p}setex 100000 v",
    "SET {p}keep v EX 100000",
    "SET {p}keep w KEEPTTL",
    "GETEX {p}keep PX 900000000",
    "SET {p}persisted v EX 1000",
    "PERSIST {p}persisted",
    "EXPIRE {p}relative 200000 GT",
    "INCRBYFLOAT {p}float 10.25",
    "HINCRBYFLOAT {p}floats f 0.1",
    "HINCRBYFLOAT {p}floats f 0.2",
    "SADD {p}pops a b c d e f g h",
    "SPOP {p}pops",
    "SPOP {p}pops 3",
    "SADD {p}allpopped a b",
    "SPOP {p}allpopped 5",
    "ZADD {p}zpops 1 a 2 b 3 c 4 d",
    "ZPOPMIN {p}zpops",
    "ZPOPMAX {p}zpops 2",
    "BZPOPMIN {p}zpops 1",
    "RPUSH {p}source a b c d e f",
    "LMOVE {p}source {p}target LEFT RIGHT",
    "RPOPLPUSH {p}source {p}target",
    "BLMOVE {p}source {p}target LEFT LEFT 1",
    "BLPOP {p}source 1",
    "LMPOP 1 {p}source LEFT COUNT 1",
    "BLMPOP 1 1 {p}target RIGHT COUNT 1",
    "SORT {p}target ALPHA STORE {p}sorted",
    "COPY {p}target {p}copied",
    "COPY {p}target {p}copied DB 4",
    "MOVE {p}sorted 4",
    "RENAME {p}copied {p}renamed",
    "XADD {p}log * f 1",
    "XADD {p}log 9999999999999-1 f 2",
    "XADD {p}log MAXLEN ~ 2 9999999999999-* f 3",
    "XADD {p}log MAXLEN = 2 9999999999999-* f 4",
    "XGROUP CREATE {p}log g 0 MKSTREAM",
    "XGROUP CREATE {p}log h $",
    "XREADGROUP GROUP g one COUNT 1 STREAMS {p}log >",
    "XREADGROUP GROUP g two NOACK STREAMS {p}log >",
    "XAUTOCLAIM {p}log g three 0 0",
    "XGROUP CREATECONSUMER {p}log g four",
    "XSETID {p}log 9999999999999-99",
    "PFADD {p}hll1 a b c",
    "PFADD {p}hll2 c d e",
    "PFMERGE {p}hll {p}hll1 {p}hll2",
    "BITFIELD {p}bits SET u8 0 255 INCRBY i5 100 1",
    "BITOP NOT {p}unbits {p}bits",
    "GEOADD {p}geo 13.361389 38.115556 Palermo 15.087269 37.502669 Catania",
    "GEOSEARCHSTORE {p}near {p}geo FROMLONLAT 15 37 BYRADIUS 200 km",
    "SADD {p}s1 a b c",
    "SADD {p}s2 b c d",
    "SINTERSTORE {p}inter {p}s1 {p}s2",
    "ZUNIONSTORE {p}union 2 {p}s1 {p}s2 WEIGHTS 2 3",
    "ZRANGESTORE {p}ranged {p}union 0 1",
    "MULTI",
    "SET {p}one 1",
    "INCR {p}one",
    "RPUSH {p}queue a b",
    "SPOP {p}s1",
    "EXPIRE {p}one 100000",
    "EXEC",
    "MULTI",
    "SELECT 4",
    "SET {p}elsewhere 1",
    "SELECT 0",
    "EXEC",
    "SELECT 5",
    "SET {p}flushed 1",
    "FLUSHDB",
    "SET {p}swapped 1",
    "SELECT 0",
    "SWAPDB 5 6",
    "SETRANGE {p}range 5 x",
    "APPEND {p}range yz",
    "GETDEL {p}one",
    "UNLINK {p}unbits",
    "FCALL put 1 {p}byfunction 17",
];

/// What a log is to hold.
#[derive(Clone, Copy)]
pub struct Kinds {
    /// Deadlines of fields, which Redis 7 does not know.
    pub timed_fields: bool,
    /// What consumers have yet to acknowledge, though it is removed. A log's base in log form cannot say it; one of
    /// its consumers is idle.
    pub pending_and_gone: bool,
    /// Consumers that were not active when they were seen last. Dumps that Redis 7.0 reads cannot say it.
    pub idle_consumers: bool,
}

impl Kinds {
    /// What all servers have and all forms can say.
    pub const COMMON: Kinds = Kinds { timed_fields: false, pending_and_gone: false, idle_consumers: false };

    fn has(self, name: &str) -> bool {
        (self.timed_fields || !name.contains("timed"))
            && (self.pending_and_gone || name != "pending-and-gone")
            && (self.idle_consumers || name != "idle-consumer")
    }

    /// Whether Redis 7.0 reads dumps of it.
    pub fn is_of_7_0(self) -> bool {
        !self.timed_fields && !self.idle_consumers && !self.pending_and_gone
    }
}

/// Values of every kind, each in the form that its case names, and a library.
pub fn fill(client: &mut Client, kinds: Kinds) {
    sample::fill(client);
    for case in CASES.iter().filter(|case| kinds.has(case.name)) {
        for command in case.made_by.split(';') {
            let reply = client.ask_words(&words(command));
            assert!(reply.as_error().is_none(), "{}: {reply:?}", case.name);
        }
        client.run(&[&format!("RENAME k {}", case.name)]);
    }
    client.run(&["PEXPIREAT long-text 4000000000123", "PEXPIREAT large-hash 4000000000124"]);
    assert!(client.ask(&["FUNCTION", "LOAD", LIBRARY]).as_error().is_none());
}

/// Words of a case's command: `x^9` is x nine times.
fn words(command: &str) -> Vec<Vec<u8>> {
    let word = |word: &str| match word.split_once('^') {
        Some((part, times)) => part.repeat(times.parse().unwrap()).into_bytes(),
        None if word == "\"\"" => Vec::new(),
        None => word.as_bytes().to_vec(),
    };
    command.split_whitespace().map(word).collect()
}

/// Commands of all sorts on keys that begin with this.
pub fn deeds(client: &mut Client, prefix: &str, kinds: Kinds) {
    let makes_idle = |deed: &str| deed.contains("CREATECONSUMER") || deed.contains("NOACK");
    let is_known = |deed: &&&str| kinds.idle_consumers || !makes_idle(deed);
    for deed in DEEDS.iter().filter(is_known) {
        client.run(&[&deed.replace("{p}", prefix)]);
    }
    let script = "redis.call('SET', KEYS[1], ARGV[1]) redis.call('SADD', KEYS[1] .. ':set', 'a', 'b', 'c') \
         redis.call('SPOP', KEYS[1] .. ':set') redis.call('EXPIRE', KEYS[1], 100000) \
         return redis.call('XADD', KEYS[1] .. ':stream', '*', 'f', 'v')";
    let reply = client.ask(&["EVAL", script, "1", &format!("{prefix}scripted"), "value"]);
    assert!(reply.as_error().is_none(), "{reply:?}");
    restore(client, prefix);
    expire(client, prefix);
    client.run(&["FUNCTION DUMP"]);
}

fn restore(client: &mut Client, prefix: &str) {
    let payload = client.ask(&["DUMP", "list"]);
    let payload = payload.as_bytes().unwrap();
    let key = format!("{prefix}restored");
    let request: [&[u8]; 6] = [b"RESTORE", key.as_bytes(), b"10000000", payload, b"FREQ", b"7"];
    let reply = client.ask_words(&request);
    assert!(reply.as_error().is_none(), "{reply:?}");
}

/// A key that has expired before the end.
fn expire(client: &mut Client, prefix: &str) {
    let key = format!("{prefix}expired");
    client.run(&[&format!("SET {key} v PX 5")]);
    while client.ask(&["EXISTS", &key]) != Value::Integer(0) {
        std::thread::yield_now();
    }
}

/// Has the log rewritten, and waits for it.
pub fn rewrite(client: &mut Client, preamble: bool) {
    let preamble = if preamble { "yes" } else { "no" };
    client.run(&[&format!("CONFIG SET aof-use-rdb-preamble {preamble}"), "BGREWRITEAOF"]);
    await_rewrite(client);
}

/// Until no rewrite is under way; it must have succeeded.
pub fn await_rewrite(client: &mut Client) {
    let deadline = std::time::Instant::now() + crate::process::PATIENCE;
    while client.info("aof_rewrite_in_progress") != "0" || client.info("aof_rewrite_scheduled") != "0" {
        assert!(std::time::Instant::now() < deadline, "the rewrite does not end");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_eq!(client.info("aof_last_bgrewrite_status"), "ok");
}
