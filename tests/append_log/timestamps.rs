//! Remarks that say when: written if that is wanted, and a log can be cut at one of them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::content::{assert_same, content};
use crate::data::{Kinds, OPTIONS, deeds, fill};
use crate::files;
use crate::process::{OURS, Room, Server};
use crate::travel::expected;

fn times(bytes: &[u8]) -> Vec<u64> {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let time = |line: &str| line.strip_prefix("#TS:")?.trim_end().parse().ok();
    text.lines().filter_map(time).collect()
}

#[test]
fn times_are_written_and_passed_over() {
    for (one, other) in [(OURS, "redis-server"), ("redis-server", OURS)] {
        let room = Room::new(&format!("log-times-{}", one.len()));
        let options = [OPTIONS, &["--aof-timestamp-enabled", "yes"]].concat();
        let server = Server::start(one, &room.0, &options);
        let mut client = server.client();
        fill(&mut client, Kinds::COMMON);
        deeds(&mut client, "first:", Kinds::COMMON);
        let held = content(&mut client);
        server.kill();
        let times = times(&fs::read(files::last_file(&room.0)).unwrap());
        assert!(!times.is_empty() && times.is_sorted(), "{one}: {times:?}");
        files::check(&room.0, true);
        let before = expected(one, &room, held);
        let server = Server::start(other, &room.0, &options);
        assert_same(&before, &content(&mut server.client()), &format!("{other} loads times of {one}"));
    }
}

/// A log whose units come a second after each other.
fn make(home: &Path) {
    let server = Server::start("redis-server", home, OPTIONS);
    let mut client = server.client();
    client.run(&["SET a 1", "MULTI", "SET b 1", "SET b 2", "EXEC", "SET c 1", "SET d 1"]);
    server.kill();
    let path = files::last_file(home);
    let bytes = fs::read(&path).unwrap();
    let (mut timed, mut time, mut is_within) = (Vec::new(), 1_700_000_000, false);
    let commands = files::commands(&bytes);
    for (index, (begin, words)) in commands.iter().enumerate() {
        if !is_within {
            time += 1;
            timed.extend(format!("#TS:{time}\r\n").into_bytes());
        }
        let end = commands.get(index + 1).map_or(bytes.len(), |(next, _)| *next);
        timed.extend(&bytes[*begin..end]);
        match words[0].to_ascii_uppercase().as_slice() {
            b"MULTI" => is_within = true,
            b"EXEC" => is_within = false,
            _ => {}
        }
    }
    fs::write(path, timed).unwrap();
}

#[test]
fn a_log_is_cut_at_a_time() {
    for time in [1_700_000_002_u64, 1_700_000_003, 1_700_000_004, 1_800_000_000] {
        let room = Room::new(&format!("log-cut-{time}"));
        let (theirs, ours) = (room.0.join("theirs"), room.0.join("ours"));
        fs::create_dir_all(&theirs).unwrap();
        make(&theirs);
        files::copy(&theirs, &ours);
        let time = time.to_string();
        let output = Command::new("redis-check-aof")
            .args(["--truncate-to-timestamp", &time])
            .arg(files::manifest(&theirs))
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let output = Command::new(OURS)
            .arg("--check-aof")
            .arg(files::directory(&ours))
            .args(["--truncate-to-timestamp", &time])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let left = |home: &Path| fs::read(files::last_file(home)).unwrap();
        assert_eq!(left(&theirs).len(), left(&ours).len(), "cut at {time}");
        let server = Server::start(OURS, &ours, OPTIONS);
        let cut = content(&mut server.client());
        let server = Server::start("redis-server", &theirs, OPTIONS);
        assert_same(&content(&mut server.client()), &cut, "after the cut");
    }
}
