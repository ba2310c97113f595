//! A node: the engine wired to a runtime. The only room that awaits, and the only place where tasks start.
//!
//! Tasks: one for each listener, one for each client, one for the periodic work. They share the engine through
//! `shared::Shared` and never hold it across an await, so a request always runs whole. Type parameters (`R: Runtime`) stop
//! here.

mod connection;
mod cron;
mod jobs;
mod listener;
mod persistence;
mod replication;
mod shared;

use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use tracing::info;

use crate::config::Config;
use crate::engine::replication::ReplicationFaults;
use crate::engine::table::CommandTable;
use crate::engine::{Engine, Identity, Shutdown, address_text};
use crate::runtime::{Listener, Now, Runtime};

pub use shared::HostHook;
use shared::{Listeners, Shared};

/// What a node is started with.
pub struct Options {
    /// Its configuration.
    pub config: Config,
    /// The commands that it knows.
    pub table: CommandTable,
    /// Puts a change by CONFIG SET into force where it concerns the process: log, working directory, limits.
    pub host: HostHook,
    /// Who it is; the start time, run id and memory at start are filled in here.
    pub identity: Identity,
    /// None, but where checkers are checked.
    pub faults: Faults,
}

/// Mistakes that a node makes on purpose, to prove that who checks it would notice. Production never sets one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// What follows a torn record of the append log is loaded as if nothing were missing.
    pub load_past_torn: bool,
    /// A save forgets the keys' deadlines.
    pub forget_expiry: bool,
    /// Those of replication.
    pub replication: ReplicationFaults,
}

/// A running node.
pub struct Node<R: Runtime> {
    shared: Rc<Shared<R>>,
}

impl<R: Runtime> Node<R> {
    /// Opens the listeners and starts the tasks.
    ///
    /// Errors: an address that cannot be listened on, named in the message.
    pub fn start(options: Options) -> io::Result<Node<R>> {
        let Options { config, table, host, mut identity, faults } = options;
        identity.started = now::<R>();
        identity.run_id = run_id::<R>();
        identity.startup_memory_bytes = R::process_memory().allocated as usize;
        let listeners = open_listeners::<R>(&config)?;
        let mut engine = Engine::new(config, table, identity, R::random());
        engine.stopwatch = R::now;
        engine.replication.faults = faults.replication;
        let found = persistence::find::<R>(&mut engine)?;
        let shared = Rc::new(Shared::new(engine, host, faults));
        R::spawn(cron::run(shared.clone()));
        R::spawn(replication::primary_link::run(shared.clone()));
        match found {
            Some(plan) => R::spawn(bring_up(shared.clone(), plan, listeners)),
            None => {
                shared.serve_all(listeners);
                info!("Ready to accept connections");
            }
        }
        Ok(Node { shared })
    }

    /// Waits until the node has been told to end, by SHUTDOWN or [`Node::stop`]. An error: it cannot go on.
    pub async fn stopped(&self) -> io::Result<()> {
        std::future::poll_fn(|cx| self.shared.poll_stopped(cx)).await
    }

    /// Does what has to be done before the node ends, as SHUTDOWN does. False: it should not end, since it cannot save.
    pub async fn prepare_to_stop(&self, how: Shutdown) -> bool {
        persistence::save_at_end(&self.shared, how).await
    }

    /// Tells the node to end.
    pub fn stop(&self) {
        self.shared.stop();
    }

    /// Looks at the engine: for tests and the simulator, which may look but not change.
    pub fn inspect<T>(&self, look: impl FnOnce(&Engine) -> T) -> T {
        look(&self.shared.engine.borrow())
    }
}

/// Loads what is on disk. If that takes long, clients are told so.
async fn bring_up<R: Runtime>(shared: Rc<Shared<R>>, plan: persistence::Plan<R>, listeners: Listeners<R>) {
    let mut listeners = Some(listeners);
    let mut patience = std::pin::pin!(R::sleep(TICK_MAX));
    let mut work = std::pin::pin!(persistence::bring_up(&shared, plan));
    let ended = std::future::poll_fn(|cx| {
        if listeners.is_some() && patience.as_mut().poll(cx).is_ready() {
            listeners.take().into_iter().for_each(|listeners| shared.serve_all(listeners));
        }
        work.as_mut().poll(cx)
    });
    match ended.await {
        Ok(()) => {
            listeners.into_iter().for_each(|listeners| shared.serve_all(listeners));
            info!("Ready to accept connections");
        }
        Err(e) => shared.fail(e),
    }
}

/// Both clocks.
#[inline]
fn now<R: Runtime>() -> Now {
    Now { mono: R::now(), wall: R::wall_clock() }
}

/// 40 hexadecimal digits, as Redis's run id.
fn run_id<R: Runtime>() -> String {
    let digits: String = (0..3).map(|_| format!("{:016x}", R::random())).collect();
    digits[..40].to_owned()
}

/// Opens what `bind`, `port` and `unixsocket` ask for.
fn open_listeners<R: Runtime>(config: &Config) -> io::Result<Listeners<R>> {
    let tcp = listener::open_tcp::<R>(config)?;
    let unix = open_unix::<R>(config)?;
    for listener in tcp.iter().chain(&unix) {
        if let Ok(address) = listener.local_address() {
            info!("Listening on {}", address_text(&address));
        }
    }
    if tcp.is_empty() && unix.is_none() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "Configured to not listen anywhere, exiting.",
        ));
    }
    Ok(Listeners { tcp, unix })
}

fn open_unix<R: Runtime>(config: &Config) -> io::Result<Option<R::Listener>> {
    if config.unixsocket.is_empty() {
        return Ok(None);
    }
    let path = PathBuf::from(&config.unixsocket);
    let mode = Some(config.unixsocket_mode.0).filter(|mode| *mode != 0);
    let opened = R::listen_unix(&path, mode).map_err(|e| {
        io::Error::new(e.kind(), format!("Failed opening Unix socket: bind: {}: {e}", path.display()))
    });
    opened.map(Some)
}

/// Redis waits so long at most for what it cannot be woken for.
const TICK_MAX: Duration = Duration::from_millis(100);
