//! Replication on the wire: a node's links to its replicas, and to its primary.
//!
//! | file | what it does |
//! |---|---|
//! | `replica_link` | this node as a primary: one replica's connection, from PSYNC to its end |
//! | `transfer` | a snapshot on its way to replicas: what each has yet to be sent |
//! | `full_sync` | makes the snapshots for all replicas that wait for one |
//! | `primary_link` | this node as a replica: connect, introduce, take the snapshot, follow |
//! | `greeting` | how the two introduce themselves |
//! | `receive` | the snapshot |
//! | `body` | its bytes, in either form |
//! | `apply` | the history that follows |
//! | `inflow` | the socket, with what has come and is not done with |

mod apply;
mod body;
mod full_sync;
mod greeting;
mod inflow;
pub(super) mod primary_link;
mod receive;
pub(super) mod replica_link;
mod transfer;

pub(super) use transfer::Syncs;
