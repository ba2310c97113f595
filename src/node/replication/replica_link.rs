//! One replica's connection on its primary's side, from PSYNC to its end.
//!
//! What it is sent, one after the other: replies from before, newlines while it waits for a snapshot (so that it knows that
//! we live), the snapshot, the history. The history is sent straight from the backlog, in which the replica is a position; the
//! task wakes once for all that has been written in a turn of the event loop. What the replica says meanwhile is run like any
//! client's request, but is not answered.

mod sending;
mod watch;

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, ReadBuf};
use tracing::{info, warn};

use super::{full_sync, primary_link};
use crate::engine::session::{Closing, SessionHandle, Traffic};
use crate::engine::{Engine, Flow, address_text};
use crate::node::now;
use crate::node::shared::{Scratch, Shared};
use crate::protocol::request::{Limits, Parser};
use crate::replication::pressure::Excess;
use crate::replication::{Replica, Stage};
use crate::runtime::{Monotonic, Runtime, Stream};

/// How often is looked whether the replica lives.
const TICK: Duration = Duration::from_secs(1);
/// Requests that are parsed together.
const BATCH_MAX: usize = 64;

/// Why the task looks up.
enum Event {
    /// The connection has ended, or has to.
    End,
    /// The node stands still until then.
    Frozen(Monotonic),
    Tick,
}

struct Link<R: Runtime> {
    shared: Rc<Shared<R>>,
    stream: R::Stream,
    client: SessionHandle,
    parser: Parser,
    /// An unfinished request.
    input: Vec<u8>,
    /// What goes before all else; the first `unsent_from` bytes of it are sent.
    unsent: Vec<u8>,
    unsent_from: usize,
    /// For what is read from a file.
    buffer: Vec<u8>,
    received_bytes: u64,
    sent_bytes: u64,
    excess: Excess,
}

/// Serves a replica to the end of its connection. `unsent`: replies from before; `input`: what came behind its request.
pub(in crate::node) async fn serve<R: Runtime>(
    shared: &Rc<Shared<R>>,
    stream: R::Stream,
    client: SessionHandle,
    unsent: Vec<u8>,
    input: Vec<u8>,
) {
    // Its request may have made this node a primary (PSYNC with FAILOVER).
    shared.wake_following();
    let traffic = shared.engine.borrow().sessions[client].traffic;
    if shared.engine.borrow().config.repl_disable_tcp_nodelay {
        // Fewer packets matter to whoever has asked for it; without that it works as well.
        let _ = stream.set_nodelay(false);
    }
    let mut link = Link {
        shared: shared.clone(),
        stream,
        client,
        parser: Parser::default(),
        input,
        unsent,
        unsent_from: 0,
        buffer: Vec::new(),
        received_bytes: traffic.received_bytes,
        sent_bytes: traffic.sent_bytes,
        excess: Excess::default(),
    };
    link.run().await;
    shared.syncs.borrow_mut().leave(client);
    let mut engine = shared.engine.borrow_mut();
    info!("Connection with replica {} lost.", name(&engine, client));
    engine.note_replica_lost(client, R::now());
}

/// How the log calls it.
fn name(engine: &Engine, client: SessionHandle) -> String {
    match engine.replication.replicas.get(&client) {
        Some(replica) if replica.port != 0 => format!("{}:{}", replica.address(), replica.port),
        _ => address_text(&engine.sessions[client].peer),
    }
}

impl<R: Runtime> Link<R> {
    async fn run(&mut self) {
        if matches!(self.replica(|replica| replica.stage), Some(Stage::Waiting { .. })) {
            full_sync::ask(&self.shared.clone(), self.client);
        }
        if !self.input.is_empty() && self.run_input().is_none() {
            return;
        }
        loop {
            let mut tick = std::pin::pin!(R::sleep(TICK));
            let event = std::future::poll_fn(|cx| match self.poll(cx) {
                Poll::Ready(event) => Poll::Ready(event),
                Poll::Pending => tick.as_mut().poll(cx).map(|()| Event::Tick),
            });
            match event.await {
                Event::End => return,
                Event::Frozen(until) => R::sleep_until(until).await,
                Event::Tick if self.tick() => {}
                Event::Tick => return,
            }
        }
    }

    fn replica<T>(&self, look: impl FnOnce(&Replica) -> T) -> Option<T> {
        self.shared.engine.borrow().replication.replicas.get(&self.client).map(look)
    }

