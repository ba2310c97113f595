//! `struct`: numbers and strings as C lays them out (<http://www.inf.puc-rio.br/~roberto/struct/>).

use mlua::{IntoLua, Lua, MultiValue, Table, Value};

use super::raise;
use super::random::{bytes, number};

/// The greatest size of `i` and `I`.
const INTEGER_BYTES_MAX: usize = 32;
/// What `!` aligns to by itself.
const ALIGNMENT: usize = 8;

/// The table.
pub(super) fn library(lua: &Lua) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    table.raw_set("pack", lua.create_function(|lua, words: MultiValue| pack(lua, &words))?)?;
    table.raw_set("unpack", lua.create_function(|lua, words: MultiValue| unpack(lua, &words))?)?;
    table.raw_set("size", lua.create_function(|lua, words: MultiValue| size(lua, &words))?)?;
    Ok(table)
}

/// Walks through a format.
struct Format<'a> {
    text: &'a [u8],
    function: &'static str,
    little: bool,
    alignment: usize,
}

/// One piece of a format that stands for something, with its size (0: known only with the value).
#[derive(Clone, Copy)]
struct Piece {
    letter: u8,
    bytes: usize,
    /// Bytes to skip before it.
    padding: usize,
}

impl<'a> Format<'a> {
    fn new(text: &'a [u8], function: &'static str) -> Self {
        Format { text, function, little: true, alignment: 1 }
    }

    /// The next piece, to be laid out at `position`.
    fn next(&mut self, lua: &Lua, position: usize) -> mlua::Result<Option<Piece>> {
        while let Some((letter, rest)) = self.text.split_first() {
            self.text = rest;
            let bytes = match letter {
                b'b' | b'B' | b'x' => 1,
                b'h' | b'H' => 2,
                b'f' => 4,
                b'l' | b'L' | b'T' | b'd' => 8,
                b'c' => self.number(lua)?.unwrap_or(1),
                b'i' | b'I' => self.integer_bytes(lua)?,
                b's' => 0,
                _ => {
                    self.control(lua, *letter)?;
                    continue;
                }
            };
            let padding = if matches!(letter, b'c' | b's') { 0 } else { self.padding(position, bytes) };
            return Ok(Some(Piece { letter: *letter, bytes, padding }));
        }
        Ok(None)
    }

    fn control(&mut self, lua: &Lua, letter: u8) -> mlua::Result<()> {
        match letter {
            b' ' => {}
            b'>' => self.little = false,
            b'<' => self.little = true,
            b'!' => {
                let alignment = self.number(lua)?.unwrap_or(ALIGNMENT);
                if !alignment.is_power_of_two() {
                    return Err(raise::here(lua, format!("alignment {alignment} is not a power of 2")));
                }
                self.alignment = alignment;
            }
            // As in the original, only what packs or unpacks is strict.
            _ if self.function == "size" => {}
            _ => {
                let what = format!("invalid format option '{}'", letter as char);
                return Err(raise::argument(lua, 1, self.function, &what));
            }
        }
        Ok(())
    }

    fn number(&mut self, lua: &Lua) -> mlua::Result<Option<usize>> {
        let digits = self.text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = self.text.split_at(digits);
        self.text = rest;
        if number.is_empty() {
            return Ok(None);
        }
        let number = std::str::from_utf8(number).ok().and_then(|number| number.parse::<i32>().ok());
        number.map(|number| Some(number as usize)).ok_or_else(|| raise::here(lua, "integral size overflow"))
    }

    fn integer_bytes(&mut self, lua: &Lua) -> mlua::Result<usize> {
        let bytes = self.number(lua)?.unwrap_or(4);
        if bytes > INTEGER_BYTES_MAX {
            let text = format!("integral size {bytes} is larger than limit of {INTEGER_BYTES_MAX}");
            return Err(raise::here(lua, text));
        }
        Ok(bytes)
    }

    fn padding(&self, position: usize, bytes: usize) -> usize {
        let to = bytes.min(self.alignment);
        if to == 0 { 0 } else { to.wrapping_sub(position & (to - 1)) & (to - 1) }
    }

    /// The bytes of a number in the order that was chosen.
    fn ordered(&self, mut little: Vec<u8>) -> Vec<u8> {
        if !self.little {
            little.reverse();
        }
        little
    }
}

