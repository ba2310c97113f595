//! What clients send: units that can be looked for after a crash, as commands, and what their replies say.
//!
//! The judge knows writes of texts that are written once, deletions, increments, and elements that are added once. Each kind
//! of key here is one of these to the judge, and another type or another command to the server. A *transfer* moves an amount
//! between two accounts and notes that in a ledger, a list: whether it took place shows in the ledger, whether it did so wholly
//! in the accounts ([`crate::accounts`]).

use seawall::protocol::client::Value;
use seawall_checker::durability::Effect;

use crate::random::Random;

/// Words of a request.
pub type Words = Vec<Vec<u8>>;

/// Databases that are written to; each connection stays with one.
pub const DATABASES: [u64; 2] = [0, 5];
/// Fields of this hash are keys to the judge; others in it are ballast.
pub const HASH: &str = "hash";
/// And of this one, counters.
pub const COUNTS: &str = "counts";
/// Elements of this list are transfers.
pub const LEDGER: &str = "ledger";
/// How many there are.
pub const ACCOUNTS: u64 = 4;

/// Does what it is given: for each command its number of words, and these.
const SCRIPT: &str = "local replies, at = {}, 1 \
     while at <= #ARGV do \
       local n, words = tonumber(ARGV[at]), {} \
       for i = 1, n do words[i] = ARGV[at + i] end \
       replies[#replies + 1] = redis.call(unpack(words)) \
       at = at + n + 1 \
     end \
     return replies";

/// How a unit is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// As its one command.
    Plain,
    /// Between MULTI and EXEC.
    Transaction,
    /// By EVAL.
    Script,
}

/// A unit before it is sent.
#[derive(Clone, Debug)]
pub struct Planned {
    /// For the judge, whose keys name the database: `5/list:1`.
    pub effects: Vec<Effect>,
    /// For the server.
    commands: Vec<Words>,
    way: Way,
}

/// What the replies to a unit say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was done; the numbers of its increments.
    Done(Vec<i64>),
    /// It was not done, and will not be.
    Refused,
    /// An error that nothing here should give.
    Strange(String),
}

/// Chooses units for one connection.
pub struct Chooser {
    random: Random,
    database: u64,
    /// Values are `v<client>-<count>`, so that none comes twice in a run.
    client: u32,
    values: u64,
    is_patient: bool,
}

impl Chooser {
    /// For this connection. One that is patient sends a tenth, so that a long life has no more units than a short one.
    pub fn new(random: Random, database: u64, client: u32, is_patient: bool) -> Chooser {
        Chooser { random, database, client, values: 0, is_patient }
    }

    /// Where its units go.
    pub fn database(&self) -> u64 {
        self.database
    }

    /// How many units to send at once.
    pub fn pipeline(&mut self) -> u64 {
        if self.random.percent(60) { 1 } else { 2 + self.random.below(15) }
    }

    /// How long to wait before the next, in microseconds.
    pub fn pause_micros(&mut self) -> u64 {
        match (self.is_patient, self.random.percent(50)) {
            (true, _) => self.random.below(30_000),
            (false, true) => 0,
            (false, false) => self.random.below(3000),
        }
    }

    /// One command, or several as one, or a transfer.
    pub fn unit(&mut self, now_ms: i64) -> Planned {
        match self.random.below(10) {
            0..6 => self.several(1, Way::Plain, now_ms),
            kind => {
                let way = if self.random.percent(50) { Way::Transaction } else { Way::Script };
                if kind < 8 { self.transfer(way) } else { self.several(5, way, now_ms) }
            }
        }
    }

    fn several(&mut self, most: u64, way: Way, now_ms: i64) -> Planned {
        let mut planned = Planned { effects: Vec::new(), commands: Vec::new(), way };
        for _ in 0..1 + self.random.below(most) {
            let (effect, command) = self.part(now_ms);
            if planned.effects.iter().all(|other| other.key() != effect.key()) {
                planned.effects.push(effect);
                planned.commands.push(command);
            }
        }
        planned
    }

    fn transfer(&mut self, way: Way) -> Planned {
        let from = self.random.below(ACCOUNTS);
        let to = (from + 1 + self.random.below(ACCOUNTS - 1)) % ACCOUNTS;
        let amount = 1 + self.random.below(100);
        let element = format!("{from}>{to}:{amount}:{}", self.name());
        let effect = Effect::Append { key: self.judged(LEDGER), element: element.clone().into_bytes() };
        let amount = amount.to_string();
        let commands = vec![
            words(&["DECRBY", &format!("account:{from}"), &amount]),
            words(&["RPUSH", LEDGER, &element]),
            words(&["INCRBY", &format!("account:{to}"), &amount]),
        ];
        Planned { effects: vec![effect], commands, way }
    }

    /// An effect, and the command that has it.
    fn part(&mut self, now_ms: i64) -> (Effect, Words) {
        match self.random.below(18) {
            0 => self.delete("DEL", "register", 40),
            1 => self.delete("UNLINK", "short", 20),
            2 => self.delete("HDEL", "field", 60),
            3..6 => self.write("SET", "register", 40),
            6 => self.write("GETSET", "register", 40),
            7 | 8 => self.write("HSET", "field", 60),
            9 | 10 => self.expiring(now_ms),
            11 | 12 => self.increment("INCR", "counter"),
            13 => self.increment("HINCRBY", "tally"),
            14 => self.append("RPUSH", "list"),
            15 => self.append("SADD", "set"),
            16 => self.append("ZADD", "zset"),
            _ => self.append("XADD", "stream"),
        }
    }

