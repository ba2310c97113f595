//! `redis.call` and `redis.pcall`: out to the driver and back.

use mlua::{Lua, MultiValue, Value};

use super::exchange::{Exchange, Pause};
use super::vm::Way;
use super::{convert, raise};
use crate::protocol::request::OwnedRequest;
use crate::text;

/// Has the driver run a command. Its failure is raised, or returned if the call is protected.
pub(super) fn call(
    lua: &Lua,
    words: MultiValue,
    (way, exchange): (&Way, &Exchange),
    protected: bool,
) -> mlua::Result<Value> {
    let asked = {
        let mut request = exchange.request.borrow_mut();
        fill(&mut request, &words)
    };
    drop(words);
    if let Err(text) = asked {
        return failed(lua, text.as_bytes(), protected);
    }
    way.suspend(Pause::Call);
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
pub(super) fn may_call(
    lua: &Lua,
    words: MultiValue,
    (way, exchange): (&Way, &Exchange),
) -> mlua::Result<Option<bool>> {
    let asked = {
        let mut request = exchange.request.borrow_mut();
        fill(&mut request, &words)
    };
    let _ = lua;
    asked.map_err(raise::table)?;
    way.suspend(Pause::Ask);
    match exchange.answer.get() {
        Some(allowed) => Ok(Some(allowed)),
        None => Err(raise::table("ERR Invalid command passed to redis.acl_check_cmd()")),
    }
}

/// The least integer, which Redis writes as a double.
const LEAST_INTEGER_TEXT: &[u8] = b"-9223372036854776000";

/// Writes the words of a call as a request.
fn fill(request: &mut OwnedRequest, words: &MultiValue) -> Result<(), &'static str> {
    request.clear();
    if words.is_empty() {
        return Err("ERR Please specify at least one argument for this redis lib call");
    }
    for word in words.iter() {
        match word {
            Value::String(text) => request.push(&text.as_bytes()),
            Value::Integer(number) if *number != i64::MIN => {
                request.push(itoa::Buffer::new().format(*number).as_bytes());
            }
            Value::Integer(_) => request.push(LEAST_INTEGER_TEXT),
            Value::Number(number) => {
                let mut text = Vec::with_capacity(24);
                write_number(&mut text, *number);
                request.push(&text);
            }
            _ => return Err("ERR Lua redis lib command arguments must be strings or integers"),
        }
    }
    Ok(())
}

/// A number as an argument of a command, as Redis writes it: like any double, but a zero has no sign.
fn write_number(text: &mut Vec<u8>, number: f64) {
    if number == 0.0 {
        text.push(b'0');
    } else {
        text::write_f64(text, number);
    }
}
