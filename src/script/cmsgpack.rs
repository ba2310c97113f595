//! `cmsgpack`: MessagePack (<https://github.com/msgpack/msgpack/blob/master/spec.md>), as far as Redis knows it.

use mlua::{Lua, MultiValue, Table, Value};

use super::raise;
use super::random::{bytes, number};

/// Tables are packed no deeper; what is deeper is nil.
const PACK_DEPTH_MAX: usize = 16;
/// Arrays and maps are unpacked no deeper.
const UNPACK_DEPTH_MAX: usize = 2000;

/// The table.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", lua.create_function(|lua, words: MultiValue| pack(lua, &words))?)?;
    table.raw_set("unpack", lua.create_function(|lua, words: MultiValue| unpack(lua, &words))?)?;
    table.raw_set("unpack_one", lua.create_function(|lua, words: MultiValue| unpack_one(lua, &words))?)?;
    table
        .raw_set("unpack_limit", lua.create_function(|lua, words: MultiValue| unpack_limit(lua, &words))?)?;
    table.raw_set("_NAME", "cmsgpack")?;
    table.raw_set("_VERSION", "lua-cmsgpack 0.4.0")?;
    table.raw_set("_COPYRIGHT", "Copyright (C) 2012, Redis Ltd.")?;
    table.raw_set("_DESCRIPTION", "MessagePack C implementation for Lua")?;
    Ok(table)
}

fn pack(lua: &Lua, words: &MultiValue) -> mlua::Result<Value> {
    if words.is_empty() {
        return Err(raise::argument(lua, 0, "pack", "MessagePack pack needs input."));
    }
    let mut out = Vec::new();
    for word in words.iter() {
        pack_value(&mut out, word, 0)?;
    }
    Ok(Value::String(lua.create_string(&out)?))
}

fn pack_value(out: &mut Vec<u8>, value: &Value, depth: usize) -> mlua::Result<()> {
    match value {
        Value::Boolean(truth) => out.push(0xc2 | u8::from(*truth)),
        Value::Integer(number) => pack_integer(out, *number),
        Value::Number(number) => pack_number(out, *number),
        Value::String(text) => {
            let text = text.as_bytes();
            match text.len() {
                length @ 0..32 => out.push(0xa0 | length as u8),
                length @ 32..256 => out.extend([0xd9, length as u8]),
                length => head(out, length, 0xda),
            }
            out.extend_from_slice(&text);
        }
        Value::Table(table) if depth < PACK_DEPTH_MAX => pack_table(out, table, depth)?,
        _ => out.push(0xc0),
    }
    Ok(())
}

/// A length of two or four bytes; `mark` is that of the shorter form, the next one that of the longer.
fn head(out: &mut Vec<u8>, length: usize, mark: u8) {
    match u16::try_from(length) {
        Ok(length) => {
            out.push(mark);
            out.extend(length.to_be_bytes());
        }
        Err(_) => {
            out.push(mark + 1);
            out.extend((length as u32).to_be_bytes());
        }
    }
}

