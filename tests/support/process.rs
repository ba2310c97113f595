//! Real servers as processes, in directories of their own, and clients of theirs.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use seawall::protocol::client::{DecodeLimits, Decoder, Value, encode};

use crate::ports;

pub const OURS: &str = env!("CARGO_BIN_EXE_seawall");
/// So long anything may take, on a machine that has much else to do.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// A directory of its own for each test, gone at its end.
pub struct Room(pub PathBuf);

impl Room {
    pub fn new(name: &str) -> Room {
        let path = std::env::temp_dir().join(format!("seawall-saving-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Room(path)
    }

    pub fn dump(&self) -> PathBuf {
        self.0.join("dump.rdb")
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub struct Server {
    process: Child,
    pub port: u16,
}

impl Server {
    pub fn spawn(program: &str, room: &Path, options: &[&str]) -> Server {
        Server::spawn_at(program, room, ports::free_port(), options)
    }

    fn spawn_at(program: &str, room: &Path, port: u16, options: &[&str]) -> Server {
        let mut command = Command::new(program);
        command.args(["--port", &port.to_string(), "--enable-debug-command", "yes"]).args(options);
        command.current_dir(room).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Server { process: command.spawn().unwrap(), port }
    }

    /// Starts one and waits until it has loaded what there is.
    pub fn start(program: &str, room: &Path, options: &[&str]) -> Server {
        Server::start_at(program, room, ports::free_port(), options)
    }

    /// The same at a port that is known before.
    pub fn start_at(program: &str, room: &Path, port: u16, options: &[&str]) -> Server {
        let mut server = Server::spawn_at(program, room, port, options);
        let deadline = Instant::now() + PATIENCE;
        while !server.serves() {
            assert!(!server.has_ended(), "{program} does not start");
            assert!(Instant::now() < deadline, "{program} does not serve within {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        server
    }

    fn serves(&self) -> bool {
        let reply = Client::open(self.port).map(|mut client| client.ask(&["PING"]));
        reply == Some(Value::Simple(b"PONG".to_vec()))
    }

    pub fn client(&self) -> Client {
        Client::open(self.port).unwrap()
    }

    pub fn wait_until(&self, what: &str, mut holds: impl FnMut(&mut Client) -> bool) {
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
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    pub fn ended(&mut self) -> ExitStatus {
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

pub struct Client {
    stream: TcpStream,
    decoder: Decoder,
}

impl Client {
    pub fn open(port: u16) -> Option<Client> {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        Some(Client { stream, decoder: Decoder::new(DecodeLimits::default()) })
    }

    /// A reply; an error if the connection ends instead.
    pub fn ask(&mut self, words: &[&str]) -> Value {
        self.send(words);
        self.receive()
    }

    pub fn send(&mut self, words: &[&str]) {
        self.send_all(&[words.to_vec()]);
    }

    /// Several requests at once.
    pub fn send_all(&mut self, requests: &[Vec<&str>]) {
        let mut bytes = Vec::new();
        requests.iter().for_each(|words| encode(&mut bytes, words));
        let _ = self.stream.write_all(&bytes);
    }

    /// A request whose words are any bytes.
    pub fn ask_words<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Value {
        let mut bytes = Vec::new();
        encode(&mut bytes, words);
        let _ = self.stream.write_all(&bytes);
        self.receive()
    }

    /// Runs lines of words each at once; none may fail.
    pub fn run_together(&mut self, lines: &[String]) {
        let requests: Vec<Vec<&str>> = lines.iter().map(|line| line.split(' ').collect()).collect();
        self.send_all(&requests);
        for line in lines {
            let reply = self.receive();
            assert!(!matches!(reply, Value::Error(_)), "{line:.200}: {reply:?}");
        }
    }

    pub fn receive(&mut self) -> Value {
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
    pub fn run(&mut self, lines: &[&str]) {
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            let reply = self.ask(&words);
            assert!(!matches!(reply, Value::Error(_)), "{line}: {reply:?}");
        }
    }

    pub fn info(&mut self, field: &str) -> String {
        let reply = self.ask(&["INFO"]);
        let text = String::from_utf8_lossy(reply.as_bytes().unwrap()).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("INFO has no {field}")).to_owned()
    }
}

/// The reply OK.
pub fn ok() -> Value {
    Value::Simple(b"OK".to_vec())
}
