//! The bytes of a file that have come and are not done with.

use std::cell::Cell;

use crate::dump::footer::Checksum;

/// A larger buffer is given back once it is no longer needed.
const ROOM_BYTES_MAX: usize = 4 << 20;

/// See the module.
#[derive(Debug)]
pub(super) struct Input {
    pub buffer: Vec<u8>,
    /// What stands before this is done with. It moves on while parts that were read borrow from the buffer.
    pub at: Cell<usize>,
    /// Where in the file the buffer begins.
    start: u64,
    file_bytes: u64,
    /// Of what stands before the buffer; `None` if it is not wanted.
    checksum: Option<Checksum>,
}

impl Input {
    pub(super) fn new(file_bytes: u64, verify_checksum: bool) -> Input {
        let checksum = verify_checksum.then(Checksum::default);
        Input { buffer: Vec::new(), at: Cell::new(0), start: 0, file_bytes, checksum }
    }

    pub(super) fn feed(&mut self, chunk: &[u8]) {
        self.drop_read();
        self.buffer.extend_from_slice(chunk);
    }

    fn drop_read(&mut self) {
        let done = self.at.take();
        if let Some(checksum) = &mut self.checksum {
            checksum.add(&self.buffer[..done]);
        }
        self.start += done as u64;
        self.buffer.drain(..done);
        if self.buffer.len() <= ROOM_BYTES_MAX / 2 {
            self.buffer.shrink_to(ROOM_BYTES_MAX);
        }
    }

    /// That was all, however long the file was said to be.
    pub(super) fn finish(&mut self) {
        self.file_bytes = self.start + self.buffer.len() as u64;
    }

    /// Bytes that have not come yet.
    pub(super) fn later(&self) -> u64 {
        self.file_bytes.saturating_sub(self.start + self.buffer.len() as u64)
    }

    pub(super) fn unread(&self) -> usize {
        self.buffer.len() - self.at.get()
    }

    /// Where in the file what is not done with begins.
    pub(super) fn position(&self) -> u64 {
        self.start + self.at.get() as u64
    }

    /// Where in the file the last so many bytes of the buffer begin.
    pub(super) fn place(&self, bytes_before_end: usize) -> u64 {
        self.start + (self.buffer.len() - bytes_before_end) as u64
    }

    /// Whether a checksum is that of all that is done with but its own eight bytes; zero stands for none.
    pub(super) fn is_right(&self, given: u64) -> bool {
        let Some(checksum) = &self.checksum else { return true };
        given == 0 || checksum.value_with(&self.buffer[..self.at.get() - size_of::<u64>()]) == given
    }
}
