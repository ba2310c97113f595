//! `cjson`: JSON, with the settings and the habits of lua-cjson 2.1 (<https://kyne.au/~mark/software/lua-cjson-manual.html>).
//!
//! Settings belong to the library, as in Redis: a script that changes them changes them for those that follow.

mod decode;
mod encode;
mod number;

use std::cell::Cell;
use std::rc::Rc;

use mlua::{Lua, MultiValue, Table, Value};

use super::raise;

/// However deep a script wants to go: the machine's stack has to hold it.
const DEPTH_MAX: i64 = 2000;

/// The settings.
#[derive(Debug)]
struct Settings {
    sparse_convert: Cell<bool>,
    sparse_ratio: Cell<i64>,
    sparse_safe: Cell<i64>,
    encode_depth_max: Cell<i64>,
    decode_depth_max: Cell<i64>,
    /// Significant digits.
    precision: Cell<i64>,
    keep_buffer: Cell<bool>,
    encode_invalid: Cell<Invalid>,
    decode_invalid: Cell<bool>,
}

/// What becomes of numbers that JSON does not know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Invalid {
    Refused,
    Written,
    Null,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sparse_convert: Cell::new(false),
            sparse_ratio: Cell::new(2),
            sparse_safe: Cell::new(10),
            encode_depth_max: Cell::new(1000),
            decode_depth_max: Cell::new(1000),
            precision: Cell::new(14),
            keep_buffer: Cell::new(true),
            encode_invalid: Cell::new(Invalid::Refused),
            decode_invalid: Cell::new(true),
        }
    }
}

/// The table.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let settings = Rc::new(Settings::default());
    let table = lua.create_table()?;
    let add = |name: &str, function: fn(&Lua, &MultiValue, &Settings) -> mlua::Result<MultiValue>| {
        let settings = settings.clone();
        let function = lua.create_function(move |lua, words: MultiValue| function(lua, &words, &settings))?;
        table.raw_set(name, function)
    };
    add("encode", |lua, words, settings| {
        let value = only(lua, words, "encode", None)?;
        Ok(one(Value::String(lua.create_string(encode::encode(lua, value, settings)?)?)))
    })?;
    add("decode", |lua, words, settings| {
        only(lua, words, "decode", None)?;
        let text = super::random::bytes(lua, words, 0, "decode")?;
        Ok(one(decode::decode(lua, &text, settings)?))
    })?;
    add("encode_sparse_array", encode_sparse_array)?;
    add("encode_max_depth", |lua, words, s| {
        integer(lua, words, &s.encode_depth_max, (1, i32::MAX), "encode_max_depth")
    })?;
    add("decode_max_depth", |lua, words, s| {
        integer(lua, words, &s.decode_depth_max, (1, i32::MAX), "decode_max_depth")
    })?;
    add("encode_number_precision", |lua, words, s| {
        integer(lua, words, &s.precision, (1, 14), "encode_number_precision")
    })?;
    add("encode_keep_buffer", |lua, words, s| truth(lua, words, &s.keep_buffer, "encode_keep_buffer"))?;
    add("decode_invalid_numbers", |lua, words, s| {
        truth(lua, words, &s.decode_invalid, "decode_invalid_numbers")
    })?;
    add("encode_invalid_numbers", encode_invalid_numbers)?;
    table.raw_set("new", lua.create_function(|lua, ()| library(lua))?)?;
    table.raw_set("null", Value::NULL)?;
    table.raw_set("_NAME", "cjson")?;
    table.raw_set("_VERSION", "2.1.0")?;
    Ok(table)
}

fn one(value: Value) -> MultiValue {
    MultiValue::from_iter([value])
}

/// The only argument; cjson counts them first.
fn only<'a>(lua: &Lua, words: &'a MultiValue, function: &str, name: Option<&str>) -> mlua::Result<&'a Value> {
    match words.front() {
        Some(value) if words.len() == 1 => Ok(value),
        _ => Err(raise::argument(lua, 1, name.unwrap_or(function), "expected 1 argument")),
    }
}

