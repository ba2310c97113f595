//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH.

use crate::engine::command::{Category, Command, Flag, Group, KeySpec};
use crate::engine::{Call, Failure, Flow, Job, Nested, Outcome, Queued, Source};

/// The group's table.
pub const COMMANDS: &[Command] = &[DISCARD, EXEC, MULTI, UNWATCH, WATCH];

const BASE: Command = Command {
    arity: 1,
    flags: &[Flag::NoScript, Flag::Loading, Flag::Stale, Flag::Fast, Flag::AllowBusy, Flag::Unqueued],
    categories: &[Category::Transaction],
    group: Group::Transactions,
    ..Command::DEFAULT
};

const MULTI: Command = Command {
    name: "multi",
    flags: &[Flag::NoScript, Flag::Loading, Flag::Stale, Flag::Fast, Flag::AllowBusy, Flag::Unqueued],
    since: "1.2.0",
    summary: "Begins a transaction.",
    handler: multi,
    ..BASE
};

fn multi(call: &mut Call<'_>) -> Result<(), Failure> {
    if !call.engine.begin_transaction(call.client) {
        return Err(Failure::fixed("ERR MULTI calls can not be nested"));
    }
    call.reply.ok();
    Ok(())
}

const DISCARD: Command = Command {
    name: "discard",
    since: "2.0.0",
    summary: "Forgets a transaction.",
    complexity: "O(N), when N is the number of queued commands",
    handler: discard,
    ..BASE
};

fn discard(call: &mut Call<'_>) -> Result<(), Failure> {
    // Without a transaction, what is watched stays watched.
    if call.session().transaction.is_none() {
        return Err(Failure::fixed("ERR DISCARD without MULTI"));
    }
    call.engine.drop_transaction(call.client);
    call.reply.ok();
    Ok(())
}

const EXEC: Command = Command {
    name: "exec",
    flags: &[
        Flag::NoScript,
        Flag::Loading,
        Flag::Stale,
        Flag::SkipCommandLog,
        Flag::Unqueued,
        Flag::RunsQueue,
    ],
    since: "1.2.0",
    summary: "Runs the commands of a transaction.",
    complexity: "Depends on commands in the transaction",
    handler: exec,
    ..BASE
};

fn exec(call: &mut Call<'_>) -> Result<(), Failure> {
    match call.engine.end_transaction(call.client, call.now) {
        Outcome::None => Err(Failure::fixed("ERR EXEC without MULTI")),
        Outcome::Refused => {
            Err(Failure::fixed("EXECABORT Transaction discarded because of previous errors."))
        }
        Outcome::Changed => {
            call.reply.null_array();
            Ok(())
        }
        Outcome::Run(queue) => {
            run(call, &queue);
            Ok(())
        }
    }
}

fn run(call: &mut Call<'_>, queue: &[Queued]) {
    // Each of them leaves its own effects.
    call.propagate_nothing();
    call.reply.array(queue.len());
    let mut jobs = Vec::new();
    for Queued { request, prepared } in queue {
        let how = Nested { version: call.session().version, source: Source::Client };
        let out = call.reply.out();
        let job = call.engine.run_nested(call.client, request.request(), *prepared, out, call.now, how);
        jobs.extend(job.map(|job| (job, call.reply.position())));
    }
    if !jobs.is_empty() {
        leave_to_node(call, jobs);
    }
}

/// Has the node do the jobs, each of which stands at a place of the reply, where its own reply belongs.
fn leave_to_node(call: &mut Call<'_>, jobs: Vec<(Job, usize)>) {
    let out = call.reply.out();
    let mut pieces: Vec<(Job, Vec<u8>)> =
        jobs.into_iter().rev().map(|(job, at)| (job, out.split_off(at))).collect();
    pieces.reverse();
    call.then(Flow::Job(Job::Several(pieces)));
}

const WATCH: Command = Command {
    name: "watch",
    arity: -2,
    flags: MULTI.flags,
    keys: &[KeySpec::range(1, -1, 1, &["RO"])],
    since: "2.2.0",
    summary: "Has the next transaction run only if these keys have not changed until then.",
    complexity: "O(1) for every key.",
    syntax: "key [key ...]",
    handler: watch,
    ..BASE
};

fn watch(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.session().transaction.is_some() {
        return Err(Failure::fixed("ERR WATCH inside MULTI is not allowed"));
    }
    for key in call.request.iter_from(1) {
        call.engine.watch(call.client, key, call.now);
    }
    call.reply.ok();
    Ok(())
}

const UNWATCH: Command = Command {
    name: "unwatch",
    flags: &[Flag::NoScript, Flag::Loading, Flag::Stale, Flag::Fast, Flag::AllowBusy],
    since: "2.2.0",
    summary: "Forgets which keys are watched.",
    handler: unwatch,
    ..BASE
};

fn unwatch(call: &mut Call<'_>) -> Result<(), Failure> {
    call.engine.unwatch(call.client);
    call.reply.ok();
    Ok(())
}
