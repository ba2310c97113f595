//! A file that is written to off the event loop, piece by piece, while the next piece is being made. So neither a disk that is
//! busy with others' work nor a sync holds clients up, and saving takes as long as the slower of making and writing.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::Poll;

use crate::runtime::{File, Runtime};

/// With incremental syncs, so many bytes are synced at once: what the disk has yet to do at the end is little.
const SYNC_BYTES: usize = 4 << 20;

/// See the module. At most one piece is on its way.
pub(in crate::node) struct Behind<R: Runtime> {
    file: R::File,
    piece: Option<Pin<Box<dyn Future<Output = io::Result<()>>>>>,
    unsynced_bytes: usize,
    incremental: bool,
}

impl<R: Runtime> Behind<R> {
    /// Pieces go to the end of the file, which nobody else may use meanwhile. Incremental: they are synced now and then.
    pub fn new(file: R::File, incremental: bool) -> Behind<R> {
        Behind { file, piece: None, unsynced_bytes: 0, incremental }
    }

    /// Whether no piece is on its way, so that the next need not wait. An error: the last one was not written.
    pub async fn is_free(&mut self) -> io::Result<bool> {
        let Some(piece) = &mut self.piece else { return Ok(true) };
        let written = poll_fn(|cx| Poll::Ready(piece.as_mut().poll(cx))).await;
        let Poll::Ready(written) = written else { return Ok(false) };
        self.piece = None;
        written.map(|()| true)
    }

    /// Begins to write the next piece, as soon as the last is written.
    pub async fn write(&mut self, bytes: Vec<u8>) -> io::Result<()> {
        self.wait().await?;
        self.unsynced_bytes += bytes.len();
        let sync = self.incremental && self.unsynced_bytes >= SYNC_BYTES;
        if sync {
            self.unsynced_bytes = 0;
        }
        self.piece = Some(Box::pin(self.file.append_aside(bytes, sync)));
        Ok(())
    }

    async fn wait(&mut self) -> io::Result<()> {
        match self.piece.take() {
            Some(piece) => piece.await,
            None => Ok(()),
        }
    }

    /// The file, once all pieces are written; they need not be durable.
    pub async fn end(mut self) -> io::Result<R::File> {
        self.wait().await?;
        Ok(self.file)
    }
}
