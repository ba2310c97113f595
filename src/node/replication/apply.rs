//! The history that a primary sends: read, split into units, done.
//!
//! A unit is done whole before anybody looks. Between units others have their turn. The history moves on in the same step in which
//! what it says has been done; its bytes go to this node's own replicas as they came.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::inflow::Inflow;
use super::primary_link;
use crate::engine::session::SessionHandle;
use crate::engine::{Engine, Prepared};
use crate::node::shared::Shared;
use crate::node::{now, persistence};
use crate::protocol::client::encode;
use crate::replication::{Synced, Units};
use crate::runtime::{Monotonic, Now, Runtime};

/// Requests that are looked up together.
const BATCH_MAX: usize = 256;
/// So often the primary is told how far we are.
const REPORT: Duration = Duration::from_secs(1);
/// After so long others have their turn.
const SLICE: Duration = Duration::from_millis(1);
/// So often it is looked whether the stream may go on that was held.
const HELD_POLL: Duration = Duration::from_millis(5);

struct Following<'a, R: Runtime> {
    shared: &'a Rc<Shared<R>>,
    inflow: &'a mut Inflow<R>,
    client: SessionHandle,
    units: Units,
    prepared: Vec<Prepared>,
    replies: Vec<u8>,
    synced: Synced,
    /// Since when nobody else has had a turn.
    slice: Option<Monotonic>,
    /// When the primary is told next how far we are.
    report: Pin<Box<dyn Future<Output = ()>>>,
}

/// Follows the history to the end of the link. Why it ended.
pub(super) async fn follow<R: Runtime>(
    shared: &Rc<Shared<R>>,
    inflow: &mut Inflow<R>,
    client: SessionHandle,
) -> io::Error {
    let mut following = Following {
        shared,
        inflow,
        client,
        units: Units::default(),
        prepared: Vec::new(),
        replies: Vec::new(),
        synced: Synced::default(),
        slice: None,
        report: Box::pin(R::sleep(REPORT)),
    };
    // The primary begins to send when it knows that we are ready.
    following.report();
    loop {
        if let Err(why) = following.work().await {
            return why;
        }
        if let Err(why) = std::future::poll_fn(|cx| following.poll_more(cx)).await {
            return why;
        }
    }
}

