//! Servers to ask: ours, and real ones.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use seawall::commands;
use seawall::config::Config;
use seawall::engine::session::SessionHandle;
use seawall::engine::{Engine, Identity};
use seawall::persistence::aof::{Next, Reader};
use seawall::protocol::client::{DecodeLimits, Decoder, Value, encode};
use seawall::protocol::request::OwnedRequest;
use seawall::runtime::{Address, Monotonic, Now, UnixTime};

use crate::cases::Case;
use crate::ports::free_port;

/// Programs, with the versions of the format that they read.
pub const SERVERS: &[(&str, &[u16])] =
    &[("redis-server", &[10]), ("redis8-server", &[10, 11, 12]), ("valkey9-server", &[10, 11, 80])];

/// Where small forms end.
pub const LIMITS: &str = "list-max-listpack-size 4; set-max-intset-entries 4; set-max-listpack-entries 4; \
                      hash-max-listpack-entries 4; zset-max-listpack-entries 4";

pub type Words = Vec<Vec<u8>>;

pub fn words(command: &str) -> Words {
    let word = |word: &str| match word.split_once('^') {
        Some((part, times)) => part.repeat(times.parse().expect("a number of times")).into_bytes(),
        None if word == "\"\"" => Vec::new(),
        None => word.as_bytes().to_vec(),
    };
    command.split_whitespace().map(word).collect()
}

/// A server, ours or another.
pub trait Server {
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
pub struct Ours {
    engine: Engine,
    client: SessionHandle,
    now: Now,
}

impl Ours {
    pub fn new() -> Ours {
        let mut engine = Engine::new(Config::default(), commands::table(), Identity::default(), 1);
        let now = Now { mono: Monotonic(1), wall: UnixTime(1_700_000_000_000_000) };
        let nobody = Address::Unix("client".into());
        let client = engine.sessions.open(nobody.clone(), nobody, true, now);
        let mut ours = Ours { engine, client, now };
        ours.limit();
        ours
    }
}

impl Ours {
    /// Runs commands as loading an append log does; nothing in it may be refused.
    pub fn load(&mut self, log: &[u8]) {
        let mut reader = Reader::new(0, log.len() as u64);
        reader.feed(log);
        reader.end();
        self.engine.begin_replay(self.now);
        loop {
            match reader.next().expect("a log") {
                Next::Unit(unit) => unit.commands().for_each(|command| {
                    let mut reply = Vec::new();
                    let known = self.engine.replay(self.client, command, &mut reply, self.now).is_ok();
                    assert!(known && !reply.starts_with(b"-"), "{:?}", reply.escape_ascii().to_string());
                }),
                Next::End => break,
                other => panic!("{other:?}"),
            }
        }
        self.engine.end_load(self.now);
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
pub struct Theirs {
    process: Child,
    stream: TcpStream,
    decoder: Decoder,
}

impl Theirs {
    /// `None` if there is no such program.
    pub fn start(program: &str) -> Option<Theirs> {
        Theirs::start_with(program, &[])
    }

    /// The same with further arguments.
    pub fn start_with(program: &str, further: &[&str]) -> Option<Theirs> {
        let port = free_port();
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--save", "", "--maxmemory", "100mb"]);
        command.args(further);
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
