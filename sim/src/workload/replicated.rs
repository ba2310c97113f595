//! Clients of a deployment that replicates: writers who ask for as much durability as their reply is worth, readers of replicas.
//!
//! A writer asks who the primary is when he connects, and stays with that node as long as it answers: after a failover some go
//! on with the deposed one. Every value is written once; everything is noted in the loss meter's ledger, by true time.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::io;
use std::rc::Rc;
use std::time::Duration;

use seawall::engine::Engine;
use seawall::keyspace::{EntryRef, ObjectRef, Value as Stored};
use seawall::protocol::client::Value;
use seawall::runtime::Runtime;
use seawall::types::list::End;
use seawall_checker::durability::{Content, Effect, Found, Reading};
use seawall_checker::loss::{Durability, Ledger, WriteId};

use super::durable::{Answer, PATIENCE, answer, call, commands, read_database};
use crate::client::Client;
use crate::deployment::{Deployment, Number, address};
use crate::invariant::Onlooker;
use crate::random::Random;
use crate::runtime::SimRuntime;

/// How many keys of each kind a database has.
const KEYS: u64 = 3;
/// Databases in use.
pub const DATABASES: usize = 2;
/// The first key of a database is this number times the database's.
const KEYS_APART: u64 = 100;
/// Keys of [`lay_ballast`], the first of their numbers, and the length of their values.
const BALLAST_KEYS: u64 = 30;
const BALLAST_FROM: u64 = 1000;
const BALLAST_BYTES: usize = 1000;
/// The two lists that are only ever appended to together.
const PAIR: [u64; 2] = [90, 91];
/// The longest pause between pipelines.
const THINK_MICROS_MAX: u64 = 120_000;
/// The most units sent at once.
const PIPELINE_MAX: u64 = 3;
/// Deadlines are at most so far away.
const DEADLINE_MS_MAX: u64 = 6000;
/// Values are padded up to so many bytes.
const PADDING_MAX: u64 = 300;

/// What a writer asks for behind his writes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asks {
    /// Nothing.
    Nothing,
    /// WAIT for so many replicas.
    Wait(u32),
    /// WAITAOF.
    WaitAof(u32, u32),
}

/// What all clients of a run share. Cheap to clone.
#[derive(Clone)]
pub struct Office {
    /// The servers.
    pub deployment: Deployment,
    /// Who looks on.
    pub onlooker: Onlooker,
    /// Who the primary is, as the operator says.
    pub primary: Rc<Cell<Number>>,
    /// What is noted.
    pub ledger: Rc<RefCell<Ledger>>,
    /// Set when everybody shall stop.
    pub stop: Rc<Cell<bool>>,
    connections: Rc<Cell<u32>>,
    values: Rc<Cell<u64>>,
}

impl std::fmt::Debug for Office {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Office").field("primary", &self.primary).finish_non_exhaustive()
    }
}

impl Office {
    /// For these servers, of which the first is the primary.
    pub fn new(deployment: &Deployment, onlooker: &Onlooker) -> Office {
        Office {
            deployment: deployment.clone(),
            onlooker: onlooker.clone(),
            primary: Rc::default(),
            ledger: Rc::new(RefCell::new(Ledger::new(deployment.len() as u32, 0))),
            stop: Rc::default(),
            connections: Rc::default(),
            values: Rc::default(),
        }
    }

    fn now(&self) -> Duration {
        self.deployment.now()
    }

    fn next(counter: &Cell<u64>) -> u64 {
        counter.set(counter.get() + 1);
        counter.get()
    }
}

/// A client that writes.
#[derive(Debug)]
pub struct Writer {
    /// What he shares with the others.
    pub office: Office,
    /// His own random numbers.
    pub random: Random,
    /// What he asks for.
    pub asks: Asks,
    /// The database that he uses.
    pub db: usize,
    /// How many units were answered.
    pub rounds: Rc<Cell<u64>>,
}

/// One unit under way.
struct Sent {
    effects: Vec<Effect>,
    id: WriteId,
    at: Duration,
    is_acknowledged: bool,
}

impl Writer {
    /// Works until told to stop, over as many connections as it takes.
    pub async fn work(mut self) {
        while !self.office.stop.get() {
            let primary = self.office.primary.get();
            if let Ok(client) = Client::connect(address(primary), PATIENCE).await {
                // A connection that fails is replaced by another.
                let _ = self.use_connection(client, primary).await;
            }
            SimRuntime::sleep(Duration::from_micros(1000 + self.random.below(THINK_MICROS_MAX))).await;
        }
    }

