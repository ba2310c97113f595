//! How a replica introduces itself: PING, AUTH, REPLCONF, PSYNC, each answered by a line.

use std::io;
use std::rc::Rc;
use std::time::Duration;

use tracing::{info, warn};

use super::inflow::Inflow;
use crate::node::now;
use crate::node::shared::Shared;
use crate::protocol::client::encode;
use crate::replication::{Failover, ReplicationId, Resync};
use crate::runtime::Runtime;

/// What the primary will do.
#[derive(Debug)]
pub(super) enum Agreed {
    /// It sends a snapshot: of this history at this offset, if it has said so.
    Full(Option<(ReplicationId, u64)>),
    /// It goes on where we are, perhaps under another name.
    Continue(Option<ReplicationId>),
}

/// Valkey sends a dump as this version of its own would read it, and nothing at all if the data cannot be told to that one.
const READS_DUMPS_OF: &[u8] = b"9.0.0";
/// What one answers that is asked to take over and is no replica.
const NO_REPLICA: &[u8] = b"-ERR PSYNC FAILOVER can't be sent to a master.";

fn refused(what: String) -> io::Error {
    io::Error::other(what)
}

fn text(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

/// Introduces this node, and asks for the history. An error ends the link.
pub(super) async fn greet<R: Runtime>(
    shared: &Rc<Shared<R>>,
    inflow: &mut Inflow<R>,
    patience: Duration,
) -> io::Result<Agreed> {
    let mut request = Vec::new();
    encode(&mut request, &[b"PING"]);
    inflow.send(&request, patience).await?;
    let answer = inflow.line(patience).await?;
    let is_alive = [&b"+"[..], b"-NOAUTH", b"-NOPERM", b"-ERR operation not permitted"]
        .iter()
        .any(|start| answer.starts_with(start));
    if !is_alive {
        return Err(refused(format!("Error reply to PING from master: '{}'", text(&answer))));
    }
    info!("Master replied to PING, replication can continue...");
    introduce(shared, inflow, patience).await?;
    ask(shared, inflow, patience).await
}

/// Says who we are and what we understand: all at once.
async fn introduce<R: Runtime>(
    shared: &Rc<Shared<R>>,
    inflow: &mut Inflow<R>,
    patience: Duration,
) -> io::Result<()> {
    let (mut request, mut expected) = (Vec::new(), Vec::new());
    {
        let engine = shared.engine.borrow();
        let config = &engine.config;
        if !config.masterauth.0.is_empty() {
            match config.masteruser.as_bytes() {
                b"" => encode(&mut request, &[&b"AUTH"[..], &config.masterauth.0]),
                user => encode(&mut request, &[&b"AUTH"[..], user, &config.masterauth.0]),
            }
            expected.push("AUTH");
        }
        let port = match config.replica_announce_port {
            0 => config.port,
            port => port,
        };
        encode(&mut request, &[&b"REPLCONF"[..], b"listening-port", port.to_string().as_bytes()]);
        expected.push("listening-port");
        if !config.replica_announce_ip.is_empty() {
            encode(&mut request, &[&b"REPLCONF"[..], b"ip-address", config.replica_announce_ip.as_bytes()]);
            expected.push("ip-address");
        }
        encode(&mut request, &[&b"REPLCONF"[..], b"capa", b"eof", b"capa", b"psync2"]);
        expected.push("capa");
        encode(&mut request, &[&b"REPLCONF"[..], b"version", READS_DUMPS_OF]);
        expected.push("version");
    }
    inflow.send(&request, patience).await?;
    for what in expected {
        let answer = inflow.line(patience).await?;
        match what {
            _ if !answer.starts_with(b"-") => {}
            "AUTH" => return Err(refused(format!("Unable to AUTH to MASTER: {}", text(&answer)))),
            what => info!("(Non critical) Master does not understand REPLCONF {what}: {}", text(&answer)),
        }
    }
    Ok(())
}

/// Asks for the history from where we are, or from its beginning.
async fn ask<R: Runtime>(
    shared: &Rc<Shared<R>>,
    inflow: &mut Inflow<R>,
    patience: Duration,
) -> io::Result<Agreed> {
    let (known, mut hands_over) = {
        let engine = shared.engine.borrow();
        (engine.resume_point(), engine.replication.failover == Failover::InProgress)
    };
    loop {
        request_history(inflow, known, hands_over, patience).await?;
        let answer = answer(inflow, patience).await?;
        if !hands_over {
            return understand(inflow, &answer, known.is_some(), patience).await;
        }
        if answer.starts_with(NO_REPLICA) {
            // It has taken over before, and that answer was lost: it is to be asked as any primary.
            hands_over = false;
            continue;
        }
        end_failover(shared, &answer)?;
        return understand(inflow, &answer, known.is_some(), patience).await;
    }
}

/// One that was asked to take over has answered.
fn end_failover<R: Runtime>(shared: &Shared<R>, answer: &[u8]) -> io::Result<()> {
    let mut engine = shared.engine.borrow_mut();
    if let Resync::Full { .. } | Resync::Continue { .. } = Resync::parse(answer) {
        engine.end_failover();
        return Ok(());
    }
    let why = format!("Failover target rejected psync request: {}", text(answer));
    engine.abort_failover(&why, now::<R>());
    Err(refused(why))
}

/// Asks from where we are, or from the beginning; `hands_over`: the other is to take over.
async fn request_history<R: Runtime>(
    inflow: &mut Inflow<R>,
    known: Option<(ReplicationId, u64)>,
    hands_over: bool,
    patience: Duration,
) -> io::Result<()> {
    let mut request = Vec::new();
    match known {
        Some((id, offset)) if hands_over => {
            let next = (offset + 1).to_string();
            info!("Trying a partial resynchronization with failover (request {id}:{next}).");
            encode(&mut request, &[&b"PSYNC"[..], id.as_bytes(), next.as_bytes(), b"FAILOVER"]);
        }
        Some((id, offset)) => {
            // On the wire: the first byte that is wanted, counted from 1.
            let next = (offset + 1).to_string();
            info!("Trying a partial resynchronization (request {id}:{next}).");
            encode(&mut request, &[b"PSYNC", id.as_bytes(), next.as_bytes()]);
        }
        None => {
            info!("Partial resynchronization not possible (no cached master)");
            encode(&mut request, &[&b"PSYNC"[..], b"?", b"-1"]);
        }
    }
    inflow.send(&request, patience).await
}

async fn answer<R: Runtime>(inflow: &mut Inflow<R>, patience: Duration) -> io::Result<Vec<u8>> {
    loop {
        let line = inflow.line(patience).await?;
        // It takes its time, and says that it is alive.
        if !line.is_empty() {
            return Ok(line);
        }
    }
}

async fn understand<R: Runtime>(
    inflow: &mut Inflow<R>,
    answer: &[u8],
    was_known: bool,
    patience: Duration,
) -> io::Result<Agreed> {
    match Resync::parse(answer) {
        Resync::Full { id, offset } => {
            info!("Full resync from master: {id}:{offset}");
            Ok(Agreed::Full(Some((id, offset))))
        }
        Resync::Continue { id } if was_known => {
            info!("Successful partial resynchronization with master.");
            Ok(Agreed::Continue(id))
        }
        Resync::Later => Err(refused(format!(
            "Master is currently unable to PSYNC but should be in the future: {}",
            text(answer)
        ))),
        Resync::Continue { .. } | Resync::Nonsense => {
            Err(refused(format!("Master replied with wrong syntax to PSYNC: {}", text(answer))))
        }
        Resync::Unknown => {
            warn!("Master does not support PSYNC or is in error state (reply: {})", text(answer));
            info!("Retrying with SYNC...");
            inflow.send(b"SYNC\r\n", patience).await?;
            Ok(Agreed::Full(None))
        }
    }
}
