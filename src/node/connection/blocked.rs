//! A client that waits for a key: until the engine has answered it, its time is over, or its connection ends.
//!
//! What it sends meanwhile is kept and runs afterwards. It is read all the same, since only so a connection that ends is
//! noticed at once: the engine must not do anything for a client that is gone, such as giving it an element of a list.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::{Connection, now};
use crate::engine::Unblocked;
use crate::engine::session::Closing;
use crate::runtime::{Monotonic, Runtime};

/// Why a client waits no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wake {
    /// It has been answered.
    Answered,
    /// Its connection has ended, or has to.
    Gone,
}

impl<R: Runtime> Connection<R> {
    /// Waits as long as the engine says that the client waits.
    pub(super) async fn stay_blocked(&mut self) -> Wake {
        let session =
            |connection: &Self| connection.shared.engine.borrow().sessions[connection.client].blocked_until();
        let mut deadline = session(self);
        loop {
            let wake = match deadline {
                None => std::future::poll_fn(|cx| self.poll_blocked(cx)).await,
                Some(at) => {
                    let mut sleep = std::pin::pin!(R::sleep_until(at));
                    let look = |cx: &mut Context<'_>| match self.poll_blocked(cx) {
                        Poll::Pending => sleep.as_mut().poll(cx).map(|()| None),
                        woken => woken,
                    };
                    std::future::poll_fn(look).await
                }
            };
            match wake {
                Some(wake) => {
                    self.unparsed = !self.input.is_empty();
                    return wake;
                }
                None => deadline = self.time_out(),
            }
        }
    }

    /// The time is over: answers, or tells when to try again, since while the node stands still nobody is answered.
    fn time_out(&mut self) -> Option<Monotonic> {
        let frozen = self.shared.frozen_until.get();
        if frozen > R::now() {
            return Some(frozen);
        }
        self.shared.engine.borrow_mut().unblock(self.client, Unblocked::TimedOut, now::<R>());
        self.shared.deliver();
        None
    }

    fn poll_blocked(&mut self, cx: &mut Context<'_>) -> Poll<Option<Wake>> {
        if self.shared.poll_mailbox(self.client, cx) {
            self.take_outbox();
        }
        if self.closing() == Some(Closing::Now) {
            return Poll::Ready(Some(Wake::Gone));
        }
        let flushed = match self.poll_flush(cx) {
            Poll::Ready(Err(_)) => return Poll::Ready(Some(Wake::Gone)),
            flushed => flushed.is_ready(),
        };
        if !flushed && self.is_over_limit() || flushed && self.ending {
            return Poll::Ready(Some(Wake::Gone));
        }
        if self.shared.engine.borrow().sessions[self.client].blocked.is_none() {
            return Poll::Ready(Some(Wake::Answered));
        }
        match ready!(self.poll_keep(cx)) {
            Ok(length) if length > 0 => {
                // There may be more, but others have their turn.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(Some(Wake::Gone)),
        }
    }

    /// Reads once and keeps it. How much that was.
    fn poll_keep(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let shared = self.shared.clone();
        let mut scratch = shared.scratch.borrow_mut();
        let mut buffer = ReadBuf::new(&mut scratch.input);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let read = buffer.filled();
        self.input.extend_from_slice(read);
        self.received_bytes += read.len() as u64;
        self.note_traffic(read.len(), 0);
        let mut engine = shared.engine.borrow_mut();
        if self.input.len() as u64 > engine.config.client_query_buffer_limit_bytes {
            self.refuse_long_input(&mut engine);
            return Poll::Ready(Ok(0));
        }
        Poll::Ready(Ok(read.len()))
    }
}
