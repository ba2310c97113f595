//! The stream of effects says all that happened: whoever applies it has the same data, whatever its clock says and however its
//! random numbers fall.
//!
//! Random commands run on one engine, whose clock moves; the effects of each are applied to another engine with another seed and
//! a clock far behind. After each command both hold the same keys, values and deadlines.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use seawall::commands;
use seawall::config::Config;
use seawall::engine::effects::{Audience, Reader};
use seawall::engine::session::SessionHandle;
use seawall::engine::{Engine, Flow, Identity};
use seawall::keyspace::{ObjectRef, Value, View};
use seawall::protocol::request::{Batch, Limits, OwnedRequest, Parser};
use seawall::runtime::{Address, Monotonic, Now, UnixTime};
use seawall::types::list::End;

type Words = Vec<Vec<u8>>;
type Data = Vec<BTreeMap<Vec<u8>, (Vec<u8>, Option<i64>)>>;

const DATABASES: u32 = 3;
/// The first engine's clock when a run begins; amounts in commands are of the order of its steps.
const START_MS: i64 = 1_700_000_000_000;

/// An engine with one client.
struct Machine {
    engine: Engine,
    client: SessionHandle,
    now: Now,
}

impl Machine {
    fn new(seed: u64, now_ms: i64, lazy: bool) -> Machine {
        let mut config = Config::default();
        config.databases = DATABASES;
        config.lazyfree_lazy_expire = lazy;
        // Some hashes become large.
        config.hash_max_listpack_entries = 3;
        let mut engine = Engine::new(config, commands::table(), Identity::default(), seed);
        let now = Now { mono: Monotonic(1), wall: UnixTime(now_ms * 1000) };
        let nobody = Address::Unix("client".into());
        let client = engine.sessions.open(nobody.clone(), nobody, true, now);
        engine.effects.set_readers(Audience::ALL);
        Machine { engine, client, now }
    }

    fn run(&mut self, db: usize, words: &[Vec<u8>]) -> Vec<u8> {
        let owned: OwnedRequest = words.iter().collect();
        self.engine.sessions[self.client].db = db;
        let prepared = self.engine.prepare(db, owned.request());
        let mut out = Vec::new();
        self.engine.run(self.client, owned.request(), prepared, &mut out, self.now);
        out
    }

    fn data(&self) -> Data {
        let dump = |database: &seawall::keyspace::Database| {
            let (mut data, mut cursor) = (BTreeMap::new(), 0);
            loop {
                cursor = database.scan(cursor, |entry| {
                    let text = text_of(entry.value());
                    data.insert(entry.key().to_vec(), (text, entry.expiry()));
                });
                if cursor == 0 {
                    return data;
                }
            }
        };
        self.engine.keyspace.databases.iter().map(dump).collect()
    }
}

/// A value as a text: what has no order in order; a hash with the deadlines of its fields.
fn text_of(value: Value<'_>) -> Vec<u8> {
    let Value::Object(object) = value else {
        let mut text = Vec::new();
        value.write_to(&mut text);
        return text;
    };
    let mut words: Vec<String> = Vec::new();
    match object {
        ObjectRef::Hash(hash) => {
            hash.each(i64::MIN, |field| words.push(format!("{field:?}")));
            words.sort();
        }
        ObjectRef::Set(set) => {
            set.for_each(|member| words.push(format!("{:?}", member.to_vec())));
            words.sort();
        }
        ObjectRef::List(list) => {
            list.take(End::Front, 0, list.len(), |element| words.push(format!("{element:?}")));
        }
        ObjectRef::SortedSet(set) => {
            words.extend(set.elements(0..set.len(), false).map(|element| format!("{element:?}")));
        }
        ObjectRef::Stream(stream) => words.push(format!("{} entries", stream.len())),
    }
    format!("{} {words:?}", object.type_name()).into_bytes()
}

/// Applies a stream of effects. What comes in more than one command is one unit.
struct Follower {
    machine: Machine,
    db: usize,
}

