//! Errors that our functions raise in Lua.
//!
//! What a Rust function raises reaches Lua as an opaque value. Wherever a script could lay hands on it (pcall, xpcall,
//! coroutine.resume, and at its very end) it is exchanged for what Redis would have raised: a text, or a table with `err`.

use mlua::{Error, Lua, Value};

/// What is raised.
#[derive(Debug)]
pub(super) enum Raised {
    /// A text.
    Text(Vec<u8>),
    /// A table with the field `err`.
    Table(Vec<u8>),
}

impl std::fmt::Display for Raised {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Raised::Text(text) | Raised::Table(text)) = self;
        f.write_str(&String::from_utf8_lossy(text))
    }
}

impl std::error::Error for Raised {}

/// An error in a table, as redis.call raises.
pub(super) fn table(text: impl Into<Vec<u8>>) -> Error {
    Error::external(Raised::Table(text.into()))
}

/// A text that begins with the place of the script from which our function was called.
pub(super) fn here(lua: &Lua, text: impl AsRef<[u8]>) -> Error {
    let place = lua.inspect_stack(1, |frame| {
        let line = frame.current_line()?;
        Some(format!("{}:{line}: ", frame.source().short_src?))
    });
    let mut whole = place.flatten().unwrap_or_default().into_bytes();
    whole.extend_from_slice(text.as_ref());
    Error::external(Raised::Text(whole))
}

/// Lua's own complaint of an argument.
pub(super) fn argument(lua: &Lua, at: usize, function: &str, what: &str) -> Error {
    here(lua, format!("bad argument #{at} to '{function}' ({what})"))
}

/// What Redis would have raised in place of this.
pub(super) fn shown(lua: &Lua, value: Value) -> mlua::Result<Value> {
    let Value::Error(error) = value else { return Ok(value) };
    match error.downcast_ref::<Raised>() {
        Some(Raised::Text(text)) => Ok(Value::String(lua.create_string(text)?)),
        Some(Raised::Table(text)) => Ok(Value::Table(error_table(lua, text)?)),
        None => Ok(Value::String(lua.create_string(error.to_string())?)),
    }
}

/// `{err = text}`, with the mark that the failure has been counted already.
pub(super) fn error_table(lua: &Lua, text: &[u8]) -> mlua::Result<mlua::Table> {
    let table = lua.create_table_with_capacity(0, 2)?;
    table.raw_set("err", lua.create_string(text)?)?;
    table.raw_set("ignore_error_stats_update", true)?;
    Ok(table)
}
