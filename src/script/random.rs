//! The random numbers of scripts: the same after each start of the machine, as in Redis.
//!
//! The generator is the one of `drand48(3)`: x' = (a·x + c) mod 2⁴⁸, of which the upper 31 bits are the number.

use std::cell::Cell;

use mlua::{Lua, MultiValue, Value};

use super::raise;

const A: u64 = 0x5_deec_e66d;
const C: u64 = 0xb;
const MASK: u64 = (1 << 48) - 1;
/// What the numbers are divided by.
const MAX: f64 = i32::MAX as f64;

/// The generator's state.
#[derive(Debug)]
pub(super) struct Random(Cell<u64>);

impl Default for Random {
    fn default() -> Random {
        Random(Cell::new(0x1234_abcd_330e))
    }
}

impl Random {
    /// Begins anew.
    pub fn seed(&self, seed: u32) {
        self.0.set((u64::from(seed) << 16) | 0x330e);
    }

    fn next(&self) -> i32 {
        self.0.set((A.wrapping_mul(self.0.get()).wrapping_add(C)) & MASK);
        (self.0.get() >> 17) as i32
    }

    /// `math.random`.
    pub fn random(&self, lua: &Lua, arguments: &MultiValue) -> mlua::Result<f64> {
        let part = f64::from(self.next() % i32::MAX) / MAX;
        match arguments.len() {
            0 => Ok(part),
            1 => {
                let upper = int(lua, arguments, 0, "random")?;
                let bad = || raise::argument(lua, 1, "random", "interval is empty");
                if upper < 1 { Err(bad()) } else { Ok((part * f64::from(upper)).floor() + 1.0) }
            }
            2 => {
                let (lower, upper) = (int(lua, arguments, 0, "random")?, int(lua, arguments, 1, "random")?);
                if lower > upper {
                    return Err(raise::argument(lua, 2, "random", "interval is empty"));
                }
                let width = f64::from(upper.wrapping_sub(lower).wrapping_add(1));
                Ok((part * width).floor() + f64::from(lower))
            }
            _ => Err(raise::here(lua, "wrong number of arguments")),
        }
    }

    /// `math.randomseed`.
    pub fn randomseed(&self, lua: &Lua, arguments: &MultiValue) -> mlua::Result<()> {
        self.seed(int(lua, arguments, 0, "randomseed")? as u32);
        Ok(())
    }
}

fn int(lua: &Lua, arguments: &MultiValue, at: usize, function: &str) -> mlua::Result<i32> {
    Ok(number(lua, arguments, at, function)? as i64 as i32)
}

/// Argument `at` (from 0) as a number, as Lua's own functions take it.
pub(super) fn number(lua: &Lua, arguments: &MultiValue, at: usize, function: &str) -> mlua::Result<f64> {
    let value = arguments.get(at);
    match value {
        Some(Value::Integer(n)) => return Ok(*n as f64),
        Some(Value::Number(n)) => return Ok(*n),
        Some(Value::String(_)) => {
            // A text that is a number is one.
            if let Some(n) = value.and_then(|value| lua.coerce_number(value.clone()).ok().flatten()) {
                return Ok(n);
            }
        }
        _ => {}
    }
    let what = format!("number expected, got {}", type_name(value));
    Err(raise::argument(lua, at + 1, function, &what))
}

/// Argument `at` (from 0) as bytes; numbers are written out, as Lua does.
pub(super) fn bytes(lua: &Lua, arguments: &MultiValue, at: usize, function: &str) -> mlua::Result<Vec<u8>> {
    let value = arguments.get(at);
    if let Some(value @ (Value::String(_) | Value::Integer(_) | Value::Number(_))) = value
        && let Some(text) = lua.coerce_string(value.clone())?
    {
        return Ok(text.as_bytes().to_vec());
    }
    let what = format!("string expected, got {}", type_name(value));
    Err(raise::argument(lua, at + 1, function, &what))
}

/// Lua's name of a value's type.
pub(super) fn type_name(value: Option<&Value>) -> &'static str {
    match value {
        None => "no value",
        Some(Value::Integer(_)) => "number",
        Some(Value::LightUserData(_)) => "userdata",
        Some(value) => value.type_name(),
    }
}
