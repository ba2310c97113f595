//! One client: read, parse, run a batch, write.
//!
//! The connection reads into the node's scratch buffer, parses all requests that are complete, looks them all up, and runs
//! them one after the other; the replies collect in the scratch output and leave with one write. Only an unfinished request
//! and replies that the socket does not take stay with the connection, so an idle one holds no buffers.
//!
//! Guarantees: requests run and are answered in the order in which they came; a client that does not read makes only itself
//! wait, and one that sends without end lets others have their turn; the engine is never held across an await.

mod blocked;
mod output;
mod script;

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};
use tracing::{debug, warn};

use super::now;
use super::replication::replica_link;
use super::shared::{Scratch, Shared};
use super::{jobs, persistence};
use crate::engine::session::{Closing, SessionHandle, Traffic};
use crate::engine::{Engine, Flow, Job, address_text};
use crate::protocol::request::{Limits, Parser};
use crate::runtime::{Monotonic, Now, Runtime};

use blocked::Wake;
use output::Output;

/// A scratch buffer that a large reply has swollen gives the memory beyond this back.
const OUTPUT_KEPT_BYTES: usize = 256 * 1024;
/// When so many bytes of replies have collected, they are sent, and others have their turn, before more requests run.
const OUTPUT_BURST_BYTES: usize = 1024 * 1024;
/// Replies beyond this are sent before others have their turn: kept longer, they would leave the cache.
const HELD_BYTES_MAX: usize = 16 * 1024;
/// Requests that are parsed and looked up together.
const BATCH_MAX: usize = 256;
/// Room made for more of an unfinished request, at least and at most. Within that, no more than has come already: a length
/// that a client announces is a promise, and costs nothing until the bytes come.
const ROOM_BYTES: (usize, usize) = (16 * 1024, 1024 * 1024);

struct Connection<R: Runtime> {
    shared: Rc<Shared<R>>,
    stream: R::Stream,
    client: SessionHandle,
    parser: Parser,
    /// An unfinished request, or requests that wait for a pause or a job to end.
    input: Vec<u8>,
    /// Whether `input` may hold a whole request.
    unparsed: bool,
    output: Output,
    /// The connection ends when the output is sent.
    ending: bool,
    /// Others have their turn before this connection goes on.
    yielding: bool,
    received_bytes: u64,
}

/// Why a connection's task looks up from reading and writing.
enum Event {
    Job(Job),
    /// One whose reply nobody wants.
    SilentJob(Job),
    Paused(Monotonic),
    Blocked,
    /// A script runs for long.
    Script,
    /// It is a replica.
    Replica,
    End,
}

/// What became of a batch.
enum Progress {
    /// All ran.
    Done,
    /// One asks the node for something, has to wait, or ends the connection.
    Stopped(Event),
}

/// Serves a client to the end of its connection.
pub(super) async fn serve<R: Runtime>(shared: Rc<Shared<R>>, stream: R::Stream, client: SessionHandle) {
    let mut connection = Connection {
        shared,
        stream,
        client,
        parser: Parser::default(),
        input: Vec::new(),
        unparsed: false,
        output: Output::default(),
        ending: false,
        yielding: false,
        received_bytes: 0,
    };
    loop {
        match std::future::poll_fn(|cx| connection.poll(cx)).await {
            Event::Job(job) => {
                let shared = connection.shared.clone();
                jobs::run(&shared, job, client, connection.output.buffer()).await;
            }
            Event::SilentJob(job) => {
                let shared = connection.shared.clone();
                jobs::run(&shared, job, client, &mut Vec::new()).await;
            }
            Event::Paused(until) => connection.wait(until).await,
            Event::Blocked => {
                if connection.stay_blocked().await == Wake::Gone {
                    break;
                }
            }
            Event::Script => connection.run_script().await,
            Event::Replica => {
                let Connection { shared, stream, output, input, .. } = connection;
                replica_link::serve(&shared, stream, client, output.into_unsent(), input).await;
                return shared.engine.borrow_mut().disconnect(client);
            }
            Event::End => break,
        }
    }
    connection.shared.engine.borrow_mut().disconnect(client);
}

