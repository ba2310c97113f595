//! A connection to a server.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use seawall::protocol::client::{DecodeLimits, Decoder, Value, encode};

use crate::units::{Words, words};

/// A reply that takes longer is a fault of the server.
const PATIENCE: Duration = Duration::from_secs(20);

/// See the module.
pub struct Link {
    stream: TcpStream,
    decoder: Decoder,
}

impl Link {
    /// To this port of this machine.
    pub fn open(port: u16) -> io::Result<Link> {
        Link::open_for(port, PATIENCE)
    }

    /// The same, with another patience for each reply.
    pub fn open_for(port: u16, patience: Duration) -> io::Result<Link> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_nodelay(true)?;
        Ok(Link { stream, decoder: Decoder::new(DecodeLimits::default()) })
    }

    /// Sends requests at once.
    pub fn send(&mut self, requests: &[Words]) -> io::Result<()> {
        let mut bytes = Vec::new();
        requests.iter().for_each(|words| encode(&mut bytes, words));
        self.stream.write_all(&bytes)
    }

    /// The next reply.
    pub fn receive(&mut self) -> io::Result<Value> {
        let mut buffer = [0; 65_536];
        loop {
            let next = self.decoder.next();
            if let Some(value) = next.map_err(|e| io::Error::other(format!("no reply: {e}")))? {
                return Ok(value);
            }
            match self.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.decoder.feed(&buffer[..length]),
            }
        }
    }

    /// Sends all, then takes as many replies; none may be an error.
    pub fn ask_all(&mut self, requests: &[Words]) -> io::Result<Vec<Value>> {
        self.send(requests)?;
        requests.iter().map(|_| self.receive().and_then(refuse)).collect()
    }

    /// One request.
    pub fn ask(&mut self, request: &[&str]) -> io::Result<Value> {
        self.send(&[words(request)])?;
        self.receive()
    }

    /// The fields of INFO's part about persistence.
    pub fn persistence(&mut self) -> io::Result<String> {
        let info = refuse(self.ask(&["INFO", "persistence"])?)?;
        Ok(String::from_utf8_lossy(info.as_bytes().unwrap_or_default()).into_owned())
    }
}

/// An error reply as an error.
pub fn refuse(value: Value) -> io::Result<Value> {
    match value {
        Value::Error(text) => Err(io::Error::other(String::from_utf8_lossy(&text).into_owned())),
        value => Ok(value),
    }
}
