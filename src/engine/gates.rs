//! What a request passes before its command runs: one list, in the order that Redis uses, since the order decides which of
//! several errors a client sees.
//!
//! A gate is a pure look at engine, session and request. To add one (ACL permissions, cluster redirection, MISCONF, replicas
//! too few, read-only replica, stale replica, loading, busy script) write its function and put it at its place in [`check`],
//! where a comment keeps that place.

use super::command::Flag;
use super::failure::Failure;
use super::persistence::{LOADING, SAVE_FAILED};
use super::session::{ClientRole, Session};
use super::table::{CommandTable, Row};
use super::{Engine, Prepared, transaction};
use crate::protocol::request::Request;

pub(super) const READ_ONLY: Failure = Failure::fixed("READONLY You can't write against a read only replica.");
pub(super) const MASTER_DOWN: Failure =
    Failure::fixed("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.");

/// Where a request that names no command or the wrong number of arguments is refused, before all else.
pub(super) fn resolve<'t>(
    table: &'t CommandTable,
    prepared: Prepared,
    request: Request<'_>,
) -> Result<&'t Row, Failure> {
    let Some(id) = prepared.command else {
        return Err(unknown_command(request));
    };
    let row = table.row(id);
    if !row.subcommands.is_empty() && request.len() > 1 {
        return Err(unknown_subcommand(row, request));
    }
    if !row.command.arity_fits(request.len()) {
        return Err(Failure::arity(row.command.name));
    }
    Ok(row)
}

/// The gates that hang on who asks and on the state of the node.
#[inline]
pub(super) fn check(engine: &Engine, session: &Session, row: &Row) -> Result<(), Failure> {
    protected(engine, session, row)?;
    authenticated(engine, session, row)?;
    transaction::allowed(session, row)?;
    // ACL permissions, then cluster redirection
    // (memory: `Engine::make_room` runs here, since evicting changes the keyspace)
    saved(engine, session, row)?;
    replicated(engine, session, row)?;
    writable(engine, session, row)?;
    fit_for_subscriber(session, row)?;
    fresh(engine, row)?;
    loaded(engine, row)?;
    // BUSY script
    not_a_monitor(session, row)
}

/// A node that cannot save takes no writes, if that is wanted; PING tells those who watch over it.
#[inline]
fn saved(engine: &Engine, session: &Session, row: &Row) -> Result<(), Failure> {
    match disk_failure(engine) {
        Some(failure) => {
            let flags = session.transaction.as_ref().map_or(row.flags, |transaction| transaction.flags(row));
            let refuses = flags & Flag::Write.bit() != 0 || row.command.name == "ping";
            if refuses { Err(failure) } else { Ok(()) }
        }
        None => Ok(()),
    }
}

/// Why a script may not write, if it may not.
#[inline]
pub(in crate::engine) fn writes_refused(engine: &Engine) -> Option<Failure> {
    disk_failure(engine).or_else(|| too_few_replicas(engine))
}

/// A primary with fewer replicas than it should have takes no writes.
#[inline]
fn replicated(engine: &Engine, session: &Session, row: &Row) -> Result<(), Failure> {
    let Some(failure) = too_few_replicas(engine) else { return Ok(()) };
    let flags = session.transaction.as_ref().map_or(row.flags, |transaction| transaction.flags(row));
    if flags & Flag::Write.bit() != 0 { Err(failure) } else { Ok(()) }
}

/// Why writes are refused for want of replicas (`min-replicas-to-write`), if they are.
#[inline]
fn too_few_replicas(engine: &Engine) -> Option<Failure> {
    let (wanted, config) = (engine.config.min_replicas_to_write, &engine.config);
    let is_wanted = wanted > 0 && config.min_replicas_max_lag_seconds > 0 && !engine.replication.is_replica();
    let is_short = is_wanted && engine.replication.serving.good < wanted as usize;
    is_short.then(|| Failure::fixed("NOREPLICAS Not enough good replicas to write."))
}

/// The data of a replica is its primary's.
#[inline]
fn writable(engine: &Engine, session: &Session, row: &Row) -> Result<(), Failure> {
    if !engine.is_read_only() {
        return Ok(());
    }
    let flags = session.transaction.as_ref().map_or(row.flags, |transaction| transaction.flags(row));
    if flags & Flag::Write.bit() != 0 { Err(READ_ONLY) } else { Ok(()) }
}

