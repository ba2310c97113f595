//! A stream and its consumer group: some clients add entries, others read them as consumers, acknowledge, and take over what
//! others left lying.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use seawall::protocol::client::Value;
use seawall::runtime::Runtime;
use seawall_checker::streams::{Id, Log};

use crate::client::Client;
use crate::random::Random;
use crate::runtime::SimRuntime;

const PATIENCE: Duration = Duration::from_millis(1500);
const THINK_MICROS_MAX: u64 = 40_000;
/// What is pending for longer is taken over.
const IDLE_MILLIS: &str = "400";

/// One client, which works until told to stop.
pub struct Worker {
    /// Its number; even ones add, odd ones consume.
    pub number: u8,
    /// Where the node is.
    pub address: SocketAddr,
    /// What all clients see.
    pub log: Rc<RefCell<Log>>,
    /// Its own random numbers.
    pub random: Random,
    /// Set when it shall stop.
    pub stop: Rc<Cell<bool>>,
    /// Requests that were answered.
    pub rounds: Rc<Cell<u64>>,
}

/// Makes the group, before anything is added.
pub async fn create(address: SocketAddr) -> io::Result<()> {
    let mut client = Client::connect(address, PATIENCE).await?;
    client.call(&["XGROUP", "CREATE", "stream", "group", "0", "MKSTREAM"]).await.map(drop)
}

impl Worker {
    /// Works, over as many connections as it takes.
    pub async fn work(mut self) {
        while !self.stop.get() {
            if let Ok(mut client) = Client::connect(self.address, PATIENCE).await {
                // A connection that fails is replaced by another.
                while !self.stop.get() && self.turn(&mut client).await.is_ok() {
                    self.rounds.set(self.rounds.get() + 1);
                    SimRuntime::sleep(Duration::from_micros(self.random.below(THINK_MICROS_MAX))).await;
                }
            }
            SimRuntime::sleep(Duration::from_micros(1000 + self.random.below(THINK_MICROS_MAX))).await;
        }
    }

    async fn turn(&mut self, client: &mut Client) -> io::Result<()> {
        if self.number.is_multiple_of(2) {
            return self.add(client).await;
        }
        match self.random.below(4) {
            0 => self.take_over(client).await,
            _ => self.consume(client).await,
        }
    }

    async fn add(&mut self, client: &mut Client) -> io::Result<()> {
        let text = format!("{}.{:x}", self.number, self.random.below(1 << 40));
        match client.call(&["XADD", "stream", "*", "text", &text]).await {
            Ok(value) => {
                let id = value.as_bytes().and_then(id).ok_or_else(|| unexpected(&value))?;
                self.log.borrow_mut().added.push((id, text.into_bytes()));
                Ok(())
            }
            Err(e) => {
                self.log.borrow_mut().maybe_added.push(text.into_bytes());
                Err(e)
            }
        }
    }

    fn name(&self) -> String {
        format!("consumer {}", self.number)
    }

    async fn consume(&mut self, client: &mut Client) -> io::Result<()> {
        let consumer = self.name();
        let read = [
            "XREADGROUP",
            "GROUP",
            "group",
            &consumer,
            "COUNT",
            "3",
            "BLOCK",
            "100",
            "STREAMS",
            "stream",
            ">",
        ];
        let reply = client.call(&read).await.inspect_err(|_| self.log.borrow_mut().lost_answers = true)?;
        let streams = reply.as_values().unwrap_or_default();
        let entries =
            streams.first().and_then(|stream| stream.as_values()?.get(1)).map(entries).unwrap_or_default();
        let ids: Vec<Id> = entries.iter().map(|(id, _)| *id).collect();
        let given = entries.into_iter().map(|(id, text)| (consumer.clone(), id, text));
        self.log.borrow_mut().delivered.extend(given);
        // Some are left for others to take over.
        if self.random.below(4) > 0 { self.acknowledge(&ids, client).await } else { Ok(()) }
    }

    async fn take_over(&mut self, client: &mut Client) -> io::Result<()> {
        let consumer = self.name();
        let claim = ["XAUTOCLAIM", "stream", "group", &consumer, IDLE_MILLIS, "0", "COUNT", "5"];
        let reply = client.call(&claim).await?;
        let claimed = reply.as_values().and_then(|parts| parts.get(1)).map(entries).unwrap_or_default();
        let ids: Vec<Id> = claimed.iter().map(|(id, _)| *id).collect();
        self.log.borrow_mut().claimed.extend(ids.iter().map(|id| (consumer.clone(), *id)));
        self.acknowledge(&ids, client).await
    }

    /// Acknowledges one by one: whose answer is 1 did it.
    async fn acknowledge(&mut self, ids: &[Id], client: &mut Client) -> io::Result<()> {
        for id in ids {
            match client.call(&["XACK", "stream", "group", &format!("{}-{}", id.0, id.1)]).await {
                Ok(Value::Integer(1)) => self.log.borrow_mut().acknowledged.push(*id),
                Ok(_) => {}
                Err(e) => {
                    self.log.borrow_mut().maybe_acknowledged.push(*id);
                    return Err(e);
                }
            }
        }
        Ok(())
    }
}

fn unexpected(value: &Value) -> io::Error {
    io::Error::other(format!("{value:?}"))
}

/// `5-0` as an id.
fn id(text: &[u8]) -> Option<Id> {
    let (millis, sequence) = std::str::from_utf8(text).ok()?.split_once('-')?;
    Some((millis.parse().ok()?, sequence.parse().ok()?))
}

/// Entries as XRANGE and its kin answer them, with the value of their only field.
fn entries(value: &Value) -> Vec<(Id, Vec<u8>)> {
    let entry = |entry: &Value| {
        let [name, fields] = entry.as_values()? else { return None };
        Some((id(name.as_bytes()?)?, fields.as_values()?.get(1)?.as_bytes()?.to_vec()))
    };
    value.as_values().unwrap_or_default().iter().filter_map(entry).collect()
}

/// What stream and group look like in the end.
pub async fn read_all(address: SocketAddr, log: &Rc<RefCell<Log>>) -> io::Result<()> {
    let mut client = Client::connect(address, PATIENCE).await?;
    let all = client.call(&["XRANGE", "stream", "-", "+"]).await?;
    let pending = client.call(&["XPENDING", "stream", "group", "-", "+", "1000000"]).await?;
    let groups = client.call(&["XINFO", "GROUPS", "stream"]).await?;
    let mut log = log.borrow_mut();
    log.entries = entries(&all);
    let first = |row: &Value| row.as_values()?.first()?.as_bytes().and_then(id);
    log.pending = pending.as_values().unwrap_or_default().iter().filter_map(first).collect();
    let group = groups.as_values().and_then(|groups| groups.first()?.as_values()).unwrap_or_default();
    let at = group.iter().position(|name| name.as_bytes() == Some(b"last-delivered-id"));
    let last = at.and_then(|at| group.get(at + 1)?.as_bytes().and_then(id));
    log.last_delivered = last.ok_or_else(|| unexpected(&groups))?;
    Ok(())
}
