//! XSETID.

use super::ids;
use crate::engine::command::{Command, Flag, KeySpec};
use crate::engine::{Call, Class, Failure};
use crate::types::stream::{Log, Stream, StreamId};

pub(super) const XSETID: Command = Command {
    name: "xsetid",
    arity: -3,
    flags: &[Flag::Write, Flag::DenyOom, Flag::Fast],
    keys: &[KeySpec::one(1, &["RW", "update"])],
    summary: "Sets the id after which the next entry of a stream must come, and what is known of entries that are gone.",
    syntax: "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]",
    handler: xsetid,
    ..super::BASE
};

/// What is to be set.
struct Wanted {
    last_id: StreamId,
    entries_added: Option<u64>,
    max_deleted_id: Option<StreamId>,
}

fn xsetid(call: &mut Call<'_>) -> Result<(), Failure> {
    let wanted = Wanted::parse(call)?;
    let key = call.key(1);
    let edited = call.edit(&key, |stream: &mut Stream, _| {
        let mut log = stream.log_mut();
        wanted.check(&log)?;
        log.set_figures(wanted.last_id, wanted.entries_added, wanted.max_deleted_id);
        Ok(())
    })?;
    edited.ok_or(Failure::NO_SUCH_KEY)?.result?;
    call.engine.changes += 1;
    call.event(Class::Stream, "xsetid", &key);
    call.reply.ok();
    Ok(())
}

impl Wanted {
    fn parse(call: &Call<'_>) -> Result<Wanted, Failure> {
        let mut wanted = Wanted { last_id: ids::id(call.arg(2))?, entries_added: None, max_deleted_id: None };
        for i in (3..call.len()).step_by(2) {
            if i + 1 == call.len() {
                return Err(Failure::SYNTAX);
            } else if call.arg_is(i, "entriesadded") {
                let added = u64::try_from(call.integer(i + 1)?);
                let added = added.map_err(|_| Failure::fixed("ERR entries_added must be positive"))?;
                wanted.entries_added = Some(added);
            } else if call.arg_is(i, "maxdeletedid") {
                let id = ids::id(call.arg(i + 1))?;
                if wanted.last_id < id {
                    return Err(Failure::fixed(
                        "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                    ));
                }
                // 0-0 changes nothing.
                wanted.max_deleted_id = Some(id).filter(|id| !id.is_zero());
            } else {
                return Err(Failure::SYNTAX);
            }
        }
        Ok(wanted)
    }

    /// Ids must go on ascending, and figures agree with what is there.
    fn check(&self, log: &Log) -> Result<(), Failure> {
        let figures = log.figures();
        if self.last_id < figures.max_deleted_id {
            return Err(Failure::fixed(
                "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id",
            ));
        }
        if self.last_id < log.last_live_id() {
            return Err(Failure::fixed(
                "ERR The ID specified in XSETID is smaller than the target stream top item",
            ));
        }
        if !log.is_empty() && self.entries_added.is_some_and(|added| added < figures.len as u64) {
            return Err(Failure::fixed(
                "ERR The entries_added specified in XSETID is smaller than the target stream length",
            ));
        }
        Ok(())
    }
}
