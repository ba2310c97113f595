//! Writes that can be looked for after a crash: every value and element is written once, counts answer their numbers, some
//! writes come several at once in a transaction, some have deadlines.
//!
//! Clients work while a gate is open. After each restart a reader looks at everything before the gate opens again.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use seawall::protocol::client::Value;
use seawall::runtime::Runtime;
use seawall_checker::durability::{Content, Effect, Found, Log, Promise, Reading, SaveId, UnitId};

use crate::NodeId;
use crate::client::Client;
use crate::disk::Trouble;
use crate::random::Random;
use crate::runtime::SimRuntime;
use crate::simulation::Simulation;

/// How many keys of each kind there are. Fields of one hash stand for keys named `field:N`.
const KEYS: u64 = 3;
/// The most units sent at once.
const PIPELINE_MAX: u64 = 4;
/// A client that has waited so long gives up.
pub(super) const PATIENCE: Duration = Duration::from_millis(1500);
/// The longest pause between pipelines.
const THINK_MICROS_MAX: u64 = 60_000;
/// Deadlines are at most so far away.
const DEADLINE_MS_MAX: u64 = 8000;

/// The log that all clients of a run write into, by true time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal {
    simulation: Simulation,
    node: NodeId,
    log: Rc<RefCell<Log>>,
    clients: Rc<Cell<u32>>,
    values: Rc<Cell<u64>>,
}

impl Journal {
    /// An empty log for this node.
    pub fn new(simulation: &Simulation, node: NodeId) -> Journal {
        let (clients, values) = (Rc::default(), Rc::default());
        Journal { simulation: simulation.clone(), node, log: Rc::default(), clients, values }
    }

    /// The log so far.
    pub fn log(&self) -> Log {
        self.log.borrow().clone()
    }

    /// A save is about to be asked for.
    pub fn save(&self) -> SaveId {
        self.log.borrow_mut().save(self.simulation.true_time())
    }

    /// The node saves by itself, from now on until it ends.
    pub fn saves_itself(&self) {
        self.log.borrow_mut().saves_itself(self.simulation.true_time());
    }

    /// It succeeded.
    pub fn saved(&self, save: SaveId) {
        self.simulation.count("saves that succeeded");
        self.log.borrow_mut().saved(save, self.simulation.true_time());
    }

    /// It was refused, and will not be done.
    pub fn save_refused(&self, save: SaveId) {
        self.log.borrow_mut().save_refused(save);
    }

    /// The node ended at `crashed`, and this is what it showed when it served again.
    pub fn restart(&self, crashed: Duration, promise: Promise, reading: Reading) {
        self.log.borrow_mut().restart(crashed, promise, self.simulation.true_time(), reading);
    }

    /// What the node's disk did not do, up to now.
    pub fn note_disk(&self) {
        let mut log = self.log.borrow_mut();
        for trouble in self.simulation.take_disk_troubles(self.node) {
            match trouble {
                Trouble::Stood(from, to) => log.disk_stood(from, to),
                Trouble::Failed(at) => log.disk_failed(at),
            }
        }
    }

    /// True time.
    pub(super) fn now(&self) -> Duration {
        self.simulation.true_time()
    }

    pub(super) fn count(&self, name: &str) {
        self.simulation.count(name);
    }

    fn begin(&self, client: u32, effects: Vec<Effect>) -> UnitId {
        self.log.borrow_mut().begin(client, effects, self.simulation.true_time())
    }

    fn end(&self, unit: UnitId, answer: &Answer) {
        let (mut log, at) = (self.log.borrow_mut(), self.simulation.true_time());
        match answer {
            Answer::Done(numbers) => log.acknowledge(unit, numbers, at),
            Answer::Refused => log.refuse(unit, at),
            Answer::Unclear => log.unknown(unit, at),
        }
    }

    fn next(counter: &Cell<u64>) -> u64 {
        counter.set(counter.get() + 1);
        counter.get()
    }

    fn node_ms(&self) -> i64 {
        self.simulation.wall_clock_of(self.node).millis()
    }
}

/// What the replies to a unit say.
pub(super) enum Answer {
    /// It was done; the numbers of its increments.
    Done(Vec<i64>),
    /// It was not done.
    Refused,
    /// It may have been.
    Unclear,
}

/// One client, which works until told to stop, while the gate is open.
#[derive(Debug)]
pub struct Worker {
    /// Where the node is.
    pub address: SocketAddr,
    /// Where it notes what it does.
    pub journal: Journal,
    /// Its own random numbers.
    pub random: Random,
    /// Whether it may send.
    pub gate: Rc<Cell<bool>>,
    /// Set when it shall stop.
    pub stop: Rc<Cell<bool>>,
    /// Values are padded up to so many bytes.
    pub padding_max: u64,
}

