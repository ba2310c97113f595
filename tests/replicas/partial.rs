//! Going on where one was: what is kept, for whom, and for how long.

use crate::fake::{Fake, Told};
use crate::process::{OURS, Room, Server};

const OPTIONS: &[&str] = &["--save", "", "--repl-diskless-sync-delay", "0"];

#[test]
fn who_was_away_gets_what_it_missed() {
    let room = Room::new("away");
    let server = Server::start(OURS, &room.0, OPTIONS);
    let mut client = server.client();
    let (mut fake, id, offset) = Fake::synced(&server);
    client.run(&["SET a 1", "SELECT 2", "SET b 2"]);
    let (commands, bytes) = fake.commands_until("set");
    assert_eq!(commands, ["SELECT 0", "SET a 1"]);
    drop(fake);
    client.run(&["SET c 3"]);
    let mut fake = Fake::greet(&server);
    assert_eq!(fake.psync(Some((&id, offset + bytes))), Told::Continue(id.clone()));
    assert_eq!(fake.commands_until("set").0, ["SELECT 2", "SET b 2"]);
    assert_eq!(fake.commands_until("set").0, ["SET c 3"]);
    assert_eq!(client.ask(&["MULTI"]), crate::process::ok());
    client.run(&["SET d 4", "INCR n", "EXEC"]);
    assert_eq!(fake.commands_until("exec").0, ["MULTI", "SET d 4", "INCR n", "EXEC"]);
}

#[test]
fn a_name_that_is_not_known_or_an_offset_that_is_not_there_begins_anew() {
    let room = Room::new("unknown");
    let server = Server::start(OURS, &room.0, OPTIONS);
    let (_first, id, offset) = Fake::synced(&server);
    let other = "0123456789012345678901234567890123456789";
    for (name, from) in [(other, offset), (&id, offset + 1000)] {
        let mut fake = Fake::greet(&server);
        let told = fake.psync(Some((name, from)));
        assert!(matches!(told, Told::Full { .. }), "{told:?}");
    }
    // The name is not case-sensitive; nobody else may be in between.
    let mut fake = Fake::greet(&server);
    let told = fake.psync(Some((&id.to_ascii_uppercase(), offset)));
    assert_eq!(told, Told::Continue(id));
}

fn write_much(server: &Server, bytes: usize) {
    let mut client = server.client();
    let value = "x".repeat(10_000);
    for _ in 0..bytes / 10_000 {
        client.ask(&["SET", "key", &value]);
    }
}

#[test]
fn what_is_more_than_the_backlog_is_not_kept_for_long() {
    let room = Room::new("not-kept");
    let options = ["--repl-backlog-size", "100000", "--client-output-buffer-limit", "replica 400000 0 0"];
    let server = Server::start(OURS, &room.0, &[OPTIONS, &options].concat());
    let (fake, id, offset) = Fake::synced(&server);
    drop(fake);
    write_much(&server, 300_000);
    // More than the backlog's size, but expected back, and within the limit.
    let mut fake = Fake::greet(&server);
    assert_eq!(fake.psync(Some((&id, offset))), Told::Continue(id.clone()));
    drop(fake);
    write_much(&server, 700_000);
    let mut fake = Fake::greet(&server);
    assert!(matches!(fake.psync(Some((&id, offset))), Told::Full { .. }));
}

#[test]
fn without_replicas_the_history_ends_after_a_while() {
    let room = Room::new("ttl");
    let server = Server::start(OURS, &room.0, &[OPTIONS, &["--repl-backlog-ttl", "1"]].concat());
    let (fake, id, offset) = Fake::synced(&server);
    drop(fake);
    server.wait_until("another name", |_| {
        let mut fake = Fake::greet(&server);
        let told = fake.psync(Some((&id, offset)));
        if matches!(told, Told::Full { .. }) {
            return true;
        }
        drop(fake);
        std::thread::sleep(std::time::Duration::from_millis(2500));
        false
    });
}

#[test]
fn a_dump_says_where_in_the_history_it_is() {
    let room = Room::new("aux");
    let server = Server::start(OURS, &room.0, OPTIONS);
    let mut client = server.client();
    client.run(&["SET a 1", "SAVE"]);
    let has_name = || {
        let dump = std::fs::read(room.dump()).unwrap();
        dump.windows(7).any(|window| window == b"repl-id")
    };
    assert!(!has_name(), "nobody follows");
    let (_fake, _, _) = Fake::synced(&server);
    client.run(&["SET a 2", "SAVE"]);
    assert!(has_name());
}
