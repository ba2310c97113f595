//! Copies that are counted: WAIT, WAITAOF, `min-replicas-to-write`; and links on which nothing comes.

use std::time::Duration;

use seawall::protocol::client::Value;

use crate::fake::Fake;
use crate::process::{OURS, Room, Server, ok};

const OPTIONS: &[&str] = &["--save", "", "--repl-diskless-sync-delay", "0"];

#[test]
fn wait_asks_the_replicas_and_counts_what_they_say() {
    let room = Room::new("wait");
    let server = Server::start(OURS, &room.0, OPTIONS);
    let (mut fake, _, offset) = Fake::synced(&server);
    let mut client = server.client();
    client.run(&["SET a 1"]);
    let (_, written) = fake.commands_until("set");
    client.send(&["WAIT", "1", "0"]);
    let (commands, asked) = fake.commands_until("replconf");
    assert_eq!(commands, ["REPLCONF GETACK *"]);
    // Less than what was written is no copy.
    fake.ack(offset + written - 1);
    let mut other = server.client();
    other.run(&["PING"]);
    assert_eq!(other.ask(&["WAIT", "1", "0"]).as_integer(), Some(1), "this one has written nothing");
    fake.ack(offset + written + asked);
    assert_eq!(client.receive().as_integer(), Some(1));
    assert_eq!(client.ask(&["WAIT", "1", "0"]).as_integer(), Some(1), "known already");
    assert_eq!(client.ask(&["WAIT", "2", "50"]).as_integer(), Some(1), "one is all there is");
}

#[test]
fn all_that_a_transaction_or_a_script_did_is_waited_for() {
    let room = Room::new("wait-units");
    let server = Server::start(OURS, &room.0, OPTIONS);
    let (mut fake, _, offset) = Fake::synced(&server);
    let mut client = server.client();
    client.run(&["MULTI", "SET a 1", "SET b 1", "EXEC"]);
    let (_, unit) = fake.commands_until("exec");
    fake.ack(offset + unit - 1);
    assert_eq!(client.ask(&["WAIT", "1", "50"]).as_integer(), Some(0));
    let (_, asked) = fake.commands_until("replconf");
    fake.ack(offset + unit);
    client.ask(&["EVAL", "redis.call('set', 'c', 1) return redis.call('incr', 'd')", "0"]);
    assert_eq!(client.ask(&["WAIT", "1", "50"]).as_integer(), Some(0));
    let (_, script) = fake.commands_until("exec");
    fake.ack(offset + unit + asked + script);
    server.wait_until("the copy is known", |_| client.ask(&["WAIT", "1", "50"]).as_integer() == Some(1));
}

#[test]
fn waitaof_counts_disks() {
    let room = Room::new("waitaof");
    let server = Server::start(OURS, &room.0, &[OPTIONS, &["--appendonly", "yes"]].concat());
    let (mut fake, _, offset) = Fake::synced(&server);
    let mut client = server.client();
    client.run(&["SET a 1"]);
    let (_, written) = fake.commands_until("set");
    let end = (offset + written).to_string();
    client.send(&["WAITAOF", "1", "1", "0"]);
    fake.ack(offset + written);
    // In memory only.
    assert!(fake.commands_until("replconf").0.contains(&"REPLCONF GETACK *".to_owned()));
    fake.say(&["REPLCONF", "ACK", &end, "FACK", &end]);
    assert_eq!(client.receive(), Value::Array(vec![Value::Integer(1), Value::Integer(1)]));
}

#[test]
fn writes_need_as_many_replicas_as_wanted() {
    let room = Room::new("min");
    let options = ["--min-replicas-to-write", "1", "--min-replicas-max-lag", "2"];
    let server = Server::start(OURS, &room.0, &[OPTIONS, &options].concat());
    let mut client = server.client();
    let refused = Value::Error(b"NOREPLICAS Not enough good replicas to write.".to_vec());
    assert_eq!(client.ask(&["SET", "a", "1"]), refused);
    let (fake, _, _) = Fake::synced(&server);
    server.wait_until("it is good", |client| client.ask(&["SET", "a", "1"]) == ok());
    // It says nothing any more.
    server.wait_until("it is not good any more", |client| client.ask(&["SET", "a", "1"]) == refused);
    drop(fake);
}

#[test]
fn a_silent_replica_is_dropped() {
    let room = Room::new("silent");
    let server = Server::start(OURS, &room.0, &[OPTIONS, &["--repl-timeout", "1"]].concat());
    let (mut fake, _, _) = Fake::synced(&server);
    fake.ends();
}

#[test]
fn one_that_asks_for_something_else_is_dropped() {
    let room = Room::new("rogue");
    let server = Server::start(OURS, &room.0, OPTIONS);
    let (mut fake, _, offset) = Fake::synced(&server);
    fake.ack(offset);
    fake.say(&["GET", "a"]);
    fake.ends();
}

#[test]
fn replicas_hear_of_a_primary_that_has_nothing_to_say() {
    let room = Room::new("ping");
    let server = Server::start(OURS, &room.0, &[OPTIONS, &["--repl-ping-replica-period", "1"]].concat());
    let (mut fake, _, _) = Fake::synced(&server);
    fake.commands_until("ping");
    fake.commands_until("ping");
    assert!(!fake.is_silent(Duration::from_secs(5)));
}
