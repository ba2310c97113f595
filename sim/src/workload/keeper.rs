//! An operator who asks a node for saves and rewrites now and then, and turns its log off and on; and who notes what became
//! of that.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use seawall::protocol::client::Value;
use seawall::runtime::Runtime;
use seawall_checker::durability::SaveId;

use super::durable::{Journal, PATIENCE, call};
use crate::client::Client;
use crate::random::Random;
use crate::runtime::SimRuntime;

/// Asking for one of these makes the log's promise weaker, until the log is in force again.
const WEAKENS: [&str; 1] = ["CONFIG SET appendonly no"];
/// What brings that about.
const RESTORES: &str = "CONFIG SET appendonly yes";

/// See the module.
#[derive(Debug)]
pub struct Keeper {
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
    /// What it asks for, each time one of them.
    pub commands: &'static [&'static str],
    /// Told when something is about to be asked for.
    pub asking: Rc<dyn Wake>,
    /// What it did to the promise.
    pub promise: Rc<Weakening>,
}

/// Somebody who wants to know when a save begins.
pub trait Wake: std::fmt::Debug {
    /// It is about to be asked for.
    fn wake(&self);
}

/// Since when the node promises less than it should.
#[derive(Debug, Default)]
pub struct Weakening {
    since: Cell<Option<Duration>>,
    /// Whether a rewrite does it, too (`no-appendfsync-on-rewrite`).
    pub by_rewrites: Cell<bool>,
}

impl Weakening {
    /// `None`: it promises all that it should.
    pub fn since(&self) -> Option<Duration> {
        self.since.get()
    }

    /// It promises all that it should, from now on.
    pub fn end(&self) {
        self.since.set(None);
    }

    fn note(&self, command: &str, now: Duration) {
        let weakens = WEAKENS.contains(&command) || self.by_rewrites.get() && command == "BGREWRITEAOF";
        if weakens && self.since.get().is_none() {
            self.since.set(Some(now));
        }
    }
}

impl Keeper {
    /// Works until told to stop.
    pub async fn work(mut self) {
        while !self.stop.get() {
            SimRuntime::sleep(Duration::from_micros(100_000 + self.random.below(1_500_000))).await;
            if self.gate.get()
                && !self.commands.is_empty()
                && let Ok(client) = Client::connect(self.address, PATIENCE).await
            {
                // What a lost reply leaves open stays open.
                let _ = self.ask(client).await;
            }
        }
    }

    async fn ask(&mut self, mut client: Client) -> io::Result<()> {
        let command = self.commands[self.random.below(self.commands.len() as u64) as usize];
        if !self.gate.get() {
            return Ok(());
        }
        self.asking.wake();
        self.promise.note(command, self.journal.now());
        match command {
            "SAVE" | "BGSAVE" => self.ask_for_save(&mut client, command).await,
            _ => {
                let words: Vec<&str> = command.split(' ').collect();
                call(&mut client, &words).await?;
                self.journal.count(&format!("answered: {}", command.to_lowercase()));
                if command == RESTORES { self.await_log(&mut client).await } else { Ok(()) }
            }
        }
    }

    async fn ask_for_save(&mut self, client: &mut Client, command: &str) -> io::Result<()> {
        let save = self.journal.save();
        match client.call(&[command]).await? {
            Value::Error(text) if !text.starts_with(b"ERR Background save already") => {
                // A save that failed may have come as far as its new name.
                if text.starts_with(b"LOADING") || text.starts_with(b"MISCONF") {
                    self.journal.save_refused(save);
                }
                Ok(())
            }
            Value::Error(_) => {
                self.journal.save_refused(save);
                Ok(())
            }
            _ if command == "SAVE" => {
                self.journal.saved(save);
                Ok(())
            }
            _ => self.await_background_save(client, save).await,
        }
    }

    async fn await_background_save(&self, client: &mut Client, save: SaveId) -> io::Result<()> {
        loop {
            let info = info(client).await?;
            if info.contains("rdb_bgsave_in_progress:0") {
                if info.contains("rdb_last_bgsave_status:ok") {
                    self.journal.saved(save);
                }
                return Ok(());
            }
        }
    }

    /// Waits until the log is in force again.
    async fn await_log(&self, client: &mut Client) -> io::Result<()> {
        let signs = [
            "aof_enabled:1",
            "aof_rewrite_in_progress:0",
            "aof_rewrite_scheduled:0",
            "aof_last_bgrewrite_status:ok",
        ];
        while self.gate.get() && !self.stop.get() {
            let info = info(client).await?;
            if signs.iter().all(|sign| info.contains(sign)) {
                self.promise.end();
                self.journal.count("log in force again");
                return Ok(());
            }
        }
        Ok(())
    }
}

/// What the node says of its persistence, in a moment.
async fn info(client: &mut Client) -> io::Result<String> {
    SimRuntime::sleep(Duration::from_millis(20)).await;
    let Value::Bulk(info) = call(client, &["INFO", "persistence"]).await? else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    Ok(String::from_utf8_lossy(&info).into_owned())
}
