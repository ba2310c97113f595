//! A client's connection that keeps replies as they are on the wire.
//!
//! Other than the server's own client it tells the two nulls of RESP2 apart and keeps the digits of a double: both belong
//! to what clients see. It trusts the server; a test's server is asked nothing that is not checked.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A reply as it came. The mark is its type's first byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// Anything that is not an aggregate, with its text. A verbatim string's begins with its format.
    Text(u8, Vec<u8>),
    /// `$-1`, `*-1` or `_`.
    Null(u8),
    /// Array, set, push message or map; a map's keys and values follow each other.
    List(u8, Vec<Value>),
}

/// What arrives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// A reply.
    Reply(Value),
    /// The server has closed the connection.
    Closed,
    /// Nothing, for as long as it was waited.
    Silence,
}

/// One client.
pub struct Connection {
    reader: BufReader<TcpStream>,
}

impl Connection {
    /// Connects to a server on this machine.
    pub fn open(port: u16) -> io::Result<Connection> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Connection { reader: BufReader::new(stream) })
    }

    /// Sends bytes. A connection that the server has closed says so when it is read.
    pub fn send(&mut self, bytes: &[u8]) {
        let _ = self.reader.get_mut().write_all(bytes);
    }

    /// The next reply, waiting at most so long for each part of it.
    pub fn receive(&mut self, patience: Duration) -> Result<Event, String> {
        let set = self.reader.get_mut().set_read_timeout(Some(patience));
        set.map_err(|error| format!("cannot set a time-out: {error}"))?;
        match self.value() {
            Ok(Some(value)) => Ok(Event::Reply(value)),
            Ok(None) => Ok(Event::Closed),
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Ok(Event::Silence),
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Ok(Event::Closed),
                _ => Err(format!("cannot read a reply: {error}")),
            },
        }
    }

    /// Whether something has arrived that nobody has read.
    pub fn has_more(&mut self) -> bool {
        let stream = self.reader.get_ref();
        let arrived = stream.set_nonblocking(true).is_ok() && matches!(stream.peek(&mut [0]), Ok(1..));
        arrived || !self.reader.buffer().is_empty()
    }

    fn value(&mut self) -> io::Result<Option<Value>> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let line = line.strip_suffix(b"\r\n").ok_or_else(|| invalid(&line))?;
        let (mark, rest) = line.split_first().ok_or_else(|| invalid(line))?;
        match mark {
            b'+' | b'-' | b':' | b',' | b'#' | b'(' => Ok(Some(Value::Text(*mark, rest.to_vec()))),
            b'_' => Ok(Some(Value::Null(b'_'))),
            b'$' | b'*' if rest == b"-1" => Ok(Some(Value::Null(*mark))),
            b'$' | b'!' | b'=' => self.bulk(*mark, length(rest)?).map(Some),
            b'*' | b'~' | b'>' => self.list(*mark, length(rest)?).map(Some),
            b'%' => self.list(*mark, 2 * length(rest)?).map(Some),
            _ => Err(invalid(line)),
        }
    }

    fn bulk(&mut self, mark: u8, length: usize) -> io::Result<Value> {
        let mut bytes = vec![0; length + 2];
        self.reader.read_exact(&mut bytes)?;
        match bytes.strip_suffix(b"\r\n") {
            Some(text) => Ok(Value::Text(mark, text.to_vec())),
            None => Err(invalid(&bytes)),
        }
    }

    fn list(&mut self, mark: u8, length: usize) -> io::Result<Value> {
        let value = |_| self.value()?.ok_or_else(|| invalid(b"end in the middle of a reply"));
        Ok(Value::List(mark, (0..length).map(value).collect::<io::Result<_>>()?))
    }
}

fn length(digits: &[u8]) -> io::Result<usize> {
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).ok_or_else(|| invalid(digits))
}

fn invalid(bytes: &[u8]) -> io::Error {
    let shown = bytes[..bytes.len().min(80)].escape_ascii();
    io::Error::new(io::ErrorKind::InvalidData, format!("not a reply: \"{shown}\""))
}
