//! Registers and counters: clients that send pipelines of reads and writes on a few keys, so that they meet each other.
//!
//! Every value written to a register is written once in a run, so a read tells which write it saw.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use seawall::protocol::client::Value;
use seawall::runtime::Runtime;
use seawall_checker::{Call, Condition, OpId, Reply};

use super::Recorder;
use crate::client::Client;
use crate::random::Random;
use crate::runtime::SimRuntime;

/// Keys that are only written, read and deleted.
const REGISTERS: [&str; 3] = ["register:0", "register:1", "register:2"];
/// Keys that are only counted and read.
const COUNTERS: [&str; 2] = ["counter:0", "counter:1"];
/// The most commands sent at once.
const PIPELINE_MAX: u64 = 8;
/// A client that has waited so long gives up.
const PATIENCE: Duration = Duration::from_millis(1500);
/// The longest pause between pipelines.
const THINK_MICROS_MAX: u64 = 60_000;
/// Values are padded up to so many bytes: some fit into a key's entry, some do not.
const PADDING_MAX: u64 = 400;

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
    /// Pipelines that were answered to the end.
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
        let connection_life = 1 + self.random.below(60);
        for _ in 0..connection_life {
            if self.stop.get() {
                return Ok(());
            }
            self.pipeline(number, &mut client).await?;
            self.rounds.set(self.rounds.get() + 1);
            SimRuntime::sleep(Duration::from_micros(self.random.below(THINK_MICROS_MAX))).await;
        }
        Ok(())
    }

    /// Sends some commands and takes their replies. What is unanswered when something fails is unknown.
    async fn pipeline(&mut self, number: u32, client: &mut Client) -> io::Result<()> {
        let calls: Vec<(&str, Call)> =
            (0..1 + self.random.below(PIPELINE_MAX)).map(|_| self.choose(number)).collect();
        let commands: Vec<_> = calls.iter().map(|(key, call)| command(key, call)).collect();
        let invoke = |(key, call)| self.recorder.invoke(number, key, call);
        let operations: Vec<OpId> = calls.into_iter().map(invoke).collect();
        let mut answered = 0;
        let result = self.exchange(client, &commands, &operations, &mut answered).await;
        operations[answered..].iter().for_each(|operation| self.recorder.unknown(*operation));
        result
    }

    async fn exchange(
        &self,
        client: &mut Client,
        commands: &[Vec<Vec<u8>>],
        operations: &[OpId],
        answered: &mut usize,
    ) -> io::Result<()> {
        client.send(commands).await?;
        for operation in operations {
            match reply(client.receive().await?) {
                Some(reply) => self.recorder.ok(*operation, reply),
                None => self.recorder.fail(*operation),
            }
            *answered += 1;
        }
        Ok(())
    }

    fn choose(&mut self, number: u32) -> (&'static str, Call) {
        if self.random.below(5) < 2 {
            let key = COUNTERS[self.random.below(COUNTERS.len() as u64) as usize];
            return (key, self.counting());
        }
        let key = REGISTERS[self.random.below(REGISTERS.len() as u64) as usize];
        (key, self.writing(number))
    }

    fn counting(&mut self) -> Call {
        match self.random.below(10) {
            0..4 => Call::Get,
            4..8 => Call::IncrBy(1),
            8 => Call::IncrBy(-1),
            _ => Call::IncrBy(self.random.below(100) as i64 - 50),
        }
    }

    fn writing(&mut self, number: u32) -> Call {
        let value = self.fresh_value(number);
        match self.random.below(20) {
            0..9 => Call::Get,
            9..14 => Call::set(value),
            14 => Call::Set { value, condition: Condition::Absent, get: false },
            15 => Call::Set { value, condition: Condition::Present, get: true },
            16 => Call::Del,
            17 => Call::GetDel,
            18 => Call::Append(value),
            _ => Call::Exists,
        }
    }

    /// A value that no other write of this run has.
    fn fresh_value(&mut self, number: u32) -> Vec<u8> {
        let mut value = format!("{number}.{:x}", self.random.below(u64::MAX)).into_bytes();
        if self.random.below(4) == 0 {
            value.resize(value.len() + self.random.below(PADDING_MAX) as usize, b'.');
        }
        value
    }
}

/// Reads every key once: by this the checker knows how all ended.
pub async fn read_all(address: SocketAddr, recorder: &Recorder) -> io::Result<()> {
    let mut client = Client::connect(address, PATIENCE).await?;
    let number = recorder.new_client();
    for key in REGISTERS.iter().chain(&COUNTERS) {
        let operation = recorder.invoke(number, key, Call::Get);
        match reply(client.call(&["GET", key]).await?) {
            Some(reply) => recorder.ok(operation, reply),
            None => recorder.fail(operation),
        }
    }
    Ok(())
}

/// A call as the words of a command.
fn command(key: &str, call: &Call) -> Vec<Vec<u8>> {
    let key = key.as_bytes().to_vec();
    match call {
        Call::Get | Call::Wipe => vec![b"GET".to_vec(), key],
        // Not of this workload.
        Call::Run(requests) => requests.concat(),
        Call::Exists => vec![b"EXISTS".to_vec(), key],
        Call::Del => vec![b"DEL".to_vec(), key],
        Call::GetDel => vec![b"GETDEL".to_vec(), key],
        Call::Append(tail) => vec![b"APPEND".to_vec(), key, tail.clone()],
        Call::IncrBy(1) => vec![b"INCR".to_vec(), key],
        Call::IncrBy(-1) => vec![b"DECR".to_vec(), key],
        Call::IncrBy(by) => vec![b"INCRBY".to_vec(), key, by.to_string().into_bytes()],
        Call::Cas { value, .. } => vec![b"SET".to_vec(), key, value.clone()],
        Call::Set { value, condition, get } => {
            let mut words = vec![b"SET".to_vec(), key, value.clone()];
            match condition {
                Condition::Always => {}
                Condition::Absent => words.push(b"NX".to_vec()),
                Condition::Present => words.push(b"XX".to_vec()),
            }
            if *get {
                words.push(b"GET".to_vec());
            }
            words
        }
    }
}

/// A reply as the checker knows it; `None` for a refusal.
fn reply(value: Value) -> Option<Reply> {
    match value {
        Value::Simple(_) => Some(Reply::Ok),
        Value::Null => Some(Reply::Nil),
        Value::Integer(number) => Some(Reply::Int(number)),
        Value::Bulk(bytes) => Some(Reply::Bytes(bytes)),
        Value::Error(text) if text.starts_with(b"ERR ") => {
            Some(Reply::Error(String::from_utf8_lossy(&text).into_owned()))
        }
        _ => None,
    }
}
