//! `bit`: operations on numbers as words of 32 bits (<https://bitop.luajit.org/api.html>).

use mlua::{Lua, MultiValue, Table};

use super::random::number;

/// The table.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let bit = lua.create_table()?;
    unary(lua, &bit, "tobit", |x| x)?;
    unary(lua, &bit, "bnot", |x| !x)?;
    unary(lua, &bit, "bswap", u32::swap_bytes)?;
    fold(lua, &bit, "band", |a, b| a & b)?;
    fold(lua, &bit, "bor", |a, b| a | b)?;
    fold(lua, &bit, "bxor", |a, b| a ^ b)?;
    shift(lua, &bit, "lshift", |x, n| x << n)?;
    shift(lua, &bit, "rshift", |x, n| x >> n)?;
    shift(lua, &bit, "arshift", |x, n| (x as i32 >> n) as u32)?;
    shift(lua, &bit, "rol", u32::rotate_left)?;
    shift(lua, &bit, "ror", u32::rotate_right)?;
    bit.raw_set("tohex", lua.create_function(|lua, words: MultiValue| tohex(lua, &words))?)?;
    Ok(bit)
}

fn unary(lua: &Lua, bit: &Table, name: &'static str, f: fn(u32) -> u32) -> mlua::Result<()> {
    let operation = move |lua: &Lua, words: MultiValue| Ok(f(word(lua, &words, 0, name)?) as i32);
    bit.raw_set(name, lua.create_function(operation)?)
}

fn fold(lua: &Lua, bit: &Table, name: &'static str, f: fn(u32, u32) -> u32) -> mlua::Result<()> {
    let operation = move |lua: &Lua, words: MultiValue| {
        let mut result = word(lua, &words, 0, name)?;
        for at in 1..words.len() {
            result = f(result, word(lua, &words, at, name)?);
        }
        Ok(result as i32)
    };
    bit.raw_set(name, lua.create_function(operation)?)
}

fn shift(lua: &Lua, bit: &Table, name: &'static str, f: fn(u32, u32) -> u32) -> mlua::Result<()> {
    let operation = move |lua: &Lua, words: MultiValue| {
        let (x, n) = (word(lua, &words, 0, name)?, word(lua, &words, 1, name)?);
        Ok(f(x, n & 31) as i32)
    };
    bit.raw_set(name, lua.create_function(operation)?)
}

/// An argument as a word: rounded to the nearest integer, of which the lowest 32 bits count.
fn word(lua: &Lua, words: &MultiValue, at: usize, name: &str) -> mlua::Result<u32> {
    const RANGE: f64 = 4_294_967_296.0;
    let rounded = number(lua, words, at, name)?.round_ties_even();
    Ok(if rounded.is_finite() { rounded.rem_euclid(RANGE) as u32 } else { 0 })
}

fn tohex(lua: &Lua, words: &MultiValue) -> mlua::Result<String> {
    let x = word(lua, words, 0, "tohex")?;
    let digits = if words.len() > 1 { word(lua, words, 1, "tohex")? as i32 } else { 8 };
    let all = if digits < 0 { format!("{x:08X}") } else { format!("{x:08x}") };
    let shown = digits.unsigned_abs().min(8) as usize;
    Ok(all[8 - shown..].to_owned())
}
