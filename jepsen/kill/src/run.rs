//! One run: a server lives and is killed several times over the same directory; after each restart all is read and judged.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use seawall_checker::durability;

use crate::ballast::Ballast;
use crate::journal::Journal;
use crate::mode::Mode;
use crate::node::{Node, Program, names};
use crate::plant::{Before, Plant};
use crate::random::Random;
use crate::reader;
use crate::tally::Tally;
use crate::units::DATABASES;
use crate::worker::Life;

/// Connections that write, in each life.
const CLIENTS: u32 = 4;

/// What a run is made of.
pub struct Plan<'a> {
    /// Its choices.
    pub seed: u64,
    /// Its number, which is a stream of the seed.
    pub number: u64,
    /// Which promise is tried.
    pub mode: &'static Mode,
    /// A mistake to be made at each restart.
    pub plant: Option<&'static Plant>,
    /// How many lives.
    pub lives: u64,
    /// The server.
    pub server: &'a str,
    /// Where directories are made.
    pub room: &'a Path,
    /// What every run begins with.
    pub ballast: Ballast,
}

/// Why a run did not pass.
#[derive(Clone, Debug)]
pub enum Failure {
    /// A promise is broken, or the server answered what it must not, or it does not come back.
    Broken(String),
    /// The tool itself could not go on.
    Trouble(String),
}

/// When to kill.
#[derive(Clone, Copy, Debug)]
enum When {
    /// After this.
    After(Duration),
    /// After this, then so many changes of the directory's names, then this.
    Changes(Duration, u64, Duration),
}

/// One that is under way.
struct Run<'a> {
    plan: &'a Plan<'a>,
    random: Random,
    program: Program,
    journal: Journal,
    clients: u32,
    tally: Tally,
}

impl Plan<'_> {
    /// The error is what was found, for a reader. What led to it then stands in [`Plan::home`] and beside it.
    pub fn run(&self) -> Result<Tally, Failure> {
        let mut random = Random::new(self.seed, self.number);
        let home = self.home();
        copy(&self.template(self.mode)?, &home).map_err(trouble)?;
        // What a rewrite has taken over no plant can change in the log.
        let options = self.mode.options(&mut random, self.plant.is_none());
        let port = free_port().map_err(trouble)?;
        let program = Program { path: self.server.to_owned(), port, home, options };
        let tally = Tally { runs: 1, ..Tally::default() };
        let run = Run { plan: self, random, program, journal: Journal::new(), clients: 0, tally };
        run.play()
    }

    /// The server's directory.
    pub fn home(&self) -> PathBuf {
        self.room.join(format!("run-{}", self.number))
    }

    /// What the server's directory was before the last restart.
    pub fn killed(&self) -> PathBuf {
        self.room.join(format!("run-{}-killed", self.number))
    }

    /// Takes away what the run has left.
    pub fn clean(&self) {
        let _ = fs::remove_dir_all(self.home());
        let _ = fs::remove_dir_all(self.killed());
        let _ = fs::remove_file(self.home().with_extension("log"));
    }

    /// A directory with the ballast, made once by the server itself.
    fn template(&self, mode: &Mode) -> Result<PathBuf, Failure> {
        let kind = if mode.is_log { "log" } else { "dump" };
        let home = self.room.join(format!("ballast-{kind}"));
        if home.exists() {
            return Ok(home);
        }
        let making = self.room.join("ballast-making");
        fs::create_dir_all(&making).map_err(trouble)?;
        let options = ["--save", "", "--appendonly", if mode.is_log { "yes" } else { "no" }];
        let options = options.iter().map(|word| (*word).to_owned()).collect();
        let port = free_port().map_err(trouble)?;
        let program = Program { path: self.server.to_owned(), port, home: making.clone(), options };
        let node = program.start().map_err(Failure::Trouble)?;
        self.ballast.load(port).map_err(trouble)?;
        node.shut_down(if mode.is_log { &["SHUTDOWN"] } else { &["SHUTDOWN", "SAVE"] })
            .map_err(Failure::Trouble)?;
        fs::rename(&making, &home).map_err(trouble)?;
        Ok(home)
    }
}

