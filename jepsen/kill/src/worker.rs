//! The clients of one life: those who write, and one who has it saved or rewritten.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use seawall::protocol::client::Value;
use seawall_checker::durability::SaveId;

use crate::journal::{Journal, wall_ms};
use crate::link::Link;
use crate::random::Random;
use crate::units::{Answer, Chooser, Planned};

/// What the clients of a life share.
pub struct Life<'a> {
    /// The server's port.
    pub port: u16,
    /// Where they note what they do.
    pub journal: &'a Journal,
    /// Whether clients take their time.
    pub is_long: bool,
    /// Set when the server is about to be killed, or has been: they end.
    pub over: AtomicBool,
    /// Whether something is being saved or rewritten, as far as the keeper knows.
    pub keeping: AtomicBool,
    /// Replies that should not have come, and connections that ended before the kill.
    pub strange: Mutex<Vec<String>>,
}

impl Life<'_> {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn complain(&self, what: String) {
        self.strange.lock().expect("no thread panics while it holds this").push(what);
    }

    /// Notes an error, unless it is the kill.
    fn note(&self, who: &str, result: io::Result<()>) {
        // The kill is announced after it; a thread that sees it earlier waits for the news.
        let patience = Instant::now() + Duration::from_millis(500);
        if let Err(e) = result {
            while !self.is_over() && Instant::now() < patience {
                std::thread::sleep(Duration::from_millis(1));
            }
            if !self.is_over() {
                self.complain(format!("{who}: {e}"));
            }
        }
    }

    /// Writes over one connection until the server is gone.
    pub fn write(&self, client: u32, database: u64, random: Random) {
        let chooser = Chooser::new(random, database, client, self.is_long);
        self.note(&format!("client {client}"), self.write_on(client, database, chooser));
    }

    fn write_on(&self, client: u32, database: u64, mut chooser: Chooser) -> io::Result<()> {
        let mut link = Link::open(self.port)?;
        link.ask(&["SELECT", &database.to_string()])?;
        while !self.is_over() {
            let units: Vec<Planned> = (0..chooser.pipeline()).map(|_| chooser.unit(wall_ms())).collect();
            let ids = self.journal.begin(client, &units);
            link.send(&units.iter().flat_map(Planned::requests).collect::<Vec<_>>())?;
            for (unit, id) in units.iter().zip(&ids) {
                for _ in 0..unit.replies_before() {
                    link.receive()?;
                }
                let answer = unit.answer(link.receive()?);
                self.journal.end(*id, &answer);
                if let Answer::Strange(reply) = answer {
                    self.complain(format!("{reply}, in reply to {unit:.300?}"));
                }
            }
            std::thread::sleep(Duration::from_micros(chooser.pause_micros()));
        }
        Ok(())
    }

    /// Asks for one of these now and then; saves are noted for the judge if snapshots are all that there is.
    pub fn keep(&self, commands: &[&'static str], counts: bool, random: Random) {
        self.note("keeper", self.keep_on(commands, counts, random));
    }

    fn keep_on(&self, commands: &[&'static str], counts: bool, mut random: Random) -> io::Result<()> {
        let mut link = Link::open(self.port)?;
        while !self.is_over() {
            std::thread::sleep(Duration::from_millis(random.below(60)));
            if !self.is_over() && !commands.is_empty() {
                let command = random.pick(commands);
                self.ask(&mut link, command, counts)?;
            }
        }
        Ok(())
    }

    fn ask(&self, link: &mut Link, command: &str, counts: bool) -> io::Result<()> {
        let save = (counts && command != "BGREWRITEAOF").then(|| self.journal.save());
        self.keeping.store(true, Ordering::SeqCst);
        match link.ask(&[command])? {
            Value::Error(text) if is_too_early(&text) => {
                save.inspect(|save| self.journal.save_refused(*save));
            }
            Value::Error(text) => {
                self.complain(format!("{}, in reply to {command}", String::from_utf8_lossy(&text)));
            }
            _ if command == "SAVE" => drop(save.inspect(|save| self.journal.saved(*save))),
            _ => self.await_end(link, save)?,
        }
        self.keeping.store(false, Ordering::SeqCst);
        Ok(())
    }

    fn await_end(&self, link: &mut Link, save: Option<SaveId>) -> io::Result<()> {
        loop {
            let info = link.persistence()?;
            let idle = ["rdb_bgsave_in_progress:0", "aof_rewrite_in_progress:0", "aof_rewrite_scheduled:0"];
            if idle.iter().all(|field| info.contains(field)) {
                let is_saved = info.contains("rdb_last_bgsave_status:ok");
                let is_rewritten = info.contains("aof_last_bgrewrite_status:ok");
                if is_saved {
                    save.inspect(|save| self.journal.saved(*save));
                }
                if !is_saved || !is_rewritten {
                    self.complain(format!("a save or rewrite has failed: {info}"));
                }
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Another save or rewrite is under way.
fn is_too_early(error: &[u8]) -> bool {
    let text = String::from_utf8_lossy(error);
    text.contains("already in progress") || text.contains("Another child process is active")
}
