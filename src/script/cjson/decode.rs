//! JSON to Lua.

use mlua::{Lua, Table, Value};

use super::{DEPTH_MAX, Settings, number};
use crate::script::raise;

/// A text as a value.
pub(super) fn decode(lua: &Lua, text: &[u8], settings: &Settings) -> mlua::Result<Value> {
    if text.len() >= 2 && (text[0] == 0 || text[1] == 0) {
        return Err(raise::here(lua, "JSON parser does not support UTF-16 or UTF-32"));
    }
    let mut decoder = Decoder { lua, settings, text, at: 0 };
    let token = decoder.next();
    let value = decoder.value(token, 0)?;
    match decoder.next() {
        (_, Token::End) => Ok(value),
        token => Err(decoder.unexpected("the end", &token)),
    }
}

#[derive(Debug)]
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    Wrong(&'static str),
}

impl Token {
    /// How cjson names it in an error.
    fn name(&self) -> &'static str {
        match self {
            Token::ObjectBegin => "T_OBJ_BEGIN",
            Token::ObjectEnd => "T_OBJ_END",
            Token::ArrayBegin => "T_ARR_BEGIN",
            Token::ArrayEnd => "T_ARR_END",
            Token::String(_) => "T_STRING",
            Token::Number(_) => "T_NUMBER",
            Token::Boolean(_) => "T_BOOLEAN",
            Token::Null => "T_NULL",
            Token::Colon => "T_COLON",
            Token::Comma => "T_COMMA",
            Token::End => "T_END",
            Token::Wrong(what) => what,
        }
    }
}

/// A token and where it begins.
type Placed = (usize, Token);

struct Decoder<'a> {
    lua: &'a Lua,
    settings: &'a Settings,
    text: &'a [u8],
    at: usize,
}