fn pack(lua: &Lua, words: &MultiValue) -> mlua::Result<Value> {
    let text = bytes(lua, words, 0, "pack")?;
    let (mut format, mut out, mut at) = (Format::new(&text, "pack"), Vec::new(), 1);
    // Behind the last argument stands a nil.
    let words = &words.iter().cloned().chain([Value::Nil]).collect::<MultiValue>();
    while let Some(piece) = format.next(lua, out.len())? {
        out.resize(out.len() + piece.padding, 0);
        match piece.letter {
            b'x' => {
                out.push(0);
                continue;
            }
            b's' | b'c' => {
                let string = bytes(lua, words, at, "pack")?;
                let length = if piece.bytes == 0 { string.len() } else { piece.bytes };
                if string.len() < length {
                    return Err(raise::argument(lua, at + 2, "pack", "string too short"));
                }
                out.extend_from_slice(&string[..length]);
                if piece.letter == b's' {
                    out.push(0);
                }
            }
            b'f' => {
                let value = number(lua, words, at, "pack")? as f32;
                out.extend(format.ordered(value.to_le_bytes().to_vec()));
            }
            b'd' => {
                let value = number(lua, words, at, "pack")?;
                out.extend(format.ordered(value.to_le_bytes().to_vec()));
            }
            _ => {
                let value = number(lua, words, at, "pack")?;
                let value = if value < 0.0 { value as i64 as u64 } else { value as u64 };
                let mut little = value.to_le_bytes().to_vec();
                little.resize(piece.bytes, 0);
                out.extend(format.ordered(little));
            }
        }
        at += 1;
    }
    Ok(Value::String(lua.create_string(&out)?))
}

fn unpack(lua: &Lua, words: &MultiValue) -> mlua::Result<MultiValue> {
    let (text, data) = (bytes(lua, words, 0, "unpack")?, bytes(lua, words, 1, "unpack")?);
    let start = if words.len() > 2 { number(lua, words, 2, "unpack")?.trunc() } else { 1.0 };
    if start < 0.0 {
        return Err(raise::argument(lua, 2, "unpack", "data string too short"));
    }
    if start == 0.0 {
        return Err(raise::argument(lua, 3, "unpack", "offset must be 1 or greater"));
    }
    let (mut format, mut position) = (Format::new(&text, "unpack"), start as usize - 1);
    let mut values: Vec<Value> = Vec::new();
    let short = || raise::argument(lua, 2, "unpack", "data string too short");
    while let Some(piece) = format.next(lua, position)? {
        position = position.saturating_add(piece.padding);
        let rest = data.get(position..).ok_or_else(short)?;
        let mut found = rest.get(..piece.bytes).ok_or_else(short)?;
        let mut skipped = 0;
        match piece.letter {
            b'x' => {}
            b's' => {
                let end =
                    memchr::memchr(0, rest).ok_or_else(|| raise::here(lua, "unfinished string in data"))?;
                (found, skipped) = (&rest[..end], 1);
                values.push(Value::String(lua.create_string(found)?));
            }
            b'c' => {
                if piece.bytes == 0 {
                    let size = values.pop().and_then(|value| value.as_number());
                    let size = size.ok_or_else(|| raise::here(lua, "format 'c0' needs a previous size"))?;
                    found = rest.get(..size.max(0.0) as usize).filter(|_| size >= 0.0).ok_or_else(short)?;
                }
                values.push(Value::String(lua.create_string(found)?));
            }
            letter => values.push(decoded(letter, &format.ordered(found.to_vec())).into_lua(lua)?),
        }
        position += found.len() + skipped;
    }
    values.push(Value::Number((position + 1) as f64));
    Ok(values.into_iter().collect())
}

/// A number from its bytes, the lowest first.
fn decoded(letter: u8, little: &[u8]) -> f64 {
    match letter {
        b'f' => little.try_into().map_or(0.0, |bytes| f64::from(f32::from_le_bytes(bytes))),
        b'd' => little.try_into().map_or(0.0, f64::from_le_bytes),
        _ => {
            let mut whole = [0; 8];
            let used = little.len().min(8);
            whole[..used].copy_from_slice(&little[..used]);
            let value = u64::from_le_bytes(whole);
            if letter.is_ascii_lowercase() {
                let unused = 64 - 8 * used as u32;
                // Shifting up and down again carries the sign.
                let signed = (value as i64).checked_shl(unused).unwrap_or(0).checked_shr(unused).unwrap_or(0);
                signed as f64
            } else {
                value as f64
            }
        }
    }
}

fn size(lua: &Lua, words: &MultiValue) -> mlua::Result<f64> {
    let text = bytes(lua, words, 0, "size")?;
    let (mut format, mut position) = (Format::new(&text, "size"), 0usize);
    while let Some(piece) = format.next(lua, position)? {
        let variable = match piece.letter {
            b's' => Some("option 's' has no fixed size"),
            b'c' if piece.bytes == 0 => Some("option 'c0' has no fixed size"),
            _ => None,
        };
        if let Some(what) = variable {
            return Err(raise::argument(lua, 1, "size", what));
        }
        position = position.saturating_add(piece.padding + piece.bytes);
    }
    Ok(position as f64)
}