    async fn use_connection(&mut self, mut client: Client, primary: Number) -> io::Result<()> {
        let number = self.office.connections.get() + 1;
        self.office.connections.set(number);
        call(&mut client, &["SELECT", &self.db.to_string()]).await?;
        while !self.office.stop.get() {
            let mut sent = self.send(number, &mut client, primary).await?;
            let refused = self.receive(&mut client, &mut sent).await?;
            if refused {
                // It may be a replica by now: ask again.
                return Ok(());
            }
            self.ask(&mut client, &sent, primary).await?;
            SimRuntime::sleep(Duration::from_micros(self.random.below(THINK_MICROS_MAX))).await;
        }
        Ok(())
    }

    async fn send(&mut self, number: u32, client: &mut Client, primary: Number) -> io::Result<Vec<Sent>> {
        let units = 1 + self.random.below(PIPELINE_MAX);
        let units: Vec<Vec<Effect>> = (0..units).map(|_| self.choose(primary)).collect();
        let bytes: Vec<_> = units.iter().flat_map(|effects| commands(effects)).collect();
        let at = self.office.now();
        let note = |effects: Vec<Effect>| {
            let id = self.office.ledger.borrow_mut().begin(number, primary as u32, effects.clone(), at);
            Sent { effects, id, at, is_acknowledged: false }
        };
        let sent = units.into_iter().map(note).collect();
        client.send(&bytes).await?;
        Ok(sent)
    }

    /// Takes the replies. Whether one was a refusal.
    async fn receive(&self, client: &mut Client, sent: &mut [Sent]) -> io::Result<bool> {
        let mut refused = false;
        for unit in sent {
            let mut reply = client.receive().await?;
            if unit.effects.len() > 1 {
                // MULTI and what was queued answer first.
                for _ in 0..unit.effects.len() + 1 {
                    reply = client.receive().await?;
                }
            }
            let (mut ledger, now) = (self.office.ledger.borrow_mut(), self.office.now());
            match answer(&unit.effects, reply) {
                Answer::Done(numbers) => {
                    ledger.acknowledge(unit.id, &numbers, now);
                    unit.is_acknowledged = true;
                    self.rounds.set(self.rounds.get() + 1);
                }
                Answer::Refused => {
                    ledger.refuse(unit.id);
                    refused = true;
                }
                Answer::Unclear => {}
            }
        }
        Ok(refused)
    }

    /// Asks how many have it.
    async fn ask(&mut self, client: &mut Client, sent: &[Sent], primary: Number) -> io::Result<()> {
        let timeout = (100 + self.random.below(900)).to_string();
        let durability = match self.asks {
            Asks::Nothing => return Ok(()),
            Asks::Wait(replicas) => {
                let reply = call(client, &["WAIT", &replicas.to_string(), &timeout]).await?;
                let Value::Integer(counted) = reply else { return Err(io::ErrorKind::InvalidData.into()) };
                self.check(sent, primary, counted);
                Durability::Wait(counted as u32)
            }
            Asks::WaitAof(local, replicas) => {
                let words = ["WAITAOF", &local.to_string(), &replicas.to_string(), &timeout];
                match call(client, &words).await? {
                    Value::Array(counts) => match &counts[..] {
                        [Value::Integer(local), Value::Integer(replicas)] => {
                            self.check(sent, primary, *replicas);
                            Durability::WaitAof { local: *local as u32, replicas: *replicas as u32 }
                        }
                        _ => return Err(io::ErrorKind::InvalidData.into()),
                    },
                    _ => return Err(io::ErrorKind::InvalidData.into()),
                }
            }
        };
        let (mut ledger, now) = (self.office.ledger.borrow_mut(), self.office.now());
        sent.iter()
            .filter(|unit| unit.is_acknowledged)
            .for_each(|unit| ledger.assure(unit.id, durability, now));
        if durability.replicas() > 0 {
            self.office.deployment.sim().count("writes that replicas have confirmed");
        }
        Ok(())
    }

    fn check(&self, sent: &[Sent], primary: Number, counted: i64) {
        for unit in sent.iter().filter(|unit| unit.is_acknowledged) {
            self.office.onlooker.check_wait(primary, &unit.effects, self.db, unit.at, counted);
        }
    }

