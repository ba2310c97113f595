//! Replies on their way out: what the socket does not take at once is kept, and not too much of it; and what the append log has
//! not acknowledged yet is held back.
//!
//! A stretch of replies waits for all effects that there were when it was first to be sent: a reply never tells of something
//! that a crash could undo against the promise of `appendfsync`, be it what its own command did or what another's had done
//! before.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::config::OutputLimit;
use crate::node::persistence::Gate;
use crate::runtime::{Monotonic, Stream};

/// Sent bytes that may stay before the unsent ones.
const SENT_KEPT_BYTES: usize = 64 * 1024;

/// What the socket of one connection has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Output {
    /// Those before `sent` it has taken.
    pending: Vec<u8>,
    sent: usize,
    /// `pending` is one of the node's own buffers, and goes back there if the socket takes all of it at once.
    lent: bool,
    /// Stretches that wait for the append log, in order: where each ends, counted in bytes sent since connecting, and the
    /// position of the log that it waits for.
    marks: VecDeque<(u64, u64)>,
    /// Bytes before this have been acknowledged, counted in the same way.
    passed: u64,
    /// The last position for which the client asked to be woken.
    awaited: u64,
    /// Since when more than the soft limit is unsent.
    over_since: Option<Monotonic>,
    /// Bytes sent since connecting.
    pub sent_bytes: u64,
}

impl Output {
    /// How many bytes are unsent.
    pub fn unsent(&self) -> usize {
        self.pending.len() - self.sent
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> usize {
        if self.lent { 0 } else { self.pending.capacity() }
    }

    /// Keeps replies in the node's own buffer, to be sent soon. Nothing may be unsent.
    pub fn hold(&mut self, replies: Vec<u8>) {
        debug_assert!(self.pending.is_empty(), "replies are held behind nothing");
        self.pending = replies;
        self.lent = true;
    }

    /// The node's buffer, if one was lent and all of it has been sent.
    pub fn give_back(&mut self) -> Option<Vec<u8>> {
        let sent = std::mem::take(&mut self.lent) && self.pending.is_empty();
        sent.then(|| std::mem::take(&mut self.pending))
    }

    /// Adds bytes behind the unsent ones.
    pub fn push(&mut self, bytes: Vec<u8>) {
        self.lent = false;
        if self.pending.is_empty() {
            self.pending = bytes;
        } else {
            self.pending.extend_from_slice(&bytes);
        }
    }

    /// Where a job's reply goes.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        self.lent = false;
        &mut self.pending
    }

    /// What is unsent, for whoever sends on.
    pub fn into_unsent(mut self) -> Vec<u8> {
        self.pending.split_off(self.sent)
    }

    /// Drops what is unsent.
    pub fn clear(&mut self) {
        self.pending = Vec::new();
        self.lent = false;
        self.sent = 0;
        self.marks.clear();
        self.passed = self.sent_bytes;
    }

    /// The position of the log that the first unsent bytes wait for, if they do and nobody has been told yet.
    pub fn newly_awaited(&mut self) -> Option<u64> {
        let (_, position) = *self.marks.front()?;
        (std::mem::replace(&mut self.awaited, position) != position).then_some(position)
    }

    /// Marks what is unsent and not marked yet, and says how many of the unsent bytes may leave.
    fn pass(&mut self, gate: Gate) -> usize {
        let end = self.sent_bytes + self.unsent() as u64;
        if gate.is_open() {
            self.marks.clear();
            self.passed = end;
        } else {
            let marked = self.marks.back().map_or(self.passed.max(self.sent_bytes), |(marked, _)| *marked);
            if marked < end {
                self.marks.push_back((end, gate.accepted));
            }
            while let Some((passed, _)) = self.marks.pop_front_if(|(_, wanted)| *wanted <= gate.acknowledged)
            {
                self.passed = passed;
            }
        }
        self.passed.saturating_sub(self.sent_bytes) as usize
    }

    /// Sends replies, straight from where they were written if nothing is before them; keeps what the socket does not take, or
    /// has to wait for the log. How many bytes it took.
    pub fn send<S: Stream>(
        &mut self,
        stream: &mut S,
        replies: &[u8],
        gate: Gate,
        cx: &mut Context<'_>,
    ) -> io::Result<usize> {
        // Replies keep their order: what is still unsent goes first.
        let may_leave = self.unsent() == 0 && gate.is_open();
        let sent = if may_leave { write(stream, replies, cx)? } else { 0 };
        self.sent_bytes += sent as u64;
        self.pending.extend_from_slice(&replies[sent..]);
        Ok(sent)
    }

    /// Writes what is left of earlier replies and may leave; ready when all is sent. How many bytes the socket took.
    pub fn poll_flush<S: Stream>(
        &mut self,
        stream: &mut S,
        gate: Gate,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if self.pending.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let end = self.sent + self.pass(gate);
        let taken = write(stream, &self.pending[self.sent..end], cx)?;
        self.sent += taken;
        self.sent_bytes += taken as u64;
        if self.unsent() > 0 {
            self.lent = false;
            self.forget_sent();
            return Poll::Pending;
        }
        self.over_since = None;
        if self.lent {
            self.pending.clear();
            self.sent = 0;
        } else {
            self.clear();
        }
        Poll::Ready(Ok(taken))
    }