    /// Reads and writes until neither can be done.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        let frozen = self.shared.frozen_until.get();
        if frozen > R::now() {
            return Poll::Ready(Event::Frozen(frozen));
        }
        if self.shared.poll_mailbox(self.client, cx) {
            self.take_outbox();
        }
        let closing = self.shared.engine.borrow().sessions[self.client].closing;
        if closing == Some(Closing::Now) {
            return Poll::Ready(Event::End);
        }
        if let Poll::Ready(Err(e)) = self.poll_read(cx) {
            tracing::debug!("Error reading from replica: {e}");
            return Poll::Ready(Event::End);
        }
        let before = self.sent_bytes;
        let written = self.poll_write(cx);
        if self.sent_bytes > before {
            self.note_traffic(0, self.sent_bytes - before);
        }
        match written {
            Poll::Ready(Ok(())) if closing.is_some() => Poll::Ready(Event::End),
            Poll::Ready(Err(e)) => {
                tracing::debug!("Error writing to replica: {e}");
                Poll::Ready(Event::End)
            }
            Poll::Pending if self.is_over_limit() => Poll::Ready(Event::End),
            _ => Poll::Pending,
        }
    }

    fn take_outbox(&mut self) {
        let outbox = std::mem::take(&mut self.shared.engine.borrow_mut().sessions[self.client].outbox);
        if self.unsent_from == self.unsent.len() {
            (self.unsent, self.unsent_from) = (outbox, 0);
        } else {
            self.unsent.extend_from_slice(&outbox);
        }
    }

    /// Takes what the replica says, until there is nothing more.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shared = self.shared.clone();
        loop {
            let length = {
                let mut scratch = shared.scratch.borrow_mut();
                let mut buffer = ReadBuf::new(&mut scratch.input);
                std::task::ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
                let read = buffer.filled();
                self.input.extend_from_slice(read);
                read.len()
            };
            if length == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            self.received_bytes += length as u64;
            let is_fine = self.run_input().is_some();
            self.note_traffic(length as u64, 0);
            if !is_fine {
                return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
            }
        }
    }

    /// Runs what is complete. `None`: the replica says what replicas do not say.
    fn run_input(&mut self) -> Option<()> {
        let shared = self.shared.clone();
        let input = std::mem::take(&mut self.input);
        let (consumed, is_fine) = {
            let (mut engine, mut scratch) = (shared.engine.borrow_mut(), shared.scratch.borrow_mut());
            if let Some(replica) = engine.replication.replicas.get_mut(&self.client) {
                // While it loads it sends newlines, to say that it lives.
                replica.acked_at = R::now();
            }
            self.run_requests(&mut engine, &mut scratch, &input)
        };
        shared.deliver();
        primary_link::step_failover(&shared);
        self.input = input;
        self.input.drain(..consumed);
        let is_long = self.input.len() as u64 > shared.engine.borrow().config.client_query_buffer_limit_bytes;
        (is_fine && !is_long).then_some(())
    }

    fn run_requests(&mut self, engine: &mut Engine, scratch: &mut Scratch, input: &[u8]) -> (usize, bool) {
        let bulk_bytes_max = engine.config.proto_max_bulk_len_bytes as usize;
        let limits = Limits { bulk_bytes_max, authenticated: true };
        let mut consumed = 0;
        let Scratch { batch, output, .. } = scratch;
        loop {
            let rest = &input[consumed..];
            let parsed = self.parser.parse(rest, &limits, BATCH_MAX, batch);
            for request in batch.iter(rest) {
                let (at, prepared) = (now::<R>(), engine.prepare(0, request));
                let flow = engine.run(self.client, request, prepared, output, at);
                engine.finish(self.client, request, prepared, R::now() - at.mono, at);
                let is_answered = !output.is_empty();
                output.clear();
                if flow != Flow::Continue || is_answered {
                    warn!("Replica {} sent a command that calls for a reply", name(engine, self.client));
                    return (consumed, false);
                }
            }
            consumed += parsed.consumed;
            if parsed.error.is_some() || batch.len() < BATCH_MAX {
                return (consumed, parsed.error.is_none());
            }
        }
    }

    fn note_traffic(&mut self, received: u64, sent: u64) {
        let mut engine = self.shared.engine.borrow_mut();
        let lag = engine.replication.replicas.get(&self.client).map(|r| engine.replication.lag_bytes(r));
        let traffic = Traffic {
            query_bytes: self.input.len(),
            query_free_bytes: self.input.capacity() - self.input.len(),
            output_bytes: self.unsent.len() - self.unsent_from + lag.unwrap_or(0) as usize,
            received_bytes: self.received_bytes,
            sent_bytes: self.sent_bytes,
        };
        engine.sessions.set_traffic(self.client, traffic);
        let stats = &mut engine.stats;
        stats.total_net_input_bytes += received;
        stats.total_reads_processed += u64::from(received > 0);
        stats.total_net_output_bytes += sent;
        stats.total_net_repl_output_bytes += sent;
        stats.total_writes_processed += u64::from(sent > 0);
    }
}
