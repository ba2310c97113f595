//! Replication on the wire: a node's links to its replicas, and to its primary.
//!
//! | file | what it does |
//! |---|---|
//! | `replica_link` | this node as a primary: one replica's connection, from PSYNC to its end |
//! | `full_sync` | the snapshot for all replicas that wait for one |
//! | `primary_link` | this node as a replica: connect, introduce, take the snapshot, follow |

pub(super) mod primary_link;
pub(super) mod replica_link;
