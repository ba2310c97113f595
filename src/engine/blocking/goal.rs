//! What a client waits for that waits for copies of what it wrote.

use crate::replication::Copies;

/// What a client waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Goal {
    /// So many replicas have the client's last write.
    pub replicas: usize,
    /// In memory, or on disk.
    pub copies: Copies,
    /// It is also on this node's own disk.
    pub local: bool,
}

impl Goal {
    /// Whether there is enough.
    pub(super) fn is_reached(self, found: Found) -> bool {
        found.replicas >= self.replicas && (found.local || !self.local)
    }
}

/// What there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Found {
    /// So many replicas have it.
    pub replicas: usize,
    /// It is on this node's own disk.
    pub local: bool,
}
