//! Real nodes that save and load: what was saved is there again after a kill, also in real servers, and theirs here.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a client outside the server: it needs real sockets, processes and files"
)]

use std::process::Command;

use seawall::protocol::client::Value;

#[path = "support/ports.rs"]
mod ports;
#[path = "support/process.rs"]
#[allow(dead_code, reason = "other tests use the rest")]
mod process;
#[path = "support/sample.rs"]
mod sample;

use process::{OURS, Room, Server, ok};
use sample::{answers, assert_alike, fill};

#[test]
fn what_was_saved_is_there_after_a_kill() {
    let room = Room::new("kill");
    let server = Server::start(OURS, &room.0, &[]);
    let mut client = server.client();
    fill(&mut client);
    let before = answers(&mut client);
    assert_eq!(client.ask(&["SAVE"]), ok());
    assert_eq!(client.info("rdb_changes_since_last_save"), "0");
    client.run(&["SET text later", "DEL list"]);
    server.kill();
    let server = Server::start(OURS, &room.0, &[]);
    assert_alike(&before, &answers(&mut server.client()), "after the kill");
    assert_eq!(server.client().info("rdb_last_load_keys_loaded"), "18");
}

#[test]
fn a_save_in_the_background_holds_what_was_there_when_it_began() {
    const KEYS: usize = 20_000;
    let room = Room::new("moment");
    let server = Server::start(OURS, &room.0, &["--save", ""]);
    let mut client = server.client();
    client.run(&[&format!("DEBUG POPULATE {KEYS} key 8")]);
    client.ask(&["RPUSH", "large", "first"]);
    for _ in 0..10 {
        let elements: Vec<String> = (0..100).map(|i| format!("element-{i}")).collect();
        let mut words = vec!["RPUSH", "large"];
        words.extend(elements.iter().map(String::as_str));
        client.ask(&words);
    }
    assert_eq!(client.ask(&["BGSAVE"]), Value::Simple(b"Background saving started".to_vec()));
    // All of these come while the save is under way, or behind it: either way the file must not show them.
    for i in 0..KEYS {
        client.send(&["SET", &format!("key:{i}"), "changed"]);
        client.send(&["SET", &format!("new:{i}"), "new"]);
    }
    client.send(&["LPUSH", "large", "second"]);
    client.send(&["SWAPDB", "0", "1"]);
    (0..2 * KEYS + 2).for_each(|_| drop(client.receive()));
    server.wait_until("the save has ended", |client| client.info("rdb_bgsave_in_progress") == "0");
    assert_eq!(server.client().info("rdb_last_bgsave_status"), "ok");
    server.kill();
    let server = Server::start(OURS, &room.0, &["--save", ""]);
    let mut client = server.client();
    assert_eq!(client.ask(&["DBSIZE"]), Value::Integer(KEYS as i64 + 1));
    assert_eq!(client.ask(&["LLEN", "large"]), Value::Integer(1001));
    for i in (0..KEYS).step_by(97) {
        let value = client.ask(&["GET", &format!("key:{i}")]);
        assert_ne!(value.as_bytes(), Some(&b"changed"[..]), "key:{i}");
    }
}

#[test]
fn who_saves_by_himself_saves_at_the_end() {
    let room = Room::new("end");
    let end = |options: &[&str], how: &[&str]| {
        let _ = std::fs::remove_file(room.dump());
        let mut server = Server::start(OURS, &room.0, options);
        let mut client = server.client();
        client.run(&["SET a 1"]);
        client.send(how);
        assert!(server.ended().success());
        room.dump().exists()
    };
    assert!(end(&[], &["SHUTDOWN"]));
    assert!(!end(&[], &["SHUTDOWN", "NOSAVE"]));
    assert!(!end(&["--save", ""], &["SHUTDOWN"]));
    assert!(end(&["--save", ""], &["SHUTDOWN", "SAVE"]));
}

#[test]
fn save_points_save() {
    let room = Room::new("points");
    let server = Server::start(OURS, &room.0, &["--save", "1 3"]);
    let mut client = server.client();
    client.run(&["SET a 1", "SET b 2", "SET c 3"]);
    server.wait_until("it has saved", |client| client.info("rdb_saves") == "1");
    assert_eq!(client.info("rdb_changes_since_last_save"), "0");
    // A flush must not be undone by the last file.
    client.run(&["FLUSHALL"]);
    server.wait_until("it has saved again", |client| client.info("rdb_saves") == "2");
    server.kill();
    let server = Server::start(OURS, &room.0, &[]);
    assert_eq!(server.client().ask(&["DBSIZE"]), Value::Integer(0));
}