fn pack_integer(out: &mut Vec<u8>, number: i64) {
    match number {
        0..128 => out.push(number as u8),
        128..=0xff => out.extend([0xcc, number as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend((number as u16).to_be_bytes());
        }
        0x1_0000..=0xffff_ffff => {
            out.push(0xce);
            out.extend((number as u32).to_be_bytes());
        }
        0x1_0000_0000.. => {
            out.push(0xcf);
            out.extend(number.to_be_bytes());
        }
        -32..0 => out.push(number as i8 as u8),
        -128..-32 => out.extend([0xd0, number as i8 as u8]),
        -32768..-128 => {
            out.push(0xd1);
            out.extend((number as i16).to_be_bytes());
        }
        -2_147_483_648..-32768 => {
            out.push(0xd2);
            out.extend((number as i32).to_be_bytes());
        }
        _ => {
            out.push(0xd3);
            out.extend(number.to_be_bytes());
        }
    }
}

fn pack_number(out: &mut Vec<u8>, number: f64) {
    let whole = number as i64;
    if whole as f64 == number && whole != i64::MAX {
        return pack_integer(out, whole);
    }
    let short = number as f32;
    if f64::from(short) == number {
        out.push(0xca);
        out.extend(short.to_be_bytes());
    } else {
        out.push(0xcb);
        out.extend(number.to_be_bytes());
    }
}

fn pack_table(out: &mut Vec<u8>, table: &Table, depth: usize) -> mlua::Result<()> {
    let (mut count, mut is_array) = (0usize, true);
    let mut max = 0;
    for pair in table.pairs::<Value, Value>() {
        let (key, _) = pair?;
        count += 1;
        match key {
            Value::Integer(at) if at > 0 => max = max.max(at),
            _ => is_array = false,
        }
    }
    if is_array && max as usize == count {
        match count {
            0..16 => out.push(0x90 | count as u8),
            _ => head(out, count, 0xdc),
        }
        for at in 1..=count {
            pack_value(out, &table.raw_get(at)?, depth + 1)?;
        }
        return Ok(());
    }
    match count {
        0..16 => out.push(0x80 | count as u8),
        _ => head(out, count, 0xde),
    }
    for pair in table.pairs::<Value, Value>() {
        let (key, value) = pair?;
        pack_value(out, &key, depth + 1)?;
        pack_value(out, &value, depth + 1)?;
    }
    Ok(())
}

fn unpack(lua: &Lua, words: &MultiValue) -> mlua::Result<MultiValue> {
    let data = bytes(lua, words, 0, "unpack")?;
    Ok(decode(lua, &data, 0, usize::MAX)?.0.into_iter().collect())
}

fn unpack_one(lua: &Lua, words: &MultiValue) -> mlua::Result<MultiValue> {
    let data = bytes(lua, words, 0, "unpack_one")?;
    let offset = if words.len() > 1 { number(lua, words, 1, "unpack_one")? } else { 0.0 };
    unpack_some(lua, &data, offset, 1.0)
}

fn unpack_limit(lua: &Lua, words: &MultiValue) -> mlua::Result<MultiValue> {
    let data = bytes(lua, words, 0, "unpack_limit")?;
    let limit = number(lua, words, 1, "unpack_limit")?;
    if limit == 0.0 {
        // No limit: then nothing says where the next value begins.
        return unpack(lua, words);
    }
    let offset = if words.len() > 2 { number(lua, words, 2, "unpack_limit")? } else { 0.0 };
    unpack_some(lua, &data, offset, limit)
}

fn unpack_some(lua: &Lua, data: &[u8], offset: f64, limit: f64) -> mlua::Result<MultiValue> {
    let (offset, limit) = (offset as i64, limit as i64);
    let (Ok(start), Ok(count)) = (usize::try_from(offset), usize::try_from(limit)) else {
        let text = format!("Invalid request to unpack with offset of {offset} and limit of {}.", data.len());
        return Err(raise::here(lua, text));
    };
    if start > data.len() {
        let text = format!("Start offset {start} greater than input length {}.", data.len());
        return Err(raise::here(lua, text));
    }
    let (values, end) = decode(lua, data, start, count)?;
    let next = if end == data.len() { -1.0 } else { end as f64 };
    Ok(std::iter::once(Value::Number(next)).chain(values).collect())
}

/// Up to `limit` values from `start` on, and where the next begins.
fn decode(lua: &Lua, data: &[u8], start: usize, limit: usize) -> mlua::Result<(Vec<Value>, usize)> {
    let mut reader = Reader { lua, rest: &data[start..] };
    let mut values = Vec::new();
    while !reader.rest.is_empty() && values.len() < limit {
        values.push(reader.value(0)?);
    }
    Ok((values, data.len() - reader.rest.len()))
}

struct Reader<'l, 'b> {
    lua: &'l Lua,
    rest: &'b [u8],
}

impl<'b> Reader<'_, 'b> {
    fn bytes(&mut self, length: usize) -> mlua::Result<&'b [u8]> {
        let missing = || raise::here(self.lua, "Missing bytes in input.");
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or_else(missing)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// A number of up to eight bytes, the highest first.
    fn number(&mut self, length: usize) -> mlua::Result<u64> {
        Ok(self.bytes(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn value(&mut self, depth: usize) -> mlua::Result<Value> {
        let mark = self.bytes(1)?[0];
        let real = Value::Number;
        Ok(match mark {
            0..0x80 => real(f64::from(mark)),
            0xe0.. => real(f64::from(mark as i8)),
            0x80..0x90 => self.map(usize::from(mark & 15), depth)?,
            0x90..0xa0 => self.array(usize::from(mark & 15), depth)?,
            0xa0..0xc0 => self.string(usize::from(mark & 31))?,
            0xc0 => Value::Nil,
            0xc2 | 0xc3 => Value::Boolean(mark == 0xc3),
            0xca => real(f64::from(f32::from_bits(self.number(4)? as u32))),
            0xcb => real(f64::from_bits(self.number(8)?)),
            0xcc..=0xcf => real(self.number(1 << (mark - 0xcc))? as f64),
            0xd0 => real(f64::from(self.number(1)? as i8)),
            0xd1 => real(f64::from(self.number(2)? as i16)),
            0xd2 => real(f64::from(self.number(4)? as i32)),
            0xd3 => real(self.number(8)? as i64 as f64),
            0xd9..=0xdb => {
                let length = self.number(1 << (mark - 0xd9))? as usize;
                self.string(length)?
            }
            0xdc | 0xdd => {
                let length = self.number(2 << (mark - 0xdc))? as usize;
                self.array(length, depth)?
            }
            0xde | 0xdf => {
                let length = self.number(2 << (mark - 0xde))? as usize;
                self.map(length, depth)?
            }
            _ => return Err(raise::here(self.lua, "Bad data format in input.")),
        })
    }

    fn string(&mut self, length: usize) -> mlua::Result<Value> {
        let bytes = self.bytes(length)?;
        Ok(Value::String(self.lua.create_string(bytes)?))
    }

    fn deeper(&self, depth: usize) -> mlua::Result<usize> {
        if depth >= UNPACK_DEPTH_MAX {
            return Err(raise::here(self.lua, "stack overflow (in function mp_decode_to_lua_array)"));
        }
        Ok(depth + 1)
    }

    fn array(&mut self, length: usize, depth: usize) -> mlua::Result<Value> {
        let (table, depth) = (self.lua.create_table()?, self.deeper(depth)?);
        for at in 1..=length {
            let value = self.value(depth)?;
            table.raw_set(at, value)?;
        }
        Ok(Value::Table(table))
    }

    fn map(&mut self, length: usize, depth: usize) -> mlua::Result<Value> {
        let (table, depth) = (self.lua.create_table()?, self.deeper(depth)?);
        for _ in 0..length {
            let (key, value) = (self.value(depth)?, self.value(depth)?);
            match key {
                Value::Nil => return Err(raise::here(self.lua, "table index is nil")),
                Value::Number(key) if key.is_nan() => {
                    return Err(raise::here(self.lua, "table index is NaN"));
                }
                key => table.raw_set(key, value)?,
            }
        }
        Ok(Value::Table(table))
    }
}