    /// A client that lags behind, but never catches up, must not have all that it ever got kept for it. Each byte moves once
    /// at most on average, since at least as many are dropped.
    fn forget_sent(&mut self) {
        if self.sent >= SENT_KEPT_BYTES && self.sent >= self.unsent() {
            self.pending.drain(..self.sent);
            self.pending.shrink_to(2 * self.pending.len());
            self.sent = 0;
        }
    }

    /// `client-output-buffer-limit`: whether so much is unsent, or for so long, that the client has to go.
    pub fn is_over(&mut self, limit: &OutputLimit, now: Monotonic) -> bool {
        let unsent = self.unsent() as u64;
        if limit.soft_bytes == 0 || unsent <= limit.soft_bytes {
            self.over_since = None;
            return limit.hard_bytes != 0 && unsent > limit.hard_bytes;
        }
        let since = *self.over_since.get_or_insert(now);
        let too_long = (now - since).as_secs() >= limit.soft_seconds && now > since;
        too_long || limit.hard_bytes != 0 && unsent > limit.hard_bytes
    }
}

/// Writes what the socket takes; how much that was.
fn write<S: Stream>(stream: &mut S, bytes: &[u8], cx: &mut Context<'_>) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match Pin::new(&mut *stream).poll_write(cx, &bytes[sent..]) {
            Poll::Ready(written) => sent += written?,
            Poll::Pending => break,
        }
    }
    Ok(sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: OutputLimit = OutputLimit { hard_bytes: 100, soft_bytes: 10, soft_seconds: 5 };

    /// Whether a client with so many unsent bytes at each of these seconds has to go.
    fn over(limit: OutputLimit, unsent: &[(u64, usize)]) -> Vec<bool> {
        let mut output = Output::default();
        let at = |seconds: u64| Monotonic(seconds * 1_000_000_000 + 1);
        let step = |(seconds, bytes): &(u64, usize)| {
            output.clear();
            output.push(vec![b'x'; *bytes]);
            output.is_over(&limit, at(*seconds))
        };
        unsent.iter().map(step).collect()
    }

    #[test]
    fn the_soft_limit_may_be_passed_for_a_while() {
        assert_eq!(over(LIMIT, &[(0, 11), (4, 50), (5, 11), (6, 11)]), [false, false, true, true]);
        // As much as the limit is not too much.
        assert_eq!(over(LIMIT, &[(0, 10), (10, 10), (20, 11)]), [false, false, false]);
    }

    #[test]
    fn who_falls_below_the_soft_limit_begins_anew() {
        assert_eq!(
            over(LIMIT, &[(0, 11), (4, 10), (5, 11), (9, 11), (10, 11)]),
            [false, false, false, false, true]
        );
    }

    #[test]
    fn the_hard_limit_holds_at_once() {
        assert_eq!(over(LIMIT, &[(0, 100), (1, 101)]), [false, true]);
        assert_eq!(
            over(OutputLimit { soft_bytes: 0, ..LIMIT }, &[(0, 100), (99, 100), (99, 101)]),
            [false, false, true]
        );
        assert_eq!(over(OutputLimit::default(), &[(0, 1 << 20), (99, 1 << 20)]), [false, false]);
    }

    #[test]
    fn a_client_that_takes_all_begins_anew() {
        let mut output = Output::default();
        output.push(vec![b'x'; 11]);
        assert!(!output.is_over(&LIMIT, Monotonic(1)));
        output.clear();
        assert!(!output.is_over(&LIMIT, Monotonic(4_000_000_000)));
        output.push(vec![b'x'; 11]);
        assert!(!output.is_over(&LIMIT, Monotonic(6_000_000_000)));
    }

    /// What may leave when so many bytes more are there, and the log stands so.
    fn passed(output: &mut Output, more: usize, accepted: u64, acknowledged: u64) -> usize {
        output.push(vec![b'x'; more]);
        output.pass(Gate { accepted, acknowledged })
    }

    #[test]
    fn each_stretch_waits_for_what_was_done_before_it() {
        let mut output = Output::default();
        assert_eq!(passed(&mut output, 10, 100, 50), 0);
        assert_eq!(output.newly_awaited(), Some(100));
        assert_eq!(output.newly_awaited(), None, "one wake-up is enough");
        // More is done and answered meanwhile: the first stretch does not wait for that.
        assert_eq!(passed(&mut output, 5, 200, 99), 0);
        assert_eq!(passed(&mut output, 0, 300, 100), 10);
        assert_eq!(output.newly_awaited(), Some(200));
        assert_eq!(passed(&mut output, 0, 300, 199), 10);
        assert_eq!(passed(&mut output, 0, 300, 200), 15);
        assert_eq!(output.newly_awaited(), None);
    }

    #[test]
    fn a_log_that_is_up_to_date_holds_nothing_back() {
        let mut output = Output::default();
        assert_eq!(passed(&mut output, 10, 100, 100), 10);
        // What could have left stays free to leave, though the socket has not taken it.
        assert_eq!(passed(&mut output, 5, 200, 100), 10);
        output.clear();
        assert_eq!(passed(&mut output, 5, 300, 100), 0, "what is dropped leaves no room for others");
    }
}