/// Data that may be old is not shown, if that is wanted.
#[inline]
fn fresh(engine: &Engine, row: &Row) -> Result<(), Failure> {
    if engine.is_master_down() && !row.has(Flag::Stale) { Err(MASTER_DOWN) } else { Ok(()) }
}

/// Why writes are refused, if what they do could not be kept.
#[inline]
fn disk_failure(engine: &Engine) -> Option<Failure> {
    let config = &engine.config;
    if engine.persistence.has_failed() && config.stop_writes_on_bgsave_error && !config.save.0.is_empty() {
        return Some(SAVE_FAILED);
    }
    let error = engine.append.policy.refusal()?;
    Some(Failure::new(format!("MISCONF Errors writing to the AOF file: {error}")))
}

/// While the data set is incomplete nobody may look at it.
#[inline]
fn loaded(engine: &Engine, row: &Row) -> Result<(), Failure> {
    if engine.persistence.loading().is_none() {
        return Ok(());
    }
    let is_denied = if engine.is_async_loading() {
        // What is there is whole, though old.
        row.has(Flag::NoAsyncLoading)
    } else {
        !row.has(Flag::Loading)
    };
    if is_denied { Err(LOADING) } else { Ok(()) }
}

/// A client of RESP2 cannot tell a reply from a message, so with subscriptions it gets messages only.
#[inline]
fn fit_for_subscriber(session: &Session, row: &Row) -> Result<(), Failure> {
    if session.is_subscriber() && !row.has(Flag::Subscriber) {
        return Err(Failure::new(format!(
            "ERR Can't execute '{}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this \
             context",
            row.command.name
        )));
    }
    Ok(())
}

pub(super) fn protected(engine: &Engine, session: &Session, row: &Row) -> Result<(), Failure> {
    if row.has(Flag::Protected) && !engine.debug_allowed(session) {
        return Err(Failure::fixed(
            "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can run it \
             from a local connection, otherwise you need to set this option in the configuration file, and then \
             restart the server.",
        ));
    }
    Ok(())
}

/// A connection that receives all commands is for Redis a kind of replica.
#[inline]
fn not_a_monitor(session: &Session, row: &Row) -> Result<(), Failure> {
    let hears_all = session.monitor || session.role == ClientRole::Replica;
    if hears_all && (row.has(Flag::Write) || row.has(Flag::ReadOnly)) {
        return Err(Failure::fixed("ERR Replica can't interact with the keyspace"));
    }
    Ok(())
}

#[inline]
fn authenticated(engine: &Engine, session: &Session, row: &Row) -> Result<(), Failure> {
    let open = || engine.config.requirepass.0.is_empty();
    if session.authenticated || row.has(Flag::NoAuth) || open() { Ok(()) } else { Err(Failure::NO_AUTH) }
}

/// How much of a request an error text repeats.
const ECHO_BYTES_MAX: usize = 128;

/// Words are repeated as they came, whatever their bytes.
fn unknown_command(request: Request<'_>) -> Failure {
    fn push<'a>(text: &mut Vec<u8>, word: &'a [u8], room: usize) -> &'a [u8] {
        let shown = &word[..word.len().min(room)];
        text.extend_from_slice(shown);
        shown
    }
    let mut text = b"ERR unknown command '".to_vec();
    push(&mut text, request.arg(0), ECHO_BYTES_MAX);
    text.extend_from_slice(b"', with args beginning with: ");
    let mut room = ECHO_BYTES_MAX;
    for word in request.iter().skip(1) {
        text.push(b'\'');
        let shown = push(&mut text, word, room);
        text.extend_from_slice(b"' ");
        // Quotes and blank count as well.
        room = room.saturating_sub(shown.len() + 3);
        if room == 0 {
            break;
        }
    }
    Failure::new(text)
}

fn unknown_subcommand(row: &Row, request: Request<'_>) -> Failure {
    let word = request.arg(1);
    let name = row.command.name.to_ascii_uppercase();
    let mut text = b"ERR unknown subcommand '".to_vec();
    text.extend_from_slice(&word[..word.len().min(ECHO_BYTES_MAX)]);
    text.extend_from_slice(format!("'. Try {name} HELP.").as_bytes());
    Failure::new(text)
}

/// Whether somebody speaks HTTP: such a client is cut off without a word, lest a browser be made to speak to a node.
pub(super) fn is_http(request: Request<'_>) -> bool {
    let name = request.arg(0);
    name.eq_ignore_ascii_case(b"post") || name.eq_ignore_ascii_case(b"host:")
}
