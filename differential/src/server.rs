//! A server under test: started, spoken to in pipelines, ended with us.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use seawall::protocol::client::{DecodeLimits, Decoder, Value, encode};

/// A request's words.
pub type Words = Vec<Vec<u8>>;

/// How long a reply may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server and a connection to it.
pub struct Server {
    process: Child,
    stream: TcpStream,
    decoder: Decoder,
}

fn limits() -> DecodeLimits {
    DecodeLimits { depth_max: 64, bulk_bytes_max: 1 << 30, elements_max: 1 << 26 }
}

impl Server {
    /// Starts the program on a free port and waits until it listens.
    pub fn start(program: &str) -> Result<Server, String> {
        let port = free_port().map_err(|e| format!("no free port: {e}"))?;
        let directory = std::env::temp_dir();
        let mut process = Command::new(program)
            .args(["--port", &port.to_string(), "--save", "", "--appendonly", "no"])
            .args(["--dir", &directory.display().to_string(), "--enable-debug-command", "yes"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("{program}: {e}"))?;
        for _ in 0..400 {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
                stream
                    .set_read_timeout(Some(PATIENCE))
                    .and_then(|()| stream.set_nodelay(true))
                    .map_err(text)?;
                return Ok(Server { process, stream, decoder: Decoder::new(limits()) });
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        let _ = process.kill();
        Err(format!("{program} does not listen"))
    }

    /// Sends requests at once and reads as many replies.
    pub fn ask(&mut self, requests: &[Words]) -> Result<Vec<Value>, String> {
        self.send(requests)?;
        self.receive(requests.len())
    }

    /// Sends requests.
    pub fn send(&mut self, requests: &[Words]) -> Result<(), String> {
        let mut bytes = Vec::new();
        requests.iter().for_each(|words| encode(&mut bytes, words));
        self.stream.write_all(&bytes).map_err(text)
    }

    /// Reads replies; messages that answer nothing are left out.
    pub fn receive(&mut self, count: usize) -> Result<Vec<Value>, String> {
        let (mut replies, mut buffer) = (Vec::new(), vec![0; 1 << 16]);
        while replies.len() < count {
            match self.decoder.next().map_err(|e| format!("what came is no reply: {e:?}"))? {
                Some(Value::Push(_)) => {}
                Some(reply) => replies.push(reply),
                None => match self.stream.read(&mut buffer).map_err(text)? {
                    0 => {
                        return Err(format!(
                            "the connection ended after {} replies of {count}",
                            replies.len()
                        ));
                    }
                    length => self.decoder.feed(&buffer[..length]),
                },
            }
        }
        Ok(replies)
    }

    /// Whether the process still runs.
    pub fn lives(&mut self) -> bool {
        matches!(self.process.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}

fn free_port() -> std::io::Result<u16> {
    TcpListener::bind("127.0.0.1:0")?.local_addr().map(|address| address.port())
}

/// Whether there is such a program, here or on the path.
pub fn exists(program: &str) -> bool {
    let on_path = || {
        std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
    };
    if program.contains('/') { Path::new(program).is_file() } else { on_path() }
}
