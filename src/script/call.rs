//! The words of `redis.call`, and what it comes back with; the way out to the driver is in [`bridge`](super::bridge).

use mlua::{Lua, MultiValue, Value};

use super::exchange::{Exchange, Pause};
use super::vm::Way;
use super::{convert, raise};
use crate::protocol::request::OwnedRequest;
use crate::text;

/// What `redis.call` returns or raises when the driver has answered; `redis.pcall`, which is protected, raises nothing.
pub(super) fn end(lua: &Lua, exchange: &Exchange, protected: bool) -> mlua::Result<Value> {
    let reply = exchange.reply.borrow();
    match reply.first() {
        Some(b'-') => {
            let line = &reply[1..];
            let line = line.strip_suffix(b"\r\n").unwrap_or(line);
            failed(lua, line, protected)
        }
        _ => convert::read_reply(lua, &reply),
    }
}

fn failed(lua: &Lua, text: &[u8], protected: bool) -> mlua::Result<Value> {
    if protected { Ok(Value::Table(raise::error_table(lua, text)?)) } else { Err(raise::table(text)) }
}

/// `redis.acl_check_cmd`.
pub(super) fn may_call(words: &MultiValue, (way, exchange): (&Way, &Exchange)) -> mlua::Result<Option<bool>> {
    fill(&mut exchange.request.borrow_mut(), words).map_err(raise::table)?;
    way.suspend(Pause::Ask);
    match exchange.answer.get() {
        Some(allowed) => Ok(Some(allowed)),
        None => Err(raise::table("ERR Invalid command passed to redis.acl_check_cmd()")),
    }
}

/// A call without words.
pub(super) const NO_WORDS: &str = "ERR Please specify at least one argument for this redis lib call";
/// A word that cannot be one.
pub(super) const NO_WORD: &str = "ERR Lua redis lib command arguments must be strings or integers";
/// The least integer, which Redis writes as a double.
const LEAST_INTEGER_TEXT: &[u8] = b"-9223372036854776000";

/// Writes the words of a call as a request.
fn fill(request: &mut OwnedRequest, words: &MultiValue) -> Result<(), &'static str> {
    request.clear();
    if words.is_empty() {
        return Err(NO_WORDS);
    }
    for word in words.iter() {
        match word {
            Value::String(text) => request.push(&text.as_bytes()),
            Value::Integer(number) => push_number(request, *number as f64),
            Value::Number(number) => push_number(request, *number),
            _ => return Err(NO_WORD),
        }
    }
    Ok(())
}

/// A number as an argument of a command, as Redis writes it: like any double, but a zero has no sign.
pub(super) fn push_number(request: &mut OwnedRequest, number: f64) {
    let integer = number as i64;
    if number == i64::MIN as f64 {
        request.push(LEAST_INTEGER_TEXT);
    } else if integer as f64 == number && integer != i64::MAX {
        request.push(itoa::Buffer::new().format(integer).as_bytes());
    } else {
        let mut text = Vec::with_capacity(24);
        text::write_f64(&mut text, number);
        request.push(&text);
    }
}
