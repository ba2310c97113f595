//! Clients that take more than their share, against a running node: real sockets, because what is tried is what sits between
//! a node and its sockets.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a test is a client, not a node")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use ports::free_port;

#[path = "support/ports.rs"]
mod ports;

/// A node for one test; it ends with it.
struct Server {
    process: Child,
    port: u16,
}

/// Another process may take the port that was found free; then the node ends, and another port is tried.
const PORTS_TRIED_MAX: usize = 5;

impl Server {
    fn start(options: &[&str]) -> Server {
        let start = || Server::start_on(free_port(), options);
        std::iter::repeat_with(start).take(PORTS_TRIED_MAX).flatten().next().expect("a node that listens")
    }

    /// The node, once it answers; `None` if it has ended instead.
    fn start_on(port: u16, options: &[&str]) -> Option<Server> {
        let process = Command::new(env!("CARGO_BIN_EXE_seawall"))
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(options)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Server { process, port };
        while !server.answers() {
            if server.process.try_wait().unwrap().is_some() {
                return None;
            }
            std::thread::yield_now();
        }
        Some(server)
    }

    /// Whether it is this very node that listens: another one could, on a port that was taken meanwhile, and so could a socket
    /// that was connected to itself.
    fn answers(&self) -> bool {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        // Only a bound for something else that listens there and says nothing.
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let mut reply = Vec::new();
        let asked =
            stream.write_all(b"INFO server\r\nQUIT\r\n").and_then(|()| stream.read_to_end(&mut reply));
        let own_id = format!("\r\nprocess_id:{}\r\n", self.process.id());
        asked.is_ok() && String::from_utf8_lossy(&reply).contains(&own_id)
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        // Only a bound for a test that has failed already.
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream
    }

    fn resident_kilobytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Sends a request and takes as many bytes as its reply has.
fn ask(stream: &mut TcpStream, request: &[u8], reply: &[u8]) {
    stream.write_all(request).unwrap();
    let mut got = vec![0; reply.len()];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(got, reply, "to {}", String::from_utf8_lossy(request));
}

/// Reads to the end of a connection, however it ends; how many bytes came.
fn drain(stream: &mut TcpStream) -> usize {
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        total += length;
    }
    total
}

const VALUE_BYTES: usize = 1_000_000;

fn set_large_value(client: &mut TcpStream) {
    let mut request = format!("*3\r\n$3\r\nSET\r\n$1\r\na\r\n${VALUE_BYTES}\r\n").into_bytes();
    request.resize(request.len() + VALUE_BYTES, b'x');
    request.extend_from_slice(b"\r\n");
    ask(client, &request, b"+OK\r\n");
}

#[test]
fn a_client_that_does_not_read_is_cut_off_at_the_hard_limit() {
    let server = Server::start(&["--client-output-buffer-limit", "normal 3mb 0 0"]);
    let mut other = server.connect();
    set_large_value(&mut other);
    let mut greedy = server.connect();
    greedy.write_all(&b"GET a\r\n".repeat(200)).unwrap();
    // The other client is served meanwhile, and sees that the greedy one goes.
    loop {
        ask(&mut other, b"PING\r\n", b"+PONG\r\n");
        other.write_all(b"CLIENT LIST\r\n").unwrap();
        let mut list = [0; 4096];
        let length = other.read(&mut list).unwrap();
        if !String::from_utf8_lossy(&list[..length]).contains("cmd=get") {
            break;
        }
    }
    assert!(drain(&mut greedy) < 200 * VALUE_BYTES, "nothing was held back");
    ask(&mut other, b"PING\r\n", b"+PONG\r\n");
}

#[test]
fn a_client_that_reads_gets_all_however_much_it_asks_for() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    set_large_value(&mut client);
    let mut request = b"GET a\r\n".repeat(100);
    request.extend_from_slice(b"QUIT\r\n");
    client.write_all(&request).unwrap();
    let header = format!("${VALUE_BYTES}\r\n").len();
    assert_eq!(drain(&mut client), 100 * (header + VALUE_BYTES + 2) + b"+OK\r\n".len());
}

#[test]
fn a_client_that_sends_no_more_still_gets_its_answers() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    set_large_value(&mut client);
    client.write_all(&b"GET a\r\n".repeat(20)).unwrap();
    client.shutdown(std::net::Shutdown::Write).unwrap();
    let header = format!("${VALUE_BYTES}\r\n").len();
    assert_eq!(drain(&mut client), 20 * (header + VALUE_BYTES + 2));
}

#[test]
fn a_huge_length_takes_no_memory_before_the_bytes_come() {
    let server = Server::start(&[]);
    let mut clients: Vec<TcpStream> = (0..200).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.write_all(b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$536870912\r\nxyz").unwrap();
    }
    let mut other = server.connect();
    for _ in 0..100 {
        ask(&mut other, b"PING\r\n", b"+PONG\r\n");
    }
    let kilobytes = server.resident_kilobytes();
    assert!(kilobytes < 100_000, "{kilobytes} kB for 200 unfinished requests");
}

#[test]
fn a_client_that_lags_behind_for_ever_costs_only_what_it_has_not_read() {
    const LAG: usize = 20;
    let server = Server::start(&[]);
    let mut client = server.connect();
    set_large_value(&mut client);
    client.write_all(&b"GET a\r\n".repeat(LAG)).unwrap();
    let mut reply = vec![0; format!("${VALUE_BYTES}\r\n").len() + VALUE_BYTES + 2];
    for _ in 0..1000 {
        client.write_all(b"GET a\r\n").unwrap();
        client.read_exact(&mut reply).unwrap();
    }
    let kilobytes = server.resident_kilobytes();
    assert!(kilobytes < 300_000, "{kilobytes} kB for {LAG} unread replies of {VALUE_BYTES} bytes");
}

#[test]
fn an_answer_that_nobody_could_read_is_refused() {
    let server = Server::start(&[]);
    let mut client = server.connect();
    ask(&mut client, b"SADD s a\r\n", b":1\r\n");
    ask(&mut client, b"HSET h f v\r\n", b":1\r\n");
    ask(&mut client, b"ZADD z 1 a\r\n", b":1\r\n");
    let refused = b"-ERR value is out of range\r\n";
    for count in [-4_294_967_297, i64::MIN + 1] {
        for command in ["SRANDMEMBER s", "HRANDFIELD h", "ZRANDMEMBER z"] {
            ask(&mut client, format!("{command} {count}\r\n").as_bytes(), refused);
        }
        ask(&mut client, format!("HRANDFIELD h {count} WITHVALUES\r\n").as_bytes(), refused);
        ask(&mut client, format!("ZRANDMEMBER z {count} WITHSCORES\r\n").as_bytes(), refused);
    }
    ask(&mut client, b"SRANDMEMBER none -9223372036854775807\r\n", b"*0\r\n");
}

#[test]
fn a_second_node_on_the_same_port_leaves_the_first_ones_pid_file_alone() {
    let path = std::env::temp_dir().join(format!("seawall-{}.pid", std::process::id()));
    let pid_file = path.to_str().unwrap();
    let server = Server::start(&["--pidfile", pid_file]);
    ask(&mut server.connect(), b"PING\r\n", b"+PONG\r\n");
    let mut second = Command::new(env!("CARGO_BIN_EXE_seawall"));
    second.args(["--port", &server.port.to_string(), "--bind", "127.0.0.1", "--pidfile", pid_file]);
    let ended = second.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(!ended.success());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{}\n", server.process.id()));
    std::fs::remove_file(path).unwrap();
}
