//! Replies as Lua values, and Lua values as replies, by Redis's rules
//! (<https://redis.io/docs/latest/develop/interact/programmability/lua-api/>).

use mlua::{Lua, Table, Value};

use crate::protocol::reply::{Reply, Version};
use crate::text::{parse_f64, parse_i64};

/// Values nest no deeper; what is deeper in a result is an error in its place.
const DEPTH_MAX: usize = 200;

/// A whole reply as a Lua value.
pub(super) fn read_reply(lua: &Lua, reply: &[u8]) -> mlua::Result<Value> {
    Reader { lua, rest: reply, depth: 0 }.value()
}

struct Reader<'l, 'b> {
    lua: &'l Lua,
    rest: &'b [u8],
    depth: usize,
}

impl<'b> Reader<'_, 'b> {
    /// Replies come from our own commands, so they are well formed; what is not reads as nil.
    fn value(&mut self) -> mlua::Result<Value> {
        match self.line() {
            Some((mark, line)) if self.depth < DEPTH_MAX => {
                self.depth += 1;
                let value = self.value_of(mark, line);
                self.depth -= 1;
                value
            }
            _ => {
                // Where the next one would begin is not known.
                self.rest = &[];
                Ok(Value::Nil)
            }
        }
    }

    fn value_of(&mut self, mark: u8, line: &[u8]) -> mlua::Result<Value> {
        let number = || parse_i64(line).unwrap_or(-1);
        Ok(match mark {
            b':' => integer(number()),
            b'$' => match usize::try_from(number()) {
                Ok(length) => Value::String(self.lua.create_string(self.bytes(length))?),
                Err(_) => Value::Boolean(false),
            },
            b'+' => self.field("ok", Value::String(self.lua.create_string(line)?))?,
            b'-' => {
                let table = super::raise::error_table(self.lua, line)?;
                Value::Table(table)
            }
            b'*' | b'>' => match usize::try_from(number()) {
                Ok(length) => Value::Table(self.array(length)?),
                Err(_) => Value::Boolean(false),
            },
            b'%' => {
                let map = self.map(number())?;
                self.field("map", Value::Table(map))?
            }
            b'~' => {
                let set = self.set(number())?;
                self.field("set", Value::Table(set))?
            }
            b',' => self.field("double", Value::Number(parse_f64(line).unwrap_or(f64::NAN)))?,
            b'(' => self.field("big_number", Value::String(self.lua.create_string(line)?))?,
            b'#' => Value::Boolean(line == b"t"),
            b'=' => self.verbatim(number())?,
            b'|' => {
                self.map(number())?;
                self.value()?
            }
            _ => Value::Nil,
        })
    }

    fn line(&mut self) -> Option<(u8, &'b [u8])> {
        let end = memchr::memchr(b'\r', self.rest)?;
        let (line, rest) = (&self.rest[..end], self.rest.get(end + 2..)?);
        self.rest = rest;
        let (mark, line) = line.split_first()?;
        Some((*mark, line))
    }

    fn bytes(&mut self, length: usize) -> &'b [u8] {
        let (bytes, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, &[]));
        self.rest = rest.get(2..).unwrap_or_default();
        bytes
    }

    fn field(&self, name: &str, value: Value) -> mlua::Result<Value> {
        let table = self.lua.create_table_with_capacity(0, 1)?;
        table.raw_set(name, value)?;
        Ok(Value::Table(table))
    }

    fn array(&mut self, length: usize) -> mlua::Result<Table> {
        let table = self.lua.create_table_with_capacity(length.min(self.rest.len()), 0)?;
        for at in 1..=length {
            if self.rest.is_empty() {
                break;
            }
            let value = self.value()?;
            table.raw_set(at, value)?;
        }
        Ok(table)
    }

    fn map(&mut self, length: i64) -> mlua::Result<Table> {
        let table = self.lua.create_table()?;
        for _ in 0..length {
            if self.rest.is_empty() {
                break;
            }
            let (key, value) = (self.value()?, self.value()?);
            if !key.is_nil() {
                table.raw_set(key, value)?;
            }
        }
        Ok(table)
    }

    fn set(&mut self, length: i64) -> mlua::Result<Table> {
        let table = self.lua.create_table()?;
        for _ in 0..length {
            if self.rest.is_empty() {
                break;
            }
            let member = self.value()?;
            if !member.is_nil() {
                table.raw_set(member, true)?;
            }
        }
        Ok(table)
    }

    fn verbatim(&mut self, length: i64) -> mlua::Result<Value> {
        let bytes = self.bytes(usize::try_from(length).unwrap_or_default());
        let (format, text) = bytes.split_at_checked(4).unwrap_or((b"txt:", bytes));
        let table = self.lua.create_table_with_capacity(0, 2)?;
        table.raw_set("format", self.lua.create_string(&format[..3])?)?;
        table.raw_set("string", self.lua.create_string(text)?)?;
        self.field("verbatim_string", Value::Table(table))
    }
}

