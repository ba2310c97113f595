//! What a replica is sent: replies, its snapshot, the history.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tracing::info;

use super::{Link, name};
use crate::node::replication::transfer::Transfer;
use crate::replication::Stage;
use crate::runtime::Runtime;

/// So much is written before others have their turn.
const BURST_BYTES: usize = 1 << 20;

impl<R: Runtime> Link<R> {
    /// Writes what there is; ready when there is nothing more.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut left = BURST_BYTES;
        ready!(self.poll_unsent(cx))?;
        ready!(self.poll_snapshot(&mut left, cx))?;
        self.poll_history(&mut left, cx)
    }

    fn poll_unsent(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unsent_from < self.unsent.len() {
            let rest = &self.unsent[self.unsent_from..];
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, rest))?;
            self.unsent_from += written;
            self.sent_bytes += written as u64;
        }
        (self.unsent, self.unsent_from) = (Vec::new(), 0);
        Poll::Ready(Ok(()))
    }

    /// The snapshot, if one is on its way to this replica; ready when all of it has been sent.
    fn poll_snapshot(&mut self, left: &mut usize, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let transfer = self.shared.syncs.borrow().of.get(&self.client).cloned();
        let Some(transfer) = transfer else { return Poll::Ready(Ok(())) };
        let (before, mut has_all) = (self.sent_bytes, false);
        let sent = loop {
            if transfer.borrow().is_done(self.client) {
                break Poll::Ready(Ok(()));
            }
            match self.poll_piece(&mut transfer.borrow_mut(), cx) {
                Poll::Ready(Ok(Some(bytes))) if spend(left, bytes, cx) => break Poll::Pending,
                Poll::Ready(Ok(Some(_))) => {}
                Poll::Ready(Ok(None)) => {
                    has_all = true;
                    break Poll::Pending;
                }
                Poll::Ready(Err(e)) => break Poll::Ready(Err(e)),
                Poll::Pending => break Poll::Pending,
            }
        };
        self.note_loaded(self.sent_bytes - before, has_all, &transfer.borrow());
        if let Poll::Ready(Ok(())) = sent {
            self.shared.syncs.borrow_mut().leave(self.client);
            self.buffer = Vec::new();
            let length_known = transfer.borrow().is_file();
            return Poll::Ready(self.end_snapshot(length_known));
        }
        sent
    }

    /// Writes what comes next of a snapshot; `None` if that is not there yet.
    fn poll_piece(
        &mut self,
        transfer: &mut Transfer<R>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<Option<usize>>> {
        let next = transfer.next(self.client, &mut self.buffer)?;
        if next.is_empty() {
            return Poll::Ready(Ok(None));
        }
        let bytes = ready!(Pin::new(&mut self.stream).poll_write(cx, next))?;
        transfer.took(self.client, bytes as u64);
        self.sent_bytes += bytes as u64;
        Poll::Ready(Ok(Some(bytes)))
    }

    /// So many bytes more of the snapshot have been sent.
    fn note_loaded(&mut self, bytes: u64, has_all: bool, transfer: &Transfer<R>) {
        let mut engine = self.shared.engine.borrow_mut();
        let shown = || engine.save_figures().under_way.map_or((0, 1), |(_, shown, keys)| (shown, keys));
        let (done, all) = match transfer.length() {
            Some(length) if transfer.is_file() => (transfer.taken(self.client), length),
            // Of what is in the making nothing has been sent.
            None if transfer.is_file() => (0, 1),
            _ => shown(),
        };
        if let Some(replica) = engine.replication.replicas.get_mut(&self.client) {
            replica.pace.took(bytes);
            replica.has_all = has_all;
            replica.loaded_permille = (done * 1000 / all.max(1)) as u32;
        }
        engine.replicas_moved(R::now());
    }

    fn end_snapshot(&mut self, length_known: bool) -> io::Result<()> {
        let mut engine = self.shared.engine.borrow_mut();
        let name = name(&engine, self.client);
        let Some(replica) = engine.replication.replicas.get_mut(&self.client) else { return Ok(()) };
        replica.has_loaded(length_known || replica.is_old, R::now());
        if replica.only_snapshot {
            info!("RDB transfer completed, rdb only replica ({name}) should be disconnected asap");
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        info!("Synchronization with replica {name} succeeded");
        engine.look_at_replicas(R::now());
        Ok(())
    }

    /// The history, as far as it goes.
    fn poll_history(&mut self, left: &mut usize, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut engine = self.shared.engine.borrow_mut();
        let replication = &mut engine.replication;
        let Some(replica) = replication.replicas.get_mut(&self.client) else { return Poll::Ready(Ok(())) };
        if !(replica.is_online && replica.stage == Stage::Streaming) {
            return Poll::Ready(Ok(()));
        }
        let before = self.sent_bytes;
        let sent = loop {
            let next = replication.backlog.as_ref().and_then(|backlog| backlog.read(replica.sent));
            // What a replica needs is kept as long as its connection lasts.
            let Some(next) = next else { break Poll::Ready(Err(io::ErrorKind::NotFound.into())) };
            if next.is_empty() {
                break Poll::Ready(Ok(()));
            }
            match Pin::new(&mut self.stream).poll_write(cx, next) {
                Poll::Ready(Ok(bytes)) => {
                    replica.on_sent(bytes as u64);
                    self.sent_bytes += bytes as u64;
                    if spend(left, bytes, cx) {
                        break Poll::Pending;
                    }
                }
                Poll::Ready(Err(e)) => break Poll::Ready(Err(e)),
                Poll::Pending => break Poll::Pending,
            }
        };
        replica.note_rest(matches!(sent, Poll::Ready(Ok(()))));
        if self.sent_bytes > before {
            engine.replicas_moved(R::now());
        }
        sent
    }
}

/// So much was written. Whether that is enough for now: the task comes back when others have had their turn.
fn spend(left: &mut usize, bytes: usize, cx: &mut Context<'_>) -> bool {
    *left = left.saturating_sub(bytes);
    if *left == 0 {
        cx.waker().wake_by_ref();
    }
    *left == 0
}
