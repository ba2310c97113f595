//! Real nodes that save and load: what was saved is there again after a kill, also in real servers, and theirs here.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a client outside the server: it needs real sockets, processes and files"
)]

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use seawall::protocol::client::{DecodeLimits, Decoder, Value, encode};

#[path = "support/ports.rs"]
mod ports;

const OURS: &str = env!("CARGO_BIN_EXE_seawall");
/// So long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A directory of its own for each test, gone at its end.
struct Room(PathBuf);

impl Room {
    fn new(name: &str) -> Room {
        let path = std::env::temp_dir().join(format!("seawall-saving-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Room(path)
    }

    fn dump(&self) -> PathBuf {
        self.0.join("dump.rdb")
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn spawn(program: &str, room: &Path, options: &[&str]) -> Server {
        let port = ports::free_port();
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--enable-debug-command", "yes"]).args(options);
        command.current_dir(room).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Server { process: command.spawn().unwrap(), port }
    }

    /// Starts one and waits until it has loaded what there is.
    fn start(program: &str, room: &Path, options: &[&str]) -> Server {
        let server = Server::spawn(program, room, options);
        server.wait_until("it serves", |client| client.ask(&["PING"]) == Value::Simple(b"PONG".to_vec()));
        server
    }

    fn client(&self) -> Client {
        Client::open(self.port).unwrap()
    }

    fn wait_until(&self, what: &str, mut holds: impl FnMut(&mut Client) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(mut client) = Client::open(self.port)
                && holds(&mut client)
            {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("not within {PATIENCE:?}: {what}");
    }

    /// As a crash of the process.
    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("the process does not end");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

struct Client {
    stream: TcpStream,
    decoder: Decoder,
}

impl Client {
    fn open(port: u16) -> Option<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        Some(Client { stream, decoder: Decoder::new(DecodeLimits::default()) })
    }

    /// A reply; an error if the connection ends instead.
    fn ask(&mut self, words: &[&str]) -> Value {
        self.send(words);
        self.receive()
    }

    fn send(&mut self, words: &[&str]) {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let mut request = Vec::new();
        encode(&mut request, &words);
        let _ = self.stream.write_all(&request);
    }

    fn receive(&mut self) -> Value {
        let mut buffer = [0; 65_536];
        loop {
            if let Some(value) = self.decoder.next().expect("a server speaks RESP") {
                return value;
            }
            match self.stream.read(&mut buffer) {
                Ok(length) if length > 0 => self.decoder.feed(&buffer[..length]),
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                ended => return Value::Error(format!("the connection has ended: {ended:?}").into_bytes()),
            }
        }
    }

    /// Runs a line of words each; none may fail.
    fn run(&mut self, lines: &[&str]) {
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let reply = self.ask(&words);
            assert!(!matches!(reply, Value::Error(_)), "{line}: {reply:?}");
        }
    }

    fn info(&mut self, field: &str) -> String {
        let reply = self.ask(&["INFO"]);
        let text = String::from_utf8_lossy(reply.as_bytes().unwrap()).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("INFO has no {field}")).to_owned()
    }
}

/// Every kind of value, in its small and its large form, with deadlines, in two databases; a library.
fn fill(client: &mut Client) {
    client.run(&[
        "SET text hello",
        "SET number 12345",
        "SET gone-soon x PX 3600000",
        "RPUSH list a b 3",
        "SADD ints 1 2 300000",
        "SADD set a b c",
        "HSET hash f v g 7",
        "ZADD zset 1 a 2.5 b",
        "XADD stream 1-1 f v",
        "XADD stream 2-1 f w",
        "XGROUP CREATE stream g 0",
        "XREADGROUP GROUP g c COUNT 1 STREAMS stream >",
        "PFADD hll a b c",
        "SETBIT bits 100 1",
        "GEOADD places 13.361389 38.115556 Palermo",
    ]);
    let long = "x".repeat(5000);
    client.run(&[&format!("SET long {long}")]);
    for i in 0..600 {
        client.run(&[
            &format!("RPUSH biglist element-{i}"),
            &format!("SADD bigset element-{i}"),
            &format!("HSET bighash field-{i} value-{i}"),
            &format!("ZADD bigzset {i} element-{i}"),
        ]);
    }
    client.run(&["SELECT 3", "SET other 1", "SELECT 0"]);
    client.ask(&[
        "FUNCTION",
        "LOAD",
        "#!lua name=lib\nredis.register_function('one', function() return 1 end)",
    ]);
}

/// What tells the data apart: replies that do not depend on order or time.
fn questions() -> Vec<Vec<&'static str>> {
    let lines = [
        "DBSIZE",
        "GET text",
        "GET number",
        "OBJECT ENCODING number",
        "PEXPIRETIME gone-soon",
        "LRANGE list 0 -1",
        "SORT ints",
        "SORT set ALPHA",
        "HMGET hash f g",
        "ZRANGE zset 0 -1 WITHSCORES",
        "XRANGE stream - +",
        "XPENDING stream g - + 10 c",
        "PFCOUNT hll",
        "BITCOUNT bits",
        "GEOHASH places Palermo",
        "GET long",
        "LRANGE biglist 0 -1",
        "SORT bigset ALPHA",
        "HGET bighash field-599",
        "HLEN bighash",
        "ZRANGE bigzset 0 -1",
        "FCALL one 0",
        "SELECT 3",
        "KEYS *",
        "SELECT 0",
    ];
    lines.iter().map(|line| line.split(' ').collect()).collect()
}

/// The answers; how long ago something was delivered is left out.
fn answers(client: &mut Client) -> Vec<String> {
    let mut answers = Vec::new();
    for question in questions() {
        let mut answer = format!("{:?}", client.ask(&question));
        if question[0] == "XPENDING" {
            answer.retain(|c| !c.is_ascii_digit());
        }
        answers.push(format!("{question:?} {answer}"));
    }
    answers
}

/// Long answers are cut in what a failure says.
fn assert_alike(before: &[String], after: &[String], when: &str) {
    for (before, after) in before.iter().zip(after) {
        assert!(before == after, "{when}: {before:.300}\n{after:.300}");
    }
}

fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}

