//! What the tasks of a node share: the engine, buffers that one of them uses at a time, and who waits to be woken.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::replication::Syncs;
use super::{Faults, connection, listener, persistence};
use crate::config::{Apply, Config};
use crate::engine::session::SessionHandle;
use crate::engine::{Engine, Prepared};
use crate::protocol::request::Batch;
use crate::runtime::{Monotonic, Runtime};

/// Puts a change by CONFIG SET into force where it concerns the process: log, working directory, limits.
pub type HostHook = Box<dyn Fn(Apply, &Config)>;

/// Bytes read from a socket at once: as in Redis, so that clients with long pipelines take turns often.
const READ_BYTES: usize = 16 * 1024;

/// Buffers kept for held replies, at most.
const SPARE_MAX: usize = 64;

/// Buffers for the connection that is being served: one set for all, since only one is served at a time. It keeps an idle
/// connection small and the buffers in the cache.
#[derive(Debug)]
pub(super) struct Scratch {
    /// What was read.
    pub input: Box<[u8]>,
    /// The requests found in it.
    pub batch: Batch,
    /// The same, looked up.
    pub prepared: Vec<Prepared>,
    /// Their replies.
    pub output: Vec<u8>,
    /// For replies that are held until the other connections have been read from.
    spare: Vec<Vec<u8>>,
    /// The connection that ran requests last.
    last: Option<SessionHandle>,
}

impl Scratch {
    /// Takes the replies out of `output`, to be held for a moment.
    pub fn lend_output(&mut self) -> Vec<u8> {
        std::mem::replace(&mut self.output, self.spare.pop().unwrap_or_default())
    }

    /// Takes a buffer of [`Scratch::lend_output`] back. An empty one.
    pub fn take_back(&mut self, buffer: Vec<u8>) {
        if self.spare.len() < SPARE_MAX && buffer.capacity() <= 2 * READ_BYTES {
            self.spare.push(buffer);
        }
    }

    /// Notes whose requests ran. Whether those before were another's.
    pub fn takes_turns(&mut self, client: SessionHandle) -> bool {
        self.last.replace(client).is_some_and(|last| last != client)
    }
}

/// Where a node listens. CONFIG SET can change the TCP addresses, not the Unix socket.
pub(super) struct Listeners<R: Runtime> {
    pub tcp: Vec<R::Listener>,
    pub unix: Option<R::Listener>,
}

/// The state that a node's tasks share. Nobody holds a borrow of it across an await.
pub(super) struct Shared<R: Runtime> {
    /// The machine.
    pub engine: RefCell<Engine>,
    /// See [`Options::host`](super::Options::host).
    pub host: HostHook,
    /// See [`Options::faults`](super::Options::faults).
    pub faults: Faults,
    /// The buffers.
    pub scratch: RefCell<Scratch>,
    /// What there is of the append log.
    pub log: RefCell<persistence::Log<R>>,
    /// Snapshots on their way to replicas.
    pub syncs: RefCell<Syncs<R>>,
    /// No request runs before this moment (DEBUG SLEEP).
    pub frozen_until: Cell<Monotonic>,
    /// For each session, by its index: who is to be woken, and whether something came since.
    mailboxes: RefCell<Vec<Mailbox>>,
    /// The TCP listeners, which CONFIG SET may replace.
    listening: RefCell<Vec<Rc<listener::Switch>>>,
    stop: Stop,
    /// The link to the primary, while it waits for another to be named.
    following: RefCell<Option<Waker>>,
    runtime: std::marker::PhantomData<fn() -> R>,
}

#[derive(Debug, Default)]
struct Mailbox {
    waker: Option<Waker>,
    full: bool,
}

#[derive(Debug, Default)]
struct Stop {
    stopped: Cell<bool>,
    /// Why, if it is a failure.
    error: RefCell<Option<io::Error>>,
    waker: RefCell<Option<Waker>>,
}

