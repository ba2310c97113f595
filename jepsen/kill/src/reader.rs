//! Reads all that a server has.

use std::collections::BTreeMap;
use std::io;

use seawall::protocol::client::Value;
use seawall_checker::durability::{Content, Found, Reading};

use crate::accounts::Books;
use crate::ballast::{self, Ballast};
use crate::journal::wall_ms;
use crate::link::Link;
use crate::units::{COUNTS, DATABASES, HASH, LEDGER, Words, judged, words};

/// What was there.
pub struct Seen {
    /// For the judge.
    pub reading: Reading,
    /// Of each database.
    pub books: BTreeMap<u64, Books>,
}

/// Everything, while nobody writes. The error: it cannot be read, or the ballast is not whole.
pub fn read(port: u16, ballast: &Ballast) -> io::Result<Seen> {
    let mut link = Link::open(port)?;
    let mut seen =
        Seen { reading: Reading { began_ms: wall_ms(), ..Reading::default() }, books: BTreeMap::new() };
    for database in DATABASES {
        seen.books.insert(database, Books::default());
        link.ask(&["SELECT", &database.to_string()])?;
        let keys = texts(link.ask(&["KEYS", "*"])?);
        let requests: Vec<Words> = keys.iter().flat_map(|key| questions(key)).collect();
        let mut replies = link.ask_all(&requests)?.into_iter();
        for key in &keys {
            let (value, deadline) = (replies.next().unwrap_or(Value::Null), replies.next());
            let deadline = deadline.and_then(|reply| reply.as_integer()).unwrap_or(-2);
            // -2: it has expired between the two.
            if deadline != -2 && value != Value::Null {
                seen.take(database, key, value, (deadline >= 0).then_some(deadline))?;
            }
        }
    }
    ballast.check(&mut link)?;
    seen.reading.ended_ms = wall_ms();
    Ok(seen)
}

fn kind(key: &[u8]) -> &[u8] {
    key.split(|byte| *byte == b':').next().unwrap_or_default()
}

fn questions(key: &[u8]) -> [Words; 2] {
    let words_of = |head: &str, tail: &[&str]| -> Words {
        let mut all = words(&[head]);
        all.push(key.to_vec());
        all.extend(words(tail));
        all
    };
    let question = match kind(key) {
        b"list" | b"ledger" => words_of("LRANGE", &["0", "-1"]),
        b"set" => words_of("SMEMBERS", &[]),
        b"zset" => words_of("ZRANGE", &["0", "-1"]),
        b"stream" => words_of("XRANGE", &["-", "+"]),
        b"hash" | b"counts" => words_of("HGETALL", &[]),
        _ => words_of("GET", &[]),
    };
    [question, words_of("PEXPIRETIME", &[])]
}

impl Seen {
    fn take(&mut self, database: u64, key: &[u8], value: Value, deadline_ms: Option<i64>) -> io::Result<()> {
        let invalid = || io::Error::other(format!("{} holds {value:.100?}", String::from_utf8_lossy(key)));
        let content = match kind(key) {
            b"hash" | b"counts" => {
                debug_assert!(key == HASH.as_bytes() || key == COUNTS.as_bytes());
                return self.take_fields(database, &texts(value));
            }
            b"account" => {
                let text = value.as_bytes().map(String::from_utf8_lossy);
                let amount = text.and_then(|text| text.parse().ok()).ok_or_else(invalid)?;
                let number = String::from_utf8_lossy(&key["account:".len()..]).parse();
                let books = self.books.entry(database).or_default();
                books.accounts.insert(number.map_err(|_| invalid())?, amount);
                return Ok(());
            }
            b"set" | b"zset" => Content::Set(texts(value).into_iter().collect()),
            b"stream" => Content::List(elements_of_entries(&value).ok_or_else(invalid)?),
            b"list" | b"ledger" => Content::List(texts(value)),
            _ => Content::Text(value.as_bytes().ok_or_else(invalid)?.to_vec()),
        };
        if key == LEDGER.as_bytes()
            && let Content::List(elements) = &content
        {
            self.books.entry(database).or_default().ledger.clone_from(elements);
        }
        self.reading.keys.insert(judged(database, key), Found { content, deadline_ms });
        Ok(())
    }

    /// Fields stand for keys.
    fn take_fields(&mut self, database: u64, pairs: &[Vec<u8>]) -> io::Result<()> {
        for pair in pairs.chunks_exact(2) {
            if !ballast::is_field(&pair[0]) {
                let found = Found { content: Content::Text(pair[1].clone()), deadline_ms: None };
                self.reading.keys.insert(judged(database, &pair[0]), found);
            }
        }
        Ok(())
    }
}

/// Of a stream's entries, each with one field.
fn elements_of_entries(entries: &Value) -> Option<Vec<Vec<u8>>> {
    let element = |entry: &Value| Some(entry.as_values()?.get(1)?.as_values()?.get(1)?.as_bytes()?.to_vec());
    entries.as_values()?.iter().map(element).collect()
}

/// The texts of an array.
pub fn texts(value: Value) -> Vec<Vec<u8>> {
    match value {
        Value::Array(all) | Value::Set(all) => {
            all.into_iter().map(|value| value.as_bytes().unwrap_or_default().to_vec()).collect()
        }
        _ => Vec::new(),
    }
}
