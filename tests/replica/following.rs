//! The stream that follows: units, databases, reports, promotion, links that break.

use seawall::protocol::client::Value;

use crate::primary::{ID, OTHER, Primary, replica, role, stream, text, wait_for, wait_for_role};
use crate::process::{OURS, Room, Server};

#[test]
fn nobody_sees_half_of_a_transaction() {
    let (room, primary) = (Room::new("half-transaction"), Primary::new());
    let server = replica(&room.0, &primary, &["--appendonly", "yes"]);
    let mut link = primary.synced(&[("a", "0"), ("b", "0")], 100);
    link.send_in_pieces(&stream(&["SELECT 0", "SET c 1", "MULTI", "SET a 1", "SET b 1"]), 11);
    wait_for(&server, "c", "1");
    let mut client = server.client();
    assert_eq!(
        (text(&mut client, &["GET", "a"]), text(&mut client, &["GET", "b"])),
        ("0".into(), "0".into())
    );
    let before = stream(&["SELECT 0", "SET c 1"]).len() as i64;
    assert_eq!(role(&mut client).1, 100 + before, "the offset stands where the data does");
    // A link that breaks here asks from there.
    drop(link);
    let (mut link, asked) = primary.greet();
    assert_eq!(asked[2], (101 + before).to_string());
    link.say("+CONTINUE\r\n");
    link.write(&["MULTI", "SET a 1", "SET b 1", "EXEC"]);
    wait_for(&server, "b", "1");
    assert_eq!(text(&mut client, &["GET", "a"]), "1");
}

#[test]
fn a_report_comes_when_it_is_asked_for_and_each_second() {
    let (room, primary) = (Room::new("reports"), Primary::new());
    let _server = replica(&room.0, &primary, &[]);
    let mut link = primary.synced(&[], 100);
    let asked = link.write(&["REPLCONF GETACK *"]);
    link.wait_for_ack(100 + asked);
    for _ in 0..2 {
        assert_eq!(link.ack(), 100 + asked);
    }
    let pinged = link.write(&["PING"]);
    link.wait_for_ack(100 + asked + pinged);
}

#[test]
fn a_report_says_what_is_on_disk() {
    let (room, primary) = (Room::new("synced"), Primary::new());
    let _server = replica(&room.0, &primary, &["--appendonly", "yes", "--appendfsync", "always"]);
    let mut link = primary.synced(&[("a", "0")], 100);
    let end = 100 + link.write(&["SELECT 0", "SET a 1", "PING"]);
    loop {
        let words = link.request();
        if words.get(3).is_some_and(|word| word == "FACK") {
            let (acked, synced): (u64, u64) = (words[2].parse().unwrap(), words[4].parse().unwrap());
            assert!(synced <= acked);
            if synced == end {
                return;
            }
        }
    }
}

#[test]
fn the_selected_database_outlives_the_link_and_a_promoted_primary_is_followed() {
    let (room, primary) = (Room::new("select"), Primary::new());
    let server = replica(&room.0, &primary, &[]);
    let mut link = primary.synced(&[], 100);
    let mut offset = 100 + link.write(&["SELECT 5", "SET a 1"]);
    link.wait_for_ack(100);
    server.wait_until("it is there", |client| {
        client.ask(&["SELECT", "5"]) != Value::Null && text(client, &["GET", "a"]) == "1"
    });
    drop(link);
    let (mut link, asked) = primary.greet();
    assert_eq!(asked[1..], [ID.to_owned(), (offset + 1).to_string()]);
    link.say(&format!("+CONTINUE {OTHER}\r\n"));
    offset += link.write(&["INCR a"]);
    link.wait_for_ack(offset);
    let mut client = server.client();
    client.run(&["SELECT 5"]);
    assert_eq!(text(&mut client, &["GET", "a"]), "2");
    assert_eq!((client.info("master_replid"), client.info("master_replid2")), (OTHER.into(), ID.into()));
    // On its own it goes on under a name of its own.
    client.run(&["REPLICAOF NO ONE"]);
    assert_eq!(link.next(), None);
    assert_eq!(client.info("master_replid2"), OTHER);
    assert_eq!(client.info("second_repl_offset"), (offset + 1).to_string());
    client.run(&["SET b 1"]);
    let port = primary.port.to_string();
    client.run(&[&format!("REPLICAOF 127.0.0.1 {port}")]);
    let (_, asked) = primary.greet();
    assert_eq!(asked[1], client.info("master_replid"), "it offers what it has written itself");
}

