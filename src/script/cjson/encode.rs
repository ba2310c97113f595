//! Lua to JSON.

use mlua::{Lua, Table, Value};

use super::{DEPTH_MAX, Invalid, Settings, number};
use crate::script::raise;
use crate::script::random::type_name;

/// A value as JSON.
pub(super) fn encode(lua: &Lua, value: &Value, settings: &Settings) -> mlua::Result<Vec<u8>> {
    let mut encoder = Encoder { lua, settings, out: Vec::new() };
    encoder.value(value, 0)?;
    Ok(encoder.out)
}

struct Encoder<'a> {
    lua: &'a Lua,
    settings: &'a Settings,
    out: Vec<u8>,
}

impl Encoder<'_> {
    fn refused(&self, value: &Value, why: &str) -> mlua::Error {
        let kind = type_name(Some(value));
        raise::here(self.lua, format!("Cannot serialise {kind}: {why}"))
    }

    fn value(&mut self, value: &Value, depth: i64) -> mlua::Result<()> {
        match value {
            Value::String(text) => self.string(&text.as_bytes()),
            Value::Integer(number) => self.number(*number as f64)?,
            Value::Number(number) => self.number(*number)?,
            Value::Boolean(true) => self.out.extend_from_slice(b"true"),
            Value::Boolean(false) => self.out.extend_from_slice(b"false"),
            Value::Nil => self.out.extend_from_slice(b"null"),
            value if *value == Value::NULL => self.out.extend_from_slice(b"null"),
            Value::Table(table) => {
                let depth = depth + 1;
                if depth > self.settings.encode_depth_max.get().min(DEPTH_MAX) {
                    return Err(raise::here(
                        self.lua,
                        format!("Cannot serialise, excessive nesting ({depth})"),
                    ));
                }
                match self.array_length(table)? {
                    Some(length) if length > 0 => self.array(table, length, depth)?,
                    _ => self.object(table, depth)?,
                }
            }
            value => return Err(self.refused(value, "type not supported")),
        }
        Ok(())
    }

    fn string(&mut self, text: &[u8]) {
        self.out.push(b'"');
        for byte in text {
            match byte {
                b'"' | b'\\' | b'/' => self.out.extend([b'\\', *byte]),
                8 => self.out.extend_from_slice(b"\\b"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                12 => self.out.extend_from_slice(b"\\f"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                0..32 | 127 => self.out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => self.out.push(*byte),
            }
        }
        self.out.push(b'"');
    }

    fn number(&mut self, value: f64) -> mlua::Result<()> {
        if !value.is_finite() {
            match self.settings.encode_invalid.get() {
                Invalid::Refused => {
                    return Err(self.refused(&Value::Number(value), "must not be NaN or Inf"));
                }
                Invalid::Null => {
                    self.out.extend_from_slice(b"null");
                    return Ok(());
                }
                Invalid::Written => {}
            }
        }
        number::write(&mut self.out, value, self.settings.precision.get() as usize);
        Ok(())
    }

    /// How long a table is if it is an array: all its keys are positive integers, and not too few of them are there.
    fn array_length(&self, table: &Table) -> mlua::Result<Option<i64>> {
        let (mut max, mut items) = (0, 0);
        for pair in table.pairs::<Value, Value>() {
            match pair?.0 {
                Value::Integer(at) if at > 0 => max = max.max(at),
                _ => return Ok(None),
            }
            items += 1;
        }
        let ratio = self.settings.sparse_ratio.get();
        if ratio > 0 && max > items * ratio && max > self.settings.sparse_safe.get() {
            if !self.settings.sparse_convert.get() {
                return Err(raise::here(self.lua, "Cannot serialise table: excessively sparse array"));
            }
            return Ok(None);
        }
        Ok(Some(max))
    }

    fn array(&mut self, table: &Table, length: i64, depth: i64) -> mlua::Result<()> {
        self.out.push(b'[');
        for at in 1..=length {
            if at > 1 {
                self.out.push(b',');
            }
            let value: Value = table.raw_get(at)?;
            self.value(&value, depth)?;
        }
        self.out.push(b']');
        Ok(())
    }

    fn object(&mut self, table: &Table, depth: i64) -> mlua::Result<()> {
        self.out.push(b'{');
        let mut first = true;
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            if !std::mem::take(&mut first) {
                self.out.push(b',');
            }
            match &key {
                Value::String(text) => self.string(&text.as_bytes()),
                Value::Integer(number) => self.number_key(*number as f64)?,
                Value::Number(number) => self.number_key(*number)?,
                key => return Err(self.refused(key, "table key must be a number or string")),
            }
            self.out.push(b':');
            self.value(&value, depth)?;
        }
        self.out.push(b'}');
        Ok(())
    }

    fn number_key(&mut self, number: f64) -> mlua::Result<()> {
        self.out.push(b'"');
        self.number(number)?;
        self.out.push(b'"');
        Ok(())
    }
}
