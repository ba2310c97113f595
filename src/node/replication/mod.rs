//! Replication on the wire: a node's links to its replicas, and to its primary.
//!
//! | file | what it does |
//! |---|---|
//! | `replica_link` | this node as a primary: one replica's connection, from PSYNC to its end |
//! | `full_sync` | the snapshot for all replicas that wait for one |
//! | `primary_link` | this node as a replica: connect, introduce, take the snapshot, follow |
//! | `greeting` | how the two introduce themselves |
//! | `receive` | the snapshot |
//! | `body` | its bytes, in either form |
//! | `apply` | the history that follows |
//! | `inflow` | the socket, with what has come and is not done with |

mod apply;
mod body;
mod greeting;
mod inflow;
pub(super) mod primary_link;
mod receive;
pub(super) mod replica_link;
