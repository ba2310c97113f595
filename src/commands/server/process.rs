//! The node itself: its clock, its end, and a look at all that it runs.

use crate::engine::command::{Command, Flag, Group};
use crate::engine::{Call, Failure, Flow, Job, Shutdown};

pub(super) const TIME: Command = Command {
    name: "time",
    arity: 1,
    flags: &[Flag::Loading, Flag::Stale, Flag::Fast],
    group: Group::Server,
    since: "2.6.0",
    summary: "Returns the server's time: seconds since 1970, and microseconds within the second.",
    tips: &["nondeterministic_output"],
    handler: time,
    ..Command::DEFAULT
};

fn time(call: &mut Call<'_>) -> Result<(), Failure> {
    let wall = call.now.wall;
    call.reply.array(2);
    call.reply.bulk_integer(wall.seconds());
    call.reply.bulk_integer(wall.0.rem_euclid(1_000_000));
    Ok(())
}

pub(super) const MONITOR: Command = Command {
    name: "monitor",
    arity: 1,
    flags: &[Flag::Admin, Flag::NoScript, Flag::Loading, Flag::Stale],
    group: Group::Server,
    summary: "Sends every command that runs from now on.",
    handler: monitor,
    ..Command::DEFAULT
};

fn monitor(call: &mut Call<'_>) -> Result<(), Failure> {
    // Redis leaves a second MONITOR of the same connection without an answer.
    if !call.session().monitor {
        call.engine.start_monitor(call.client);
        call.reply.ok();
    }
    Ok(())
}

pub(super) const SHUTDOWN: Command = Command {
    name: "shutdown",
    arity: -1,
    flags: &[Flag::Admin, Flag::NoScript, Flag::Loading, Flag::Stale, Flag::NoMulti, Flag::AllowBusy],
    group: Group::Server,
    summary: "Ends the server.",
    complexity: "O(N) when saving, where N is the number of keys, otherwise O(1)",
    syntax: "[NOSAVE | SAVE] [NOW] [FORCE] [ABORT]",
    handler: shutdown,
    ..Command::DEFAULT
};

fn shutdown(call: &mut Call<'_>) -> Result<(), Failure> {
    let (mut nosave, mut save, mut force, mut abort, mut other) = (false, false, false, false, false);
    for word in call.request.iter_from(1) {
        let chosen = match word.to_ascii_lowercase().as_slice() {
            b"nosave" => &mut nosave,
            b"save" => &mut save,
            b"now" => &mut other,
            b"force" => &mut force,
            b"abort" => &mut abort,
            _ => return Err(Failure::SYNTAX),
        };
        *chosen = true;
    }
    if nosave && save || abort && (nosave || save || force || other) {
        return Err(Failure::SYNTAX);
    }
    if abort {
        return Err(Failure::fixed("ERR No shutdown in progress."));
    }
    if !nosave {
        // Whoever ends the node in the middle of a script must know that nothing is saved.
        call.engine.refuse_while_script_runs()?;
    }
    let save = (save || nosave).then_some(save);
    call.then(Flow::Job(Job::Shutdown(Shutdown { save, force })));
    Ok(())
}
