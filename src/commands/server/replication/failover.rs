//! FAILOVER: hands the role of the primary to a replica that has all that this node has.

use std::time::Duration;

use crate::engine::command::{Category, Command, Flag, Group};
use crate::engine::{Call, Failure};
use crate::replication::{Failover, Stage};
use crate::text::number::parse_i64;

pub(in crate::commands::server) const FAILOVER: Command = Command {
    name: "failover",
    arity: -1,
    flags: &[Flag::Admin, Flag::NoScript, Flag::Stale],
    categories: &[Category::Admin, Category::Dangerous],
    group: Group::Server,
    since: "6.2.0",
    summary: "Lets a replica take over, and follows it.",
    complexity: "O(1)",
    syntax: "[TO host port [FORCE]] [ABORT] [TIMEOUT milliseconds]",
    handler: failover,
    ..Command::DEFAULT
};

/// What is asked for.
#[derive(Default)]
struct Wish {
    target: Option<(String, u16)>,
    timeout: Option<Duration>,
    force: bool,
    abort: bool,
}

fn failover(call: &mut Call<'_>) -> Result<(), Failure> {
    let wish = parse(call)?;
    let replication = &call.engine.replication;
    if wish.abort {
        if !replication.failover.is_under_way() {
            return Err(Failure::fixed("ERR No failover in progress."));
        }
        call.engine.abort_failover("manually aborted", call.now);
        call.reply.ok();
        return Ok(());
    }
    if replication.failover.is_under_way() {
        return Err(Failure::fixed("ERR FAILOVER already in progress."));
    }
    if replication.is_replica() {
        return Err(Failure::fixed("ERR FAILOVER is not valid when server is a replica."));
    }
    let has_asked = |stage: Stage| stage != Stage::Greeting;
    if !replication.replicas.values().any(|replica| has_asked(replica.stage)) {
        return Err(Failure::fixed("ERR FAILOVER requires connected replicas."));
    }
    if wish.force && (wish.timeout.is_none() || wish.target.is_none()) {
        return Err(Failure::fixed(
            "ERR FAILOVER with force option requires both a timeout and target HOST and IP.",
        ));
    }
    if let Some((host, port)) = &wish.target {
        let target = replication.replicas.values().find(|replica| replica.is_at(host, *port));
        match target {
            None => return Err(Failure::fixed("ERR FAILOVER target HOST and PORT is not a replica.")),
            Some(replica) if !replica.is_online => {
                return Err(Failure::fixed("ERR FAILOVER target replica is not online."));
            }
            Some(_) => {}
        }
    }
    let deadline = wish.timeout.map(|timeout| call.now.mono + timeout);
    let Wish { target, force, .. } = wish;
    call.engine.begin_failover(Failover::WaitingForSync { target, deadline, force });
    call.reply.ok();
    Ok(())
}

fn parse(call: &Call<'_>) -> Result<Wish, Failure> {
    let (mut wish, mut at) = (Wish::default(), 1);
    while at < call.len() {
        let left = call.len() - at - 1;
        if call.arg_is(at, "timeout") && left >= 1 && wish.timeout.is_none() {
            let millis = parse_i64(call.arg(at + 1)).ok_or(Failure::NOT_INTEGER)?;
            let millis = u64::try_from(millis).ok().filter(|millis| *millis > 0);
            let millis = millis.ok_or(Failure::fixed("ERR FAILOVER timeout must be greater than 0"))?;
            wish.timeout = Some(Duration::from_millis(millis));
            at += 2;
        } else if call.arg_is(at, "abort") && call.len() == 2 {
            wish.abort = true;
            at += 1;
        } else if call.arg_is(at, "to") && left >= 2 && wish.target.is_none() {
            let port = parse_i64(call.arg(at + 2)).ok_or(Failure::NOT_INTEGER)?;
            let host = String::from_utf8_lossy(call.arg(at + 1)).into_owned();
            // No replica is at a port that is none.
            wish.target = Some((host, u16::try_from(port).unwrap_or(0)));
            at += 3;
        } else if call.arg_is(at, "force") && !wish.force {
            wish.force = true;
            at += 1;
        } else {
            return Err(Failure::SYNTAX);
        }
    }
    Ok(wish)
}
