//! LATENCY: what was slow, and how long commands take.

mod graph;
mod report;

use crate::commands::help;
use crate::engine::command::{Command, Flag, Group};
use crate::engine::{Call, Failure};
use crate::stats::Durations;

pub(super) const LATENCY: Command = Command {
    name: "latency",
    arity: -2,
    group: Group::Server,
    since: "2.8.13",
    summary: "Holds the commands about latency.",
    complexity: "Depends on subcommand.",
    subcommands: &[DOCTOR, GRAPH, HELP, HISTOGRAM, HISTORY, LATEST, RESET],
    ..Command::DEFAULT
};

const SUBCOMMAND: Command = Command {
    flags: &[Flag::Admin, Flag::NoScript, Flag::Loading, Flag::Stale],
    group: Group::Server,
    since: "2.8.13",
    tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
    ..Command::DEFAULT
};

const HELP: Command = Command {
    name: "latency|help",
    arity: 2,
    flags: &[Flag::Loading, Flag::Stale],
    tips: &[],
    summary: "Prints this help.",
    handler: help::of_container,
    ..SUBCOMMAND
};

const LATEST: Command = Command {
    name: "latency|latest",
    arity: 2,
    summary: "Returns for each event when it was last slow, how slow, and how slow it ever was (in milliseconds).",
    handler: latest,
    ..SUBCOMMAND
};

fn latest(call: &mut Call<'_>) -> Result<(), Failure> {
    let events = call.engine.latency.events();
    call.reply.array(events.len());
    for (event, series) in events {
        // A series has a sample from its beginning.
        let (seconds, ms) = series.samples().next_back().unwrap_or_default();
        call.reply.array(4);
        call.reply.bulk(event.as_bytes());
        [seconds, ms as i64, series.max_ms as i64].into_iter().for_each(|number| call.reply.integer(number));
    }
    Ok(())
}

const HISTORY: Command = Command {
    name: "latency|history",
    arity: 3,
    summary: "Returns when an event was slow, and how slow (in milliseconds).",
    syntax: "event",
    handler: history,
    ..SUBCOMMAND
};

fn history(call: &mut Call<'_>) -> Result<(), Failure> {
    let Some((_, series)) = call.engine.latency.event(call.arg(2)) else {
        call.reply.array(0);
        return Ok(());
    };
    call.reply.array(series.samples().len());
    for (seconds, ms) in series.samples() {
        call.reply.array(2);
        call.reply.integer(seconds);
        call.reply.integer(ms as i64);
    }
    Ok(())
}

const RESET: Command = Command {
    name: "latency|reset",
    arity: -2,
    summary: "Forgets events, all if none is named; tells how many.",
    syntax: "[event [event ...]]",
    tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
    handler: reset,
    ..SUBCOMMAND
};

fn reset(call: &mut Call<'_>) -> Result<(), Failure> {
    let latency = &mut call.engine.latency;
    let forgotten = match call.request.len() {
        2 => latency.clear(),
        _ => call.request.iter_from(2).filter(|event| latency.forget(event)).count(),
    };
    call.reply.integer(forgotten as i64);
    Ok(())
}

const GRAPH: Command = Command {
    name: "latency|graph",
    arity: 3,
    summary: "Draws when an event was slow.",
    syntax: "event",
    handler: graph,
    ..SUBCOMMAND
};

fn graph(call: &mut Call<'_>) -> Result<(), Failure> {
    let Some((event, series)) = call.engine.latency.event(call.arg(2)) else {
        let event = String::from_utf8_lossy(call.arg(2));
        return Err(Failure::new(format!("ERR No samples available for event '{event}'")));
    };
    let drawn = graph::draw(event, series, call.now.wall.seconds());
    call.reply.verbatim("txt", drawn.as_bytes());
    Ok(())
}

const DOCTOR: Command = Command {
    name: "latency|doctor",
    arity: 2,
    summary: "Returns a report on what was slow, for people.",
    handler: doctor,
    ..SUBCOMMAND
};

fn doctor(call: &mut Call<'_>) -> Result<(), Failure> {
    let text = report::write(call.engine);
    call.reply.verbatim("txt", text.as_bytes());
    Ok(())
}

const HISTOGRAM: Command = Command {
    name: "latency|histogram",
    arity: -2,
    since: "7.0.0",
    summary: "Returns for commands how many runs took how long: limits in microseconds and the runs within them.",
    complexity: "O(N) where N is the number of commands",
    syntax: "[command [command ...]]",
    handler: histogram,
    ..SUBCOMMAND
};

fn histogram(call: &mut Call<'_>) -> Result<(), Failure> {
    let table = call.engine.table();
    let mut wanted: Vec<usize> = Vec::new();
    match call.len() {
        2 => wanted.extend(0..table.rows().len()),
        _ => {
            for name in call.request.iter_from(2) {
                let mut parts = name.splitn(2, |byte| *byte == b'|');
                let parent = table.find(parts.next().unwrap_or_default());
                let mut sub = |parent| parts.next().map(|token| table.find_subcommand(parent, token));
                let found = parent.and_then(|parent| sub(parent).unwrap_or(Some(parent)));
                let Some(id) = found else { continue };
                wanted.push(id.into());
                wanted.extend(table.row(id).subcommands.iter().map(|id| usize::from(*id)));
            }
        }
    }
    wanted.dedup();
    let runs = |id: usize| call.engine.stats.durations[id].as_deref().map(|durations| (id, durations));
    let found: Vec<_> = wanted.into_iter().filter_map(runs).collect();
    call.reply.map(found.len());
    for (id, durations) in found {
        call.reply.bulk(table.rows()[id].command.name.as_bytes());
        write_histogram(&mut call.reply, durations);
    }
    Ok(())
}

fn write_histogram(reply: &mut crate::protocol::reply::Reply<'_>, durations: &Durations) {
    let limits = durations.cumulative();
    reply.map(2);
    reply.bulk(b"calls");
    reply.integer(durations.count() as i64);
    reply.bulk(b"histogram_usec");
    reply.map(limits.len());
    for (limit_us, count) in limits {
        reply.integer(limit_us as i64);
        reply.integer(count as i64);
    }
}
