//! A snapshot on its way to replicas: what has been made of it, and how far each of those who take it is.
//!
//! Pieces are made as they are taken, and each is kept until the slowest has it: whoever makes them waits while more than
//! [`WINDOW_BYTES`] are kept. A snapshot in a file is read from there.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::engine::session::SessionHandle;
use crate::replication::Parts;
use crate::runtime::{File, Runtime};

/// So many bytes may be kept for the slowest.
pub(super) const WINDOW_BYTES: u64 = 4 << 20;
/// Read from a file at once.
const READ_BYTES: usize = 64 * 1024;

/// All that are under way.
pub(in crate::node) struct Syncs<R: Runtime> {
    /// There is a task that makes them.
    pub is_making: bool,
    /// What each replica is sent.
    pub of: BTreeMap<SessionHandle, Rc<RefCell<Transfer<R>>>>,
    /// The last one that went through a file: others may join.
    pub last_file: Option<Rc<RefCell<Transfer<R>>>>,
}

impl<R: Runtime> Default for Syncs<R> {
    fn default() -> Self {
        Syncs { is_making: false, of: BTreeMap::new(), last_file: None }
    }
}

impl<R: Runtime> Syncs<R> {
    /// A replica is sent nothing more.
    pub fn leave(&mut self, client: SessionHandle) {
        let Some(transfer) = self.of.remove(&client) else { return };
        let is_last = {
            let mut transfer = transfer.borrow_mut();
            transfer.takers.remove(&client);
            transfer.let_go();
            transfer.takers.is_empty()
        };
        if is_last {
            self.last_file.take_if(|last| Rc::ptr_eq(last, &transfer));
        }
    }
}

/// Where the bytes come from.
enum Source<R: Runtime> {
    /// Those from `start` to `end`, in pieces.
    Pieces {
        start: u64,
        end: u64,
        pieces: VecDeque<Vec<u8>>,
    },
    /// A file that is being written.
    Unfinished,
    File {
        file: R::File,
        length: u64,
    },
}

/// See the module.
pub(in crate::node) struct Transfer<R: Runtime> {
    /// The snapshot's offset in the history.
    pub offset: u64,
    /// What is in it.
    pub parts: Parts,
    source: Source<R>,
    /// How many bytes each has taken.
    takers: BTreeMap<SessionHandle, u64>,
    /// Nothing more will be made.
    is_whole: bool,
    /// What could not be made: nobody can go on with it.
    pub has_failed: bool,
    /// Who makes it.
    maker: Option<Waker>,
}

impl<R: Runtime> Transfer<R> {
    /// One that is made as it is taken, or in a file first.
    pub fn new(offset: u64, parts: Parts, is_streamed: bool, takers: &[SessionHandle]) -> Self {
        let source = match is_streamed {
            true => Source::Pieces { start: 0, end: 0, pieces: VecDeque::new() },
            false => Source::Unfinished,
        };
        let takers = takers.iter().map(|client| (*client, 0)).collect();
        Transfer { offset, parts, source, takers, is_whole: false, has_failed: false, maker: None }
    }

    /// Whether it comes from a file, so that it has a length.
    pub fn is_file(&self) -> bool {
        !matches!(self.source, Source::Pieces { .. })
    }

    /// Whether it is to come from a file that is not whole yet.
    pub fn is_unfinished_file(&self) -> bool {
        matches!(self.source, Source::Unfinished)
    }

    /// Who takes it.
    pub fn takers(&self) -> Vec<SessionHandle> {
        self.takers.keys().copied().collect()
    }

    /// One more takes it, from its beginning: only of a file.
    pub fn join(&mut self, client: SessionHandle) {
        self.takers.insert(client, 0);
    }

    /// Its length, once that is known.
    pub fn length(&self) -> Option<u64> {
        match &self.source {
            Source::Pieces { end, .. } => self.is_whole.then_some(*end),
            Source::Unfinished => None,
            Source::File { length, .. } => Some(*length),
        }
    }

    /// Adds a piece.
    pub fn push(&mut self, bytes: Vec<u8>) {
        if let Source::Pieces { end, pieces, .. } = &mut self.source
            && !bytes.is_empty()
        {
            *end += bytes.len() as u64;
            pieces.push_back(bytes);
        }
    }

    /// These are the last pieces.
    pub fn end_with(&mut self, bytes: Vec<u8>, mark: Vec<u8>) {
        self.push(bytes);
        self.push(mark);
        self.is_whole = true;
    }

    /// The file is whole.
    pub fn end_in_file(&mut self, file: R::File, length: u64) {
        self.source = Source::File { file, length };
        self.is_whole = true;
    }

    /// How many bytes a replica has taken.
    pub fn taken(&self, client: SessionHandle) -> u64 {
        self.takers.get(&client).copied().unwrap_or(0)
    }

    /// Whether a replica has taken all of it.
    pub fn is_done(&self, client: SessionHandle) -> bool {
        self.length() == Some(self.taken(client))
    }

    /// What comes next for a replica; empty if it is not there yet. `buffer` is room to read into.
    pub fn next<'a>(&'a self, client: SessionHandle, buffer: &'a mut Vec<u8>) -> io::Result<&'a [u8]> {
        let from = self.taken(client);
        match &self.source {
            Source::Unfinished => Ok(&[]),
            Source::Pieces { start, pieces, .. } => {
                let mut skip = (from - start) as usize;
                for piece in pieces {
                    if skip < piece.len() {
                        return Ok(&piece[skip..]);
                    }
                    skip -= piece.len();
                }
                Ok(&[])
            }
            Source::File { file, length } => {
                buffer.resize(READ_BYTES.min((length - from) as usize), 0);
                let read = file.read_at(buffer, from)?;
                if read == 0 && from < *length {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Ok(&buffer[..read])
            }
        }
    }

    /// A replica has taken so many bytes more.
    pub fn took(&mut self, client: SessionHandle, bytes: u64) {
        if let Some(taken) = self.takers.get_mut(&client) {
            *taken += bytes;
        }
        self.let_go();
    }

    /// Forgets what all have; there may be room for more.
    fn let_go(&mut self) {
        let Source::Pieces { start, pieces, .. } = &mut self.source else { return };
        let needed = self.takers.values().min().copied().unwrap_or(u64::MAX);
        while let Some(piece) = pieces.pop_front_if(|piece| *start + piece.len() as u64 <= needed) {
            *start += piece.len() as u64;
        }
        if let Some(maker) = self.maker.take() {
            maker.wake();
        }
    }

    /// Ready when another piece may be made, or nobody is there to take it.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let kept = match &self.source {
            Source::Pieces { start, end, .. } => end - start,
            _ => 0,
        };
        if kept < WINDOW_BYTES || self.takers.is_empty() {
            return Poll::Ready(());
        }
        self.maker = Some(cx.waker().clone());
        Poll::Pending
    }
}