/// Lua's numbers are doubles.
fn integer(value: i64) -> Value {
    Value::Number(value as f64)
}

/// Writes what a script returned as a reply. `versions`: what the client reads, and what the script has chosen.
pub(super) fn write_result(
    out: &mut Vec<u8>,
    value: &Value,
    versions: (Version, Version),
) -> mlua::Result<()> {
    Writer { reply: Reply::new(out, versions.0), script: versions.1 }.value(value, 0)
}

/// Writes an array of these values, of which none is nil.
pub(super) fn write_row(out: &mut Vec<u8>, row: &[Value], versions: (Version, Version)) -> mlua::Result<()> {
    let mut writer = Writer { reply: Reply::new(out, versions.0), script: versions.1 };
    writer.reply.array(row.len());
    row.iter().try_for_each(|value| writer.value(value, 1))
}

struct Writer<'a> {
    reply: Reply<'a>,
    script: Version,
}

impl Writer<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> mlua::Result<()> {
        match value {
            Value::String(text) => self.reply.bulk(&text.as_bytes()),
            Value::Integer(number) => self.reply.integer(*number),
            Value::Number(number) => self.reply.integer(truncated(*number)),
            Value::Boolean(truth) if self.script == Version::Resp3 => self.reply.boolean(*truth),
            Value::Boolean(true) => self.reply.integer(1),
            Value::Table(_) if depth >= DEPTH_MAX => {
                self.reply.error("ERR reached lua stack limit");
            }
            Value::Table(table) => self.table(table, depth)?,
            _ => self.reply.null(),
        }
        Ok(())
    }

    fn table(&mut self, table: &Table, depth: usize) -> mlua::Result<()> {
        // Most tables are rows of values.
        if table.raw_len() > 0 && !has_fields(table)? {
            return self.array(table, depth);
        }
        if let Value::String(text) = table.raw_get::<Value>("err")? {
            self.reply.error(error_line(&text.as_bytes()));
        } else if let Value::String(text) = table.raw_get::<Value>("ok")? {
            self.reply.simple_bytes(&text.as_bytes());
        } else if let Some(number) = table.raw_get::<Value>("double")?.as_number() {
            self.reply.double(number);
        } else if let Value::Table(map) = table.raw_get::<Value>("map")? {
            self.map(&map, depth)?;
        } else if let Value::Table(set) = table.raw_get::<Value>("set")? {
            self.set(&set, depth)?;
        } else if let Value::String(digits) = table.raw_get::<Value>("big_number")? {
            let digits: String = digits.to_string_lossy().replace(['\r', '\n'], " ");
            self.reply.big_number(&digits);
        } else if let Value::Table(text) = table.raw_get::<Value>("verbatim_string")?
            && let (Value::String(format), Value::String(text)) =
                (text.raw_get("format")?, text.raw_get("string")?)
        {
            let format = format.to_string_lossy();
            let format = if format.len() == 3 && format.is_ascii() { format.as_str() } else { "txt" };
            self.reply.verbatim(format, &text.as_bytes());
        } else {
            self.array(table, depth)?;
        }
        Ok(())
    }

    /// The values up to the first that is nil.
    fn array(&mut self, table: &Table, depth: usize) -> mlua::Result<()> {
        let mark = self.reply.deferred_array();
        let mut length = 0;
        loop {
            let value: Value = table.raw_get(length + 1)?;
            if value.is_nil() {
                break;
            }
            self.value(&value, depth + 1)?;
            length += 1;
        }
        self.reply.close(mark, length);
        Ok(())
    }

    fn map(&mut self, map: &Table, depth: usize) -> mlua::Result<()> {
        let mark = self.reply.deferred_map();
        let mut length = 0;
        for pair in map.pairs::<Value, Value>() {
            let (key, value) = pair?;
            self.value(&key, depth + 1)?;
            self.value(&value, depth + 1)?;
            length += 1;
        }
        self.reply.close(mark, length);
        Ok(())
    }

    fn set(&mut self, set: &Table, depth: usize) -> mlua::Result<()> {
        let mark = self.reply.deferred_set();
        let mut length = 0;
        for pair in set.pairs::<Value, Value>() {
            self.value(&pair?.0, depth + 1)?;
            length += 1;
        }
        self.reply.close(mark, length);
        Ok(())
    }
}

/// Whether a table may be one of those with a meaning: it has something beside its row.
fn has_fields(table: &Table) -> mlua::Result<bool> {
    for name in ["err", "ok", "double", "map", "set", "big_number", "verbatim_string"] {
        if table.raw_get::<Value>(name)? != Value::Nil {
            return Ok(true);
        }
    }
    Ok(false)
}

/// As C converts: what does not fit is the smallest integer.
fn truncated(number: f64) -> i64 {
    if (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&number) {
        number as i64
    } else {
        i64::MIN
    }
}

/// An error has no minus sign of its own.
fn error_line(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"-").unwrap_or(text)
}