#[test]
fn a_silent_primary_is_left() {
    let (room, primary) = (Room::new("silent"), Primary::new());
    let server = replica(&room.0, &primary, &["--repl-timeout", "1"]);
    // At any point of its talk.
    drop(primary.accept());
    let silent = primary.accept();
    let (greeted, _) = primary.greet();
    let (mut promised, _) = primary.greet();
    promised.say(&format!("+FULLRESYNC {ID} 0\r\n$1000\r\nREDIS"));
    let synced = primary.synced(&[("a", "1")], 10);
    let (mut again, asked) = primary.greet();
    assert_eq!(asked[1..], [ID.to_owned(), "11".to_owned()]);
    again.say("+CONTINUE\r\n");
    wait_for_role(&server, "connected");
    drop((silent, greeted, promised, synced));
}

#[test]
fn bytes_that_are_no_history_end_the_link() {
    let (room, primary) = (Room::new("nonsense"), Primary::new());
    let _server = replica(&room.0, &primary, &[]);
    let mut link = primary.synced(&[], 10);
    link.say("*1\r\n$4\r\nPING\r\nnonsense\r\n");
    assert_eq!(primary.greet().1[1], "?", "nobody knows where the next command begins");
}

#[test]
fn keys_past_their_deadline_are_hidden_until_the_primary_takes_them() {
    let (room, primary) = (Room::new("deadlines"), Primary::new());
    let server = replica(&room.0, &primary, &[]);
    let mut link = primary.synced(&[], 10);
    link.write(&["SELECT 0", "SET gone 1 PXAT 1000", "SET here 1", "INCRBY gone 5", "SET mark 1"]);
    wait_for(&server, "mark", "1");
    let mut client = server.client();
    assert_eq!(text(&mut client, &["GET", "gone"]), "(nil)");
    assert_eq!(client.ask(&["DBSIZE"]), Value::Integer(3), "it is still there");
    link.write(&["PERSIST gone"]);
    wait_for(&server, "gone", "6");
}

#[test]
fn a_writable_replica_expires_what_it_has_written() {
    let (room, primary) = (Room::new("writable"), Primary::new());
    let server = replica(&room.0, &primary, &["--replica-read-only", "no"]);
    let mut link = primary.synced(&[], 10);
    link.write(&["SELECT 0", "SET theirs 1 PXAT 1000"]);
    server.wait_until("it is there", |client| client.ask(&["DBSIZE"]) == Value::Integer(1));
    let mut client = server.client();
    client.run(&["SET ours 1 PX 20"]);
    server.wait_until("ours has gone", |client| client.ask(&["DBSIZE"]) == Value::Integer(1));
    client.run(&["APPEND theirs x", "SET other 1"]);
    assert_eq!(text(&mut client, &["GET", "theirs"]), "x", "a writer finds none");
}

#[test]
fn those_who_wait_are_told_when_the_node_becomes_a_replica() {
    let (room, primary) = (Room::new("waiting"), Primary::new());
    let server = Server::start(OURS, &room.0, &["--save", ""]);
    let mut waiting = server.client();
    waiting.send(&["BLPOP", "list", "0"]);
    server.wait_until("it waits", |client| client.info("blocked_clients") == "1");
    server.client().run(&[&format!("REPLICAOF 127.0.0.1 {}", primary.port)]);
    let reply = waiting.receive();
    assert!(matches!(&reply, Value::Error(text) if text.starts_with(b"UNBLOCKED")), "{reply:?}");
    // Readers may wait for what the primary writes.
    let mut link = primary.synced(&[], 0);
    let mut reader = server.client();
    reader.send(&["XREAD", "BLOCK", "0", "STREAMS", "s", "$"]);
    server.wait_until("it waits", |client| client.info("blocked_clients") == "1");
    link.write(&["SELECT 0", "XADD s 1-1 a b"]);
    assert!(matches!(reader.receive(), Value::Array(_)));
}

#[test]
fn a_node_that_follows_nobody_yet_says_so() {
    let room = Room::new("nobody");
    let server = Server::start(OURS, &room.0, &["--save", "", "--replicaof", "127.0.0.1 1"]);
    let mut client = server.client();
    client.run(&["CONFIG SET replica-serve-stale-data no"]);
    assert!(text(&mut client, &["GET", "a"]).starts_with("MASTERDOWN"));
    assert!(text(&mut client, &["SET", "a", "1"]).starts_with("READONLY"));
    assert_eq!(role(&mut client).1, -1);
}