#[test]
fn a_broken_file_is_not_loaded_and_not_replaced() {
    let room = Room::new("broken");
    let server = Server::start(OURS, &room.0, &[]);
    let mut client = server.client();
    fill(&mut client);
    assert_eq!(client.ask(&["SAVE"]), ok());
    server.kill();
    let sound = std::fs::read(room.dump()).unwrap();
    let middle = sound.len() / 2;
    let mut rotten = sound.clone();
    rotten[middle] ^= 1;
    for broken in [rotten, sound[..middle].to_vec(), sound[..sound.len() - 1].to_vec(), Vec::new()] {
        std::fs::write(room.dump(), &broken).unwrap();
        let mut server = Server::spawn(OURS, &room.0, &[]);
        assert!(!server.ended().success());
        assert_eq!(std::fs::read(room.dump()).unwrap(), broken);
    }
}

#[test]
fn who_cannot_save_takes_no_writes() {
    let room = Room::new("misconf");
    let server = Server::start(OURS, &room.0, &["--save", "3600 1"]);
    let mut client = server.client();
    client.run(&["SET a 1"]);
    // A directory stands where the temporary file is to be written.
    std::fs::create_dir(room.0.join("temp-dump.rdb")).unwrap();
    assert!(client.ask(&["SAVE"]).as_error().is_some());
    for refused in [&["SET", "a", "2"][..], &["PING"]] {
        let reply = client.ask(refused);
        let text = String::from_utf8_lossy(reply.as_error().unwrap()).into_owned();
        assert!(text.starts_with("MISCONF Redis is configured to save RDB snapshots"), "{text}");
    }
    assert_eq!(client.ask(&["GET", "a"]).as_bytes(), Some(&b"1"[..]));
    client.run(&["CONFIG SET stop-writes-on-bgsave-error no", "SET a 2"]);
    client.run(&["CONFIG SET stop-writes-on-bgsave-error yes"]);
    std::fs::remove_dir(room.0.join("temp-dump.rdb")).unwrap();
    assert_eq!(client.ask(&["SAVE"]), ok());
    client.run(&["SET a 3", "PING"]);
    client.send(&["SHUTDOWN", "NOSAVE"]);
}

#[test]
fn files_go_to_real_servers_and_back() {
    for program in ["redis-server", "redis8-server", "valkey9-server"] {
        if Command::new(program).arg("--version").output().is_err() {
            eprintln!("{program} is not there: left out");
            continue;
        }
        let room = Room::new(program);
        let ours = Server::start(OURS, &room.0, &[]);
        fill(&mut ours.client());
        let answered = answers(&mut ours.client());
        assert_eq!(ours.client().ask(&["SAVE"]), ok());
        ours.kill();
        let theirs = Server::start(program, &room.0, &[]);
        assert_alike(&answered, &answers(&mut theirs.client()), &format!("{program} loads ours"));
        assert_eq!(theirs.client().ask(&["SAVE"]), ok());
        theirs.kill();
        let ours = Server::start(OURS, &room.0, &[]);
        assert_alike(&answered, &answers(&mut ours.client()), &format!("ours loads {program}'s"));
    }
}

#[test]
fn a_save_within_a_transaction_waits_for_its_end() {
    let room = Room::new("transaction");
    let server = Server::start(OURS, &room.0, &["--save", ""]);
    let mut client = server.client();
    client.run(&["MULTI", "SET a 1", "BGSAVE", "SET b 2"]);
    let scheduled = Value::Simple(b"Background saving scheduled".to_vec());
    assert_eq!(client.ask(&["EXEC"]), Value::Array(vec![ok(), scheduled, ok()]));
    server.wait_until("it has saved", |client| client.info("rdb_saves") == "1");
    server.kill();
    let server = Server::start(OURS, &room.0, &[]);
    assert_eq!(server.client().ask(&["DBSIZE"]), Value::Integer(2));
}

#[test]
fn nothing_acknowledged_is_lost_by_a_shutdown() {
    let room = Room::new("shutdown");
    let mut server = Server::start(OURS, &room.0, &[]);
    let mut client = server.client();
    client.run(&["DEBUG POPULATE 200000 key 8"]);
    let mut writer = server.client();
    let writing = std::thread::spawn(move || {
        let mut acknowledged = 0;
        while let Value::Integer(count) = writer.ask(&["INCR", "counter"]) {
            acknowledged = count;
        }
        acknowledged
    });
    server.wait_until("it counts", |client| client.ask(&["GET", "counter"]) != Value::Null);
    client.send(&["SHUTDOWN"]);
    assert!(server.ended().success());
    let acknowledged = writing.join().unwrap();
    let server = Server::start(OURS, &room.0, &[]);
    let kept = server.client().ask(&["INCRBY", "counter", "0"]).as_integer().unwrap();
    assert!(kept >= acknowledged, "{acknowledged} acknowledged, {kept} kept");
}
