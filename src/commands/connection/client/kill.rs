//! CLIENT KILL: closes connections that fit all of some filters.

use super::ADMINISTRATIVE;
use super::list::Kind;
use crate::engine::command::Command;
use crate::engine::session::{Closing, Session, SessionHandle};
use crate::engine::{Call, Failure, Flow, address_text};
use crate::text::number;

pub(super) const KILL: Command = Command {
    name: "client|kill",
    arity: -3,
    since: "2.4.0",
    summary: "Closes connections.",
    complexity: "O(N) where N is the number of connections",
    syntax: "<ip:port | <[ID client-id] | [TYPE <NORMAL | MASTER | SLAVE | REPLICA | PUBSUB>] | [USER username] | \
             [ADDR ip:port] | [LADDR ip:port] | [SKIPME yes/no] | [MAXAGE maxage] ...>>",
    handler: kill,
    ..ADMINISTRATIVE
};

/// Which connections are meant; what is `None` does not matter.
#[derive(Default)]
struct Filter<'a> {
    id: Option<u64>,
    kind: Option<Kind>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    age_seconds_min: Option<u64>,
    /// Spares the connection that asks.
    skip_me: bool,
}

fn kill(call: &mut Call<'_>) -> Result<(), Failure> {
    if call.len() == 3 {
        let filter = Filter { address: Some(call.arg(2)), ..Filter::default() };
        return match close_all(call, &filter) {
            0 => Err(Failure::fixed("ERR No such client")),
            _ => {
                call.reply.ok();
                Ok(())
            }
        };
    }
    let filter = filter(call)?;
    let closed = close_all(call, &filter);
    call.reply.integer(closed as i64);
    Ok(())
}

fn filter<'a>(call: &Call<'a>) -> Result<Filter<'a>, Failure> {
    let mut filter = Filter { skip_me: true, ..Filter::default() };
    for at in (2..call.len()).step_by(2) {
        if at + 1 >= call.len() {
            return Err(Failure::SYNTAX);
        }
        narrow(&mut filter, call.arg(at), call.arg(at + 1))?;
    }
    Ok(filter)
}

fn narrow<'a>(filter: &mut Filter<'a>, option: &[u8], value: &'a [u8]) -> Result<(), Failure> {
    const AGE_NOT_INTEGER: Failure = Failure::fixed("ERR maxage is not an integer or out of range");
    const AGE_TOO_SMALL: Failure = Failure::fixed("ERR maxage should be greater than 0");
    const ID_TOO_SMALL: Failure = Failure::fixed("ERR client-id should be greater than 0");
    let positive = |value: i64| u64::try_from(value).ok().filter(|value| *value > 0);
    match option.to_ascii_lowercase().as_slice() {
        b"id" => filter.id = Some(number::parse_i64(value).and_then(positive).ok_or(ID_TOO_SMALL)?),
        b"type" => filter.kind = Some(Kind::parse(value)?),
        b"addr" => filter.address = Some(value),
        b"laddr" => filter.local_address = Some(value),
        b"user" if value == b"default" => {}
        b"user" => {
            return Err(Failure::new(format!("ERR No such user '{}'", String::from_utf8_lossy(value))));
        }
        b"skipme" if value.eq_ignore_ascii_case(b"yes") => filter.skip_me = true,
        b"skipme" if value.eq_ignore_ascii_case(b"no") => filter.skip_me = false,
        b"maxage" => {
            let age = number::parse_i64(value).ok_or(AGE_NOT_INTEGER)?;
            filter.age_seconds_min = Some(positive(age).ok_or(AGE_TOO_SMALL)?);
        }
        _ => return Err(Failure::SYNTAX),
    }
    Ok(())
}

/// Closes the connections that fit; how many. The one that asks still gets its answer.
fn close_all(call: &mut Call<'_>, filter: &Filter<'_>) -> usize {
    let (asking, now) = (call.client, call.now.mono);
    let fits = |handle: SessionHandle, session: &Session| {
        let age = (now - session.connected.mono).as_secs();
        session.closing.is_none()
            && !(filter.skip_me && handle == asking)
            && filter.id.is_none_or(|id| session.id == id)
            && filter.kind.is_none_or(|kind| kind == Kind::of(session))
            && filter.address.is_none_or(|address| address_text(&session.peer).as_bytes() == address)
            && filter.local_address.is_none_or(|address| address_text(&session.local).as_bytes() == address)
            && filter.age_seconds_min.is_none_or(|least| age >= least)
    };
    let found: Vec<_> =
        call.engine.sessions.by_id().into_iter().filter(|(h, s)| fits(*h, s)).map(|(h, _)| h).collect();
    for client in &found {
        if *client == asking {
            call.then(Flow::Close);
        } else {
            call.engine.close_session(*client, Closing::Now);
        }
    }
    found.len()
}
