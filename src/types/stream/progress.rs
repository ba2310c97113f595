//! How far a reader is: the number of entries that were added up to an id, where it can be told, and how many are ahead.
//!
//! Entries deleted from the middle make it unknowable; `max_deleted_id` is all that is remembered of them. The rules are those
//! of Redis 8 (`streamReplyWithCGLag`), so that the figures agree.

use super::id::StreamId;
use super::log::Log;

impl Log {
    /// How many entries were added up to this id; `None` where that cannot be told.
    pub fn entries_until(&self, id: StreamId) -> Option<u64> {
        let figures = &self.figures;
        if figures.entries_added == 0 {
            return Some(0);
        }
        if figures.len == 0 && id <= figures.last_id {
            return Some(figures.entries_added);
        }
        if (!id.is_zero() && id < figures.max_deleted_id) || id > figures.last_id {
            return None;
        }
        if id == figures.last_id {
            return Some(figures.entries_added);
        }
        let whole = figures.max_deleted_id.is_zero() || figures.max_deleted_id < figures.first_id;
        let before_first = figures.entries_added.saturating_sub(figures.len as u64);
        match id.cmp(&figures.first_id) {
            std::cmp::Ordering::Less if whole => Some(before_first),
            std::cmp::Ordering::Equal if whole => Some(before_first + 1),
            _ => None,
        }
    }

    /// Whether an entry from this id on may have been deleted.
    pub fn may_have_gap_from(&self, id: StreamId) -> bool {
        !self.is_empty() && !self.figures.max_deleted_id.is_zero() && id <= self.figures.max_deleted_id
    }

    /// How many entries are ahead of a reader that has come to this id after so many entries (if that is known).
    pub fn lag(&self, id: StreamId, entries_read: Option<i64>) -> Option<i64> {
        let figures = &self.figures;
        let added = figures.entries_added as i64;
        if added == 0 || self.is_empty() {
            return Some(0);
        }
        if id < figures.first_id && figures.max_deleted_id < figures.first_id {
            return Some(figures.len as i64);
        }
        match entries_read {
            Some(read) if !self.may_have_gap_from(id) => Some(added.wrapping_sub(read)),
            _ => self.entries_until(id).map(|read| added.wrapping_sub(read as i64)),
        }
    }

    /// The number of entries read of a reader that comes from `from`, having read `entries_read`, to the entry `to`.
    pub fn entries_read_at(&self, from: StreamId, entries_read: Option<i64>, to: StreamId) -> Option<i64> {
        match entries_read {
            Some(read) if from >= self.figures.first_id && !self.may_have_gap_from(from) => {
                Some(read.wrapping_add(1))
            }
            read if self.figures.entries_added == 0 => read,
            _ => self.entries_until(to).map(|read| read as i64),
        }
    }
}
