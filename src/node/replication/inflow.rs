//! The socket of a link to a primary, with what has come and is not done with.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};

use crate::runtime::{Runtime, Stream};

/// Bytes that are read at once.
const READ_BYTES: usize = 64 * 1024;
/// Room made for what is known to come, at most: it may not come.
const ROOM_BYTES_MAX: usize = 4 << 20;
/// A larger buffer is given back once it is empty.
const KEPT_BYTES: usize = 1 << 20;
/// The longest line before a snapshot.
const LINE_BYTES_MAX: usize = 4096;
/// What the primary does not take of our reports is not kept beyond this: it will ask again, or be gone.
const UNSENT_BYTES_MAX: usize = 64 * 1024;

/// See the module.
pub(super) struct Inflow<R: Runtime> {
    stream: R::Stream,
    buffer: Vec<u8>,
    /// What has come and is not done with.
    start: usize,
    end: usize,
    unsent: Vec<u8>,
}

impl<R: Runtime> Inflow<R> {
    pub fn new(stream: R::Stream) -> Inflow<R> {
        Inflow { stream, buffer: Vec::new(), start: 0, end: 0, unsent: Vec::new() }
    }

    /// What has come and is not done with.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    /// The first so many bytes of that are done with.
    pub fn pass(&mut self, bytes: usize) {
        self.start += bytes;
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > KEPT_BYTES {
                self.buffer = Vec::new();
            }
        }
    }

    /// Reads what is there; `needs`: so much is known to be missing. How much came; an error at the end of the stream.
    pub fn poll_fill(&mut self, needs: usize, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.make_room(needs);
        let mut buffer = ReadBuf::new(&mut self.buffer[self.end..]);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let length = buffer.filled().len();
        self.end += length;
        Poll::Ready(match length {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            length => Ok(length),
        })
    }

    /// What is not done with moves to the front; as it is less than a unit, or all there is, this is rarely much.
    fn make_room(&mut self, needs: usize) {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        let wanted = self.end + needs.clamp(READ_BYTES, ROOM_BYTES_MAX);
        if self.buffer.len() < wanted {
            let doubled = if self.end >= READ_BYTES { 2 * self.end } else { 0 };
            self.buffer.resize(wanted.max(doubled.min(wanted + ROOM_BYTES_MAX)), 0);
        }
    }

    /// Waits for more, so long at most.
    pub async fn fill(&mut self, patience: Duration) -> io::Result<usize> {
        R::timeout(patience, std::future::poll_fn(|cx| self.poll_fill(0, cx))).await?
    }

    /// The next line, without its end.
    pub async fn line(&mut self, patience: Duration) -> io::Result<Vec<u8>> {
        loop {
            let bytes = self.bytes();
            if let Some(end) = memchr::memchr(b'\n', bytes) {
                let line = bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]).to_vec();
                self.pass(end + 1);
                return Ok(line);
            }
            if bytes.len() > LINE_BYTES_MAX {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a line without an end"));
            }
            self.fill(patience).await?;
        }
    }

    /// Sends all of it.
    pub async fn send(&mut self, bytes: &[u8], patience: Duration) -> io::Result<()> {
        R::timeout(patience, self.stream.write_all(bytes)).await?
    }

    /// Sends it as far as the socket takes it, and the rest later; nothing waits.
    pub fn report(&mut self, bytes: &[u8]) {
        if self.unsent.len() < UNSENT_BYTES_MAX {
            self.unsent.extend_from_slice(bytes);
        }
        // An error shows when the next thing is read.
        if let Ok(sent) = self.stream.try_write(&self.unsent) {
            self.unsent.drain(..sent);
        }
    }
}
