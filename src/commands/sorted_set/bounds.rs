//! Ranges as requests name them: by rank, by score, by member.

use std::ops::Range;

use crate::engine::{Call, Failure};
use crate::keyspace::{SortedSetRef, View};
use crate::text::float::parse_f64_saturating;
use crate::types::sorted_set::Cut;

const NOT_A_SCORE: Failure = Failure::fixed("ERR min or max is not a float");
const NOT_A_BOUND: Failure = Failure::fixed("ERR min or max not valid string range item");

/// What a range is measured in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum By {
    Rank,
    Score,
    Member,
}

/// A range of a sorted set.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bounds<'a> {
    /// From rank to rank, negative ones counted from the end, both included.
    Ranks(i64, i64),
    /// Between two places.
    Cuts(Cut<'a>, Cut<'a>),
}

impl<'a> Bounds<'a> {
    /// Reads two bounds, the lower one at argument `low`, the upper one at `high`.
    pub(super) fn parse(call: &Call<'a>, by: By, low: usize, high: usize) -> Result<Bounds<'a>, Failure> {
        match by {
            // Whichever stands first is complained of first; they are read in the order of the request.
            By::Rank => Ok(Bounds::Ranks(call.integer(low)?, call.integer(high)?)),
            By::Score => {
                let (low, high) = (score_bound(call.arg(low))?, score_bound(call.arg(high))?);
                Ok(Bounds::Cuts(
                    Cut::Score { score: low.0, after: low.1 },
                    Cut::Score { score: high.0, after: !high.1 },
                ))
            }
            By::Member => {
                let (low, high) = (call.arg(low), call.arg(high));
                Ok(Bounds::Cuts(member_bound(low, true)?, member_bound(high, false)?))
            }
        }
    }

    /// The ranks of the elements in it.
    pub(super) fn ranks(self, set: SortedSetRef<'_>) -> Range<usize> {
        match self {
            Bounds::Ranks(first, last) => ranks(first, last, set.len()),
            Bounds::Cuts(low, high) => {
                let first = set.rank(low);
                first..set.rank(high).max(first)
            }
        }
    }

    /// The ranks of the elements in it, where ranks are counted from the last element if `reverse`.
    pub(super) fn ranks_directed(self, set: SortedSetRef<'_>, reverse: bool) -> Range<usize> {
        let range = self.ranks(set);
        match self {
            Bounds::Ranks(..) if reverse => set.len() - range.end..set.len() - range.start,
            _ => range,
        }
    }
}

/// Ranks from `first` to `last`, as far as there are such.
fn ranks(first: i64, last: i64, len: usize) -> Range<usize> {
    // A set has fewer than 2^63 elements.
    let count = len as i64;
    let place = |rank: i64| if rank < 0 { rank.saturating_add(count).max(-1) } else { rank.min(count) };
    let (first, end) = (place(first).max(0), place(last).saturating_add(1).min(count));
    if first >= end { 0..0 } else { first as usize..end as usize }
}

/// A score and whether it is excluded.
fn score_bound(text: &[u8]) -> Result<(f64, bool), Failure> {
    let (text, excluded) = match text {
        [b'(', rest @ ..] => (rest, true),
        _ => (text, false),
    };
    parse_f64_saturating(text).map(|score| (score, excluded)).ok_or(NOT_A_SCORE)
}

/// The place of a member's bound; `low`: of the lower one.
fn member_bound(text: &[u8], low: bool) -> Result<Cut<'_>, Failure> {
    match text {
        b"-" => Ok(Cut::Start),
        b"+" => Ok(Cut::End),
        [b'(', member @ ..] => Ok(Cut::Member { member, after: low }),
        [b'[', member @ ..] => Ok(Cut::Member { member, after: !low }),
        _ => Err(NOT_A_BOUND),
    }
}