impl Run<'_> {
    fn play(mut self) -> Result<Tally, Failure> {
        let mut node = self.start()?;
        for _ in 0..self.plan.lives {
            let before = Before::of(&self.program.home);
            let crashed = self.live(node)?;
            self.tally.unfinished += u64::from(is_unfinished(&self.program.home));
            if let Some(plant) = self.plan.plant {
                plant.act(&before, &self.program.home).map_err(trouble)?;
            }
            let _ = fs::remove_dir_all(self.plan.killed());
            copy(&self.program.home, &self.plan.killed()).map_err(trouble)?;
            self.kill_while_loading()?;
            node = self.start()?;
            let seen = reader::read(self.program.port, &self.plan.ballast).map_err(broken)?;
            for (database, books) in &seen.books {
                books.check().map_err(|e| Failure::Broken(format!("in database {database}: {e}")))?;
            }
            self.journal.restart(crashed, self.plan.mode.promise, seen.reading);
            let statistics = durability::check(&self.journal.take()).map_err(broken)?;
            self.tally.judged(statistics);
        }
        node.kill().map_err(Failure::Broken)?;
        Ok(self.tally)
    }

    fn start(&mut self) -> Result<Node, Failure> {
        let began = Instant::now();
        let node = self.program.start().map_err(Failure::Broken)?;
        self.tally.restart = self.tally.restart.max(began.elapsed());
        if self.plan.mode.saves_itself {
            self.journal.saves_itself();
        }
        Ok(node)
    }

    /// From when it serves until it is killed; says when that was.
    fn live(&mut self, node: Node) -> Result<Duration, Failure> {
        let when = self.when();
        let (journal, port) = (&self.journal, self.program.port);
        let (over, keeping) = (AtomicBool::new(false), AtomicBool::new(false));
        let is_long = matches!(when, When::After(time) if time > Duration::from_secs(2));
        let life = Life { port, journal, is_long, over, keeping, strange: Mutex::default() };
        // Plants look for what they change where nothing is rewritten.
        let is_kept = match self.plan.plant {
            Some(_) => !self.plan.mode.is_log,
            None => matches!(when, When::Changes(..)) || self.random.percent(60),
        };
        let mode = self.plan.mode;
        let mut stream = || Random::new(self.random.below(u64::MAX), 1);
        let crashed = std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                self.clients += 1;
                let (client, random, life) = (self.clients, stream(), &life);
                let database = DATABASES[usize::from(client % CLIENTS == 0)];
                scope.spawn(move || life.write(client, database, random));
            }
            let (random, life_of_keeper) = (stream(), &life);
            if is_kept {
                scope.spawn(move || life_of_keeper.keep(mode.keeping, !mode.is_log, random));
            }
            wait(when, &node);
            self.tally.keeping += u64::from(life.keeping.load(Ordering::SeqCst));
            let killed = node.kill();
            life.over.store(true, Ordering::SeqCst);
            killed.map(|()| journal.crashed()).map_err(Failure::Broken)
        })?;
        self.tally.kills += 1;
        let strange = life.strange.into_inner().map_err(trouble)?;
        match strange.first() {
            None => Ok(crashed),
            Some(first) => {
                let text = format!("before the kill: {first}, and {} more", strange.len() - 1);
                Err(Failure::Broken(text))
            }
        }
    }

    fn when(&mut self) -> When {
        let random = &mut self.random;
        let millis = Duration::from_millis;
        if let Some(plant) = self.plan.plant {
            return When::After(millis(if plant.takes_long { 2800 } else { 300 }));
        }
        if random.percent(self.plan.mode.long_percent) {
            return When::After(millis(2100 + random.below(500)));
        }
        match random.below(10) {
            0..4 => When::After(millis(20 + random.below(230))),
            4..8 => {
                let then = Duration::from_micros(random.below(400));
                When::Changes(millis(random.below(80)), 1 + random.below(9), then)
            }
            _ => {
                self.tally.soon += 1;
                When::After(Duration::from_micros(random.below(8000)))
            }
        }
    }

    /// Sometimes, once or twice.
    fn kill_while_loading(&mut self) -> Result<(), Failure> {
        if self.plan.plant.is_some() {
            return Ok(());
        }
        while self.random.percent(30) {
            let node = self.program.spawn().map_err(trouble)?;
            let longest = self.tally.restart.as_micros() as u64;
            std::thread::sleep(Duration::from_micros(self.random.below(longest.max(1))));
            node.kill().map_err(Failure::Broken)?;
            self.tally.loading += 1;
        }
        Ok(())
    }
}

fn wait(when: When, node: &Node) {
    match when {
        When::After(time) => std::thread::sleep(time),
        When::Changes(first, changes, then) => {
            std::thread::sleep(first);
            node.await_changes(changes, Duration::from_millis(500));
            std::thread::sleep(then);
        }
    }
}

/// Whether there are temporary files.
fn is_unfinished(home: &Path) -> bool {
    let is_temporary =
        |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"temp-"));
    names(home).iter().any(|(path, _)| is_temporary(path))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

/// A port at which nobody listens.
pub fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// As a failure of the tool.
pub fn trouble(e: impl std::fmt::Display) -> Failure {
    Failure::Trouble(e.to_string())
}

/// As a failure of the server.
pub fn broken(e: impl std::fmt::Display) -> Failure {
    Failure::Broken(e.to_string())
}
