//! The history that a node writes or repeats, and whether a replica may go on in it.
//!
//! ```text
//! new ──► writes history A ──promote / restart──► writes B, and knows that B's beginning is A up to an offset
//!            │  ▲                                      │
//!    follow  ▼  │ promote                              │ follow
//!         repeats history C (of another node) ◄────────┘
//!            │ its primary goes on under another name (renamed): the same, and C's end is known
//! ```
//!
//! A promotion ends the old history at the promoted node's offset and begins a new one there: replicas of the old one that are
//! not beyond that offset can go on in the new one, since up to there both are the same. So a node remembers one earlier name,
//! and up to where it holds (Redis's `master_replid2` and `second_repl_offset`; PSYNC2 of Redis 4.0).

use std::ops::Range;

use super::ReplicationId;

/// See the module.
///
/// Invariant: `second`'s offset is never beyond `offset`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct History {
    id: ReplicationId,
    offset: u64,
    /// The name before, and the offset up to which it names the same history.
    second: Option<(ReplicationId, u64)>,
}

/// What a replica that asks to go on is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Go on: what follows comes from this offset.
    Continue {
        /// The first offset that the replica has not got.
        from: u64,
    },
    /// Begin anew with a snapshot.
    Full(Refusal),
}

/// Why a replica cannot go on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It does not ask to.
    NotAsked,
    /// It has followed a history that is not known here.
    OtherHistory,
    /// It has followed a history known here, but beyond where that ended.
    BeyondEnd {
        /// Where it ended.
        end: u64,
    },
    /// What follows is not kept any more, or was not written yet.
    NotKept {
        /// What is kept.
        kept_from: u64,
        /// See `kept_from`.
        kept_to: u64,
    },
}

impl History {
    /// A new history without a past.
    pub fn new(id: ReplicationId) -> History {
        History { id, offset: 0, second: None }
    }

    /// The name.
    pub fn id(&self) -> ReplicationId {
        self.id
    }

    /// Bytes so far.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The name before, and up to which offset it holds.
    pub fn second(&self) -> Option<(ReplicationId, u64)> {
        self.second
    }

    /// So many bytes more have been written or repeated.
    #[inline]
    pub fn advance(&mut self, bytes: u64) {
        self.offset += bytes;
    }

    /// From here on this node writes a history of its own: replicas of the old one may go on up to here.
    pub fn promote(&mut self, new: ReplicationId) {
        self.second = Some((self.id, self.offset));
        self.id = new;
    }

    /// [`History::promote`] with a mistake: the old name holds for one byte more than it should.
    pub fn promote_beyond(&mut self, new: ReplicationId) {
        self.promote(new);
        self.second = self.second.map(|(id, end)| (id, end + 1));
    }

    /// A name that was lost and its history with it: what was loaded is its beginning, up to here.
    pub fn resume_under(&mut self, new: ReplicationId, loaded: ReplicationId, offset: u64) {
        *self = History { id: loaded, offset, second: None };
        self.promote(new);
    }

    /// Whether this name is one of those under which this history is known.
    pub fn knows(&self, id: ReplicationId) -> bool {
        self.id == id || self.second.is_some_and(|(second, _)| second == id)
    }

    /// A new name without a past: what replicas have followed so far is not continued.
    pub fn forget(&mut self, new: ReplicationId) {
        self.id = new;
        self.second = None;
    }

    /// A snapshot of another node's history has been taken over.
    pub fn follow(&mut self, id: ReplicationId, offset: u64) {
        *self = History { id, offset, second: None };
    }

    /// The primary goes on under this name.
    pub fn renamed(&mut self, id: ReplicationId) {
        if id != self.id {
            self.promote(id);
        }
    }

    /// Whether a replica that has followed `asked` up to `from` may go on, if this stretch is kept.
    pub fn answer(
        &self,
        asked: Option<ReplicationId>,
        from: Option<u64>,
        kept: Option<Range<u64>>,
    ) -> Answer {
        let (Some(asked), Some(from)) = (asked, from) else { return Answer::Full(Refusal::NotAsked) };
        match self.second {
            _ if asked == self.id => {}
            Some((second, end)) if asked == second => {
                if from > end {
                    return Answer::Full(Refusal::BeyondEnd { end });
                }
            }
            _ => return Answer::Full(Refusal::OtherHistory),
        }
        match kept {
            Some(kept) if kept.start <= from && from <= kept.end => Answer::Continue { from },
            kept => {
                let kept = kept.unwrap_or(self.offset..self.offset);
                Answer::Full(Refusal::NotKept { kept_from: kept.start, kept_to: kept.end })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ReplicationId {
        ReplicationId::from_random([number; 3])
    }

    const FULL_OTHER: Answer = Answer::Full(Refusal::OtherHistory);

    #[test]
    fn a_replica_goes_on_where_the_backlog_reaches() {
        let mut history = History::new(id(1));
        history.advance(100);
        let ask = |from| history.answer(Some(id(1)), Some(from), Some(40..100));
        assert_eq!(ask(40), Answer::Continue { from: 40 });
        assert_eq!(ask(100), Answer::Continue { from: 100 });
        let not_kept = Answer::Full(Refusal::NotKept { kept_from: 40, kept_to: 100 });
        assert_eq!((ask(39), ask(101)), (not_kept.clone(), not_kept));
        assert_eq!(history.answer(Some(id(2)), Some(50), Some(40..100)), FULL_OTHER);
        assert_eq!(history.answer(None, None, Some(40..100)), Answer::Full(Refusal::NotAsked));
    }

    #[test]
    fn the_old_name_holds_up_to_the_promotion() {
        let mut history = History::new(id(1));
        history.advance(100);
        history.promote(id(2));
        history.advance(50);
        let ask = |asked, from| history.answer(Some(id(asked)), Some(from), Some(0..150));
        assert_eq!(ask(1, 100), Answer::Continue { from: 100 });
        assert_eq!(ask(1, 101), Answer::Full(Refusal::BeyondEnd { end: 100 }));
        assert_eq!(ask(2, 101), Answer::Continue { from: 101 });
    }

    #[test]
    fn only_one_old_name_is_remembered() {
        let mut history = History::new(id(1));
        history.promote(id(2));
        history.renamed(id(2));
        assert_eq!(history.second(), Some((id(1), 0)), "the same name is no other");
        history.advance(10);
        history.renamed(id(3));
        assert_eq!(history.second(), Some((id(2), 10)));
        assert_eq!(history.answer(Some(id(1)), Some(0), Some(0..10)), FULL_OTHER);
        history.follow(id(4), 7);
        assert_eq!((history.offset(), history.second()), (7, None));
    }
}
