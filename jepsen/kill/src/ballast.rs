//! Data that nobody changes: it makes saves, rewrites and loads last, and must always be whole.

use std::io;

use seawall::protocol::client::Value;

use crate::link::Link;
use crate::units::{DATABASES, HASH, Words, words};

/// Its own database.
const DATABASE: u64 = 9;
/// Sent at once.
const KEYS_AT_ONCE: u64 = 500;
/// Fields in the hash of each database, beside those that are written to: it is a large one, and saved in slices.
const FIELDS: u64 = 2000;

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Ballast {
    /// How many keys.
    pub keys: u64,
}

/// Whether a field of the hash belongs to it.
pub fn is_field(field: &[u8]) -> bool {
    field.starts_with(b"ballast:")
}

fn value(key: u64) -> String {
    format!("{key}-{}", "ballast".repeat(1 + key as usize % 16))
}

impl Ballast {
    /// Puts it in.
    pub fn load(self, port: u16) -> io::Result<()> {
        let mut link = Link::open(port)?;
        let select = |database: u64| words(&["SELECT", &database.to_string()]);
        for database in DATABASES {
            let field = |field: u64| words(&["HSET", HASH, &format!("ballast:{field}"), &value(field)]);
            let fields: Vec<Words> = (0..FIELDS).map(field).collect();
            link.ask_all(&[&[select(database)], &fields[..]].concat())?;
        }
        link.ask_all(&[select(DATABASE)])?;
        for first in (0..self.keys).step_by(KEYS_AT_ONCE as usize) {
            let command = |key: u64| match key % 100 {
                0 => words(&["RPUSH", "list", &value(key)]),
                1 => words(&["SADD", "set", &value(key)]),
                2 => words(&["ZADD", "zset", &key.to_string(), &value(key)]),
                _ => words(&["SET", &format!("key:{key}"), &value(key)]),
            };
            let last = (first + KEYS_AT_ONCE).min(self.keys);
            link.ask_all(&(first..last).map(command).collect::<Vec<_>>())?;
        }
        Ok(())
    }

    /// Whether it is there: how much, and a sample of what.
    pub fn check(self, link: &mut Link) -> io::Result<()> {
        let mut expect = |request: &[&str], wanted: i64| match link.ask(request)? {
            Value::Integer(number) if number == wanted => Ok(()),
            other => Err(io::Error::other(format!("half a file: {request:?} gives {other:?}, not {wanted}"))),
        };
        for database in DATABASES {
            expect(&["EVAL", COUNT_FIELDS, "1", HASH, &database.to_string()], FIELDS as i64)?;
        }
        expect(&["EVAL", SELECTED, "0", "DBSIZE", &DATABASE.to_string()], self.count(|of| of > 2) + 3)?;
        for (request, kind) in [("LLEN list", 0), ("SCARD set", 1), ("ZCARD zset", 2)] {
            let (command, key) = request.split_once(' ').unwrap_or_default();
            let database = DATABASE.to_string();
            expect(&["EVAL", SELECTED, "0", command, &database, key], self.count(|of| of == kind))?;
        }
        link.ask_all(&[words(&["SELECT", &DATABASE.to_string()])])?;
        let sample: Vec<u64> = (0..self.keys).step_by(89).filter(|key| key % 100 > 2).collect();
        let requests: Vec<Words> = sample.iter().map(|key| words(&["GET", &format!("key:{key}")])).collect();
        for (key, reply) in sample.iter().zip(link.ask_all(&requests)?) {
            if reply.as_bytes() != Some(value(*key).as_bytes()) {
                return Err(io::Error::other(format!("half a file: key:{key} holds {reply:.100?}")));
            }
        }
        Ok(())
    }

    fn count(self, of_kind: impl Fn(u64) -> bool) -> i64 {
        (0..self.keys).filter(|key| of_kind(key % 100)).count() as i64
    }
}

const SELECTED: &str = "redis.call('SELECT', ARGV[2]) return redis.call(ARGV[1], unpack(ARGV, 3))";
const COUNT_FIELDS: &str = "redis.call('SELECT', ARGV[1]) local n = 0 \
     for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do if field:sub(1, 8) == 'ballast:' then n = n + 1 end end \
     return n";
