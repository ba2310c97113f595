//! REPLCONF: what replicas say of themselves, and how far they are.

use crate::engine::command::{Command, Flag, Group};
use crate::engine::session::ClientRole;
use crate::engine::{Call, Failure};
use crate::replication::Parts;
use crate::text::number::parse_i64;
use crate::text::quote::split_args;

/// A longer address is no address.
const ADDRESS_BYTES_MAX: usize = 256;
/// The first Valkey whose dumps have a form of their own.
const VALKEY_WITH_FIELD_EXPIRY: i64 = 9;

pub(in crate::commands::server) const REPLCONF: Command = Command {
    name: "replconf",
    arity: -1,
    flags: &[Flag::Admin, Flag::NoScript, Flag::Loading, Flag::Stale, Flag::AllowBusy],
    group: Group::Server,
    since: "3.0.0",
    summary: "Says something of a replica, or how far it is: used by replicas.",
    handler: replconf,
    ..Command::DEFAULT
};

fn replconf(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len().is_multiple_of(2) {
        return Err(Failure::SYNTAX);
    }
    for at in (1..call.len()).step_by(2) {
        let name = call.arg(at).to_ascii_lowercase();
        match &name[..] {
            b"listening-port" => port(call, at + 1)?,
            b"ip-address" => address(call, at + 1)?,
            b"capa" => capability(call, at + 1),
            b"version" => version(call, at + 1),
            b"rdb-only" => only_snapshot(call, at + 1)?,
            b"rdb-filter-only" => parts(call, at + 1)?,
            // These two are never answered; the second is for who follows a primary, and is seen there.
            b"ack" => return ack(call, at),
            b"getack" => return Ok(()),
            _ => {
                let text = [b"ERR Unrecognized REPLCONF option: ", call.arg(at)].concat();
                return Err(Failure::new(text));
            }
        }
    }
    call.reply.ok();
    Ok(())
}

fn replica<'c>(call: &'c mut Call<'_>) -> &'c mut crate::replication::Replica {
    let (client, now) = (call.client, call.now);
    call.engine.replica_mut(client, now)
}

fn port(call: &mut Call<'_>, at: usize) -> Result<(), Failure> {
    let port = call.integer(at)?;
    // One that cannot be listened on is as good as none.
    replica(call).port = u16::try_from(port).unwrap_or(0);
    Ok(())
}

fn address(call: &mut Call<'_>, at: usize) -> Result<(), Failure> {
    let address = call.arg(at);
    if address.len() >= ADDRESS_BYTES_MAX {
        return Err(Failure::new(format!(
            "ERR REPLCONF ip-address provided by replica instance is too long: {} bytes",
            address.len()
        )));
    }
    replica(call).announced_ip = address.to_vec();
    Ok(())
}

/// What is not known here means nothing.
fn capability(call: &mut Call<'_>, at: usize) {
    let (eof, psync2) = (call.arg_is(at, "eof"), call.arg_is(at, "psync2"));
    let capabilities = &mut replica(call).capabilities;
    capabilities.eof |= eof;
    capabilities.psync2 |= psync2;
}

/// Only Valkey says it.
fn version(call: &mut Call<'_>, at: usize) {
    let major = call.arg(at).split(|byte| *byte == b'.').next().and_then(parse_i64);
    replica(call).parts.for_valkey = major.is_some_and(|major| major >= VALKEY_WITH_FIELD_EXPIRY);
}

fn only_snapshot(call: &mut Call<'_>, at: usize) -> Result<(), Failure> {
    let wanted = call.integer(at)?;
    if !(0..=1).contains(&wanted) {
        return Err(Failure::fixed("ERR value is out of range, value must between 0 and 1"));
    }
    replica(call).only_snapshot = wanted == 1;
    Ok(())
}

/// Only what is named is wanted.
fn parts(call: &mut Call<'_>, at: usize) -> Result<(), Failure> {
    let words = split_args(call.arg(at)).map_err(|_| Failure::fixed("ERR Missing rdb-filter-only values"))?;
    let mut parts = Parts { data: false, functions: false, ..replica(call).parts };
    for word in words {
        if !word.eq_ignore_ascii_case(b"functions") {
            let text = [b"ERR Unsupported rdb-filter-only option: ", &word[..]].concat();
            return Err(Failure::new(text));
        }
        parts.functions = true;
    }
    replica(call).parts = parts;
    Ok(())
}

/// REPLCONF ACK offset [FACK offset]
fn ack(call: &mut Call<'_>, at: usize) -> Result<(), Failure> {
    if call.session().role != ClientRole::Replica {
        return Ok(());
    }
    let acked = offset(call, at + 1)?;
    let says_synced = call.len() > at + 3 && call.arg_is(at + 2, "fack");
    let synced = if says_synced { Some(offset(call, at + 3)?) } else { None };
    let (client, now) = (call.client, call.now);
    call.engine.note_ack(client, acked, synced, now);
    Ok(())
}

fn offset(call: &Call<'_>, at: usize) -> Result<u64, Failure> {
    Ok(u64::try_from(call.integer(at)?).unwrap_or(0))
}
