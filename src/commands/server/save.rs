//! Saving the data set, and when that was done last.

use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::persistence::{IN_PROGRESS, Purpose, REWRITING};
use crate::engine::{Call, Failure, Flow, Job};

const BASE: Command = Command {
    flags: &[Flag::Admin, Flag::NoScript, Flag::NoAsyncLoading],
    categories: &[Category::Admin, Category::Dangerous],
    group: Group::Server,
    ..Command::DEFAULT
};

pub(super) const SAVE: Command = Command {
    name: "save",
    arity: 1,
    flags: &[Flag::Admin, Flag::NoScript, Flag::NoAsyncLoading, Flag::NoMulti],
    summary: "Saves the data set to disk, and answers when that is done.",
    complexity: "O(N) where N is the number of keys",
    handler: |call| begin(call, true),
    ..BASE
};

pub(super) const BGSAVE: Command = Command {
    name: "bgsave",
    arity: -1,
    summary: "Begins to save the data set to disk.",
    complexity: "O(1)",
    syntax: "[SCHEDULE]",
    handler: bgsave,
    ..BASE
};

pub(super) const BGREWRITEAOF: Command = Command {
    name: "bgrewriteaof",
    arity: 1,
    summary: "Begins to write the append log anew, from what is in memory.",
    complexity: "O(1)",
    handler: rewrite,
    ..BASE
};

pub(super) const LASTSAVE: Command = Command {
    name: "lastsave",
    arity: 1,
    flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
    summary: "Returns when the data set was last saved: seconds since 1970.",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    handler: lastsave,
    ..BASE
};

/// The file will hold what is there now.
fn begin(call: &mut Call<'_>, waits: bool) -> Result<(), Failure> {
    let head = Box::new(call.engine.begin_save(Purpose::Dump, call.now)?);
    call.then(Flow::Job(Job::Save { head, waits }));
    Ok(())
}

fn bgsave(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() > 2 || call.len() == 2 && !call.arg_is(1, "schedule") {
        return Err(Failure::SYNTAX);
    }
    let under_way = call.engine.persistence.saving_for();
    match under_way {
        Some(Purpose::Dump | Purpose::Sync) => return Err(IN_PROGRESS),
        Some(Purpose::Base) if call.len() == 1 => return Err(REWRITING),
        None if call.may_block() => return begin(call, false),
        // Half a transaction is not to be saved.
        None | Some(Purpose::Base) => {}
    }
    call.engine.persistence.schedule();
    call.reply.simple("Background saving scheduled");
    Ok(())
}

fn rewrite(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.engine.append.rewriting().is_some() {
        return Err(Failure::fixed("ERR Background append only file rewriting already in progress"));
    }
    // Half a transaction is not to be saved.
    let begins = call.may_block() && !call.engine.persistence.is_saving();
    call.engine.append.scheduled = true;
    call.reply.simple(if begins {
        "Background append only file rewriting started"
    } else {
        "Background append only file rewriting scheduled"
    });
    Ok(())
}

fn lastsave(call: &mut Call<'_>) -> Result<(), Failure> {
    let figures = call.engine.save_figures();
    call.reply.integer(figures.last_save);
    Ok(())
}
