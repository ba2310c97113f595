//! The server under test: which it is, and one process of it for each transcript.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::ports::free_port;
use super::versions::Identity;
use super::wire::{Connection, Event};

/// Another process may take the port that was found free.
const PORTS_TRIED_MAX: usize = 5;
/// So long a server may take to listen.
const START_MAX: Duration = Duration::from_secs(10);

/// Which server, and where its processes run.
pub struct Target {
    program: String,
    arguments: Vec<String>,
    directory: PathBuf,
    /// Which server it is.
    pub identity: Identity,
}

impl Target {
    /// Our own binary, or the command in `SEAWALL_TRANSCRIPT_SERVER`.
    pub fn from_environment(ours: &str, directory: &str) -> Result<Target, String> {
        let command = std::env::var("SEAWALL_TRANSCRIPT_SERVER").unwrap_or_default();
        let mut words = command.split_whitespace().map(String::from);
        let (program, identity) = match words.next() {
            Some(program) => (program.clone(), identify(&program)?),
            None => (ours.into(), Identity::ours()),
        };
        Ok(Target { program, arguments: words.collect(), directory: directory.into(), identity })
    }

    /// Starts a process with further options; nothing of it outlives what is returned.
    pub fn start(&self, options: &[String]) -> Result<Server, String> {
        let mut reason = String::new();
        for _ in 0..PORTS_TRIED_MAX {
            let port = free_port();
            match self.start_on(port, options) {
                Ok(server) => return Ok(server),
                Err(error) => reason = error,
            }
        }
        Err(format!("{} does not start: {reason}", self.program))
    }

    fn start_on(&self, port: u16, options: &[String]) -> Result<Server, String> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).args(["--port", &port.to_string(), "--save", ""]).args(options);
        command.current_dir(&self.directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().map_err(|error| error.to_string())?;
        let mut server = Server { process, port };
        server.wait_until_ready()?;
        Ok(server)
    }
}

/// A running server.
pub struct Server {
    process: Child,
    /// Where it listens.
    pub port: u16,
}

impl Server {
    fn wait_until_ready(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + START_MAX;
        while Instant::now() < deadline {
            if self.is_ready() {
                return Ok(());
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("ended with {status}"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Err("does not answer".into())
    }

    /// Any answer will do, be it that a password is wanted.
    fn is_ready(&self) -> bool {
        let Ok(mut connection) = Connection::open(self.port) else { return false };
        connection.send(b"PING\r\n");
        matches!(connection.receive(Duration::from_secs(1)), Ok(Event::Reply(_)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn identify(program: &str) -> Result<Identity, String> {
    let output = Command::new(program).arg("--version").output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Identity::parse(&text).ok_or_else(|| format!("{program} does not say what it is: {text}"))
}
