//! Lists, sets, hashes, sorted sets, and money that is moved between accounts: clients that change a few keys of each type by
//! plain commands, blocking ones, transactions, transactions under WATCH, and scripts.
//!
//! A history's key is a group of keys that are changed together. Every element is made once in a run, so a reply tells which
//! push or add it saw.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use seawall::protocol::client::Value;
use seawall::runtime::Runtime;
use seawall_checker::{Call, Reply, Request};

use super::Recorder;
use crate::client::Client;
use crate::random::Random;
use crate::runtime::SimRuntime;

/// A client that has waited so long gives up.
const PATIENCE: Duration = Duration::from_millis(1500);
/// The longest pause between calls.
const THINK_MICROS_MAX: u64 = 80_000;
/// Blocking commands wait for so long at most, in seconds.
const BLOCK_SECONDS: &str = "0.2";
/// The groups, by the names that histories give them.
const GROUPS: [&str; 5] = ["list", "set", "hash", "zset", "bank"];
const ACCOUNTS: [&str; 3] = ["bank:a", "bank:b", "bank:c"];
/// Members and fields.
const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "a name that is too long for the small encodings"];

/// Runs requests as one: for each its number of words, then its words; answers all replies.
const SCRIPT: &str = "local replies, at = {}, 1 \
    while at <= #ARGV do \
      local count, words = tonumber(ARGV[at]), {} \
      for i = 1, count do words[i] = ARGV[at + i] end \
      replies[#replies + 1] = redis.call(unpack(words)) \
      at = at + count + 1 \
    end \
    return replies";

/// How requests are sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// As they are; only one can be.
    Plain,
    /// One that takes an element, by its blocking form.
    Blocking,
    /// In MULTI and EXEC.
    Transaction,
    /// A read and a write of what was read, under WATCH.
    Watched,
    /// In one script.
    Script,
}

/// One client, which works until told to stop.
#[derive(Debug)]
pub struct Worker {
    /// Where the node is.
    pub address: SocketAddr,
    /// Where it notes what it does.
    pub recorder: Recorder,
    /// Its own random numbers.
    pub random: Random,
    /// Set when it shall stop.
    pub stop: Rc<Cell<bool>>,
    /// Calls that were answered.
    pub rounds: Rc<Cell<u64>>,
}

impl Worker {
    /// Works, over as many connections as it takes.
    pub async fn work(mut self) {
        while !self.stop.get() {
            if let Ok(client) = Client::connect(self.address, PATIENCE).await {
                // A connection that fails is replaced by another.
                let _ = self.use_connection(client).await;
            }
            let pause = Duration::from_micros(1000 + self.random.below(THINK_MICROS_MAX));
            SimRuntime::sleep(pause).await;
        }
    }

    async fn use_connection(&mut self, mut client: Client) -> io::Result<()> {
        let number = self.recorder.new_client();
        for _ in 0..1 + self.random.below(60) {
            if self.stop.get() {
                return Ok(());
            }
            let group = GROUPS[self.random.below(GROUPS.len() as u64) as usize];
            let (requests, way) = self.choose(group, number);
            self.call(number, group, requests, way, &mut client).await?;
            self.rounds.set(self.rounds.get() + 1);
            SimRuntime::sleep(Duration::from_micros(self.random.below(THINK_MICROS_MAX))).await;
        }
        Ok(())
    }

    /// One call: noted, sent, and what came of it noted.
    async fn call(
        &mut self,
        number: u32,
        group: &str,
        requests: Vec<Request>,
        way: Way,
        client: &mut Client,
    ) -> io::Result<()> {
        if way == Way::Watched {
            return self.watched(number, group, client).await;
        }
        let operation = self.recorder.invoke(number, group, Call::Run(requests.clone()));
        match exchange(&requests, way, client).await {
            Ok(Some(reply)) => self.recorder.ok(operation, reply),
            Ok(None) => self.recorder.fail(operation),
            Err(e) => {
                self.recorder.unknown(operation);
                return Err(e);
            }
        }
        Ok(())
    }

