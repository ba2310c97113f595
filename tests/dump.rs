//! Values go from server to server: what DUMP of one returns, RESTORE of another takes, and both then answer alike.
//!
//! Every kind of value is made by commands, with limits so low that each comes in its small and in its large form. What real
//! servers dumped stands in `tests/data/payloads.txt` (also payloads in the forms of old servers, made by hand and checked
//! against Redis 7.0) and is always restored. Real servers are asked as well where they are on the PATH:
//!
//! ```text
//! SEAWALL_RECORD_PAYLOADS=1 cargo test --test dump      writes down what the servers on the PATH dump
//! ```
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a client outside the server: it needs real sockets, processes and files"
)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use seawall::commands;
use seawall::config::Config;
use seawall::engine::session::SessionHandle;
use seawall::engine::{Engine, Identity};
use seawall::protocol::client::{DecodeLimits, Decoder, Value, encode};
use seawall::protocol::request::OwnedRequest;
use seawall::runtime::{Address, Monotonic, Now, UnixTime};

const PAYLOADS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/payloads.txt");
/// In the file, the server of payloads that were made by hand.
const MADE: &str = "made";

/// Programs, with the versions of the format that they read.
const SERVERS: &[(&str, &[u16])] =
    &[("redis-server", &[10]), ("redis8-server", &[10, 11, 12]), ("valkey9-server", &[10, 11, 80])];

/// Where small forms end.
const LIMITS: &str = "list-max-listpack-size 4; set-max-intset-entries 4; set-max-listpack-entries 4; \
                      hash-max-listpack-entries 4; zset-max-listpack-entries 4";

/// A value of key `k`: its name, the commands that make it, and the questions that tell it. `x^9` is x nine times.
struct Case {
    name: &'static str,
    made_by: &'static str,
    asked: &'static str,
}

const fn case(name: &'static str, made_by: &'static str, asked: &'static str) -> Case {
    Case { name, made_by, asked }
}

const GET: &str = "TYPE k; GET k";
const LRANGE: &str = "TYPE k; LRANGE k 0 -1";
const SORT: &str = "TYPE k; SORT k ALPHA";
const HGETALL: &str = "TYPE k; HLEN k; HMGET k a b c d e f g 7 \"\"";
const TIMES: &str = "TYPE k; HLEN k; HMGET k a b c d e f; HPEXPIRETIME k FIELDS 6 a b c d e f";
const ZRANGE: &str = "TYPE k; ZRANGE k 0 -1 WITHSCORES; ZSCORE k b";
const XRANGE: &str = "TYPE k; XRANGE k - +; XINFO GROUPS k; XPENDING k g; XPENDING k h";

const OLD_LIST: &str = "RPUSH k a 5 -7 300 -70000 1073741824 1099511627776 x^100 y^300 \"\"";
const OLD_HASH: &str = "HSET k f 1 g z^60";
const OLD_SORTED_SET: &str = "ZADD k 1 a 1.5 b inf c";
const GROUP: &str = "XADD k 1-1 f v g 2; XADD k 1-2 f w g -5; XADD k 2-0 other 1; XADD k 3-0 f x^40 g z; XDEL k 1-2; \
                     XGROUP CREATE k g 0; XGROUP CREATE k h 2-0; XREADGROUP GROUP g one COUNT 2 STREAMS k >; \
                     XREADGROUP GROUP g 22 COUNT 1 STREAMS k >";