impl Worker {
    /// Works, over as many connections as it takes.
    pub async fn work(mut self) {
        while !self.stop.get() {
            if self.gate.get()
                && let Ok(client) = Client::connect(self.address, PATIENCE).await
            {
                // A connection that fails is replaced by another.
                let _ = self.use_connection(client).await;
            }
            SimRuntime::sleep(Duration::from_micros(1000 + self.random.below(THINK_MICROS_MAX))).await;
        }
    }

    async fn use_connection(&mut self, mut client: Client) -> io::Result<()> {
        self.journal.clients.set(self.journal.clients.get() + 1);
        let number = self.journal.clients.get();
        while self.gate.get() && !self.stop.get() {
            self.pipeline(number, &mut client).await?;
            SimRuntime::sleep(Duration::from_micros(self.random.below(THINK_MICROS_MAX))).await;
        }
        Ok(())
    }

    /// Sends some units and takes their replies. What is unanswered when something fails is unknown.
    async fn pipeline(&mut self, number: u32, client: &mut Client) -> io::Result<()> {
        let units: Vec<Vec<Effect>> =
            (0..1 + self.random.below(PIPELINE_MAX)).map(|_| self.choose()).collect();
        let commands: Vec<_> = units.iter().flat_map(|effects| commands(effects)).collect();
        let begin = |effects: &Vec<Effect>| self.journal.begin(number, effects.clone());
        let ids: Vec<UnitId> = units.iter().map(begin).collect();
        let mut answered = 0;
        let result = self.exchange(client, &commands, &units, &ids, &mut answered).await;
        ids[answered..].iter().for_each(|unit| self.journal.end(*unit, &Answer::Unclear));
        result
    }

    async fn exchange(
        &self,
        client: &mut Client,
        commands: &[Vec<Vec<u8>>],
        units: &[Vec<Effect>],
        ids: &[UnitId],
        answered: &mut usize,
    ) -> io::Result<()> {
        client.send(commands).await?;
        for (effects, unit) in units.iter().zip(ids) {
            let mut reply = client.receive().await?;
            if effects.len() > 1 {
                // MULTI and what was queued answer first.
                for _ in 0..effects.len() + 1 {
                    reply = client.receive().await?;
                }
            }
            self.journal.end(*unit, &answer(effects, reply));
            *answered += 1;
        }
        Ok(())
    }

    /// One command, or a transaction of some on different keys.
    fn choose(&mut self) -> Vec<Effect> {
        if self.random.below(4) > 0 {
            return vec![self.effect()];
        }
        let mut effects: Vec<Effect> = Vec::new();
        for _ in 0..2 + self.random.below(4) {
            let effect = self.effect();
            if effects.iter().all(|other| other.key() != effect.key()) {
                effects.push(effect);
            }
        }
        effects
    }

    fn effect(&mut self) -> Effect {
        match self.random.below(12) {
            0 => Effect::Delete { key: self.key("register") },
            1 => Effect::Delete { key: self.key("field") },
            2 | 3 => Effect::Write { key: self.key("register"), value: self.value(), deadline_ms: None },
            4 => Effect::Write { key: self.key("field"), value: self.value(), deadline_ms: None },
            5 | 6 => {
                let deadline = self.journal.node_ms() + self.random.below(DEADLINE_MS_MAX) as i64;
                Effect::Write { key: self.key("short"), value: self.value(), deadline_ms: Some(deadline) }
            }
            7 | 8 => Effect::Increment { key: self.key("counter"), reply: None },
            9 | 10 => Effect::Append { key: self.key("list"), element: self.value() },
            _ => Effect::Append { key: self.key("set"), element: self.value() },
        }
    }

    fn key(&mut self, kind: &str) -> Vec<u8> {
        format!("{kind}:{}", self.random.below(KEYS)).into_bytes()
    }

    /// A value that no other write of this run has.
    fn value(&mut self) -> Vec<u8> {
        let mut value = format!("v{}", Journal::next(&self.journal.values)).into_bytes();
        if self.random.below(4) == 0 {
            value.resize(value.len() + self.random.below(self.padding_max) as usize, b'.');
        }
        value
    }
}

/// A unit as commands: a transaction, where it has several parts.
pub(super) fn commands(effects: &[Effect]) -> Vec<Vec<Vec<u8>>> {
    let parts = effects.iter().map(command);
    if effects.len() == 1 {
        return parts.collect();
    }
    let word = |word: &str| vec![word.as_bytes().to_vec()];
    std::iter::once(word("MULTI")).chain(parts).chain([word("EXEC")]).collect()
}