impl Follower {
    fn apply(&mut self, stream: &[u8]) {
        let mut inside = 0;
        for words in requests(stream) {
            match &*words[0] {
                b"SELECT" => {
                    self.db = String::from_utf8_lossy(&words[1]).parse().expect("a database's number")
                }
                b"MULTI" => inside += 1,
                b"EXEC" => inside -= 1,
                _ => {
                    let reply = self.machine.run(self.db, &words);
                    assert_ne!(reply[0], b'-', "{words:?} is refused: {}", String::from_utf8_lossy(&reply));
                }
            }
            assert!((0..=1).contains(&inside), "units do not nest");
        }
        assert_eq!(inside, 0, "units are whole");
    }
}

fn requests(stream: &[u8]) -> Vec<Words> {
    let mut batch = Batch::default();
    let limits = Limits { bulk_bytes_max: 1 << 20, authenticated: true };
    let parsed = Parser::default().parse(stream, &limits, usize::MAX, &mut batch);
    assert_eq!((parsed.consumed, parsed.error), (stream.len(), None), "the stream is whole");
    batch.iter(stream).map(|request| request.iter().map(<[u8]>::to_vec).collect()).collect()
}

/// What happens next.
#[derive(Clone, Debug)]
struct Step {
    advance_ms: i64,
    db: usize,
    /// Empty: a step of the search for expired keys.
    words: Vec<String>,
}

fn step() -> impl Strategy<Value = Step> {
    let advance_ms = prop_oneof![4 => Just(0), 3 => 1i64..400, 1 => 400i64..5000];
    let words = prop_oneof![20 => command(), 1 => Just(Vec::new())];
    (advance_ms, 0..DATABASES as usize, words).prop_map(|(advance_ms, db, words)| Step {
        advance_ms,
        db,
        words,
    })
}