fn at_most(lua: &Lua, words: &MultiValue, count: usize, function: &str) -> mlua::Result<()> {
    if words.len() > count {
        return Err(raise::argument(lua, count + 1, function, "found too many arguments"));
    }
    Ok(())
}

fn bounded(
    lua: &Lua,
    words: &MultiValue,
    at: usize,
    (min, max): (i32, i32),
    function: &str,
) -> mlua::Result<Option<i64>> {
    if words.get(at).is_none_or(Value::is_nil) {
        return Ok(None);
    }
    let value = super::random::number(lua, words, at, function)? as i64;
    if value < i64::from(min) || value > i64::from(max) {
        let what = format!("expected integer between {min} and {max}");
        return Err(raise::argument(lua, at + 1, function, &what));
    }
    Ok(Some(value))
}

fn integer(
    lua: &Lua,
    words: &MultiValue,
    setting: &Cell<i64>,
    bounds: (i32, i32),
    function: &str,
) -> mlua::Result<MultiValue> {
    at_most(lua, words, 1, function)?;
    if let Some(value) = bounded(lua, words, 0, bounds, function)? {
        setting.set(value);
    }
    Ok(one(Value::Number(setting.get() as f64)))
}

fn truth(lua: &Lua, words: &MultiValue, setting: &Cell<bool>, function: &str) -> mlua::Result<MultiValue> {
    at_most(lua, words, 1, function)?;
    match words.front() {
        None | Some(Value::Nil) => {}
        Some(Value::Boolean(value)) => setting.set(*value),
        Some(Value::String(text)) if text.as_bytes() == b"on" => setting.set(true),
        Some(Value::String(text)) if text.as_bytes() == b"off" => setting.set(false),
        Some(value) => {
            let what = match value {
                Value::String(text) => format!("invalid option '{}'", text.to_string_lossy()),
                Value::Integer(number) => format!("invalid option '{number}'"),
                Value::Number(number) => format!("invalid option '{number}'"),
                _ => format!("string expected, got {}", super::random::type_name(Some(value))),
            };
            return Err(raise::argument(lua, 1, function, &what));
        }
    }
    Ok(one(Value::Boolean(setting.get())))
}

fn encode_sparse_array(lua: &Lua, words: &MultiValue, settings: &Settings) -> mlua::Result<MultiValue> {
    let function = "encode_sparse_array";
    at_most(lua, words, 3, function)?;
    let first: MultiValue = words.iter().take(1).cloned().collect();
    truth(lua, &first, &settings.sparse_convert, function)?;
    if let Some(ratio) = bounded(lua, words, 1, (0, i32::MAX), function)? {
        settings.sparse_ratio.set(ratio);
    }
    if let Some(safe) = bounded(lua, words, 2, (0, i32::MAX), function)? {
        settings.sparse_safe.set(safe);
    }
    let number = |setting: &Cell<i64>| Value::Number(setting.get() as f64);
    let convert = Value::Boolean(settings.sparse_convert.get());
    Ok(MultiValue::from_iter([convert, number(&settings.sparse_ratio), number(&settings.sparse_safe)]))
}

fn encode_invalid_numbers(lua: &Lua, words: &MultiValue, settings: &Settings) -> mlua::Result<MultiValue> {
    let setting = &settings.encode_invalid;
    if let Some(Value::String(text)) = words.front()
        && text.as_bytes() == b"null"
    {
        setting.set(Invalid::Null);
    } else {
        let written = Cell::new(setting.get() == Invalid::Written);
        let given = words.front().is_some_and(|word| !word.is_nil());
        truth(lua, words, &written, "encode_invalid_numbers")?;
        if given {
            setting.set(if written.get() { Invalid::Written } else { Invalid::Refused });
        }
    }
    Ok(one(match setting.get() {
        Invalid::Null => Value::String(lua.create_string("null")?),
        other => Value::Boolean(other == Invalid::Written),
    }))
}
