//! PSYNC and SYNC: a replica asks for the history.

use tracing::{info, warn};

use crate::engine::command::{Command, Flag, Group};
use crate::engine::session::ClientRole;
use crate::engine::{Call, Failure, Flow, address_text};
use crate::replication::{Answer, Refusal, ReplicationId};

const BASE: Command = Command {
    flags: &[Flag::Admin, Flag::NoScript, Flag::NoAsyncLoading, Flag::NoMulti],
    group: Group::Server,
    ..Command::DEFAULT
};

pub(in crate::commands::server) const PSYNC: Command = Command {
    name: "psync",
    arity: -3,
    since: "2.8.0",
    summary: "Goes on in a history from an offset, or begins anew: used by replicas.",
    syntax: "replicationid offset",
    handler: psync,
    ..BASE
};

pub(in crate::commands::server) const SYNC: Command = Command {
    name: "sync",
    arity: 1,
    summary: "Begins a history anew: used by replicas of old.",
    handler: sync,
    ..BASE
};

const LINK_DOWN: Failure = Failure::fixed("NOMASTERLINK Can't SYNC while not connected with my master");
const FILTER_NEEDS_EOF: Failure = Failure::fixed("ERR Filtered replica requires EOF capability");

/// Whether the history can be asked for now. False: the client has it already.
fn may_ask(call: &mut Call<'_>) -> Result<bool, Failure> {
    if call.session().role == ClientRole::Replica || call.session().monitor {
        return Ok(false);
    }
    let replication = &call.engine.replication;
    if replication.upstream.as_ref().is_some_and(|upstream| !upstream.is_connected()) {
        return Err(LINK_DOWN);
    }
    let replica = replication.replicas.get(&call.client);
    if replica.is_some_and(|replica| !replica.parts.is_all() && !replica.capabilities.eof) {
        return Err(FILTER_NEEDS_EOF);
    }
    info!("Replica {} asks for synchronization", name(call));
    Ok(true)
}

/// A primary that hands its role over asks this node to take it, before it goes on as its replica (see
/// [`crate::replication::Failover`]).
fn take_over(call: &mut Call<'_>) -> Result<(), Failure> {
    if !call.engine.replication.is_replica() {
        return Err(Failure::fixed("ERR PSYNC FAILOVER can't be sent to a master."));
    }
    let id = call.engine.replication.history.id();
    if !call.arg(1).eq_ignore_ascii_case(id.as_bytes()) {
        return Err(Failure::fixed("ERR PSYNC FAILOVER replid must match my replid."));
    }
    warn!("Failover request received for replid {id}.");
    // This one knows of it: its connection stays.
    let asking = call.engine.replication.replicas.remove(&call.client);
    call.engine.promote(call.now);
    info!("MASTER MODE enabled (failover request from '{}')", address_text(&call.session().peer));
    call.engine.replication.replicas.extend(asking.map(|replica| (call.client, replica)));
    Ok(())
}

fn psync(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() > 3 && call.arg_is(3, "failover") {
        take_over(call)?;
    }
    if !may_ask(call)? {
        return Ok(());
    }
    let offset = call.integer(2)?;
    let asked = ReplicationId::parse(&call.arg(1).to_ascii_lowercase());
    // The wire counts from 1: it names the first byte that is wanted.
    let from = offset.checked_sub(1).and_then(|from| u64::try_from(from).ok());
    let (client, now) = (call.client, call.now);
    let answer = call.engine.serve_replica(client, asked, from, now);
    match answer {
        Answer::Continue { from } => {
            info!("Partial resynchronization request from {} accepted, from offset {from}.", name(call));
            go_on(call);
        }
        Answer::Full(why) => {
            // `?` is what a replica says that wants to begin anew.
            call.engine.stats.sync_partial_err += u64::from(call.arg(1).first() != Some(&b'?'));
            explain(call, why, offset);
        }
    }
    call.then(Flow::Replica);
    Ok(())
}

fn go_on(call: &mut Call<'_>) {
    let replication = &call.engine.replication;
    let knows_names =
        replication.replicas.get(&call.client).is_some_and(|replica| replica.capabilities.psync2);
    match knows_names {
        true => call.reply.simple(&format!("CONTINUE {}", replication.history.id())),
        false => call.reply.simple("CONTINUE"),
    }
}

fn explain(call: &mut Call<'_>, why: Refusal, offset: i64) {
    let name = name(call);
    match why {
        Refusal::NotAsked => info!("Full resync requested by replica {name}"),
        Refusal::OtherHistory => info!(
            "Partial resynchronization not accepted: replica {name} asked for a history that is not known here"
        ),
        Refusal::BeyondEnd { end } => info!(
            "Partial resynchronization not accepted: replica {name} asked for offset {offset} of a history that ended \
             at {end}"
        ),
        Refusal::NotKept { kept_from, kept_to } => info!(
            "Unable to partial resync with replica {name}: it asked for offset {offset}, and {kept_from} to {kept_to} \
             is kept"
        ),
    }
}

fn sync(call: &mut Call<'_>) -> Result<(), Failure> {
    if !may_ask(call)? {
        return Ok(());
    }
    let (client, now) = (call.client, call.now);
    call.engine.serve_replica(client, None, None, now);
    call.engine.replica_mut(client, now).is_old = true;
    call.then(Flow::Replica);
    Ok(())
}

/// How the log calls it.
fn name(call: &mut Call<'_>) -> String {
    let client = call.client;
    match call.engine.replication.replicas.get(&client) {
        Some(replica) if replica.port != 0 => format!("{}:{}", replica.address(), replica.port),
        _ => address_text(&call.session().peer),
    }
}
