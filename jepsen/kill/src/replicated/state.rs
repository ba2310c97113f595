//! What a node says of its replication.

use std::io;
use std::time::Duration;

use crate::link::{Link, refuse};

/// A node that stands still is not waited for.
const PATIENCE: Duration = Duration::from_millis(400);

/// Of INFO replication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Whether it is the primary of others, or could be.
    pub is_primary: bool,
    /// The history.
    pub id: String,
    /// How much of it it has.
    pub offset: u64,
    /// Of a replica: whether the stream comes in.
    pub is_up: bool,
    /// Of a replica: whether it is in the middle of a full sync.
    pub is_syncing: bool,
    /// Replicas that are connected.
    pub replicas: u64,
}

/// Asks.
pub fn state(port: u16) -> io::Result<State> {
    let mut link = Link::open_for(port, PATIENCE)?;
    let info = refuse(link.ask(&["INFO", "replication"])?)?;
    let text = String::from_utf8_lossy(info.as_bytes().unwrap_or_default()).into_owned();
    let field = |name: &str| {
        let value = |line: &str| line.strip_prefix(name)?.strip_prefix(':').map(str::to_owned);
        text.lines().find_map(value).unwrap_or_default()
    };
    Ok(State {
        is_primary: field("role") == "master",
        id: field("master_replid"),
        offset: field("master_repl_offset").parse().unwrap_or_default(),
        is_up: field("master_link_status") == "up",
        is_syncing: field("master_sync_in_progress") == "1",
        replicas: field("connected_slaves").parse().unwrap_or_default(),
    })
}
