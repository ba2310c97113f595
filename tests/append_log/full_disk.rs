//! A disk that takes no more, played by a limit on the length of files: writes are refused, and taken again when there is room.

use std::process::Command;
use std::time::{Duration, Instant};

use seawall::protocol::client::Value;

use crate::data::OPTIONS;
use crate::process::{Client, OURS, PATIENCE, Room, Server};

/// The longest file, in bytes.
const LIMIT: u64 = 200_000;

/// Starts a server that can write no file beyond the limit. The signal that says so is ignored.
fn start_limited(program: &str, room: &Room, fsync: &str) -> Server {
    let options = [OPTIONS, &["--appendfsync", fsync]].concat();
    let quoted: Vec<String> = options.iter().map(|option| format!("'{option}'")).collect();
    let script = room.0.join("limited.sh");
    let text = format!(
        "#!/bin/bash\ntrap '' XFSZ\nexec prlimit --fsize={LIMIT}:unlimited {program} {} \"$@\"\n",
        quoted.join(" ")
    );
    std::fs::write(&script, text).unwrap();
    Command::new("chmod").arg("+x").arg(&script).status().unwrap();
    Server::start(script.to_str().unwrap(), &room.0, &[])
}

/// Writes until something is refused, or the connection ends; how many were taken.
fn write_on(client: &mut Client, value: &str) -> (u64, Value) {
    for count in 0.. {
        let reply = client.ask(&["SET", &format!("key:{count}"), value]);
        if reply.as_error().is_some() {
            return (count, reply);
        }
        assert!(count < 10_000, "nothing is refused");
    }
    unreachable!("the loop ends by returning")
}

#[test]
fn every_second_writes_are_refused_until_there_is_room() {
    for (number, program) in ["redis-server", OURS].into_iter().enumerate() {
        let room = Room::new(&format!("log-full-{number}"));
        let server = start_limited(program, &room, "everysec");
        let mut client = server.client();
        let (taken, refusal) = write_on(&mut client, &"x".repeat(5000));
        let text = String::from_utf8_lossy(refusal.as_error().unwrap()).into_owned();
        assert!(text.starts_with("MISCONF Errors writing to the AOF file: "), "{program}: {text}");
        assert!(taken > 30, "{program}: {taken}");
        assert_eq!(client.info("aof_last_write_status"), "err", "{program}");
        assert!(client.ask(&["GET", "key:0"]).as_bytes().is_some(), "{program} reads");
        let refused = client.ask(&["PING"]);
        assert!(
            refused.as_error().is_some_and(|text| text.starts_with(b"MISCONF")),
            "{program}: {refused:?}"
        );
        // Room.
        let limit = format!("--fsize={}:unlimited", 100 * LIMIT);
        Command::new("prlimit").args(["--pid", &server.process_id().to_string(), &limit]).status().unwrap();
        let deadline = Instant::now() + PATIENCE;
        while client.ask(&["SET", "again", "1"]).as_error().is_some() {
            assert!(Instant::now() < deadline, "{program} goes on refusing");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(client.info("aof_last_write_status"), "ok", "{program}");
        let size = client.ask(&["DBSIZE"]);
        server.wait_until("the log is synced", |client| client.info("aof_pending_bio_fsync") == "0");
        std::thread::sleep(Duration::from_millis(100));
        server.kill();
        let server = Server::start(program, &room.0, OPTIONS);
        assert_eq!(server.client().ask(&["DBSIZE"]), size, "{program}");
    }
}

/// With `always`, who cannot write ends: nothing that was acknowledged is lost.
#[test]
fn always_ends_at_the_first_failure() {
    for (number, program) in ["redis-server", OURS].into_iter().enumerate() {
        let room = Room::new(&format!("log-full-always-{number}"));
        let mut server = start_limited(program, &room, "always");
        let (taken, _) = write_on(&mut server.client(), &"x".repeat(5000));
        assert!(!server.ended().success(), "{program}");
        let server = Server::start(program, &room.0, OPTIONS);
        let Value::Integer(kept) = server.client().ask(&["DBSIZE"]) else { panic!("no number of keys") };
        assert!(kept as u64 >= taken, "{program}: {taken} acknowledged, {kept} kept");
    }
}