fn command(effect: &Effect) -> Vec<Vec<u8>> {
    let key = effect.key().to_vec();
    let is_field = key.starts_with(b"field:");
    let words = |words: &[&[u8]]| words.iter().map(|word| word.to_vec()).collect();
    match effect {
        Effect::Write { value, .. } if is_field => words(&[b"HSET", b"hash", &key, value]),
        Effect::Delete { .. } if is_field => words(&[b"HDEL", b"hash", &key]),
        Effect::Write { value, deadline_ms: None, .. } => words(&[b"SET", &key, value]),
        Effect::Write { value, deadline_ms: Some(deadline), .. } => {
            words(&[b"SET", &key, value, b"PXAT", deadline.to_string().as_bytes()])
        }
        Effect::Delete { .. } => words(&[b"DEL", &key]),
        Effect::Increment { .. } => words(&[b"INCR", &key]),
        Effect::Append { element, .. } if key.starts_with(b"set:") => words(&[b"SADD", &key, element]),
        Effect::Append { element, .. } => words(&[b"RPUSH", &key, element]),
    }
}

/// What a unit's last reply says of it.
pub(super) fn answer(effects: &[Effect], reply: Value) -> Answer {
    let replies = match reply {
        Value::Array(replies) if effects.len() > 1 => replies,
        // Refused before anything was done; of any other error that is not sure.
        Value::Error(text) => {
            let refusals: [&[u8]; 6] =
                [b"MISCONF", b"LOADING", b"EXECABORT", b"OOM", b"READONLY", b"NOREPLICAS"];
            let is_refusal = refusals.iter().any(|refusal| text.starts_with(refusal));
            return if is_refusal { Answer::Refused } else { Answer::Unclear };
        }
        single => vec![single],
    };
    let mut numbers = Vec::new();
    for (effect, reply) in effects.iter().zip(replies) {
        match (effect, reply) {
            (_, Value::Error(_)) => return Answer::Unclear,
            (Effect::Increment { .. }, Value::Integer(number)) => numbers.push(number),
            _ => {}
        }
    }
    Answer::Done(numbers)
}

/// Reads everything, once the node serves. An error: it does not, for now.
pub async fn read_all(address: SocketAddr, journal: &Journal) -> io::Result<Reading> {
    let mut client = Client::connect(address, PATIENCE).await?;
    let mut reading = Reading { began_ms: journal.node_ms(), ..Reading::default() };
    read_database(&mut client, &mut reading).await?;
    reading.ended_ms = journal.node_ms();
    Ok(reading)
}

/// Reads all of the selected database.
pub(super) async fn read_database(client: &mut Client, reading: &mut Reading) -> io::Result<()> {
    for name in texts(call(client, &["KEYS", "*"]).await?) {
        let key = String::from_utf8_lossy(&name).into_owned();
        if key == "hash" {
            let fields = texts(call(client, &["HGETALL", "hash"]).await?);
            for pair in fields.chunks_exact(2) {
                let content = Content::Text(pair[1].clone());
                reading.keys.insert(pair[0].clone(), Found { content, deadline_ms: None });
            }
        } else if let Some(found) = read_key(client, &key).await? {
            reading.keys.insert(name, found);
        }
    }
    Ok(())
}

/// A key with its deadline, at one moment; `None` if it has expired by now.
async fn read_key(client: &mut Client, key: &str) -> io::Result<Option<Found>> {
    let read: &[&str] = match key.split(':').next() {
        Some("list") => &["LRANGE", key, "0", "-1"],
        Some("set") => &["SMEMBERS", key],
        _ => &["GET", key],
    };
    let words = |words: &[&str]| words.iter().map(|word| word.as_bytes().to_vec()).collect();
    client.send(&[words(&["MULTI"]), words(read), words(&["PEXPIRETIME", key]), words(&["EXEC"])]).await?;
    for _ in 0..3 {
        client.receive().await?;
    }
    let (value, deadline) = match refuse(client.receive().await?)? {
        Value::Array(both) => match <[Value; 2]>::try_from(both) {
            Ok([value, Value::Integer(deadline)]) => (value, deadline),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        },
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    let content = match (value, read[0]) {
        (Value::Null, _) => return Ok(None),
        (Value::Bulk(text), _) => Content::Text(text),
        (elements, "SMEMBERS") => Content::Set(BTreeSet::from_iter(texts(elements))),
        (elements, _) => Content::List(texts(elements)),
    };
    Ok(Some(Found { content, deadline_ms: (deadline >= 0).then_some(deadline) }))
}

pub(super) async fn call(client: &mut Client, words: &[&str]) -> io::Result<Value> {
    refuse(client.call(words).await?)
}

/// An error reply as an error.
fn refuse(value: Value) -> io::Result<Value> {
    match value {
        Value::Error(text) => Err(io::Error::other(String::from_utf8_lossy(&text).into_owned())),
        value => Ok(value),
    }
}

fn texts(value: Value) -> Vec<Vec<u8>> {
    let text = |value| match value {
        Value::Bulk(text) | Value::Simple(text) => text,
        other => format!("{other:?}").into_bytes(),
    };
    match value {
        Value::Array(all) | Value::Set(all) => all.into_iter().map(text).collect(),
        other => vec![text(other)],
    }
}