/// A command by its template: `K` a key, `V` a value, `N` a number, `D` a database, `S`, `M`, `s`, `m` amounts of seconds and
/// milliseconds, from now and absolute, `C` a condition of EXPIRE, `H` a key that often holds a hash, `F` a field, `P` a value as DUMP returns it.
fn command() -> impl Strategy<Value = Vec<String>> {
    const TEMPLATES: &[&str] = &[
        "SET K V",
        "SET K V",
        "SET K V NX",
        "SET K V XX GET",
        "SET K V EX S",
        "SET K V PX M GET",
        "SET K V EXAT s NX",
        "SET K V PXAT m",
        "SET K V KEEPTTL",
        "SET K V KEEPTTL GET",
        "SET K V IFEQ V",
        "SETNX K V",
        "SETEX K S V",
        "PSETEX K M V",
        "GETSET K V",
        "GETDEL K",
        "GETEX K",
        "GETEX K PX M",
        "GETEX K PXAT m",
        "GETEX K PERSIST",
        "DELIFEQ K V",
        "APPEND K V",
        "SETRANGE K 3 V",
        "INCR K",
        "DECRBY K N",
        "INCRBYFLOAT K N",
        "INCRBYFLOAT K 0.1",
        "MSET K V K V",
        "MSETNX K V K V",
        "MSETEX 2 K V K V PX M",
        "MSETEX 2 K V K V XX KEEPTTL",
        "DEL K K",
        "UNLINK K",
        "RENAME K K",
        "RENAMENX K K",
        "COPY K K DB D",
        "COPY K K DB D REPLACE",
        "MOVE K D",
        "EXPIRE K S",
        "EXPIRE K S C",
        "PEXPIRE K M C",
        "EXPIREAT K s",
        "PEXPIREAT K m C",
        "PERSIST K",
        "GET K",
        "MGET K K K",
        "STRLEN K",
        "LCS K K",
        "TTL K",
        "EXISTS K K",
        "TOUCH K",
        "SCAN 0 COUNT 100",
        "KEYS *",
        "RANDOMKEY",
        "OBJECT ENCODING K",
        "HSET H F V",
        "HSET H F V F V F V",
        "HSETNX H F V",
        "HDEL H F F",
        "HINCRBY H F N",
        "HINCRBYFLOAT H F 0.1",
        "HEXPIRE H S FIELDS 2 F F",
        "HPEXPIRE H M FIELDS 2 F F",
        "HPEXPIRE H M C FIELDS 1 F",
        "HEXPIREAT H s C FIELDS 1 F",
        "HPEXPIREAT H m FIELDS 2 F F",
        "HPERSIST H FIELDS 2 F F",
        "HGETDEL H FIELDS 1 F",
        "HGETEX H PX M FIELDS 2 F F",
        "HGETEX H PERSIST FIELDS 1 F",
        "HSETEX H PX M FIELDS 2 F V F V",
        "HSETEX H FNX EXAT s FIELDS 1 F V",
        "HSETEX H KEEPTTL FIELDS 1 F V",
        "HGETALL H",
        "HLEN H",
        "HRANDFIELD H 2",
        "HSCAN H 0",
        "SADD K V V V",
        "SADD K V N V V N V",
        "SREM K V V",
        "SPOP K",
        "SPOP K 2",
        "SPOP K 100",
        "SRANDMEMBER K -3",
        "SMOVE K K V",
        "SINTERSTORE K K K",
        "SUNIONSTORE K K K",
        "SDIFFSTORE K K K",
        "SETBIT K 7 1",
        "BITOP OR K K K",
        "BITOP NOT K K",
        "BITFIELD K SET u8 0 N OVERFLOW FAIL INCRBY i5 3 N",
        "PFADD K V V",
        "PFCOUNT K",
        "PFMERGE K K",
        "PFDEBUG TODENSE K",
        "LPUSH K V",
        "RPUSH K V V",
        "RPUSH K V V",
        "LPUSHX K V",
        "LPOP K",
        "RPOP K 2",
        "LSET K 1 V",
        "LINSERT K BEFORE V V",
        "LREM K N V",
        "LTRIM K 0 2",
        "LMOVE K K RIGHT LEFT",
        "RPOPLPUSH K K",
        "LMPOP 2 K K RIGHT COUNT 2",
        "ZADD K 1 V 2.5 V",
        "ZADD K XX GT CH N V",
        "ZINCRBY K 0.1 V",
        "ZREM K V V",
        "ZPOPMIN K",
        "ZPOPMAX K 2",
        "ZMPOP 2 K K MAX COUNT 2",
        "ZRANGESTORE K K 0 1",
        "ZUNIONSTORE K 2 K K AGGREGATE MIN",
        "ZINTERSTORE K 2 K K WEIGHTS 2 3",
        "ZREMRANGEBYRANK K 1 2",
        "GEOADD K 13.361389 38.115556 V",
        "SORT K BY nosort STORE K",
        "COPY K K REPLACE",
        "EVAL BODY 2 K K V",
        "EVAL BODY 2 K K V",
        "RESTORE K M P REPLACE",
        "RESTORE K m P ABSTTL",
        "RESTORE H 0 P REPLACE",
        "DUMP K",
    ];
    let random = proptest::collection::vec(any::<u32>(), 12);
    (select(TEMPLATES), random).prop_map(|(template, random)| {
        template.split(' ').zip(random).map(|(word, random)| fill(word, random)).collect()
    })
}

/// The text `aafm`.
const TEXT_PAYLOAD: &str = "\x00\x04aafm\x0a\x00OV}\x15+`S\x00";
/// A hash of two fields, of which one has a deadline that is past.
const HASH_PAYLOAD: &str =
    "\x18\x7f\x7f\x7f\x7f\x0b\x01\x00\x00\x02\x01\x02f0\x04abhx\x00\x02f1\x01x\x0c\x00`Z\x05?\x7fe7E";