    /// One command, or a transaction of some on different keys.
    fn choose(&mut self, primary: Number) -> Vec<Effect> {
        match self.random.below(8) {
            0 => {
                let value = self.value();
                let key = |number| format!("list:{}", number + self.db as u64 * KEYS_APART).into_bytes();
                PAIR.map(|number| Effect::Append { key: key(number), element: value.clone() }).to_vec()
            }
            1 => {
                let mut effects: Vec<Effect> = Vec::new();
                for _ in 0..2 + self.random.below(3) {
                    let effect = self.effect(primary);
                    if effects.iter().all(|other| other.key() != effect.key()) {
                        effects.push(effect);
                    }
                }
                effects
            }
            _ => vec![self.effect(primary)],
        }
    }

    fn effect(&mut self, primary: Number) -> Effect {
        match self.random.below(12) {
            0 => Effect::Delete { key: self.key("register") },
            1 => Effect::Write { key: self.key("field"), value: self.value(), deadline_ms: None },
            2 | 3 => Effect::Write { key: self.key("register"), value: self.value(), deadline_ms: None },
            4 | 5 => {
                let deployment = &self.office.deployment;
                let now = deployment.sim().wall_clock_of(deployment.id(primary)).millis();
                let deadline = now + self.random.below(DEADLINE_MS_MAX) as i64;
                Effect::Write { key: self.key("short"), value: self.value(), deadline_ms: Some(deadline) }
            }
            6 | 7 => Effect::Increment { key: self.key("counter"), reply: None },
            8..=10 => Effect::Append { key: self.key("list"), element: self.value() },
            _ => Effect::Append { key: self.key("set"), element: self.value() },
        }
    }

    fn key(&mut self, kind: &str) -> Vec<u8> {
        format!("{kind}:{}", self.random.below(KEYS) + self.db as u64 * KEYS_APART).into_bytes()
    }

    /// A value that no other write of this run has.
    fn value(&mut self) -> Vec<u8> {
        let mut value = format!("v{}", Office::next(&self.office.values)).into_bytes();
        if self.random.below(6) == 0 {
            value.resize(value.len() + self.random.below(PADDING_MAX) as usize, b'.');
        }
        value
    }
}

/// A client that reads from any node: never half a transaction (P12), nothing past its deadline (P13).
#[derive(Debug)]
pub struct Reader {
    /// What he shares with the others.
    pub office: Office,
    /// His own random numbers.
    pub random: Random,
}

impl Reader {
    /// Reads until told to stop.
    pub async fn work(mut self) {
        while !self.office.stop.get() {
            let node = self.random.below(self.office.deployment.len() as u64) as usize;
            if let Ok(client) = Client::connect(address(node), PATIENCE).await {
                // A connection that fails is replaced by another.
                let _ = self.use_connection(client, node).await;
            }
            SimRuntime::sleep(Duration::from_micros(1000 + self.random.below(THINK_MICROS_MAX))).await;
        }
    }

    async fn use_connection(&mut self, mut client: Client, node: Number) -> io::Result<()> {
        for _ in 0..20 {
            if self.office.stop.get() {
                break;
            }
            let db = self.random.below(DATABASES as u64);
            call(&mut client, &["SELECT", &db.to_string()]).await?;
            self.read_pair(&mut client, node, db).await?;
            self.read_short(&mut client, node, db).await?;
            SimRuntime::sleep(Duration::from_micros(self.random.below(THINK_MICROS_MAX))).await;
        }
        Ok(())
    }

    /// Both lists of the pair, at one moment.
    async fn read_pair(&self, client: &mut Client, node: Number, db: u64) -> io::Result<()> {
        let [one, other] = PAIR.map(|number| format!("list:{}", number + db * KEYS_APART));
        let reads =
            [["LLEN", &one, ""], ["LLEN", &other, ""], ["LINDEX", &one, "-1"], ["LINDEX", &other, "-1"]];
        let replies = transaction(client, &reads).await?;
        let [length, other_length, last, other_last] = &replies[..] else { return Ok(()) };
        if (length, last) != (other_length, other_last) {
            self.office
                .onlooker
                .accuse(format!("a reader of node {node} has seen half a transaction: {replies:?}"));
        }
        Ok(())
    }

