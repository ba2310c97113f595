//! Accepting clients: limits, protected mode, socket options.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::rc::Rc;
use std::task::{Poll, Waker};
use std::time::Duration;

use tracing::{debug, warn};

use super::now;
use super::shared::Shared;
use crate::config::Config;
use crate::engine::Engine;
use crate::runtime::{Address, Listener, Runtime, Stream};

const TOO_MANY: &[u8] = b"-ERR max number of clients reached\r\n";
const DENIED: &[u8] = b"-DENIED Redis is running in protected mode because protected mode is enabled and no password \
is set for the default user. In this mode connections are only accepted from the loopback interface. If you want to \
connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode \
sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the same \
host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. Use CONFIG \
REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by editing the Redis \
configuration file, and setting the protected mode option to 'no', and then restarting the server. 3) If you started \
the server manually just for testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication \
password for the default user. NOTE: You only need to do one of the above things in order for the server to start \
accepting connections from the outside.\r\n";

/// Ends the task of a listener, and with it the listener.
#[derive(Debug, Default)]
pub(super) struct Switch {
    off: Cell<bool>,
    /// The listener is closed.
    gone: Cell<bool>,
    is_tcp: bool,
    waker: RefCell<Option<Waker>>,
}

impl Switch {
    /// Whether it listens for TCP connections.
    pub fn is_tcp(&self) -> bool {
        self.is_tcp
    }

    /// Whether it has ended.
    pub fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// Ends it.
    pub fn turn_off(&self) {
        self.off.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Opens a listener for each address of `bind`, none for port 0. An address with `-` before it may be missing.
pub(super) fn open_tcp<R: Runtime>(config: &Config) -> io::Result<Vec<R::Listener>> {
    let mut listeners = Vec::new();
    let wanted: &[String] = if config.port == 0 { &[] } else { &config.bind };
    for bind in wanted {
        let (name, optional) = bind.strip_prefix('-').map_or((bind.as_str(), false), |rest| (rest, true));
        let address = SocketAddr::new(ip(name)?, config.port);
        match R::listen(address, config.tcp_backlog) {
            Ok(listener) => listeners.push(listener),
            Err(e) if optional && e.kind() != io::ErrorKind::AddrInUse => debug!(%address, "not there: {e}"),
            Err(e) => {
                let text = format!("Could not create server TCP listening socket {address}: bind: {e}");
                return Err(io::Error::new(e.kind(), text));
            }
        }
    }
    Ok(listeners)
}

fn ip(name: &str) -> io::Result<IpAddr> {
    match name {
        "*" => Ok(Ipv4Addr::UNSPECIFIED.into()),
        "::*" => Ok(Ipv6Addr::UNSPECIFIED.into()),
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        name => name.parse().map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("Invalid bind address '{name}': not an IP address"),
            )
        }),
    }
}

/// Starts the task of a listener.
pub(super) fn spawn<R: Runtime>(shared: Rc<Shared<R>>, listener: R::Listener) -> Rc<Switch> {
    let is_tcp = matches!(listener.local_address(), Ok(Address::Ip(_)));
    let switch = Rc::new(Switch { is_tcp, ..Switch::default() });
    R::spawn(accept_all(shared, listener, switch.clone()));
    switch
}

async fn accept_all<R: Runtime>(shared: Rc<Shared<R>>, listener: R::Listener, switch: Rc<Switch>) {
    while let Some(accepted) = accept_unless_off(&listener, &switch).await {
        match accepted {
            Ok(stream) => admit(&shared, stream),
            Err(e) => {
                warn!("Accepting client connection: {e}");
                // Out of file descriptors, most likely: trying at once would only spin.
                R::sleep(Duration::from_millis(10)).await;
            }
        }
    }
    drop(listener);
    switch.gone.set(true);
}

async fn accept_unless_off<L: Listener>(listener: &L, switch: &Switch) -> Option<io::Result<L::Stream>> {
    let mut accept = std::pin::pin!(listener.accept());
    std::future::poll_fn(|cx| {
        if switch.off.get() {
            return Poll::Ready(None);
        }
        switch.waker.replace(Some(cx.waker().clone()));
        accept.as_mut().poll(cx).map(Some)
    })
    .await
}

fn admit<R: Runtime>(shared: &Rc<Shared<R>>, stream: R::Stream) {
    let (Ok(peer), Ok(local)) = (stream.peer_address(), stream.local_address()) else { return };
    let mut engine = shared.engine.borrow_mut();
    if let Some(refusal) = refusal(&mut engine, &peer) {
        // The client may be gone; what it does not read it does not need.
        let _ = stream.try_write(refusal);
        return;
    }
    let _ = stream.set_nodelay(true);
    let keepalive = engine.config.tcp_keepalive_seconds;
    let _ = stream.set_keepalive(Some(Duration::from_secs(keepalive.into())).filter(|d| !d.is_zero()));
    let open = engine.config.requirepass.0.is_empty();
    let client = engine.sessions.open(peer, local, open, now::<R>());
    engine.stats.total_connections_received += 1;
    drop(engine);
    shared.serve(stream, client);
}

/// Why this client is not served, if so.
fn refusal(engine: &mut Engine, peer: &Address) -> Option<&'static [u8]> {
    if engine.sessions.len() >= engine.config.maxclients as usize {
        engine.stats.rejected_connections += 1;
        return Some(TOO_MANY);
    }
    let exposed = engine.config.protected_mode && engine.config.requirepass.0.is_empty();
    if exposed && !crate::engine::is_local(peer) {
        engine.stats.rejected_connections += 1;
        return Some(DENIED);
    }
    None
}
