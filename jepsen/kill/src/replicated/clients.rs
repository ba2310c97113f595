//! The clients of a round. Each stays with its node until it is told that the round is over, or the node is gone or refuses it.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use seawall::protocol::client::Value;
use seawall_checker::loss::Durability;

use super::records::Records;
use crate::journal::wall_ms;
use crate::link::Link;
use crate::random::Random;
use crate::units::{ACCOUNTS, Answer, Chooser, DATABASES, Planned, Words, words};

/// How long WAIT and WAITAOF wait, in milliseconds.
const WAIT_MS: &str = "250";

/// What a client asks for after each batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Nothing.
    Nothing,
    /// WAIT with this number.
    Wait(u32),
    /// WAITAOF with these.
    WaitAof(u32, u32),
}

/// What the clients of a round share.
pub struct Shift<'a> {
    /// Where they note what they do.
    pub records: &'a Records,
    /// Set when they are to end.
    pub over: AtomicBool,
    /// Units that were answered.
    pub answered: AtomicU64,
    /// Looks at replicas.
    pub looks: AtomicU64,
    /// What should not have come.
    pub strange: Mutex<Vec<String>>,
    /// A planted mistake: WAIT is believed to have said this without being asked.
    pub believed: Option<u32>,
}

impl<'a> Shift<'a> {
    /// For a round.
    pub fn new(records: &'a Records, believed: Option<u32>) -> Shift<'a> {
        let (over, strange) = (AtomicBool::new(false), Mutex::default());
        Shift { records, over, answered: AtomicU64::new(0), looks: AtomicU64::new(0), strange, believed }
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn complain(&self, what: String) {
        self.strange.lock().expect("no thread panics while it holds this").push(what);
    }

    /// Writes; a lost connection ends it, as does a refusal: its node is not the primary any more.
    pub fn write(&self, node: usize, port: u16, client: u32, asks: Asks, random: Random) {
        let database = DATABASES[usize::from(client.is_multiple_of(4))];
        let mut chooser = Chooser::new(random, database, client, false);
        let _ = self.write_on(node, port, client, asks, &mut chooser);
    }

    fn write_on(
        &self,
        node: usize,
        port: u16,
        client: u32,
        asks: Asks,
        chooser: &mut Chooser,
    ) -> io::Result<()> {
        let mut link = Link::open(port)?;
        link.ask(&["SELECT", &chooser.database().to_string()])?;
        while !self.is_over() {
            let units: Vec<Planned> = (0..chooser.pipeline()).map(|_| chooser.unit(wall_ms())).collect();
            let writes = self.records.begin(client, node, &units);
            link.send(&units.iter().flat_map(Planned::requests).collect::<Vec<_>>())?;
            for (unit, write) in units.iter().zip(&writes) {
                for _ in 0..unit.replies_before() {
                    link.receive()?;
                }
                let answer = softened(unit.answer(link.receive()?));
                self.records.end(*write, &answer);
                match answer {
                    Answer::Done(_) => _ = self.answered.fetch_add(1, Ordering::Relaxed),
                    Answer::Refused => return Ok(()),
                    Answer::Strange(reply) => self.complain(format!("{reply}, in reply to {unit:.300?}")),
                }
            }
            if let Some(durability) = self.assurance(&mut link, asks)? {
                self.records.assure(&writes, durability);
            }
            std::thread::sleep(Duration::from_micros(chooser.pause_micros()));
        }
        Ok(())
    }

    fn assurance(&self, link: &mut Link, asks: Asks) -> io::Result<Option<Durability>> {
        if let Some(believed) = self.believed {
            return Ok(Some(Durability::Wait(believed)));
        }
        let request: Words = match asks {
            Asks::Nothing => return Ok(None),
            Asks::Wait(replicas) => words(&["WAIT", &replicas.to_string(), WAIT_MS]),
            Asks::WaitAof(local, replicas) => {
                words(&["WAITAOF", &local.to_string(), &replicas.to_string(), WAIT_MS])
            }
        };
        link.send(&[request])?;
        Ok(match link.receive()? {
            Value::Integer(replicas) => Some(Durability::Wait(number(replicas))),
            Value::Array(counts) => {
                match counts.iter().map(Value::as_integer).collect::<Option<Vec<_>>>().as_deref() {
                    Some([local, replicas]) => {
                        Some(Durability::WaitAof { local: number(*local), replicas: number(*replicas) })
                    }
                    _ => return Err(io::Error::other("WAITAOF gives two numbers")),
                }
            }
            Value::Error(text) => {
                let text = String::from_utf8_lossy(&text).into_owned();
                // It was answered by a node that is a replica by now; or, a check of the checks, by one of before WAITAOF.
                if !["READONLY", "UNBLOCKED", "replica", "unknown command"]
                    .iter()
                    .any(|part| text.contains(part))
                {
                    self.complain(format!("{text}, in reply to {asks:?}"));
                }
                None
            }
            _ => None,
        })
    }

    /// Looks, at a replica, whether half a transfer is to be seen: all accounts together hold nothing.
    pub fn watch(&self, port: u16) {
        while !self.is_over() {
            // It may be gone, stand still, or load.
            let _ = self.watch_on(port);
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn watch_on(&self, port: u16) -> io::Result<()> {
        let mut link = Link::open_for(port, Duration::from_millis(500))?;
        let accounts: Vec<String> = (0..ACCOUNTS).map(|account| format!("account:{account}")).collect();
        let request: Vec<&str> = ["MGET"].into_iter().chain(accounts.iter().map(String::as_str)).collect();
        while !self.is_over() {
            for database in DATABASES {
                link.ask(&["SELECT", &database.to_string()])?;
                let Value::Array(values) = link.ask(&request)? else { return Ok(()) };
                let amounts = values.iter().map(|value| {
                    value.as_bytes().and_then(|text| str::from_utf8(text).ok()?.parse::<i64>().ok())
                });
                let total: i64 = amounts.flatten().sum();
                if total != 0 {
                    self.complain(format!("half a transfer is seen at the replica at port {port}: the accounts hold {total} together"));
                }
                self.looks.fetch_add(1, Ordering::Relaxed);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

fn number(reply: i64) -> u32 {
    u32::try_from(reply).unwrap_or_default()
}

/// Errors that say that nothing was done.
fn softened(answer: Answer) -> Answer {
    let refusals = ["READONLY", "EXECABORT", "LOADING", "MASTERDOWN"];
    match answer {
        Answer::Strange(text) if refusals.iter().any(|part| text.contains(part)) => Answer::Refused,
        answer => answer,
    }
}