    /// A key with a deadline, and the node's time.
    async fn read_short(&mut self, client: &mut Client, node: Number, db: u64) -> io::Result<()> {
        let key = format!("short:{}", self.random.below(KEYS) + db * KEYS_APART);
        let replies =
            transaction(client, &[["GET", &key, ""], ["PEXPIRETIME", &key, ""], ["TIME", "", ""]]).await?;
        let [Value::Bulk(value), Value::Integer(deadline), Value::Array(time)] = &replies[..] else {
            return Ok(());
        };
        let [Value::Bulk(seconds), Value::Bulk(micros)] = &time[..] else { return Ok(()) };
        let number = |text: &[u8]| std::str::from_utf8(text).ok()?.parse::<i64>().ok();
        let (Some(seconds), Some(micros)) = (number(seconds), number(micros)) else { return Ok(()) };
        if *deadline >= 0 && seconds * 1000 + micros / 1000 > *deadline {
            self.office.onlooker.accuse(format!(
                "node {node} shows {} of {key} at {seconds}.{micros:06}, and its deadline was {deadline} ms",
                String::from_utf8_lossy(value)
            ));
        }
        Ok(())
    }
}

/// Runs requests as one; a request's empty words are left out. Nothing if it was refused.
async fn transaction(client: &mut Client, requests: &[[&str; 3]]) -> io::Result<Vec<Value>> {
    let words = |words: &[&str]| {
        words.iter().filter(|word| !word.is_empty()).map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>()
    };
    let begin = std::iter::once(words(&["MULTI"]));
    let all: Vec<_> =
        begin.chain(requests.iter().map(|request| words(request))).chain([words(&["EXEC"])]).collect();
    client.send(&all).await?;
    for _ in 0..requests.len() + 1 {
        client.receive().await?;
    }
    match client.receive().await? {
        Value::Array(replies) => Ok(replies),
        _ => Ok(Vec::new()),
    }
}

/// Writes so much at first that a snapshot does not come in one piece.
pub async fn lay_ballast(office: &Office) -> io::Result<()> {
    let mut client = Client::connect(address(0), PATIENCE).await?;
    for number in 0..BALLAST_KEYS {
        let mut value = format!("b{number}").into_bytes();
        value.resize(BALLAST_BYTES, b'.');
        let key = format!("register:{}", BALLAST_FROM + number).into_bytes();
        let effects = vec![Effect::Write { key, value, deadline_ms: None }];
        let write = office.ledger.borrow_mut().begin(0, 0, effects.clone(), office.now());
        client.send(&commands(&effects)).await?;
        if let Answer::Done(numbers) = answer(&effects, client.receive().await?) {
            office.ledger.borrow_mut().acknowledge(write, &numbers, office.now());
        }
    }
    Ok(())
}

/// Everything that a node holds, seen from outside the world.
pub fn glance(engine: &Engine) -> Reading {
    let mut reading = Reading::default();
    for database in &engine.keyspace.databases {
        let mut cursor = 0;
        loop {
            cursor = database.scan(cursor, |entry| note(&mut reading, entry));
            if cursor == 0 {
                break;
            }
        }
    }
    reading
}

fn note(reading: &mut Reading, entry: EntryRef<'_>) {
    let content = match entry.value() {
        Stored::Object(ObjectRef::List(list)) => {
            let mut elements = Vec::new();
            list.take(End::Front, 0, usize::MAX, |element| elements.push(element.to_vec()));
            Content::List(elements)
        }
        Stored::Object(ObjectRef::Set(set)) => {
            let mut members = BTreeSet::new();
            set.for_each(|member| {
                members.insert(member.to_vec());
            });
            Content::Set(members)
        }
        Stored::Object(ObjectRef::Hash(hash)) => {
            hash.each(i64::MIN, |field| {
                let found = Found { content: Content::Text(field.value.to_vec()), deadline_ms: None };
                reading.keys.insert(field.name.to_vec(), found);
            });
            return;
        }
        value => {
            let mut text = Vec::new();
            value.write_to(&mut text);
            Content::Text(text)
        }
    };
    reading.keys.insert(entry.key().to_vec(), Found { content, deadline_ms: entry.expiry() });
}

/// Reads everything that a node holds.
pub async fn read_all(office: &Office, node: Number) -> io::Result<Reading> {
    let mut client = Client::connect(address(node), PATIENCE).await?;
    let mut reading = Reading::default();
    for db in 0..DATABASES {
        call(&mut client, &["SELECT", &db.to_string()]).await?;
        read_database(&mut client, &mut reading).await?;
    }
    let deployment = &office.deployment;
    let clocks = deployment.ids().into_iter().map(|id| deployment.sim().wall_clock_of(id).millis());
    reading.ended_ms = clocks.max().unwrap_or_default();
    Ok(reading)
}
