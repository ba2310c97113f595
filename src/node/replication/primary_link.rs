//! This node as a replica: the link to its primary, made anew whenever it breaks.
//!
//! One task follows whatever primary the engine names. When another is named, or none, what it is doing is dropped where it
//! stands: that is always between two steps after each of which the data set is whole, or said not to be.

use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tracing::{info, warn};

use super::greeting::{self, Agreed};
use super::inflow::Inflow;
use super::{apply, receive};
use crate::engine::session::SessionHandle;
use crate::node::shared::Shared;
use crate::node::{now, persistence};
use crate::replication::Link;
use crate::runtime::{Address, Runtime, Stream};

/// So long after a link has broken the next attempt is made.
const RETRY: Duration = Duration::from_secs(1);
/// The same after an empty primary was refused: each attempt costs it a snapshot.
const RETRY_REFUSED: Duration = Duration::from_secs(10);

/// REPLICAOF: follow this primary from now on, or none.
pub(in crate::node) fn follow<R: Runtime>(shared: &Rc<Shared<R>>, primary: Option<(String, u16)>) {
    // What was done so far is history of the old role.
    persistence::settle(shared);
    {
        let (mut engine, at) = (shared.engine.borrow_mut(), now::<R>());
        match primary {
            Some((host, port)) => {
                if engine.follow(&host, port, at) {
                    info!("REPLICAOF {host}:{port} enabled (user request)");
                }
            }
            None => {
                if engine.promote(at) {
                    info!("MASTER MODE enabled (user request)");
                }
            }
        }
    }
    // One that a snapshot was to take the place of, had it been whole.
    persistence::renew_log(shared);
    shared.wake_following();
    shared.deliver();
}

/// A failover may go on: a replica has said how far it is, or time has passed.
pub(in crate::node) fn step_failover<R: Runtime>(shared: &Rc<Shared<R>>) {
    if !shared.engine.borrow().replication.failover.is_under_way() {
        return;
    }
    // What was done so far is history of the old role.
    persistence::settle(shared);
    shared.engine.borrow_mut().step_failover(now::<R>());
    shared.wake_following();
    shared.deliver();
}

/// Runs to the end of the node: follows whatever primary the engine names, if any.
pub(in crate::node) async fn run<R: Runtime>(shared: Rc<Shared<R>>) {
    loop {
        let generation = shared.engine.borrow().replica.generation;
        R::tell_role(shared.engine.borrow().replication.is_replica());
        let mut link = std::pin::pin!(keep_up(&shared));
        std::future::poll_fn(|cx| {
            // First: nothing is done any more for a primary that is not wanted.
            if shared.poll_followed(generation, cx).is_ready() {
                return std::task::Poll::Ready(());
            }
            link.as_mut().poll(cx)
        })
        .await;
        receive::clear::<R>();
    }
}

/// Keeps a link to the primary, if there is one.
async fn keep_up<R: Runtime>(shared: &Rc<Shared<R>>) {
    if !shared.engine.borrow().replication.is_replica() {
        return std::future::pending().await;
    }
    // What is on disk comes first: it may be a place to go on from.
    while shared.engine.borrow().persistence.loading().is_some() {
        R::sleep(super::super::TICK_MAX).await;
    }
    loop {
        let began = R::now();
        let Err(why) = attempt(shared).await;
        warn!("{why}");
        let was_connected = {
            let mut engine = shared.engine.borrow_mut();
            let was = engine.replication.upstream.as_ref().is_some_and(|up| up.link == Link::Connected);
            engine.set_link(Link::Connect, R::now());
            was
        };
        // Every moment without the stream is one of which a failover may lose what was acknowledged.
        if !(was_connected && R::now() - began >= RETRY) {
            wait_for_retry(shared).await;
        }
    }
}

