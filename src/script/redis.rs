//! The small functions of `redis`: log, hash, protocol version, replication.

use std::rc::Rc;

use mlua::{Lua, LuaString, MultiValue, Table, Value};

use super::exchange::{Exchange, REPLICATE_ALL};
use super::raise;
use crate::protocol::reply::Version;

/// What scripts are told of the version: that of Redis which they may count on.
const VERSION: (&str, u32) = ("7.2.4", 0x0007_0204);
const LOG_LEVELS: [&str; 4] = ["LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING"];

/// Adds what does not need the driver.
pub(super) fn fill(lua: &Lua, api: &Table, exchange: &Rc<Exchange>) -> mlua::Result<()> {
    for (level, name) in LOG_LEVELS.into_iter().enumerate() {
        api.raw_set(name, level)?;
    }
    for (name, value) in [
        ("REPL_NONE", 0),
        ("REPL_AOF", 1),
        ("REPL_SLAVE", 2),
        ("REPL_REPLICA", 2),
        ("REPL_ALL", REPLICATE_ALL),
    ] {
        api.raw_set(name, value)?;
    }
    api.raw_set("REDIS_VERSION", VERSION.0)?;
    api.raw_set("REDIS_VERSION_NUM", VERSION.1)?;
    api.raw_set("sha1hex", lua.create_function(|lua, words: MultiValue| sha1hex(lua, &words))?)?;
    api.raw_set("log", lua.create_function(|lua, words: MultiValue| log(lua, &words))?)?;
    let inside = exchange.clone();
    api.raw_set("setresp", lua.create_function(move |_, words: MultiValue| setresp(&words, &inside))?)?;
    let inside = exchange.clone();
    api.raw_set("set_repl", lua.create_function(move |_, words: MultiValue| set_repl(&words, &inside))?)
}

fn sha1hex(lua: &Lua, words: &MultiValue) -> mlua::Result<String> {
    if words.len() != 1 {
        return Err(raise::table("ERR wrong number of arguments"));
    }
    let text = words.front().cloned().and_then(|word| lua.coerce_string(word).transpose()).transpose()?;
    Ok(sha1_smol::Sha1::from(text.map_or_else(Vec::new, |text| text.as_bytes().to_vec())).hexdigest())
}

fn log(lua: &Lua, words: &MultiValue) -> mlua::Result<()> {
    if words.len() < 2 {
        return Err(raise::table("ERR redis.log() requires two arguments or more."));
    }
    let level = match words.front() {
        Some(Value::Integer(level)) => *level,
        Some(Value::Number(level)) => *level as i64,
        _ => return Err(raise::table("ERR First argument must be a number (log level).")),
    };
    let parts = words.iter().skip(1).filter_map(|word| lua.coerce_string(word.clone()).ok().flatten());
    let text = parts.map(|part| part.to_string_lossy()).collect::<Vec<_>>().join(" ");
    match level {
        0 => tracing::trace!("{text}"),
        1 => tracing::debug!("{text}"),
        2 => tracing::info!("{text}"),
        3 => tracing::warn!("{text}"),
        _ => return Err(raise::table("ERR Invalid log level.")),
    }
    Ok(())
}

fn setresp(words: &MultiValue, exchange: &Exchange) -> mlua::Result<()> {
    if words.len() != 1 {
        return Err(raise::table("ERR redis.setresp() requires one argument."));
    }
    let version = match words.front().and_then(real) {
        Some(2.0) => Version::Resp2,
        Some(3.0) => Version::Resp3,
        _ => return Err(raise::table("ERR RESP version must be 2 or 3.")),
    };
    exchange.version.set(version);
    Ok(())
}

fn set_repl(words: &MultiValue, exchange: &Exchange) -> mlua::Result<()> {
    if words.len() != 1 {
        return Err(raise::table("ERR redis.set_repl() requires one argument."));
    }
    let chosen = words.front().and_then(real).unwrap_or(-1.0);
    if !(0.0..=f64::from(REPLICATE_ALL)).contains(&chosen) {
        let text = "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.";
        return Err(raise::table(text));
    }
    exchange.replication.set(chosen as u8);
    Ok(())
}

/// The text of `redis.error_reply`: a code is put before what has none.
pub(super) fn error_text(lua: &Lua, text: &LuaString) -> mlua::Result<LuaString> {
    let bytes = text.as_bytes();
    let text = bytes.strip_prefix(b"-").unwrap_or(&bytes);
    let text = text.trim_ascii_end();
    if text.contains(&b' ') {
        return lua.create_string(text);
    }
    lua.create_string([b"ERR ", text].concat())
}

/// How Lua names a chunk in its complaints.
pub(super) fn chunk_name(lua: &Lua, name: &LuaString) -> mlua::Result<LuaString> {
    let bytes = name.as_bytes();
    if let Some(plain) = bytes.strip_prefix(b"=").or(bytes.strip_prefix(b"@")) {
        return lua.create_string(plain);
    }
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let dots: &[u8] = if line.len() < bytes.len() { b"..." } else { b"" };
    // Bytes of compiled code are not shown.
    let line: Vec<u8> = line.iter().copied().filter(|byte| *byte != 27).collect();
    lua.create_string([b"[string \"", line.as_slice(), dots, b"\"]"].concat())
}

/// A number, however it is held, or a text that is one.
fn real(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(number) => Some(*number as f64),
        Value::Number(number) => Some(*number),
        Value::String(text) => crate::text::parse_f64(&text.as_bytes()),
        _ => None,
    }
}
