//! Sums over all data: those of Redis, and our own, which sees deadlines and does not see how things are kept.

use seawall::commands;
use seawall::config::Config;
use seawall::engine::session::SessionHandle;
use seawall::engine::{Engine, Identity};
use seawall::protocol::request::OwnedRequest;
use seawall::runtime::{Address, Monotonic, Now, UnixTime};

struct Machine {
    engine: Engine,
    client: SessionHandle,
    now: Now,
}

impl Machine {
    /// A machine whose values become large early or not.
    fn new(seed: u64, is_large: bool) -> Machine {
        let mut config = Config::default();
        let text = "hash-max-listpack-entries 2\nset-max-listpack-entries 2\nset-max-intset-entries 1\nlist-max-listpack-size 2\nzset-max-listpack-entries 2\n";
        if is_large {
            config.load("test", text.as_bytes(), &mut |_| Ok(Vec::new())).expect("it is well-formed");
        }
        let mut engine = Engine::new(config, commands::table(), Identity::default(), seed);
        let now = Now { mono: Monotonic(1), wall: UnixTime(1_700_000_000_000_000) };
        let nobody = Address::Unix("client".into());
        let client = engine.sessions.open(nobody.clone(), nobody, true, now);
        Machine { engine, client, now }
    }

    fn run(&mut self, line: &str) {
        let owned: OwnedRequest = line.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        let db = self.engine.sessions[self.client].db;
        let prepared = self.engine.prepare(db, owned.request());
        let mut out = Vec::new();
        self.engine.run(self.client, owned.request(), prepared, &mut out, self.now);
        assert!(!out.starts_with(b"-"), "{line}: {}", String::from_utf8_lossy(&out));
    }

    fn filled(seed: u64, is_large: bool) -> Machine {
        let mut machine = Machine::new(seed, is_large);
        DATA.lines().for_each(|line| machine.run(line));
        machine
    }
}

const DATA: &str = "\
SET text hello
SET number 12345
SET short x PXAT 99999999999999
RPUSH list a b 3 b
RPUSH large a b c d e f g h 1 2 3
SADD ints 3 1 2
SADD words b a 7 c
ZADD scores 1 a 2.5 b -inf c 1e300 d 0.1 e 123456789012345680 f 1e-7 g 100000 h
HSET hash f v g 7 h 8 i 9
SELECT 2
XADD stream 5-1 f v g w
XADD stream 5-2 f v g 7
SET other y
";

/// What redis-server 7.0.15 answers to DEBUG DIGEST after these commands.
const OF_REDIS: &str = "59e29f26c82446b6a749eca52630f00dc14d1625";

#[test]
fn the_digest_is_that_of_redis() {
    for is_large in [false, true] {
        let digest = Machine::filled(1, is_large).engine.keyspace.digest();
        let text: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, OF_REDIS);
    }
}

#[test]
fn the_fingerprint_does_not_see_how_things_are_kept() {
    let of = |seed, is_large| Machine::filled(seed, is_large).engine.keyspace.fingerprint();
    assert_eq!(of(1, false), of(2, true));
    assert_eq!(Machine::new(1, false).engine.keyspace.fingerprint(), 0);
}

#[test]
fn the_fingerprint_sees_every_change() {
    let changes = [
        "SET number 12346",
        "PEXPIREAT short 99999999999998",
        "PERSIST short",
        "PEXPIREAT list 99999999999999",
        "LSET list 0 b",
        "SREM words 7",
        "ZADD scores 1.5 a",
        "HSET hash f w",
        "HPEXPIREAT hash 2000000000000 FIELDS 1 f",
        "DEL text",
        "RENAME text text2",
        "MOVE text 3",
        "SWAPDB 0 1",
        "XADD stream 5-3 f v",
        "XGROUP CREATE stream group 0 MKSTREAM",
    ];
    let before = Machine::filled(1, false).engine.keyspace.fingerprint();
    for change in changes {
        let mut machine = Machine::filled(1, false);
        machine.run(if change.contains("stream") { "SELECT 2" } else { "SELECT 0" });
        machine.run(change);
        assert_ne!(machine.engine.keyspace.fingerprint(), before, "{change}");
    }
}