async fn wait_for_retry<R: Runtime>(shared: &Rc<Shared<R>>) {
    let until = R::now() + RETRY_REFUSED;
    loop {
        R::sleep(RETRY).await;
        let engine = shared.engine.borrow();
        let is_refused =
            engine.replication.upstream.as_ref().is_some_and(|upstream| upstream.refused.is_some());
        if !is_refused || engine.config.replica_accept_empty_primary || R::now() >= until {
            return;
        }
    }
}

/// How long a link may be silent.
pub(super) fn patience<R: Runtime>(shared: &Shared<R>) -> Duration {
    Duration::from_secs(shared.engine.borrow().config.repl_timeout_seconds.into())
}

fn set_link<R: Runtime>(shared: &Shared<R>, link: Link) {
    shared.engine.borrow_mut().set_link(link, R::now());
}

/// Makes a link and follows it to its end. Why it ended.
async fn attempt<R: Runtime>(shared: &Rc<Shared<R>>) -> io::Result<std::convert::Infallible> {
    let patience = patience(shared);
    let Some((host, port)) = address(shared) else { return std::future::pending().await };
    info!("Connecting to MASTER {host}:{port}");
    set_link(shared, Link::Connecting);
    let failed = |e: io::Error| io::Error::new(e.kind(), format!("Unable to connect to MASTER: {e}"));
    let stream =
        R::timeout(patience, connect::<R>(host, port)).await.and_then(|made| made).map_err(failed)?;
    info!("MASTER <-> REPLICA sync started");
    // Reports are small, and the primary's clients may wait for them.
    let _ = stream.set_nodelay(true);
    let (peer, local) = (stream.peer_address().map_err(failed)?, stream.local_address().map_err(failed)?);
    let mut inflow = Inflow::<R>::new(stream);
    set_link(shared, Link::Handshake);
    let about = |e: io::Error| io::Error::new(e.kind(), format!("Error while talking to MASTER: {e}"));
    match greeting::greet(shared, &mut inflow, patience).await.map_err(about)? {
        Agreed::Continue(id) => shared.engine.borrow_mut().resume_sync(id),
        Agreed::Full(place) => receive::receive(shared, &mut inflow, place, patience).await?,
    }
    let client = Guest::enter(shared, peer, local);
    set_link(shared, Link::Connected);
    let why = apply::follow(shared, &mut inflow, client.handle()).await;
    Err(io::Error::new(why.kind(), format!("Connection with master lost: {why}")))
}

fn address<R: Runtime>(shared: &Shared<R>) -> Option<(String, u16)> {
    let engine = shared.engine.borrow();
    engine.replication.upstream.as_ref().map(|upstream| (upstream.host.clone(), upstream.port))
}

/// Tries the addresses of a host one after the other.
async fn connect<R: Runtime>(host: String, port: u16) -> io::Result<R::Stream> {
    let mut failure = io::Error::from(io::ErrorKind::NotFound);
    for address in R::resolve(host, port).await? {
        match R::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(e) => failure = e,
        }
    }
    Err(failure)
}

/// The primary as a client of this node; it leaves however its link ends.
struct Guest<R: Runtime> {
    shared: Rc<Shared<R>>,
    client: Cell<Option<SessionHandle>>,
}

impl<R: Runtime> Guest<R> {
    fn enter(shared: &Rc<Shared<R>>, peer: Address, local: Address) -> Guest<R> {
        let client = {
            let mut engine = shared.engine.borrow_mut();
            let client = engine.sessions.open(peer, local, true, now::<R>());
            engine.begin_stream(client);
            client
        };
        shared.open_mailbox(client);
        Guest { shared: shared.clone(), client: Cell::new(Some(client)) }
    }

    fn handle(&self) -> SessionHandle {
        // Only `drop` takes it.
        self.client.get().expect("the guest is here until it is dropped")
    }
}

impl<R: Runtime> Drop for Guest<R> {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            self.shared.engine.borrow_mut().disconnect(client);
        }
    }
}
