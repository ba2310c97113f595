//! A replica that does nothing but speak.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use seawall::protocol::client::encode;
use seawall::protocol::request::{Batch, Limits, Parser};

use crate::process::{PATIENCE, Server};

/// What a replica is told that asks to go on.
#[derive(PartialEq, Eq, Debug)]
pub enum Told {
    Continue(String),
    Full { id: String, offset: u64 },
    Other(String),
}

pub struct Fake {
    stream: TcpStream,
    /// What has come and was not looked at yet.
    pub input: Vec<u8>,
}

impl Fake {
    pub fn open(server: &Server) -> Fake {
        let stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Fake { stream, input: Vec::new() }
    }

    /// One that has said what replicas of today say.
    pub fn greet(server: &Server) -> Fake {
        let mut fake = Fake::open(server);
        fake.say(&["PING"]);
        assert_eq!(fake.line(), "+PONG");
        for words in
            [&["REPLCONF", "listening-port", "7"][..], &["REPLCONF", "capa", "eof", "capa", "psync2"]]
        {
            fake.say(words);
            assert_eq!(fake.line(), "+OK");
        }
        fake
    }

    pub fn say(&mut self, words: &[&str]) {
        let mut bytes = Vec::new();
        encode(&mut bytes, words);
        self.stream.write_all(&bytes).unwrap();
    }

    pub fn ack(&mut self, offset: u64) {
        self.say(&["REPLCONF", "ACK", &offset.to_string()]);
    }

    /// Says that it lives, and is busy for a while.
    pub fn live_on(&mut self, time: Duration) {
        self.stream.write_all(b"\n").unwrap();
        std::thread::sleep(time);
    }

    /// Asks to go on from this offset (of bytes that it has); `None` begins anew.
    pub fn psync(&mut self, from: Option<(&str, u64)>) -> Told {
        match from {
            None => self.say(&["PSYNC", "?", "-1"]),
            Some((id, has)) => self.say(&["PSYNC", id, &(has + 1).to_string()]),
        }
        self.told()
    }

    pub fn told(&mut self) -> Told {
        let line = self.line();
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["+CONTINUE", id] => Told::Continue(id.to_owned()),
            ["+FULLRESYNC", id, offset] => Told::Full { id: id.to_owned(), offset: offset.parse().unwrap() },
            _ => Told::Other(line),
        }
    }

    /// Reads once; false at the end of the connection.
    pub fn read(&mut self) -> bool {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(length) => {
                    self.input.extend_from_slice(&buffer[..length]);
                    return true;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::ConnectionReset => return false,
                Err(e) => panic!("{e}"),
            }
        }
    }

    /// Whether nothing comes within this time.
    pub fn is_silent(&mut self, time: Duration) -> bool {
        self.stream.set_read_timeout(Some(time)).unwrap();
        let mut byte = [0];
        let peeked = self.stream.peek(&mut byte);
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        self.input.is_empty() && peeked.is_err()
    }

    /// Reads on to the end of the connection.
    pub fn ends(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while self.read() {
            assert!(Instant::now() < deadline, "the connection does not end");
        }
    }

    /// The next line that is not empty.
    pub fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.input.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim_end().to_owned();
                if !line.is_empty() {
                    return line;
                }
            } else {
                assert!(self.read(), "the connection ends before a line: {:?}", self.input);
            }
        }
    }

    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        while self.input.len() < count {
            assert!(self.read(), "the connection ends too early");
        }
        self.input.drain(..count).collect()
    }

    /// The snapshot, in either form. What follows it stays.
    pub fn snapshot(&mut self) -> Vec<u8> {
        let line = self.line();
        if let Some(length) = line.strip_prefix("$").and_then(|length| length.parse().ok()) {
            return self.bytes(length);
        }
        let mark =
            line.strip_prefix("$EOF:").unwrap_or_else(|| panic!("no snapshot: {line}")).as_bytes().to_vec();
        assert_eq!(mark.len(), 40);
        let mut looked = 0;
        loop {
            if let Some(at) = self.input[looked..].windows(40).position(|window| window == mark) {
                let snapshot = self.input.drain(..looked + at).collect();
                self.input.drain(..40);
                return snapshot;
            }
            looked = self.input.len().saturating_sub(39);
            assert!(self.read(), "the connection ends within the snapshot");
        }
    }

    /// Commands of the stream up to one with this name; how many bytes they are.
    pub fn commands_until(&mut self, name: &str) -> (Vec<String>, u64) {
        let (mut commands, mut bytes) = (Vec::new(), 0);
        loop {
            let (mut batch, mut parser) = (Batch::default(), Parser::default());
            let limits = Limits { bulk_bytes_max: usize::MAX, authenticated: true };
            let parsed = parser.parse(&self.input, &limits, 1, &mut batch);
            if batch.is_empty() {
                assert!(self.read(), "the connection ends before {name}: {commands:?}");
                continue;
            }
            let words: Vec<String> = batch
                .request(0, &self.input)
                .iter()
                .map(|word| String::from_utf8_lossy(word).into_owned())
                .collect();
            self.input.drain(..parsed.consumed);
            bytes += parsed.consumed as u64;
            let is_last = words[0].eq_ignore_ascii_case(name);
            commands.push(words.join(" "));
            if is_last {
                return (commands, bytes);
            }
        }
    }

    /// A full synchronization to its end, acknowledged: the history's name, and the offset.
    pub fn synced(server: &Server) -> (Fake, String, u64) {
        let mut fake = Fake::greet(server);
        let Told::Full { id, offset } = fake.psync(None) else { panic!("no full synchronization") };
        fake.snapshot();
        fake.ack(offset);
        (fake, id, offset)
    }
}
