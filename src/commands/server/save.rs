//! Saving the data set, and when that was done last.

use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::persistence::IN_PROGRESS;
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
    let head = Box::new(call.engine.begin_save(call.now)?);
    call.then(Flow::Job(Job::Save { head, waits }));
    Ok(())
}

fn bgsave(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() > 2 || call.len() == 2 && !call.arg_is(1, "schedule") {
        return Err(Failure::SYNTAX);
    }
    if call.may_block() {
        return begin(call, false);
    }
    // Half a transaction is not to be saved.
    if call.engine.persistence.is_saving() {
        return Err(IN_PROGRESS);
    }
    call.engine.persistence.schedule();
    call.reply.simple("Background saving scheduled");
    Ok(())
}

fn lastsave(call: &mut Call<'_>) -> Result<(), Failure> {
    let figures = call.engine.save_figures();
    call.reply.integer(figures.last_save);
    Ok(())
}