    fn delete(&mut self, command: &str, kind: &str, count: u64) -> (Effect, Words) {
        let key = self.key(kind, count);
        let words = if command == "HDEL" { words(&[command, HASH, &key]) } else { words(&[command, &key]) };
        (Effect::Delete { key: self.judged(&key) }, words)
    }

    fn write(&mut self, command: &str, kind: &str, count: u64) -> (Effect, Words) {
        let (key, value) = (self.key(kind, count), self.value());
        let words = match command {
            "HSET" => words(&[command, HASH, &key, &value]),
            _ => words(&[command, &key, &value]),
        };
        (Effect::Write { key: self.judged(&key), value: value.into_bytes(), deadline_ms: None }, words)
    }

    /// A value with a deadline that passes soon, or never in this run.
    fn expiring(&mut self, now_ms: i64) -> (Effect, Words) {
        let (key, value) = (self.key("short", 20), self.value());
        let far = if self.random.percent(30) { 3_600_000 } else { 1500 };
        let deadline = now_ms + 1 + self.random.below(far) as i64;
        let words = words(&["SET", &key, &value, "PXAT", &deadline.to_string()]);
        let key = self.judged(&key);
        (Effect::Write { key, value: value.into_bytes(), deadline_ms: Some(deadline) }, words)
    }

    fn increment(&mut self, command: &str, kind: &str) -> (Effect, Words) {
        let key = self.key(kind, 6);
        let words = match command {
            "HINCRBY" => words(&[command, COUNTS, &key, "1"]),
            _ => words(&[command, &key]),
        };
        (Effect::Increment { key: self.judged(&key), reply: None }, words)
    }

    fn append(&mut self, command: &str, kind: &str) -> (Effect, Words) {
        let (key, element) = (self.key(kind, 3), self.value());
        let words = match command {
            "ZADD" => words(&[command, &key, &self.random.below(1000).to_string(), &element]),
            "XADD" => words(&[command, &key, "*", "e", &element]),
            _ => words(&[command, &key, &element]),
        };
        (Effect::Append { key: self.judged(&key), element: element.into_bytes() }, words)
    }

    fn key(&mut self, kind: &str, count: u64) -> String {
        format!("{kind}:{}", self.random.below(count))
    }

    fn judged(&self, key: &str) -> Vec<u8> {
        judged(self.database, key.as_bytes())
    }

    /// What nothing else in the run is called.
    fn name(&mut self) -> String {
        self.values += 1;
        format!("v{}-{}", self.client, self.values)
    }

    /// A value that nothing else writes: short, a number, or long.
    fn value(&mut self) -> String {
        let mut value = self.name();
        match self.random.below(10) {
            0..3 => format!("{}{:06}", 1 + self.client, self.values),
            3 => {
                value.extend(std::iter::repeat_n('.', self.random.below(5000) as usize));
                value
            }
            _ => value,
        }
    }
}

/// The judge's name of a key.
pub fn judged(database: u64, key: &[u8]) -> Vec<u8> {
    [database.to_string().as_bytes(), b"/", key].concat()
}

/// Words of a request.
pub fn words(words: &[&str]) -> Words {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

impl Planned {
    /// As requests.
    pub fn requests(&self) -> Vec<Words> {
        match self.way {
            Way::Plain => self.commands.clone(),
            Way::Transaction => {
                let (multi, exec) = ([words(&["MULTI"])], [words(&["EXEC"])]);
                multi.into_iter().chain(self.commands.iter().cloned()).chain(exec).collect()
            }
            Way::Script => vec![self.script()],
        }
    }

    fn script(&self) -> Words {
        let mut request = words(&["EVAL", SCRIPT, "0"]);
        for command in &self.commands {
            request.push(command.len().to_string().into_bytes());
            request.extend(command.iter().cloned());
        }
        request
    }

    /// How many replies come before the one that tells all.
    pub fn replies_before(&self) -> usize {
        if self.way == Way::Transaction { self.commands.len() + 1 } else { 0 }
    }

    /// What the last reply says.
    pub fn answer(&self, reply: Value) -> Answer {
        let replies = match reply {
            Value::Array(replies) if self.way != Way::Plain => replies,
            Value::Error(text) if text.starts_with(b"LOADING") => return Answer::Refused,
            single => vec![single],
        };
        if let Some(error) = replies.iter().find_map(Value::as_error) {
            return Answer::Strange(String::from_utf8_lossy(error).into_owned());
        }
        if replies.len() != self.commands.len() {
            return Answer::Strange(format!("{} replies to {} commands", replies.len(), self.commands.len()));
        }
        let pairs = self.effects.iter().zip(&replies);
        let numbers = pairs.filter(|(effect, _)| matches!(effect, Effect::Increment { .. }));
        Answer::Done(numbers.filter_map(|(_, reply)| reply.as_integer()).collect())
    }
}