    /// Reads an account and writes what it held and more; takes effect as one, or not at all.
    async fn watched(&mut self, number: u32, group: &str, client: &mut Client) -> io::Result<()> {
        let account = ACCOUNTS[self.random.below(ACCOUNTS.len() as u64) as usize];
        client.call(&["WATCH", account]).await?;
        let held = client.call(&["GET", account]).await?;
        let sum = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i64>().ok();
        let before = held.as_bytes().map_or(Some(0), sum).unwrap_or(0);
        let after = (before + 7).to_string();
        let requests = vec![words(&["GET", account]), words(&["SET", account, &after])];
        let operation = self.recorder.invoke(number, group, Call::Run(requests));
        let write = [words(&["MULTI"]), words(&["SET", account, &after]), words(&["EXEC"])];
        let outcome = async {
            client.send(&write).await?;
            client.receive().await?;
            client.receive().await?;
            client.receive().await
        };
        match outcome.await {
            Ok(Value::Array(_)) => {
                let held = held.as_bytes().map_or(Reply::Nil, |text| Reply::Bytes(text.to_vec()));
                self.recorder.ok(operation, Reply::Array(vec![held, Reply::Ok]));
                Ok(())
            }
            Ok(_) => {
                self.recorder.fail(operation);
                Ok(())
            }
            Err(e) => {
                self.recorder.unknown(operation);
                Err(e)
            }
        }
    }

    fn choose(&mut self, group: &str, number: u32) -> (Vec<Request>, Way) {
        let fresh = format!("{number}.{:x}", self.random.below(1 << 32));
        let name = NAMES[self.random.below(NAMES.len() as u64) as usize];
        let die = self.random.below(12);
        let request = match group {
            "list" => return self.list(&fresh, die),
            "set" => match die {
                0..4 => words(&["SADD", "set:a", name]),
                4..6 => words(&["SREM", "set:a", name]),
                6..8 => words(&["SMOVE", "set:a", "set:b", name]),
                8..10 => words(&["SMEMBERS", "set:b"]),
                10 => words(&["SCARD", "set:a"]),
                _ => words(&["SREM", "set:b", name]),
            },
            "hash" => match die {
                0..3 => words(&["HSET", "hash:a", name, &fresh]),
                3..6 => words(&["HINCRBY", "hash:n", name, "1"]),
                6 => words(&["HDEL", "hash:a", name]),
                7..9 => words(&["HGETALL", "hash:n"]),
                _ => words(&["HGET", "hash:a", name]),
            },
            "zset" => match die {
                0..4 => words(&["ZINCRBY", "zset:a", "2", name]),
                4..6 => words(&["ZADD", "zset:a", "5", name]),
                6 => words(&["ZREM", "zset:a", name]),
                7 => words(&["ZPOPMIN", "zset:a"]),
                8..10 => words(&["ZSCORE", "zset:a", name]),
                _ => words(&["ZRANGE", "zset:a", "0", "-1", "WITHSCORES"]),
            },
            _ => return self.bank(die),
        };
        (vec![request], Way::Plain)
    }

    fn list(&mut self, fresh: &str, die: u64) -> (Vec<Request>, Way) {
        let one = |words: Request, way| (vec![words], way);
        match die {
            0..2 => one(words(&["RPUSH", "list:a", fresh]), Way::Plain),
            2 => one(words(&["LPUSH", "list:b", fresh]), Way::Plain),
            3 => one(words(&["LPOP", "list:a"]), Way::Plain),
            4..6 => one(words(&["LPOP", "list:a"]), Way::Blocking),
            6 => one(words(&["LMOVE", "list:a", "list:b", "LEFT", "RIGHT"]), Way::Blocking),
            7 => one(words(&["LMOVE", "list:b", "list:a", "RIGHT", "LEFT"]), Way::Plain),
            8 => one(words(&["LRANGE", "list:a", "0", "-1"]), Way::Plain),
            9 => one(words(&["RPOP", "list:b"]), Way::Plain),
            _ => {
                let both = vec![words(&["RPOP", "list:b"]), words(&["LPUSH", "list:a", fresh])];
                (both, if die == 10 { Way::Transaction } else { Way::Script })
            }
        }
    }

