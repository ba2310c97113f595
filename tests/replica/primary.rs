//! A primary that says what the test wants.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use seawall::persistence::rdb::{Options, Saver, Used};
use seawall::protocol::client::{DecodeLimits, Decoder, Value, encode};
use seawall::types::Value as Stored;

use crate::process::{Client, OURS, PATIENCE, Server};

pub const ID: &str = "1111111111111111111111111111111111111111";
pub const OTHER: &str = "2222222222222222222222222222222222222222";
pub const MARK: &str = "abcdefghijabcdefghijabcdefghijabcdefghij";

/// Where replicas come to.
pub struct Primary {
    listener: TcpListener,
    pub port: u16,
}

impl Primary {
    pub fn new() -> Primary {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        Primary { listener, port }
    }

    /// The next replica that comes.
    pub fn accept(&self) -> Link {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false).unwrap();
                    stream.set_read_timeout(Some(PATIENCE)).unwrap();
                    stream.set_nodelay(true).unwrap();
                    return Link { stream, decoder: Decoder::new(DecodeLimits::default()) };
                }
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        }
        panic!("no replica comes within {PATIENCE:?}");
    }

    /// The same up to its PSYNC: what it asks for.
    pub fn greet(&self) -> (Link, Vec<String>) {
        let mut link = self.accept();
        loop {
            let words = link.request();
            match words[0].as_str() {
                "PING" => link.say("+PONG\r\n"),
                "PSYNC" => return (link, words),
                _ => link.say("+OK\r\n"),
            }
        }
    }

    /// A replica that has taken over a snapshot of these strings, of history `ID` at this offset.
    pub fn synced(&self, keys: &[(&str, &str)], offset: u64) -> Link {
        let (mut link, _) = self.greet();
        link.say(&format!("+FULLRESYNC {ID} {offset}\r\n"));
        link.send_snapshot(&snapshot(keys), false);
        link.wait_for_ack(offset);
        link
    }
}

/// A replica's connection.
pub struct Link {
    stream: TcpStream,
    decoder: Decoder,
}

impl Link {
    /// The next request, in words.
    pub fn request(&mut self) -> Vec<String> {
        self.next().expect("the replica has ended the connection")
    }

    /// The same; `None` at the end of the connection. Signs of life are none.
    pub fn next(&mut self) -> Option<Vec<String>> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(value) = self.decoder.next().expect("a replica speaks RESP") {
                let Value::Array(words) = value else { panic!("no request: {value:?}") };
                let word = |word: Value| String::from_utf8_lossy(word.as_bytes().unwrap()).into_owned();
                return Some(words.into_iter().map(word).collect());
            }
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => {
                    let bytes: Vec<u8> = buffer[..length].to_vec();
                    self.decoder.feed(bytes.strip_prefix(b"\n").unwrap_or(&bytes));
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(_) => return None,
            }
        }
    }

    pub fn say(&mut self, text: &str) {
        self.send(text.as_bytes());
    }

    pub fn send(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// In pieces, so that what reads them sees each by itself.
    pub fn send_in_pieces(&mut self, bytes: &[u8], piece: usize) {
        for piece in bytes.chunks(piece) {
            self.send(piece);
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub fn send_snapshot(&mut self, bytes: &[u8], is_marked: bool) {
        self.say("\n");
        if is_marked {
            self.say(&format!("$EOF:{MARK}\r\n"));
            self.send_in_pieces(&[bytes, MARK.as_bytes()].concat(), 50);
        } else {
            self.say(&format!("${}\r\n", bytes.len()));
            self.send_in_pieces(bytes, 50);
        }
    }

    /// Commands of the history; how many bytes they are.
    pub fn write(&mut self, commands: &[&str]) -> u64 {
        let bytes = stream(commands);
        self.send(&bytes);
        bytes.len() as u64
    }

    pub fn wait_for_ack(&mut self, offset: u64) {
        while self.ack() < offset {}
    }

    /// The offset of the next report.
    pub fn ack(&mut self) -> u64 {
        loop {
            let words = self.request();
            if words[0] == "REPLCONF" && words[1] == "ACK" {
                return words[2].parse().unwrap();
            }
        }
    }
}

/// Commands in RESP.
pub fn stream(commands: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for command in commands {
        encode(&mut bytes, &command.split(' ').collect::<Vec<_>>());
    }
    bytes
}

/// A snapshot of these strings.
pub fn snapshot(keys: &[(&str, &str)]) -> Vec<u8> {
    let mut saver =
        Saver::new(Options { compress: false, checksum: true, plain_streams: false, for_valkey: false });
    saver.aux("redis-ver", b"7.0.15");
    saver.aux("repl-stream-db", b"0");
    if !keys.is_empty() {
        saver.database(0, keys.len(), 0);
    }
    for (key, value) in keys {
        saver.entry(key.as_bytes(), Stored::Bytes(value.as_bytes()), None, Used::Unknown);
    }
    saver.end();
    saver.take()
}

/// A replica of this primary, with further options.
pub fn replica(room: &std::path::Path, primary: &Primary, options: &[&str]) -> Server {
    let primary = format!("127.0.0.1 {}", primary.port);
    let all = [&["--replicaof", &primary, "--save", ""][..], options].concat();
    Server::start(OURS, room, &all)
}

pub fn text(client: &mut Client, words: &[&str]) -> String {
    match client.ask(words) {
        Value::Null => "(nil)".into(),
        Value::Error(error) => String::from_utf8_lossy(&error).into_owned(),
        other => String::from_utf8_lossy(other.as_bytes().unwrap_or_default()).into_owned(),
    }
}

/// Waits until the key has this value.
pub fn wait_for(server: &Server, key: &str, value: &str) {
    server.wait_until(&format!("{key} is {value}"), |client| text(client, &["GET", key]) == value);
}

/// The fourth and fifth word of ROLE: how far the link is, and the history.
pub fn role(client: &mut Client) -> (String, i64) {
    let Value::Array(words) = client.ask(&["ROLE"]) else { panic!("no ROLE") };
    let [.., Value::Bulk(link), Value::Integer(offset)] = &words[..] else { panic!("a primary: {words:?}") };
    (String::from_utf8_lossy(link).into_owned(), *offset)
}

pub fn wait_for_role(server: &Server, link: &str) {
    server.wait_until(&format!("the link is {link}"), |client| role(client).0 == link);
}