impl Decoder<'_> {
    fn unexpected(&self, wanted: &str, (at, token): &Placed) -> mlua::Error {
        let text = format!("Expected {wanted} but found {} at character {}", token.name(), at + 1);
        raise::here(self.lua, text)
    }

    fn next(&mut self) -> Placed {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        let start = self.at;
        let Some(byte) = self.text.get(start) else { return (start, Token::End) };
        let single = match byte {
            b'{' => Some(Token::ObjectBegin),
            b'}' => Some(Token::ObjectEnd),
            b'[' => Some(Token::ArrayBegin),
            b']' => Some(Token::ArrayEnd),
            b':' => Some(Token::Colon),
            b',' => Some(Token::Comma),
            _ => None,
        };
        if let Some(token) = single {
            self.at += 1;
            return (start, token);
        }
        match byte {
            b'"' => self.string(),
            b'-' | b'0'..=b'9' => (start, self.number()),
            _ => (start, self.word()),
        }
    }

    fn number(&mut self) -> Token {
        let rest = &self.text[self.at..];
        if !self.settings.decode_invalid.get() && is_invalid(rest) {
            return Token::Wrong("invalid number");
        }
        match number::read(rest) {
            Some((value, length)) => {
                self.at += length;
                Token::Number(value)
            }
            None => Token::Wrong("invalid number"),
        }
    }

    fn word(&mut self) -> Token {
        let rest = &self.text[self.at..];
        for (word, token) in
            [("true", Token::Boolean(true)), ("false", Token::Boolean(false)), ("null", Token::Null)]
        {
            if rest.starts_with(word.as_bytes()) {
                self.at += word.len();
                return token;
            }
        }
        if self.settings.decode_invalid.get() && is_invalid(rest) {
            return self.number();
        }
        Token::Wrong("invalid token")
    }

    fn string(&mut self) -> Placed {
        let start = self.at;
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            match self.text.get(self.at) {
                None | Some(0) => return (self.at, Token::Wrong("unexpected end of string")),
                Some(b'"') => break,
                Some(b'\\') => {
                    if let Err(what) = self.escape(&mut bytes) {
                        return (self.at, Token::Wrong(what));
                    }
                }
                Some(byte) => {
                    bytes.push(*byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        (start, Token::String(bytes))
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), &'static str> {
        let plain = match self.text.get(self.at + 1) {
            Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
            Some(b'b') => 8,
            Some(b'f') => 12,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => return self.unicode(bytes),
            _ => return Err("invalid escape code"),
        };
        bytes.push(plain);
        self.at += 2;
        Ok(())
    }

    /// `\uXXXX`, in pairs beyond the first plane.
    fn unicode(&mut self, bytes: &mut Vec<u8>) -> Result<(), &'static str> {
        const WRONG: &str = "invalid unicode escape code";
        let high = self.code(self.at).ok_or(WRONG)?;
        let mut length = 6;
        let code = match high {
            0xd800..0xdc00 => {
                let low = self.code(self.at + 6).filter(|low| (0xdc00..0xe000).contains(low)).ok_or(WRONG)?;
                length = 12;
                0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00)
            }
            code => code,
        };
        let character = char::from_u32(code).ok_or(WRONG)?;
        bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        self.at += length;
        Ok(())
    }

    fn code(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }

    fn value(&mut self, token: Placed, depth: i64) -> mlua::Result<Value> {
        Ok(match token.1 {
            Token::String(bytes) => Value::String(self.lua.create_string(&bytes)?),
            Token::Number(number) => Value::Number(number),
            Token::Boolean(truth) => Value::Boolean(truth),
            Token::Null => Value::NULL,
            Token::ObjectBegin => Value::Table(self.object(self.deeper(depth)?)?),
            Token::ArrayBegin => Value::Table(self.array(self.deeper(depth)?)?),
            _ => return Err(self.unexpected("value", &token)),
        })
    }

    fn deeper(&self, depth: i64) -> mlua::Result<i64> {
        if depth + 1 > self.settings.decode_depth_max.get().min(DEPTH_MAX) {
            let text =
                format!("Found too many nested data structures ({}) at character {}", depth + 1, self.at);
            return Err(raise::here(self.lua, text));
        }
        Ok(depth + 1)
    }

    fn object(&mut self, depth: i64) -> mlua::Result<Table> {
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if matches!(token.1, Token::ObjectEnd) {
            return Ok(table);
        }
        loop {
            let key = match token.1 {
                Token::String(key) => key,
                _ => return Err(self.unexpected("object key string", &token)),
            };
            let colon = self.next();
            if !matches!(colon.1, Token::Colon) {
                return Err(self.unexpected("colon", &colon));
            }
            let first = self.next();
            let value = self.value(first, depth)?;
            table.raw_set(self.lua.create_string(&key)?, value)?;
            match self.next() {
                (_, Token::ObjectEnd) => return Ok(table),
                (_, Token::Comma) => token = self.next(),
                token => return Err(self.unexpected("comma or object end", &token)),
            }
        }
    }

    fn array(&mut self, depth: i64) -> mlua::Result<Table> {
        let table = self.lua.create_table()?;
        let mut token = self.next();
        if matches!(token.1, Token::ArrayEnd) {
            return Ok(table);
        }
        for at in 1.. {
            let value = self.value(token, depth)?;
            table.raw_set(at, value)?;
            match self.next() {
                (_, Token::ArrayEnd) => break,
                (_, Token::Comma) => token = self.next(),
                token => return Err(self.unexpected("comma or array end", &token)),
            }
        }
        Ok(table)
    }
}

/// Whether a text begins with a number that JSON does not know: hexadecimal, infinite, none, with zeros or a plus before it.
fn is_invalid(text: &[u8]) -> bool {
    if text.first() == Some(&b'+') {
        return true;
    }
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    match rest.first() {
        Some(b'0') => matches!(rest.get(1), Some(b'x' | b'X' | b'0'..=b'9')),
        Some(first) if *first <= b'9' => false,
        _ => rest
            .get(..3)
            .is_some_and(|name| name.eq_ignore_ascii_case(b"inf") || name.eq_ignore_ascii_case(b"nan")),
    }
}