const CASES: &[Case] = &[
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

type Words = Vec<Vec<u8>>;

fn words(command: &str) -> Words {
    let word = |word: &str| match word.split_once('^') {
        Some((part, times)) => part.repeat(times.parse().expect("a number of times")).into_bytes(),
        None if word == "\"\"" => Vec::new(),
        None => word.as_bytes().to_vec(),
    };
    command.split_whitespace().map(word).collect()
}

/// A server, ours or another.
trait Server {
    fn run(&mut self, words: &[Vec<u8>]) -> Value;

    fn run_all(&mut self, commands: &str) -> Vec<Value> {
        commands.split(';').map(|command| self.run(&words(command))).collect()
    }

    /// Makes the value and tells it; `None` if the server does not know such values.
    fn make(&mut self, case: &Case) -> Option<Vec<Value>> {
        self.run(&words("DEL k"));
        let known = self.run_all(case.made_by).iter().all(|reply| reply.as_error().is_none());
        known.then(|| self.run_all(case.asked))
    }

    fn dump(&mut self) -> Vec<u8> {
        self.run(&words("DUMP k")).as_bytes().expect("the key is there").to_vec()
    }

    /// Restores a payload and tells what it holds, or the error.
    fn restore(&mut self, payload: &[u8], asked: &str) -> Result<Vec<Value>, Value> {
        let mut words = words("RESTORE k 0 PAYLOAD REPLACE");
        words[3] = payload.to_vec();
        let reply = self.run(&words);
        if reply.is_ok() { Ok(self.run_all(asked)) } else { Err(reply) }
    }

    /// Sets the limits, as far as the server has them.
    fn limit(&mut self) {
        for limit in LIMITS.split(';') {
            self.run(&words(&format!("CONFIG SET {limit}")));
        }
    }
}

/// Our engine, without a node around it.
struct Ours {
    engine: Engine,
    client: SessionHandle,
    now: Now,
}

impl Ours {
    fn new() -> Ours {
        let mut engine = Engine::new(Config::default(), commands::table(), Identity::default(), 1);
        let now = Now { mono: Monotonic(1), wall: UnixTime(1_700_000_000_000_000) };
        let nobody = Address::Unix("client".into());
        let client = engine.sessions.open(nobody.clone(), nobody, true, now);
        let mut ours = Ours { engine, client, now };
        ours.limit();
        ours
    }
}

impl Server for Ours {
    fn run(&mut self, words: &[Vec<u8>]) -> Value {
        let owned: OwnedRequest = words.iter().collect();
        let prepared = self.engine.prepare(0, owned.request());
        let mut out = Vec::new();
        self.engine.run(self.client, owned.request(), prepared, &mut out, self.now);
        let mut decoder = Decoder::new(DecodeLimits::default());
        decoder.feed(&out);
        decoder.next().expect("a reply").expect("a whole one")
    }
}

/// Another server: a process that ends with this.
struct Theirs {
    process: Child,
    stream: TcpStream,
    decoder: Decoder,
}

impl Theirs {
    /// `None` if there is no such program.
    fn start(program: &str) -> Option<Theirs> {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).ok()?.port();
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--save", "", "--maxmemory", "100mb"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().ok()?;
        let deadline = Instant::now() + Duration::from_secs(20);
        let stream = loop {
            match TcpStream::connect(("127.0.0.1", port)) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "{program}: {error}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut theirs = Theirs { process, stream, decoder: Decoder::new(DecodeLimits::default()) };
        theirs.limit();
        Some(theirs)
    }
}

impl Drop for Theirs {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server for Theirs {
    fn run(&mut self, words: &[Vec<u8>]) -> Value {
        let mut out = Vec::new();
        encode(&mut out, words);
        self.stream.write_all(&out).expect("the server listens");
        let mut buffer = [0; 4096];
        loop {
            if let Some(value) = self.decoder.next().expect("a reply") {
                return value;
            }
            let count = self.stream.read(&mut buffer).expect("the server answers");
            assert!(count > 0, "the server has closed the connection");
            self.decoder.feed(&buffer[..count]);
        }
    }
}

fn version(payload: &[u8]) -> u16 {
    let footer = payload.last_chunk::<10>().expect("a payload has a footer");
    u16::from_le_bytes([footer[0], footer[1]])
}

/// Server, case and payload of each line of the file.
fn recorded() -> Vec<(String, &'static Case, Vec<u8>)> {
    let text = std::fs::read_to_string(PAYLOADS).expect("the file is there");
    let line = |line: &str| {
        let [server, name, hex] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("a line of three: {line}")
        };
        let case = CASES.iter().find(|case| case.name == name).expect("a case of this name");
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
        (server.to_owned(), case, (0..hex.len()).step_by(2).map(byte).collect())
    };
    text.lines().map(line).collect()
}

#[test]
fn what_servers_have_dumped_is_restored() {
    let mut ours = Ours::new();
    for (server, case, payload) in recorded() {
        let told = ours.make(case).expect("we know all values");
        assert_eq!(ours.restore(&payload, case.asked), Ok(told), "{} of {server}", case.name);
        let again = ours.dump();
        let told = ours.run_all(case.asked);
        assert_eq!(ours.restore(&again, case.asked), Ok(told), "{} of {server}, dumped again", case.name);
    }
}

#[test]
fn a_payload_that_is_cut_or_changed_is_refused() {
    let mut ours = Ours::new();
    for (_, case, payload) in recorded().into_iter().filter(|(.., payload)| payload.len() < 200) {
        for at in 0..payload.len() {
            let mut changed = payload.clone();
            changed[at] ^= 0x41;
            for bad in [&payload[..at], &changed] {
                let error = ours.restore(bad, case.asked).expect_err("a wrong checksum");
                assert_eq!(error.as_error(), Some(&b"ERR DUMP payload version or checksum are wrong"[..]));
            }
        }
    }
}

#[test]
fn values_go_to_other_servers_and_come_from_them() {
    let mut ours = Ours::new();
    let mut lines = String::new();
    for (program, reads) in SERVERS {
        let Some(mut theirs) = Theirs::start(program) else { continue };
        for case in CASES {
            let told = ours.make(case).expect("we know all values");
            let payload = ours.dump();
            match theirs.restore(&payload, case.asked) {
                Ok(theirs) => assert_eq!(theirs, told, "our {} at {program}", case.name),
                Err(error) => {
                    assert!(!reads.contains(&version(&payload)), "our {} at {program}: {error:?}", case.name)
                }
            }
            let Some(told) = theirs.make(case) else { continue };
            let payload = theirs.dump();
            assert_eq!(ours.restore(&payload, case.asked), Ok(told), "{} of {program}", case.name);
            if !case.name.starts_with("old-") {
                line(&mut lines, program, case, &payload);
            }
        }
        for (_, case, payload) in recorded().iter().filter(|(server, ..)| server == MADE) {
            let told = theirs.make(case).expect("all servers know old values");
            assert_eq!(theirs.restore(payload, case.asked), Ok(told), "{} at {program}", case.name);
        }
    }
    if std::env::var_os("SEAWALL_RECORD_PAYLOADS").is_some() {
        for (_, case, payload) in recorded().iter().filter(|(server, ..)| server == MADE) {
            line(&mut lines, MADE, case, payload);
        }
        std::fs::write(PAYLOADS, lines).expect("the file can be written");
    }
}

fn line(lines: &mut String, server: &str, case: &Case, payload: &[u8]) {
    let _ = write!(lines, "{server} {} ", case.name);
    payload.iter().for_each(|byte| write!(lines, "{byte:02x}").expect("a String takes all"));
    lines.push('\n');
}
