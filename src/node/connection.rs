//! One client: read, parse, run a batch, write.
//!
//! The connection reads into the node's scratch buffer, parses all requests that are complete, looks them all up, and runs
//! them one after the other; the replies collect in the scratch output and leave with one write. Only an unfinished request
//! and replies that the socket does not take stay with the connection, so an idle one holds no buffers.
//!
//! Guarantees: requests run and are answered in the order in which they came; a client that does not read makes only itself wait;
//! the engine is never held across an await.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tracing::{debug, warn};

use super::jobs;
use super::now;
use super::shared::{Scratch, Shared};
use crate::engine::session::{Closing, SessionHandle, Traffic};
use crate::engine::{Engine, Flow, Job, address_text};
use crate::protocol::request::{Limits, Parser};
use crate::runtime::{Monotonic, Now, Runtime};

/// A scratch buffer that a large reply has swollen gives the memory beyond this back.
const OUTPUT_KEPT_BYTES: usize = 256 * 1024;

/// Requests of one client that run before others have their turn.
const BATCH_MAX: usize = 256;

struct Connection<R: Runtime> {
    shared: Rc<Shared<R>>,
    stream: R::Stream,
    client: SessionHandle,
    parser: Parser,
    /// An unfinished request, or requests that wait for a pause or a job to end.
    input: Vec<u8>,
    /// Whether `input` may hold a whole request.
    unparsed: bool,
    /// Replies that the socket has not taken; those before `sent` it has.
    output: Vec<u8>,
    sent: usize,
    /// The connection ends when `output` is sent.
    ending: bool,
    /// Since when the output has been above the soft limit.
    over_since: Option<Monotonic>,
    received_bytes: u64,
    sent_bytes: u64,
}

/// Why a connection's task looks up from reading and writing.
enum Event {
    Job(Job),
    Paused(Monotonic),
    End,
}

/// What became of a batch.
enum Progress {
    /// All ran.
    Done,
    /// One asks the node for something, or has to wait.
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
        output: Vec::new(),
        sent: 0,
        ending: false,
        over_since: None,
        received_bytes: 0,
        sent_bytes: 0,
    };
    loop {
        match std::future::poll_fn(|cx| connection.poll(cx)).await {
            Event::Job(job) => {
                let shared = connection.shared.clone();
                jobs::run(&shared, job, client, &mut connection.output).await;
            }
            Event::Paused(until) => connection.wait(until).await,
            Event::End => break,
        }
    }
    connection.shared.engine.borrow_mut().disconnect(client);
}

