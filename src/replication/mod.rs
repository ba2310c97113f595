//! Replication as pure decisions: what a history is and who may go on in it, what of it is kept, how far each replica is, and how
//! many have enough.
//!
//! A data set is what a *history* makes of nothing: a stream of bytes (commands in RESP) with a name. A primary writes history;
//! replicas repeat it byte for byte, so that a position in it (its *offset*: how many bytes came before) says exactly which data
//! set somebody has. Two nodes with equal id and offset have equal data.
//!
//! | file | what stands there |
//! |---|---|
//! | `id` | names of histories |
//! | `history` | the one that a node writes or repeats, the one before, and who may go on where |
//! | `backlog` | the last stretch of it, for those who were away for a while |
//! | `progress` | one replica as its primary sees it |
//! | `pressure` | how far writers may run ahead of slow replicas |
//! | `quorum` | how many replicas have how much: WAIT, WAITAOF, `min-replicas-to-write` |
//! | `failover` | handing the role of the primary to a replica |
//! | `upstream` | a node's own primary: which, and how far the link to it is |
//! | `answer` | what it says before a history begins |
//! | `synced` | up to which offset of the history the append log is on disk |
//! | `units` | the history as it comes, split into what is done as a whole |
//!
//! Offsets count from 0 here. On the wire PSYNC names the first byte that is wanted, counted from 1.

mod answer;
mod backlog;
mod failover;
mod history;
mod id;
pub mod pressure;
mod progress;
mod quorum;
mod synced;
mod units;
mod upstream;

pub use answer::{Form, Resync};
pub use backlog::Backlog;
pub use failover::{Failover, Step};
pub use history::{Answer, History, Refusal};
pub use id::ReplicationId;
pub use progress::{Capabilities, Parts, Replica, Stage};
pub use quorum::{Copies, good, having};
pub use synced::Synced;
pub use units::{Malformed, Span, Units};
pub use upstream::{Link, Upstream};
