//! The process that is killed, and the directory that outlives it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use seawall::protocol::client::Value;

use crate::link::Link;

/// A server that does not serve within this time is taken for broken.
const RETURN_MAX: Duration = Duration::from_secs(60);

/// How servers are started.
#[derive(Clone, Debug)]
pub struct Program {
    /// What to run.
    pub path: String,
    /// Its port, which stays the same over restarts.
    pub port: u16,
    /// Its directory.
    pub home: PathBuf,
    /// `--name value`, as words.
    pub options: Vec<String>,
}

/// A running server.
pub struct Node {
    process: Child,
    port: u16,
    home: PathBuf,
}

impl Program {
    /// Starts it; it need not serve yet. What it says is added to the file `log` beside its directory.
    pub fn spawn(&self) -> io::Result<Node> {
        let log = File::options().create(true).append(true).open(self.log())?;
        let mut command = Command::new(&self.path);
        command.args(["--port", &self.port.to_string(), "--dir"]).arg(&self.home).args(&self.options);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // Children that save for it are killed with it: one that outlives its parent may still replace a file.
        command.process_group(0);
        Ok(Node { process: command.spawn()?, port: self.port, home: self.home.clone() })
    }

    /// Starts it and waits until it serves.
    pub fn start(&self) -> Result<Node, String> {
        let mut node = self.spawn().map_err(|e| format!("{}: {e}", self.path))?;
        node.await_service(Instant::now() + RETURN_MAX)?;
        Ok(node)
    }

    /// Where it logs.
    pub fn log(&self) -> PathBuf {
        self.home.with_extension("log")
    }
}

impl Node {
    fn await_service(&mut self, deadline: Instant) -> Result<(), String> {
        while Instant::now() < deadline {
            if let Some(status) = self.process.try_wait().map_err(|e| e.to_string())? {
                return Err(format!("the server does not come back: it ended with {status}"));
            }
            if let Ok(mut link) = Link::open(self.port)
                && matches!(link.ask(&["PING"]), Ok(Value::Simple(_)))
            {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("the server does not serve within {RETURN_MAX:?}"))
    }

    /// SIGKILL, to it and its children; returns when it is gone. The error: it had ended before.
    pub fn kill(mut self) -> Result<(), String> {
        let status = self.end()?;
        if status.signal() == Some(Signal::SIGKILL as i32) {
            Ok(())
        } else {
            Err(format!("the server had ended by itself, with {status}"))
        }
    }

    /// A signal that does not end it.
    pub fn signal(&self, signal: Signal) -> nix::Result<()> {
        killpg(Pid::from_raw(self.process.id().cast_signed()), signal)
    }

    fn end(&mut self) -> Result<ExitStatus, String> {
        let group = Pid::from_raw(self.process.id().cast_signed());
        // If it is gone already, its status tells.
        let _ = killpg(group, Signal::SIGKILL);
        self.process.wait().map_err(|e| e.to_string())
    }

    /// Asks it to end, and waits.
    pub fn shut_down(mut self, how: &[&str]) -> Result<(), String> {
        let mut link = Link::open(self.port).map_err(|e| e.to_string())?;
        let _ = link.ask(how);
        let status = self.process.wait().map_err(|e| e.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("{how:?} ended the server with {status}")) }
    }

    /// Waits until the names in its directory have changed so many times, or so long.
    pub fn await_changes(&self, count: u64, longest: Duration) {
        let deadline = Instant::now() + longest;
        let (mut before, mut changes) = (names(&self.home), 0);
        while changes < count && Instant::now() < deadline {
            std::thread::sleep(Duration::from_micros(30));
            let now = names(&self.home);
            changes += u64::from(now != before);
            before = now;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            let _ = self.end();
        }
    }
}

/// Files in a directory and those below, with what tells a file from another of its name.
pub fn names(home: &Path) -> BTreeSet<(PathBuf, u64)> {
    use std::os::unix::fs::MetadataExt;
    let mut all = BTreeSet::new();
    for entry in std::fs::read_dir(home).into_iter().flatten().flatten() {
        // It may be gone by now.
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() {
            all.extend(names(&entry.path()));
        }
        all.insert((entry.path(), about.ino()));
    }
    all
}