fn fill(word: &str, random: u32) -> String {
    let random = i64::from(random);
    let pick = |from: &[&str]| from[random as usize % from.len()].to_owned();
    match word {
        "K" => pick(&["a", "b", "c", "d", "h"]),
        "H" => pick(&["h", "h", "i", "a"]),
        "F" => pick(&["f", "g", "12", "long field", "j"]),
        "V" => pick(&["", "1", "7", "-3", "007", "2.5", "text", "9223372036854775807", &"long".repeat(80)]),
        "N" => pick(&["1", "-1", "10", "9223372036854775807"]),
        "D" => (random % i64::from(DATABASES)).to_string(),
        "S" => (random % 5 - 1).to_string(),
        "M" => (random % 1500 - 100).to_string(),
        "s" => (START_MS / 1000 + random % 20).to_string(),
        "m" => (START_MS + random % 10_000).to_string(),
        "C" => pick(&["NX", "XX", "GT", "LT"]),
        "BODY" => pick(&[
            "return redis.call('get', KEYS[1])",
            "redis.call('set', KEYS[1], ARGV[1]) redis.call('append', KEYS[2], 'x') redis.call('nothing')",
            "redis.call('set', KEYS[1], ARGV[1], 'PX', 500) return redis.call('expire', KEYS[2], 1)",
            "redis.call('select', 1) redis.call('set', KEYS[1], math.random()) return redis.call('del', KEYS[2])",
            "return redis.pcall('incr', KEYS[1]) or redis.pcall('rename', KEYS[1], KEYS[2])",
            "redis.call('set', KEYS[1], redis.call('time')[2]) return redis.call('randomkey')",
        ]),
        "P" => pick(&[TEXT_PAYLOAD, HASH_PAYLOAD]),
        word => word.to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_effects_say_all_that_happened(
        steps in proptest::collection::vec(step(), 1..120),
        seeds: [u64; 2],
        lazy: bool,
    ) {
        let mut leader = Machine::new(seeds[0], START_MS, lazy);
        let mut follower = Follower { machine: Machine::new(seeds[1], 1, lazy), db: 0 };
        for step in steps {
            leader.now.wall.0 += step.advance_ms * 1000;
            if step.words.is_empty() {
                leader.engine.expire_step(leader.now);
            } else {
                let words: Words = step.words.iter().map(|word| word.as_bytes().to_vec()).collect();
                leader.run(step.db, &words);
            }
            let stream = leader.engine.effects.take();
            let stream = stream.for_reader(Reader::Replicas);
            follower.apply(&stream);
            prop_assert_eq!(
                leader.data(), follower.machine.data(),
                "after {:?}, which left {:?}", step.words, String::from_utf8_lossy(&stream)
            );
        }
        leader.now.wall.0 += 1_000_000_000_000;
        (0..1000).for_each(|_| {
            leader.engine.expire_step(leader.now);
        });
        prop_assert!(leader.data().iter().all(|data| data.values().all(|(text, deadline)| {
            deadline.is_none() && !String::from_utf8_lossy(text).contains("Some(")
        })), "nothing is left that is past its deadline: {:?}", leader.data());
    }
}

/// Commands that may wait, where they need not.
#[test]
fn what_might_have_waited_leaves_what_it_did() {
    let mut machine = Machine::new(1, START_MS, false);
    let mut run = |words: &str| -> Vec<String> {
        let words: Words = words.split(' ').map(|word| word.as_bytes().to_vec()).collect();
        machine.run(0, &words);
        let left = requests(&machine.engine.effects.take().for_reader(Reader::Replicas));
        left.iter().map(|words| String::from_utf8_lossy(&words.join(&b' ')).into_owned()).collect()
    };
    assert_eq!(run("RPUSH a 1 2 3 4 5 6 7"), ["SELECT 0", "RPUSH a 1 2 3 4 5 6 7"]);
    assert_eq!(run("BLPOP b a 0"), ["LPOP a"]);
    assert_eq!(run("BRPOP b a 0"), ["RPOP a"]);
    assert_eq!(run("BLMOVE a b LEFT RIGHT 0"), ["LMOVE a b LEFT RIGHT"]);
    assert_eq!(run("BRPOPLPUSH a b 0"), ["RPOPLPUSH a b"]);
    assert_eq!(run("BLMPOP 0 2 c a RIGHT COUNT 2"), ["RPOP a 2"]);
    assert_eq!(run("LMPOP 2 a b LEFT COUNT 9"), ["LPOP a 1"]);
    assert_eq!(run("LTRIM b 0 -1"), [""; 0]);
    assert_eq!(run("LREM b 0 nothing"), [""; 0]);
    assert_eq!(run("LPOP b 0"), [""; 0]);
}

/// What is meant for one reader only is left out for the other; SELECT, MULTI and EXEC are for both.
#[test]
fn messages_are_for_replicas_only_and_scripts_may_choose() {
    let mut machine = Machine::new(1, START_MS, false);
    let mut run = |words: &[&str]| -> [Vec<String>; 2] {
        let words: Words = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        machine.run(1, &words);
        let stream = machine.engine.effects.take();
        [Reader::Log, Reader::Replicas].map(|reader| {
            let left = requests(&stream.for_reader(reader));
            left.iter().map(|words| String::from_utf8_lossy(&words.join(&b' ')).into_owned()).collect()
        })
    };
    assert_eq!(run(&["PUBLISH", "c", "m"]), [vec!["SELECT 1"], vec!["SELECT 1", "PUBLISH c m"]]);
    let script = "redis.call('SET', 'a', 1) redis.call('PUBLISH', 'c', 'm') \
                  redis.set_repl(redis.REPL_AOF) redis.call('SET', 'b', 2) \
                  redis.set_repl(redis.REPL_REPLICA) redis.call('SET', 'c', 3) \
                  redis.set_repl(redis.REPL_NONE) redis.call('SET', 'd', 4)";
    assert_eq!(
        run(&["EVAL", script, "0"]),
        [
            vec!["MULTI", "SET a 1", "SET b 2", "EXEC"],
            vec!["MULTI", "SET a 1", "PUBLISH c m", "SET c 3", "EXEC"]
        ]
    );
    assert_eq!(run(&["SET", "e", "5"]), [vec!["SET e 5"], vec!["SET e 5"]]);
}

/// A transaction that is left in its middle, since its script runs for long, is one unit all the same.
#[test]
fn a_transaction_with_a_long_script_is_one_unit() {
    let mut machine = Machine::new(1, START_MS, false);
    let long = "local i = 0 while i < 5e6 do i = i + 1 end return redis.call('INCR', KEYS[1])";
    let queue: [&[&str]; 4] =
        [&["SET", "a", "1"], &["EVAL", long, "1", "a"], &["EVAL", long, "1", "a"], &["SET", "b", "2"]];
    let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect::<Words>();
    machine.run(1, &words(&["MULTI"]));
    for request in queue {
        machine.run(1, &words(request));
    }
    let exec: OwnedRequest = [b"EXEC"].into_iter().collect();
    let prepared = machine.engine.prepare(1, exec.request());
    let (mut out, client, now) = (b"before".to_vec(), machine.client, machine.now);
    let mut flow = machine.engine.run(client, exec.request(), prepared, &mut out, now);
    let mut slices = 0;
    while flow == Flow::Script {
        assert_eq!(out, b"before", "the reply comes as a whole");
        assert!(machine.engine.refuse_while_script_runs().is_err());
        flow = machine.engine.resume_script(&mut out, now);
        slices += 1;
    }
    assert!(slices > 1, "both scripts run for long");
    assert_eq!(String::from_utf8_lossy(&out), "before*4\r\n+OK\r\n:2\r\n:3\r\n+OK\r\n");
    let left = requests(&machine.engine.effects.take().for_reader(Reader::Replicas));
    let left: Vec<_> =
        left.iter().map(|words| String::from_utf8_lossy(&words.join(&b' ')).into_owned()).collect();
    assert_eq!(
        left,
        ["MULTI", "SELECT 1", "SET a 1", "INCR a", "INCR a", "SET b 2", "EXEC"].map(String::from)
    );
}
