//! Sets, as far as sorted sets are combined with them.

use crate::keyspace::SetRef;

/// Whether a member is in a set. Sets cannot be filled yet.
pub(super) fn contains(set: SetRef<'_>, member: &[u8]) -> bool {
    let _ = (set, member);
    false
}

/// Shows the members of a set until `each` answers false.
pub(super) fn each(set: SetRef<'_>, each: impl FnMut(&[u8]) -> bool) {
    let _ = (set, each);
}