impl<R: Runtime> Following<'_, R> {
    /// Waits for more to come.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.shared.poll_mailbox(self.client, cx) && self.is_closed() {
            return Poll::Ready(Err(io::Error::other("closed by a client")));
        }
        while self.report.as_mut().poll(cx).is_ready() {
            self.report = Box::pin(R::sleep(REPORT));
            self.report();
            self.check_silence()?;
        }
        let needs = self.units.needs(self.inflow.bytes());
        let filled = self.inflow.poll_fill(needs, cx);
        if filled.is_pending() {
            self.slice = None;
        }
        filled.map_ok(|bytes| self.shared.engine.borrow_mut().heard_of_primary(bytes, R::now()))
    }

    fn is_closed(&self) -> bool {
        let mut engine = self.shared.engine.borrow_mut();
        let session = &mut engine.sessions[self.client];
        session.outbox = Vec::new();
        session.closing.is_some()
    }

    fn check_silence(&self) -> io::Result<()> {
        let patience = primary_link::patience(self.shared);
        let engine = self.shared.engine.borrow();
        let is_silent = |since| R::now() - since > patience;
        match &engine.replication.upstream {
            Some(upstream) if is_silent(upstream.heard_at) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "MASTER timeout: no data nor PING received..."))
            }
            _ => Ok(()),
        }
    }

    /// Does all units that are there.
    async fn work(&mut self) -> io::Result<()> {
        let mut reported = R::now();
        loop {
            if let Err(malformed) = self.units.read(self.inflow.bytes(), BATCH_MAX) {
                // Nobody knows where the next unit begins: there is nothing to go on from.
                let mut engine = self.shared.engine.borrow_mut();
                if let Some(upstream) = &mut engine.replication.upstream {
                    upstream.has_history = false;
                }
                let text = format!("Protocol error from master: {malformed}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            if self.units.whole().is_empty() {
                return Ok(());
            }
            while self.shared.engine.borrow().holds_stream(now::<R>()) {
                R::sleep(HELD_POLL).await;
                if R::now() - reported > REPORT {
                    reported = R::now();
                    self.report();
                }
            }
            if self.shared.frozen_until.get() > R::now() {
                R::sleep_until(self.shared.frozen_until.get()).await;
            }
            let asked = self.apply();
            self.shared.deliver();
            self.settle();
            if asked {
                self.report();
            }
            let at = R::now();
            if at - *self.slice.get_or_insert(at) > SLICE {
                R::yield_now().await;
                self.slice = None;
            }
        }
    }

    /// What was done goes to the append log and to this node's replicas.
    fn settle(&mut self) {
        let gate = persistence::settle(self.shared);
        let mut engine = self.shared.engine.borrow_mut();
        persistence::wake_replicas(self.shared, &mut engine);
        self.synced.note(gate.accepted, engine.replication.history.offset());
    }

    /// Does the units that were found, as many as a slice has time for. Whether the primary has asked how far we are.
    fn apply(&mut self) -> bool {
        let Following { shared, inflow, client, units, prepared, replies, .. } = self;
        let (input, client) = (inflow.bytes(), *client);
        let mut engine = shared.engine.borrow_mut();
        let engine = &mut *engine;
        let count = units.whole().last().map_or(0, |last| last.requests.end);
        let db = engine.sessions[client].db;
        prepared.clear();
        prepared.extend((0..count).map(|index| engine.prepare(db, units.request(index, input))));
        if count > 1 {
            prepared.iter().for_each(|request| engine.prefetch(db, request));
        }
        let begun = now::<R>();
        let (mut at, mut done, mut asked, mut end) = (begun, 0, false, 0);
        for span in units.whole() {
            engine.begin_unit(at);
            for index in span.commands() {
                let request = units.request(index, input);
                if is_replconf(request.name()) {
                    asked |= request.len() > 1 && request.arg(1).eq_ignore_ascii_case(b"getack");
                    continue;
                }
                replies.clear();
                at = apply_one::<R>(engine, client, request, prepared[index], replies, at);
            }
            engine.end_unit(at);
            (done, end) = (done + 1, span.end);
            if at.mono - begun.mono > SLICE || engine.is_script_suspended() {
                break;
            }
        }
        engine.note_applied(client, &input[..end]);
        let dropped = units.pass(done);
        inflow.pass(dropped);
        replies.shrink_to(64 * 1024);
        asked
    }

    /// Tells the primary how far we are.
    fn report(&mut self) {
        let engine = self.shared.engine.borrow();
        let offset = engine.replication.history.offset().to_string();
        let policy = &engine.append.policy;
        let mut request = Vec::new();
        if engine.config.appendonly && policy.is_in_force() {
            let synced = self.synced.reached(policy.synced()).to_string();
            encode(&mut request, &[&b"REPLCONF"[..], b"ACK", offset.as_bytes(), b"FACK", synced.as_bytes()]);
        } else {
            encode(&mut request, &[&b"REPLCONF"[..], b"ACK", offset.as_bytes()]);
        }
        drop(engine);
        self.inflow.report(&request);
    }
}

/// Does one command and counts it, as a client's. The time afterwards.
#[inline]
fn apply_one<R: Runtime>(
    engine: &mut Engine,
    client: SessionHandle,
    request: crate::protocol::request::Request<'_>,
    prepared: Prepared,
    replies: &mut Vec<u8>,
    at: Now,
) -> Now {
    engine.apply(client, request, prepared, replies, at);
    let end = R::now();
    engine.count_time(client, request, prepared, end - at.mono, at);
    Now { mono: end, ..at }
}

fn is_replconf(name: &[u8]) -> bool {
    name.len() == 8 && name.eq_ignore_ascii_case(b"replconf")
}