impl<R: Runtime> Connection<R> {
    /// Works until something has to be waited for that reading and writing cannot bring.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            if self.shared.poll_mailbox(self.client, cx) {
                self.take_outbox();
            }
            if self.closing() == Some(Closing::Now) {
                return Poll::Ready(Event::End);
            }
            match self.poll_flush(cx) {
                Poll::Ready(Err(e)) => return Poll::Ready(self.lost("writing to", &e)),
                Poll::Ready(Ok(())) if self.ending => return Poll::Ready(Event::End),
                Poll::Pending if self.ending || self.output_over_limit() => {
                    return if self.ending { Poll::Pending } else { Poll::Ready(Event::End) };
                }
                _ => {}
            }
            let frozen = self.shared.frozen_until.get();
            if frozen > Monotonic::default() && frozen > R::now() {
                return Poll::Ready(Event::Paused(frozen));
            }
            if std::mem::take(&mut self.unparsed) {
                match self.run_input(cx) {
                    Ok(Progress::Done) => continue,
                    Ok(Progress::Stopped(event)) => return Poll::Ready(event),
                    Err(e) => return Poll::Ready(self.lost("writing to", &e)),
                }
            }
            match ready!(self.poll_read(cx)) {
                Ok(Progress::Done) => {}
                Ok(Progress::Stopped(event)) => return Poll::Ready(event),
                Err(e) => return Poll::Ready(self.lost("reading from", &e)),
            }
        }
    }

    fn lost(&self, doing: &str, error: &io::Error) -> Event {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => {}
            _ => debug!("Error {doing} client: {error}"),
        }
        Event::End
    }

    /// Waits for the end of a pause, or until somebody wakes the client.
    async fn wait(&mut self, until: Monotonic) {
        let (shared, client) = (self.shared.clone(), self.client);
        let mut sleep = std::pin::pin!(R::sleep_until(until));
        std::future::poll_fn(|cx| {
            if shared.poll_mailbox(client, cx) {
                self.take_outbox();
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
        let session = &mut self.shared.engine.borrow_mut().sessions[self.client];
        self.output.append(&mut session.outbox);
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
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.received_bytes += length as u64;
        let whole = std::mem::take(&mut scratch.input);
        let (consumed, progress) = self.run(&whole[..length], &mut scratch);
        self.input.extend_from_slice(&whole[consumed..length]);
        scratch.input = whole;
        self.yield_if_busy(length == scratch.input.len(), cx);
        self.after_run(&mut scratch, length as u64, cx)?;
        Poll::Ready(Ok(progress))
    }

    /// Reads behind the beginning of a request that is kept from before.
    fn poll_read_more(&mut self, scratch: &mut Scratch, cx: &mut Context<'_>) -> Poll<io::Result<Progress>> {
        let room = self.parser.needs().clamp(16 * 1024, 1024 * 1024);
        let before = self.input.len();
        self.input.resize(before + room, 0);
        let mut buffer = ReadBuf::new(&mut self.input[before..]);
        let read = Pin::new(&mut self.stream).poll_read(cx, &mut buffer);
        let length = buffer.filled().len();
        self.input.truncate(before + length);
        ready!(read)?;
        if length == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.received_bytes += length as u64;
        let progress = self.run_kept(scratch);
        self.yield_if_busy(length == room, cx);
        self.after_run(scratch, length as u64, cx)?;
        Poll::Ready(Ok(progress))
    }

    /// Runs what waited in `input` for a pause or a job to end.
    fn run_input(&mut self, cx: &mut Context<'_>) -> io::Result<Progress> {
        let shared = self.shared.clone();
        let mut scratch = shared.scratch.borrow_mut();
        let progress = self.run_kept(&mut scratch);
        self.after_run(&mut scratch, 0, cx)?;
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

    /// A client that sends without end lets the others have their turn after each full buffer.
    fn yield_if_busy(&mut self, full: bool, cx: &mut Context<'_>) {
        if full {
            cx.waker().wake_by_ref();
        }
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
            let parsed = self.parser.parse(&input[consumed..], &limits, batch_max, &mut scratch.batch);
            let (stopped_at, event) = self.run_batch(&mut engine, &input[consumed..], scratch);
            if let Some(event) = event {
                // The parser has read on; what did not run will be parsed again.
                self.parser = Parser::default();
                consumed += stopped_at;
                self.unparsed = consumed < input.len();
                return (consumed, Progress::Stopped(event));
            }
            consumed += parsed.consumed;
            if let Some(error) = parsed.error {
                debug!("Protocol error from client: {error}");
                error.write(&mut scratch.output);
                self.ending = true;
                return (input.len(), Progress::Done);
            }
            if self.ending {
                return (input.len(), Progress::Done);
            }
            if scratch.batch.len() < batch_max {
                break;
            }
        }
        if (input.len() - consumed) as u64 > engine.config.client_query_buffer_limit_bytes {
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
    ) -> (usize, Option<Event>) {
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
            match flow {
                Flow::Continue => {}
                Flow::Close => {
                    self.ending = true;
                    break;
                }
                Flow::Paused(until) => return (batch.start(i), Some(Event::Paused(until))),
                Flow::Job(job) => return (batch.end(i), Some(Event::Job(job))),
            }
        }
        (0, None)
    }

    /// After requests ran: sends the replies, tells the clients that they concern, counts.
    fn after_run(&mut self, scratch: &mut Scratch, received: u64, cx: &mut Context<'_>) -> io::Result<()> {
        self.shared.deliver();
        // Replies keep their order: what is still unsent goes first.
        let mut sent = 0;
        if self.output.is_empty() {
            sent = self.write_now(&scratch.output, cx)?;
        }
        self.output.extend_from_slice(&scratch.output[sent..]);
        scratch.output.clear();
        scratch.output.shrink_to(OUTPUT_KEPT_BYTES);
        let traffic = self.traffic();
        let mut engine = self.shared.engine.borrow_mut();
        engine.stats.total_net_input_bytes += received;
        engine.stats.total_reads_processed += 1;
        engine.sessions.set_traffic(self.client, traffic);
        Ok(())
    }

    /// Writes what the socket takes of these bytes; how much that was.
    fn write_now(&mut self, bytes: &[u8], cx: &mut Context<'_>) -> io::Result<usize> {
        let mut sent = 0;
        while sent < bytes.len() {
            match Pin::new(&mut self.stream).poll_write(cx, &bytes[sent..]) {
                Poll::Ready(written) => sent += written?,
                Poll::Pending => break,
            }
        }
        self.sent_bytes += sent as u64;
        let stats = &mut self.shared.engine.borrow_mut().stats;
        stats.total_net_output_bytes += sent as u64;
        stats.total_writes_processed += 1;
        Ok(sent)
    }

    fn traffic(&self) -> Traffic {
        Traffic {
            query_bytes: self.input.len(),
            query_free_bytes: self.input.capacity() - self.input.len(),
            output_bytes: self.output.capacity(),
            received_bytes: self.received_bytes,
            sent_bytes: self.sent_bytes,
        }
    }

    /// Writes what is left of earlier replies; ready when all is sent.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.output.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let output = std::mem::take(&mut self.output);
        let written = self.write_now(&output[self.sent..], cx);
        self.output = output;
        self.sent += written?;
        if self.sent < self.output.len() {
            return Poll::Pending;
        }
        self.sent = 0;
        self.over_since = None;
        self.output = Vec::new();
        Poll::Ready(Ok(()))
    }

    /// `client-output-buffer-limit`: whether so much is unsent, or so long, that the client has to go.
    fn output_over_limit(&mut self) -> bool {
        let pending = (self.output.len() - self.sent) as u64;
        let mut engine = self.shared.engine.borrow_mut();
        let limit = &engine.config.client_output_buffer_limits.normal;
        let hard = limit.hard_bytes != 0 && pending > limit.hard_bytes;
        let soft = limit.soft_bytes != 0 && pending > limit.soft_bytes;
        let now = R::now();
        let since = *self.over_since.get_or_insert(now);
        if !soft {
            self.over_since = None;
        }
        let over = hard || soft && (now - since).as_secs() >= limit.soft_seconds;
        if over {
            engine.stats.client_output_buffer_limit_disconnections += 1;
            let peer = address_text(&engine.sessions[self.client].peer);
            warn!("Client {peer} closed for overcoming of output buffer limits ({pending} bytes unsent).");
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
