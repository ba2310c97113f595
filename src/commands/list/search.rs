//! Elements by their text: LPOS.

use std::ops::ControlFlow;

use super::words::BASE;
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Failure};
use crate::protocol::reply::Reply;
use crate::types::list::{End, ListRef};
use crate::types::{Item, List, View};

pub(super) const LPOS: Command = Command {
    name: "lpos",
    arity: -3,
    flags: &[Flag::ReadOnly],
    keys: &[KeySpec::one(1, &["RO", "access"])],
    since: "6.0.6",
    summary: "Returns the positions of elements with a given text.",
    complexity: "O(N) with the number of elements looked at",
    syntax: "key element [RANK rank] [COUNT num-matches] [MAXLEN len]",
    handler: lpos,
    ..BASE
};

/// What to look for.
#[derive(Clone, Copy)]
struct Search<'a> {
    wanted: Item<'a>,
    /// Where the search begins.
    from: End,
    /// How many matches are passed over.
    skip: u64,
    /// COUNT: how many positions are wanted, 0 for all; `None`: one, not in an array.
    count: Option<u64>,
    /// MAXLEN: how many elements are looked at, 0 for all.
    looked_at_max: u64,
}

fn lpos(call: &mut Call<'_>) -> Result<(), Failure> {
    let (key, search) = (call.key(1), Search::parse(call)?);
    let (list, reply) = call.read_as::<List>(&key)?;
    match (list, search.count) {
        (Some(list), Some(count)) => {
            let array = reply.deferred_array();
            let found = search.run(list, count, reply);
            reply.close(array, found);
        }
        (Some(list), None) if search.run(list, 1, reply) > 0 => {}
        (None, Some(_)) => reply.array(0),
        (_, None) => reply.null(),
    }
    Ok(())
}

impl<'a> Search<'a> {
    fn parse(call: &Call<'a>) -> Result<Self, Failure> {
        let wanted = Item::of(call.arg(2));
        let mut search = Search { wanted, from: End::Front, skip: 0, count: None, looked_at_max: 0 };
        let mut i = 3;
        while i < call.len() {
            search.take(call, i)?;
            i += 2;
        }
        Ok(search)
    }

    /// Takes the option at argument `i` with its value.
    fn take(&mut self, call: &Call<'_>, i: usize) -> Result<(), Failure> {
        if i + 1 == call.len() {
            return Err(Failure::SYNTAX);
        }
        if call.arg_is(i, "rank") {
            self.set_rank(call.integer(i + 1)?)?;
        } else if call.arg_is(i, "count") {
            self.count = Some(natural(call, i + 1, "ERR COUNT can't be negative")?);
        } else if call.arg_is(i, "maxlen") {
            self.looked_at_max = natural(call, i + 1, "ERR MAXLEN can't be negative")?;
        } else {
            return Err(Failure::SYNTAX);
        }
        Ok(())
    }

    fn set_rank(&mut self, rank: i64) -> Result<(), Failure> {
        if rank == i64::MIN {
            return Err(OUT_OF_RANGE);
        }
        self.from = if rank < 0 { End::Back } else { End::Front };
        self.skip = rank.unsigned_abs().checked_sub(1).ok_or(RANK_ZERO)?;
        Ok(())
    }

    /// Writes up to `count` positions (0: all); how many there were.
    fn run(self, list: ListRef<'_>, count: u64, reply: &mut Reply<'_>) -> usize {
        let (mut seen, mut skip, mut found) = (0, self.skip, 0);
        list.walk(self.from, 0, |item| {
            seen += 1;
            if item == self.wanted {
                match skip.checked_sub(1) {
                    Some(left) => skip = left,
                    None => {
                        found += 1;
                        reply.integer(self.position(seen, list.len()) as i64);
                    }
                }
            }
            if found > 0 && found as u64 == count || seen as u64 == self.looked_at_max {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        found
    }

    /// The position of the `nth` element that the search saw.
    fn position(self, nth: usize, len: usize) -> usize {
        if self.from == End::Front { nth - 1 } else { len - nth }
    }
}

const RANK_ZERO: Failure = Failure::fixed(
    "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use negative to start from \
     the end of the list",
);
pub(super) const OUT_OF_RANGE: Failure = Failure::fixed(
    "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
);

/// Argument `i` as a number from 0.
fn natural(call: &Call<'_>, i: usize, otherwise: &'static str) -> Result<u64, Failure> {
    let number = call.integer(i).ok().and_then(|number| u64::try_from(number).ok());
    number.ok_or(Failure::fixed(otherwise))
}