impl<R: Runtime> Connection<R> {
    /// Works until something has to be waited for that reading and writing cannot bring.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            if std::mem::take(&mut self.yielding) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.shared.poll_mailbox(self.client, cx) {
                self.take_outbox();
            }
            if self.closing() == Some(Closing::Now) {
                return Poll::Ready(Event::End);
            }
            match self.poll_flush(cx) {
                Poll::Ready(Err(e)) => return Poll::Ready(self.lost("writing to", &e)),
                Poll::Ready(Ok(())) if self.ending => return Poll::Ready(Event::End),
                Poll::Pending if self.is_over_limit() => return Poll::Ready(Event::End),
                Poll::Pending if self.ending => return Poll::Pending,
                _ => {}
            }
            let frozen = self.shared.frozen_until.get();
            if frozen > Monotonic::default() && frozen > R::now() {
                return Poll::Ready(Event::Paused(frozen));
            }
            let progress = if std::mem::take(&mut self.unparsed) {
                self.run_input(cx)
            } else {
                ready!(self.poll_read(cx))
            };
            match progress {
                Ok(Progress::Done) => {}
                Ok(Progress::Stopped(event)) => return Poll::Ready(event),
                Err(e) => return Poll::Ready(self.lost("reading from", &e)),
            }
        }
    }

    fn lost(&self, doing: &str, error: &io::Error) -> Event {
        debug!("Error {doing} client: {error}");
        Event::End
    }

    /// Waits for the end of a pause, or until somebody wakes the client. What was answered before goes out meanwhile.
    async fn wait(&mut self, until: Monotonic) {
        let (shared, client) = (self.shared.clone(), self.client);
        let mut sleep = std::pin::pin!(R::sleep_until(until));
        std::future::poll_fn(|cx| {
            if shared.poll_mailbox(client, cx) {
                self.take_outbox();
                return Poll::Ready(());
            }
            if matches!(self.poll_flush(cx), Poll::Ready(Err(_))) {
                return Poll::Ready(());
            }
            sleep.as_mut().poll(cx)
        })
        .await;
        self.unparsed = !self.input.is_empty();
    }

    fn closing(&mut self) -> Option<Closing> {
        let closing = self.shared.engine.borrow().sessions[self.client].closing;
        self.ending |= closing == Some(Closing::AfterReply);
        closing
    }

    /// What others sent to this client goes behind the replies it already has.
    fn take_outbox(&mut self) {
        let outbox = std::mem::take(&mut self.shared.engine.borrow_mut().sessions[self.client].outbox);
        if !outbox.is_empty() {
            self.output.push(outbox);
            self.note_traffic(0, 0);
        }
    }

    /// Reads once and runs what is complete.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Progress>> {
        let shared = self.shared.clone();
        let mut scratch = shared.scratch.borrow_mut();
        if !self.input.is_empty() {
            return self.poll_read_more(&mut scratch, cx);
        }
        let Scratch { input, .. } = &mut *scratch;
        let mut buffer = ReadBuf::new(input);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let length = buffer.filled().len();
        if length == 0 {
            return Poll::Ready(Ok(self.end_of_input()));
        }
        self.received_bytes += length as u64;
        let whole = std::mem::take(&mut scratch.input);
        let (consumed, progress) = self.run(&whole[..length], &mut scratch);
        self.input.extend_from_slice(&whole[consumed..length]);
        scratch.input = whole;
        self.yielding |= length == scratch.input.len();
        self.after_run(&mut scratch, length, &progress, cx)?;
        Poll::Ready(Ok(progress))
    }

    /// Reads behind the beginning of a request that is kept from before.
    fn poll_read_more(&mut self, scratch: &mut Scratch, cx: &mut Context<'_>) -> Poll<io::Result<Progress>> {
        let before = self.input.len();
        let room = self.parser.needs().min(before).clamp(ROOM_BYTES.0, ROOM_BYTES.1);
        self.input.resize(before + room, 0);
        let mut buffer = ReadBuf::new(&mut self.input[before..]);
        let read = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
        let length = buffer.filled().len();
        self.input.truncate(before + length);
        ready!(read)?;
        if length == 0 {
            return Poll::Ready(Ok(self.end_of_input()));
        }
        self.received_bytes += length as u64;
        let progress = self.run_kept(scratch);
        self.yielding |= length == room;
        self.after_run(scratch, length, &progress, cx)?;
        Poll::Ready(Ok(progress))
    }

    /// The client sends no more; what it has asked for is still sent to it.
    fn end_of_input(&mut self) -> Progress {
        self.ending = true;
        Progress::Done
    }

    /// Runs what waited in `input` for a pause or a job to end.
    fn run_input(&mut self, cx: &mut Context<'_>) -> io::Result<Progress> {
        let shared = self.shared.clone();
        let mut scratch = shared.scratch.borrow_mut();
        let progress = self.run_kept(&mut scratch);
        self.after_run(&mut scratch, 0, &progress, cx)?;
        Ok(progress)
    }

    fn run_kept(&mut self, scratch: &mut Scratch) -> Progress {
        let input = std::mem::take(&mut self.input);
        let (consumed, progress) = self.run(&input, scratch);
        self.input = input;
        if consumed == self.input.len() {
            // Idle connections hold no buffers.
            self.input = Vec::new();
        } else {
            self.input.drain(..consumed);
        }
        progress
    }

    /// Parses and runs what is complete in `input`. How much of it is done with, and how it ended.
    fn run(&mut self, input: &[u8], scratch: &mut Scratch) -> (usize, Progress) {
        let mut consumed = 0;
        let shared = self.shared.clone();
        let mut engine = shared.engine.borrow_mut();
        loop {
            let limits = limits(&engine, self.client);
            // A request that authenticates changes the limits of the next.
            let batch_max = if limits.authenticated { BATCH_MAX } else { 1 };
            let rest = &input[consumed..];
            let parsed = self.parser.parse(rest, &limits, batch_max, &mut scratch.batch);
            if let Some((stopped_at, progress)) = self.run_batch(&mut engine, rest, scratch) {
                // The parser has read on; what did not run will be parsed again.
                self.parser = Parser::default();
                consumed += stopped_at;
                self.unparsed = consumed < input.len();
                return (consumed, progress);
            }
            consumed += parsed.consumed;
            if let Some(error) = parsed.error {
                debug!("Protocol error from client: {error}");
                error.write(&mut scratch.output);
                self.ending = true;
            }
            if self.ending {
                return (input.len(), Progress::Done);
            }
            if scratch.batch.len() < batch_max {
                break;
            }
        }
        let queued = engine.sessions[self.client].transaction.as_ref().map_or(0, |t| t.argument_bytes());
        if (input.len() - consumed + queued) as u64 > engine.config.client_query_buffer_limit_bytes {
            self.refuse_long_input(&mut engine);
        }
        (consumed, Progress::Done)
    }

    /// Runs the parsed requests. If one stops the batch: how much of the input is done with, and why.
    fn run_batch(
        &mut self,
        engine: &mut Engine,
        input: &[u8],
        scratch: &mut Scratch,
    ) -> Option<(usize, Progress)> {
        let Scratch { batch, prepared, output, .. } = scratch;
        let db = engine.sessions[self.client].db;
        prepared.clear();
        prepared.extend(batch.iter(input).map(|request| engine.prepare(db, request)));
        if prepared.len() > 1 {
            prepared.iter().for_each(|request| engine.prefetch(db, request));
        }
        let mut at: Now = now::<R>();
        for (i, request) in batch.iter(input).enumerate() {
            let flow = engine.run(self.client, request, prepared[i], output, at);
            let end = R::now();
            engine.finish(self.client, request, prepared[i], end - at.mono, at);
            at.mono = end;
            let stop = match flow {
                Flow::Continue if output.len() < OUTPUT_BURST_BYTES => continue,
                Flow::Continue => self.pause_for_output(engine, output, i + 1 < batch.len()),
                Flow::Close => {
                    self.ending = true;
                    return None;
                }
                Flow::Abort => Some(Event::End),
                Flow::Replica => Some(Event::Replica),
                Flow::Paused(until) => {
                    return Some((batch.start(i), Progress::Stopped(Event::Paused(until))));
                }
                Flow::Blocked => Some(Event::Blocked),
                Flow::Script => Some(Event::Script),
                Flow::Job(job) => Some(Event::Job(job)),
                Flow::SilentJob(job) => Some(Event::SilentJob(job)),
            };
            if matches!(stop, Some(Event::End)) {
                output.clear();
                self.output.clear();
            }
            return Some((batch.end(i), stop.map_or(Progress::Done, Progress::Stopped)));
        }
        None
    }

    /// Much has been answered: too much, or enough for now.
    fn pause_for_output(&mut self, engine: &mut Engine, output: &[u8], more: bool) -> Option<Event> {
        self.yielding = more;
        let class = engine.sessions[self.client].class();
        let hard = engine.config.client_output_buffer_limits.of(class).hard_bytes;
        let unsent = self.output.unsent() + output.len();
        if hard == 0 || unsent as u64 <= hard {
            return None;
        }
        engine.close_over_limit(self.client, unsent);
        Some(Event::End)
    }

    /// After requests ran: sends the replies, tells the clients that they concern, counts.
    fn after_run(
        &mut self,
        scratch: &mut Scratch,
        received: usize,
        progress: &Progress,
        cx: &mut Context<'_>,
    ) -> io::Result<()> {
        self.shared.deliver();
        if self.may_hold(scratch, progress) {
            self.output.hold(scratch.lend_output());
            self.yielding = true;
            self.note_traffic(received, 0);
            return Ok(());
        }
        let gate = persistence::settle(&self.shared);
        let sent = self.output.send(&mut self.stream, &scratch.output, gate, cx);
        // Also when the connection is lost: the next one to use the scratch must find none of this one's replies.
        scratch.output.clear();
        scratch.output.shrink_to(OUTPUT_KEPT_BYTES);
        self.note_traffic(received, sent?);
        Ok(())
    }

    /// Whether the replies may stay until all connections that have sent something have been read from. A program that has
    /// many connections is then woken once for all their replies, which costs the kernel, and so the node, much less.
    fn may_hold(&self, scratch: &mut Scratch, progress: &Progress) -> bool {
        scratch.takes_turns(self.client)
            && matches!(progress, Progress::Done)
            && !self.ending
            && (1..=HELD_BYTES_MAX).contains(&scratch.output.len())
            && self.output.unsent() == 0
    }

    fn note_traffic(&mut self, received: usize, sent: usize) {
        let traffic = Traffic {
            query_bytes: self.input.len(),
            query_free_bytes: self.input.capacity() - self.input.len(),
            output_bytes: self.output.memory_bytes(),
            received_bytes: self.received_bytes,
            sent_bytes: self.output.sent_bytes,
        };
        let mut engine = self.shared.engine.borrow_mut();
        engine.sessions.set_traffic(self.client, traffic);
        engine.evict_clients();
        let stats = &mut engine.stats;
        stats.total_net_input_bytes += received as u64;
        stats.total_reads_processed += u64::from(received > 0);
        stats.total_net_output_bytes += sent as u64;
        stats.total_writes_processed += u64::from(sent > 0);
    }

    /// Writes what is left of earlier replies and need not wait for the append log; ready when all is sent.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.output.unsent() == 0 {
            return Poll::Ready(Ok(()));
        }
        let before = self.output.sent_bytes;
        let gate = persistence::settle(&self.shared);
        let flushed = self.output.poll_flush(&mut self.stream, gate, cx);
        if let Some(position) = self.output.newly_awaited() {
            self.shared.log.borrow_mut().wait(position, self.client);
        }
        let sent = self.output.sent_bytes - before;
        if sent > 0 {
            self.note_traffic(0, sent as usize);
        }
        if let Some(buffer) = self.output.give_back() {
            self.shared.scratch.borrow_mut().take_back(buffer);
        }
        flushed.map_ok(drop)
    }

    fn is_over_limit(&mut self) -> bool {
        let shared = self.shared.clone();
        let mut engine = shared.engine.borrow_mut();
        let limit = *engine.config.client_output_buffer_limits.of(engine.sessions[self.client].class());
        let over = self.output.is_over(&limit, R::now());
        if over {
            engine.close_over_limit(self.client, self.output.unsent());
        }
        over
    }

    fn refuse_long_input(&mut self, engine: &mut Engine) {
        engine.stats.client_query_buffer_limit_disconnections += 1;
        let session = &mut engine.sessions[self.client];
        session.closing = Some(Closing::Now);
        warn!("Closing client {} that reached max query buffer length.", address_text(&session.peer));
    }
}

fn limits(engine: &Engine, client: SessionHandle) -> Limits {
    Limits {
        bulk_bytes_max: engine.config.proto_max_bulk_len_bytes as usize,
        authenticated: engine.sessions[client].authenticated,
    }
}
