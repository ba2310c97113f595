//! Snapshots for replicas: both forms, one for all that wait, and what follows.

use std::time::Duration;

use crate::fake::{Fake, Told};
use crate::process::{OURS, Room, Server, ok};
use crate::sample::{answers, assert_alike, fill};

const NO_DELAY: &[&str] = &["--save", "", "--repl-diskless-sync-delay", "0"];

/// What a node answers that loads this.
fn loaded(room: &Room, snapshot: &[u8]) -> Vec<String> {
    std::fs::write(room.dump(), snapshot).unwrap();
    let server = Server::start(OURS, &room.0, &["--save", ""]);
    answers(&mut server.client())
}

#[test]
fn a_snapshot_without_a_file_ends_with_a_mark_and_nothing_follows_before_it_is_taken() {
    let (room, other) = (Room::new("mark"), Room::new("mark-loaded"));
    let server = Server::start(OURS, &room.0, NO_DELAY);
    let mut client = server.client();
    fill(&mut client);
    let before = answers(&mut client);
    let mut fake = Fake::greet(&server);
    let Told::Full { offset, .. } = fake.psync(None) else { panic!("it begins anew") };
    let snapshot = fake.snapshot();
    client.run(&["SET later 1"]);
    assert!(fake.is_silent(Duration::from_millis(300)), "the mark must be the last that comes");
    fake.ack(offset);
    let (commands, _) = fake.commands_until("set");
    assert_eq!(commands, ["SELECT 0", "SET later 1"]);
    assert_alike(&before, &loaded(&other, &snapshot), "what replicas begin with");
    assert!(std::fs::read_dir(&room.0).unwrap().next().is_none(), "no file is left");
}

#[test]
fn a_snapshot_in_a_file_has_a_length_and_the_history_follows_at_once() {
    let (room, other) = (Room::new("length"), Room::new("length-loaded"));
    let server = Server::start(OURS, &room.0, &[NO_DELAY, &["--repl-diskless-sync", "no"]].concat());
    let mut client = server.client();
    fill(&mut client);
    let before = answers(&mut client);
    let mut fake = Fake::greet(&server);
    assert!(matches!(fake.psync(None), Told::Full { .. }));
    let snapshot = fake.snapshot();
    client.run(&["SELECT 3", "SET later 1"]);
    assert_eq!(fake.commands_until("set").0, ["SELECT 3", "SET later 1"]);
    assert_alike(&before, &loaded(&other, &snapshot), "what replicas begin with");
    assert!(std::fs::read_dir(&room.0).unwrap().next().is_none(), "no file is left");
}

#[test]
fn a_replica_of_old_is_sent_a_length_and_no_offset() {
    let room = Room::new("old");
    let server = Server::start(OURS, &room.0, NO_DELAY);
    server.client().run(&["SET a 1"]);
    let mut fake = Fake::open(&server);
    fake.say(&["SYNC"]);
    assert!(fake.snapshot().starts_with(b"REDIS"));
    server.client().run(&["SET b 2"]);
    assert_eq!(fake.commands_until("set").0, ["SELECT 0", "SET b 2"]);
}

#[test]
fn who_waits_together_gets_one_snapshot() {
    let room = Room::new("together");
    let server = Server::start(
        OURS,
        &room.0,
        &["--save", "", "--repl-diskless-sync-delay", "600", "--repl-diskless-sync-max-replicas", "2"],
    );
    let mut client = server.client();
    client.run(&["SET a 1"]);
    let (mut first, mut second) = (Fake::greet(&server), Fake::greet(&server));
    first.say(&["PSYNC", "?", "-1"]);
    assert!(first.is_silent(Duration::from_millis(300)), "it waits for the other");
    client.run(&["SET b 1"]);
    second.say(&["PSYNC", "?", "-1"]);
    let told = first.told();
    assert!(matches!(told, Told::Full { .. }));
    assert_eq!(second.told(), told);
    assert_eq!(first.snapshot(), second.snapshot());
}

#[test]
fn who_comes_while_a_file_is_sent_joins() {
    let room = Room::new("join");
    let server = Server::start(
        OURS,
        &room.0,
        &[NO_DELAY, &["--repl-diskless-sync", "no", "--rdbcompression", "no"]].concat(),
    );
    let mut client = server.client();
    // More than the sockets between them hold.
    client.run(&["DEBUG POPULATE 20000 key 2000"]);
    let mut first = Fake::greet(&server);
    let told = first.psync(None);
    client.run(&["SET meanwhile 1"]);
    let mut second = Fake::greet(&server);
    assert_eq!(second.psync(None), told, "the same snapshot, and what was written since");
    assert_eq!(first.snapshot(), second.snapshot());
    for fake in [&mut first, &mut second] {
        assert_eq!(fake.commands_until("set").0, ["SELECT 0", "SET meanwhile 1"]);
    }
}

#[test]
fn newlines_keep_a_replica_that_waits_alive() {
    let room = Room::new("newlines");
    let server = Server::start(OURS, &room.0, &["--save", "", "--repl-diskless-sync-delay", "600"]);
    let mut fake = Fake::greet(&server);
    fake.say(&["PSYNC", "?", "-1"]);
    assert_eq!(fake.bytes(2), b"\n\n");
    server.client().run(&["CONFIG SET repl-diskless-sync-delay 0"]);
    assert!(matches!(fake.told(), Told::Full { .. }));
}

#[test]
fn a_snapshot_that_nobody_takes_any_more_is_given_up() {
    let room = Room::new("given-up");
    let server = Server::start(OURS, &room.0, &[NO_DELAY, &["--rdbcompression", "no"]].concat());
    let mut client = server.client();
    client.run(&["DEBUG POPULATE 20000 key 2000"]);
    let mut fake = Fake::greet(&server);
    assert!(matches!(fake.psync(None), Told::Full { .. }));
    assert_eq!(client.info("rdb_bgsave_in_progress"), "1");
    drop(fake);
    server.wait_until("no snapshot under way", |client| client.info("rdb_bgsave_in_progress") == "0");
    assert_eq!(client.ask(&["SAVE"]), ok());
}

#[test]
fn who_wants_only_a_snapshot_gets_just_that() {
    let (room, other) = (Room::new("only"), Room::new("only-loaded"));
    let server = Server::start(OURS, &room.0, NO_DELAY);
    let mut client = server.client();
    client.run(&["SET a 1"]);
    let library = "#!lua name=lib\nredis.register_function('f', function() return 7 end)";
    client.ask(&["FUNCTION", "LOAD", library]);
    let mut fake = Fake::greet(&server);
    for words in [&["REPLCONF", "rdb-only", "1"][..], &["REPLCONF", "rdb-filter-only", "functions"]] {
        fake.say(words);
        assert_eq!(fake.line(), "+OK");
    }
    assert!(matches!(fake.psync(None), Told::Full { .. }));
    let snapshot = fake.snapshot();
    fake.ends();
    std::fs::write(other.dump(), snapshot).unwrap();
    let reader = Server::start(OURS, &other.0, &["--save", ""]);
    assert_eq!(reader.client().ask(&["DBSIZE"]).as_integer(), Some(0));
    assert_eq!(reader.client().ask(&["FCALL", "f", "0"]).as_integer(), Some(7));
}