    fn bank(&mut self, die: u64) -> (Vec<Request>, Way) {
        let account = |random: &mut Random| ACCOUNTS[random.below(ACCOUNTS.len() as u64) as usize];
        let (from, to) = (account(&mut self.random), account(&mut self.random));
        let transfer = vec![words(&["INCRBY", from, "-5"]), words(&["INCRBY", to, "5"])];
        match die {
            0..4 => (transfer, Way::Transaction),
            4..6 => (transfer, Way::Script),
            6..8 => (Vec::new(), Way::Watched),
            8..11 => (ACCOUNTS.iter().map(|account| words(&["GET", account])).collect(), Way::Transaction),
            _ => (vec![words(&["GET", from])], Way::Plain),
        }
    }
}

fn words(words: &[&str]) -> Request {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

/// Sends requests in some way and takes the reply; `None` for a refusal.
async fn exchange(requests: &[Request], way: Way, client: &mut Client) -> io::Result<Option<Reply>> {
    let is_pair = |name: &[u8]| requests[0][0].starts_with(name);
    match way {
        Way::Transaction => {
            let all = [words(&["MULTI"])].into_iter().chain(requests.iter().cloned());
            client.send(&all.chain([words(&["EXEC"])]).collect::<Vec<_>>()).await?;
            for _ in 0..=requests.len() {
                client.receive().await?;
            }
            Ok(reply(client.receive().await?))
        }
        Way::Script => {
            let mut eval = words(&["EVAL", SCRIPT, "0"]);
            for request in requests {
                eval.push(request.len().to_string().into_bytes());
                eval.extend(request.iter().cloned());
            }
            client.send(&[eval]).await?;
            Ok(reply(client.receive().await?))
        }
        Way::Blocking => {
            let mut request = requests[0].clone();
            request[0].insert(0, b'B');
            request.push(BLOCK_SECONDS.into());
            client.send(&[request]).await?;
            Ok(match reply(client.receive().await?) {
                // BLPOP says which key the element came from.
                Some(Reply::Array(both)) if both.len() == 2 => both.into_iter().nth(1),
                other => other,
            })
        }
        Way::Plain | Way::Watched => {
            client.send(requests).await?;
            let answer = reply(client.receive().await?);
            Ok(match answer {
                Some(Reply::Array(members)) if is_pair(b"SMEMBERS") => Some(sorted(members, 1)),
                Some(Reply::Array(pairs)) if is_pair(b"HGETALL") => Some(sorted(pairs, 2)),
                other => other,
            })
        }
    }
}

/// What has no order is put in order, by so many elements at a time.
fn sorted(replies: Vec<Reply>, width: usize) -> Reply {
    let mut groups: Vec<&[Reply]> = replies.chunks(width).collect();
    groups.sort();
    Reply::Array(groups.concat())
}

/// A reply as the checker knows it; `None` for a refusal.
fn reply(value: Value) -> Option<Reply> {
    match value {
        Value::Simple(_) => Some(Reply::Ok),
        Value::Null => Some(Reply::Nil),
        Value::Integer(number) => Some(Reply::Int(number)),
        Value::Bulk(bytes) => Some(Reply::Bytes(bytes)),
        Value::Array(values) => values.into_iter().map(reply).collect::<Option<Vec<_>>>().map(Reply::Array),
        _ => None,
    }
}

/// Reads every key once: by this the checker knows how all ended.
pub async fn read_all(address: SocketAddr, recorder: &Recorder) -> io::Result<()> {
    let mut client = Client::connect(address, PATIENCE).await?;
    let number = recorder.new_client();
    let reads: [(&str, &[&str]); 8] = [
        ("list", &["LRANGE", "list:a", "0", "-1"]),
        ("list", &["LRANGE", "list:b", "0", "-1"]),
        ("set", &["SMEMBERS", "set:a"]),
        ("set", &["SMEMBERS", "set:b"]),
        ("hash", &["HGETALL", "hash:a"]),
        ("hash", &["HGETALL", "hash:n"]),
        ("zset", &["ZRANGE", "zset:a", "0", "-1", "WITHSCORES"]),
        ("bank", &["GET", "bank:a"]),
    ];
    for (group, request) in reads {
        let requests = vec![words(request)];
        let operation = recorder.invoke(number, group, Call::Run(requests.clone()));
        match exchange(&requests, Way::Plain, &mut client).await? {
            Some(reply) => recorder.ok(operation, reply),
            None => recorder.fail(operation),
        }
    }
    Ok(())
}