#[test]
fn what_was_saved_is_there_after_a_kill() {
    let room = Room::new("kill");
    let server = Server::start(OURS, &room.0, &[]);
    let mut client = server.client();
    fill(&mut client);
    let before = answers(&mut client);
    assert_eq!(client.ask(&["SAVE"]), ok());
    assert_eq!(client.info("rdb_changes_since_last_save"), "0");
    client.run(&["SET text later", "DEL list"]);
    server.kill();
    let server = Server::start(OURS, &room.0, &[]);
    assert_alike(&before, &answers(&mut server.client()), "after the kill");
    assert_eq!(server.client().info("rdb_last_load_keys_loaded"), "18");
}

#[test]
fn a_save_in_the_background_holds_what_was_there_when_it_began() {
    const KEYS: usize = 20_000;
    let room = Room::new("moment");
    let server = Server::start(OURS, &room.0, &["--save", ""]);
    let mut client = server.client();
    client.run(&[&format!("DEBUG POPULATE {KEYS} key 8")]);
    client.ask(&["RPUSH", "large", "first"]);
    for _ in 0..10 {
        let elements: Vec<String> = (0..100).map(|i| format!("element-{i}")).collect();
        let mut words = vec!["RPUSH", "large"];
        words.extend(elements.iter().map(String::as_str));
        client.ask(&words);
    }
    assert_eq!(client.ask(&["BGSAVE"]), Value::Simple(b"Background saving started".to_vec()));
    // All of these come while the save is under way, or behind it: either way the file must not show them.
    for i in 0..KEYS {
        client.send(&["SET", &format!("key:{i}"), "changed"]);
        client.send(&["SET", &format!("new:{i}"), "new"]);
    }
    client.send(&["LPUSH", "large", "second"]);
    client.send(&["SWAPDB", "0", "1"]);
    (0..2 * KEYS + 2).for_each(|_| drop(client.receive()));
    server.wait_until("the save has ended", |client| client.info("rdb_bgsave_in_progress") == "0");
    assert_eq!(server.client().info("rdb_last_bgsave_status"), "ok");
    server.kill();
    let server = Server::start(OURS, &room.0, &["--save", ""]);
    let mut client = server.client();
    assert_eq!(client.ask(&["DBSIZE"]), Value::Integer(KEYS as i64 + 1));
    assert_eq!(client.ask(&["LLEN", "large"]), Value::Integer(1001));
    for i in (0..KEYS).step_by(97) {
        let value = client.ask(&["GET", &format!("key:{i}")]);
        assert_ne!(value.as_bytes(), Some(&b"changed"[..]), "key:{i}");
    }
}

#[test]
fn who_saves_by_himself_saves_at_the_end() {
    let room = Room::new("end");
    let end = |options: &[&str], how: &[&str]| {
        let _ = std::fs::remove_file(room.dump());
        let mut server = Server::start(OURS, &room.0, options);
        let mut client = server.client();
        client.run(&["SET a 1"]);
        client.send(how);
        assert!(server.ended().success());
        room.dump().exists()
    };
    assert!(end(&[], &["SHUTDOWN"]));
    assert!(!end(&[], &["SHUTDOWN", "NOSAVE"]));
    assert!(!end(&["--save", ""], &["SHUTDOWN"]));
    assert!(end(&["--save", ""], &["SHUTDOWN", "SAVE"]));
}

#[test]
fn save_points_save() {
    let room = Room::new("points");
    let server = Server::start(OURS, &room.0, &["--save", "1 3"]);
    let mut client = server.client();
    client.run(&["SET a 1", "SET b 2", "SET c 3"]);
    server.wait_until("it has saved", |client| client.info("rdb_saves") == "1");
    assert_eq!(client.info("rdb_changes_since_last_save"), "0");
    // A flush must not be undone by the last file.
    client.run(&["FLUSHALL"]);
    server.wait_until("it has saved again", |client| client.info("rdb_saves") == "2");
    server.kill();
    let server = Server::start(OURS, &room.0, &[]);
    assert_eq!(server.client().ask(&["DBSIZE"]), Value::Integer(0));
}