impl<R: Runtime> Shared<R> {
    pub fn new(engine: Engine, host: HostHook, faults: Faults) -> Self {
        let scratch = Scratch {
            input: vec![0; READ_BYTES].into(),
            batch: Batch::default(),
            prepared: Vec::new(),
            output: Vec::with_capacity(READ_BYTES),
            spare: Vec::new(),
            last: None,
        };
        Shared {
            engine: RefCell::new(engine),
            host,
            faults,
            scratch: RefCell::new(scratch),
            log: RefCell::default(),
            syncs: RefCell::default(),
            frozen_until: Cell::default(),
            mailboxes: RefCell::default(),
            listening: RefCell::default(),
            stop: Stop::default(),
            following: RefCell::default(),
            runtime: std::marker::PhantomData,
        }
    }

    /// Serves these listeners as well.
    pub fn listen_on(self: &Rc<Self>, listeners: Vec<R::Listener>) {
        let fresh = listeners.into_iter().map(|listener| listener::spawn(self.clone(), listener));
        self.listening.borrow_mut().extend(fresh);
    }

    /// Begins to serve.
    pub fn serve_all(self: &Rc<Self>, Listeners { tcp, unix }: Listeners<R>) {
        self.listen_on(tcp);
        if let Some(unix) = unix {
            listener::spawn(self.clone(), unix);
        }
    }

    /// Closes the listeners of [`Shared::listen_on`].
    pub async fn stop_listening(&self) {
        let listening = self.listening.take();
        for listener in listening {
            listener.turn_off().await;
        }
    }

    /// Starts serving a client.
    pub fn serve(self: &Rc<Self>, stream: R::Stream, client: SessionHandle) {
        self.open_mailbox(client);
        R::spawn(connection::serve(self.clone(), stream, client));
    }

    /// A session that some other task looks after.
    pub fn open_mailbox(&self, client: SessionHandle) {
        let mut mailboxes = self.mailboxes.borrow_mut();
        if mailboxes.len() <= client.index() {
            mailboxes.resize_with(client.index() + 1, Mailbox::default);
        }
        mailboxes[client.index()] = Mailbox::default();
    }

    /// Ready when another primary has been named since this one was, or none.
    pub fn poll_followed(&self, generation: u64, cx: &mut Context<'_>) -> Poll<()> {
        if self.engine.borrow().replica.generation != generation {
            return Poll::Ready(());
        }
        self.following.replace(Some(cx.waker().clone()));
        Poll::Pending
    }

    /// Another primary has been named, or none, or it may be tried again.
    pub fn wake_following(&self) {
        if let Some(waker) = self.following.take() {
            waker.wake();
        }
    }

    /// Whether something came for this client since the last call; otherwise its task is woken when it does.
    #[inline]
    pub fn poll_mailbox(&self, client: SessionHandle, cx: &mut Context<'_>) -> bool {
        let mailbox = &mut self.mailboxes.borrow_mut()[client.index()];
        if !mailbox.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            mailbox.waker = Some(cx.waker().clone());
        }
        std::mem::take(&mut mailbox.full)
    }

    /// Wakes the clients that the engine names. To be called when the engine has run something.
    #[inline]
    pub fn deliver(&self) {
        let woken = self.engine.borrow_mut().take_woken();
        if woken.is_empty() {
            return;
        }
        let mut mailboxes = self.mailboxes.borrow_mut();
        woken.into_iter().for_each(|client| wake(&mut mailboxes, client));
    }

    /// Wakes a client.
    pub fn wake(&self, client: SessionHandle) {
        wake(&mut self.mailboxes.borrow_mut(), client);
    }

    /// Tells the node to end.
    pub fn stop(&self) {
        self.stop.stopped.set(true);
        if let Some(waker) = self.stop.waker.take() {
            waker.wake();
        }
    }

    /// Ends the node since it cannot go on.
    pub fn fail(&self, error: io::Error) {
        self.stop.error.replace(Some(error));
        self.stop();
    }

    /// Whether the node was told to end, or has failed.
    pub fn poll_stopped(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.stop.stopped.get() {
            return Poll::Ready(self.stop.error.take().map_or(Ok(()), Err));
        }
        self.stop.waker.replace(Some(cx.waker().clone()));
        Poll::Pending
    }
}

fn wake(mailboxes: &mut [Mailbox], client: SessionHandle) {
    // The session by which an append log is loaded has none.
    let Some(mailbox) = mailboxes.get_mut(client.index()) else { return };
    mailbox.full = true;
    if let Some(waker) = &mailbox.waker {
        waker.wake_by_ref();
    }
}