#[test]
fn a_broken_file_is_not_loaded_and_not_replaced() {
    let room = Room::new("broken");
    let server = Server::start(OURS, &room.0, &[]);
    let mut client = server.client();
    fill(&mut client);
    assert_eq!(client.ask(&["SAVE"]), ok());
    server.kill();
    let sound = std::fs::read(room.dump()).unwrap();
    let middle = sound.len() / 2;
    let mut rotten = sound.clone();
    rotten[middle] ^= 1;
    for broken in [rotten, sound[..middle].to_vec(), sound[..sound.len() - 1].to_vec(), Vec::new()] {
        std::fs::write(room.dump(), &broken).unwrap();
        let mut server = Server::spawn(OURS, &room.0, &[]);
        assert!(!server.ended().success());
        assert_eq!(std::fs::read(room.dump()).unwrap(), broken);
    }
}

#[test]
fn who_cannot_save_takes_no_writes() {
    let room = Room::new("misconf");
    let server = Server::start(OURS, &room.0, &["--save", "3600 1"]);
    let mut client = server.client();
    client.run(&["SET a 1"]);
    // A directory stands where the temporary file is to be written.
    std::fs::create_dir(room.0.join("temp-dump.rdb")).unwrap();
    assert!(client.ask(&["SAVE"]).as_error().is_some());
    for refused in [&["SET", "a", "2"][..], &["PING"]] {
        let reply = client.ask(refused);
        let text = String::from_utf8_lossy(reply.as_error().unwrap()).into_owned();
        assert!(text.starts_with("MISCONF Redis is configured to save RDB snapshots"), "{text}");
    }
    assert_eq!(client.ask(&["GET", "a"]).as_bytes(), Some(&b"1"[..]));
    client.run(&["CONFIG SET stop-writes-on-bgsave-error no", "SET a 2"]);
    client.run(&["CONFIG SET stop-writes-on-bgsave-error yes"]);
    std::fs::remove_dir(room.0.join("temp-dump.rdb")).unwrap();
    assert_eq!(client.ask(&["SAVE"]), ok());
    client.run(&["SET a 3", "PING"]);
    client.send(&["SHUTDOWN", "NOSAVE"]);
}

#[test]
fn files_go_to_real_servers_and_back() {
    for program in ["redis-server", "redis8-server", "valkey9-server"] {
        if Command::new(program).arg("--version").output().is_err() {
            eprintln!("{program} is not there: left out");
            continue;
        }
        let room = Room::new(program);
        let ours = Server::start(OURS, &room.0, &[]);
        fill(&mut ours.client());
        let answered = answers(&mut ours.client());
        assert_eq!(ours.client().ask(&["SAVE"]), ok());
        ours.kill();
        let theirs = Server::start(program, &room.0, &[]);
        assert_alike(&answered, &answers(&mut theirs.client()), &format!("{program} loads ours"));
        assert_eq!(theirs.client().ask(&["SAVE"]), ok());
        theirs.kill();
        let ours = Server::start(OURS, &room.0, &[]);
        assert_alike(&answered, &answers(&mut ours.client()), &format!("ours loads {program}'s"));
    }
}

#[test]
fn a_save_within_a_transaction_waits_for_its_end() {
    let room = Room::new("transaction");
    let server = Server::start(OURS, &room.0, &["--save", ""]);
    let mut client = server.client();
    client.run(&["MULTI", "SET a 1", "BGSAVE", "SET b 2"]);
    let scheduled = Value::Simple(b"Background saving scheduled".to_vec());
    assert_eq!(client.ask(&["EXEC"]), Value::Array(vec![ok(), scheduled, ok()]));
    server.wait_until("it has saved", |client| client.info("rdb_saves") == "1");
    server.kill();
    let server = Server::start(OURS, &room.0, &[]);
    assert_eq!(server.client().ask(&["DBSIZE"]), Value::Integer(2));
}

#[test]
fn nothing_acknowledged_is_lost_by_a_shutdown() {
    let room = Room::new("shutdown");
    let mut server = Server::start(OURS, &room.0, &[]);
    let mut client = server.client();
    client.run(&["DEBUG POPULATE 200000 key 8"]);
    let mut writer = server.client();
    let writing = std::thread::spawn(move || {
        let mut acknowledged = 0;
        while let Value::Integer(count) = writer.ask(&["INCR", "counter"]) {
            acknowledged = count;
        }
        acknowledged
    });
    server.wait_until("it counts", |client| client.ask(&["GET", "counter"]) != Value::Null);
    client.send(&["SHUTDOWN"]);
    assert!(server.ended().success());
    let acknowledged = writing.join().unwrap();
    let server = Server::start(OURS, &room.0, &[]);
    let kept = server.client().ask(&["INCRBY", "counter", "0"]).as_integer().unwrap();
    assert!(kept >= acknowledged, "{acknowledged} acknowledged, {kept} kept");
}
