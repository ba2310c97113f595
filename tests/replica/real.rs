//! A real server as the primary, where one is installed.

use std::process::{Command, Stdio};

use crate::primary::{role, text, wait_for};
use crate::process::{Client, OURS, Room, Server};

/// A server of Redis, if there is one.
fn redis(room: &Room) -> Option<Server> {
    let asked =
        Command::new("redis-server").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.ok().filter(|status| status.success())?;
    let options = ["--save", "", "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "3600"];
    Some(Server::start("redis-server", &room.0, &options))
}

fn write(client: &mut Client, round: usize) {
    let words = [
        format!("SET s{round} {round}"),
        format!("RPUSH l {round} x y"),
        "LPOP l".into(),
        format!("SADD set {round} b c"),
        "SPOP set".into(),
        format!("HSET h f{round} v"),
        format!("ZADD z {round} m{round}"),
        format!("XADD x MAXLEN ~ 10 * f {round}"),
        format!("SET e{round} 1 EX 1000"),
        format!("PFADD p {round}"),
    ];
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    client.run(&words);
    client.ask(&[
        "EVAL",
        "redis.call('incr', KEYS[1]); return redis.call('sadd', KEYS[2], math.random(1000))",
        "2",
        "n",
        "set",
    ]);
    client.run(&["MULTI", "INCR n", "SELECT 2", "INCR n", "EXEC", "SELECT 0"]);
}

/// Both hold the same.
fn agree(ours: &Server, theirs: &Server) {
    let mut theirs = theirs.client();
    let end: i64 = theirs.info("master_repl_offset").parse().unwrap();
    ours.wait_until("it has followed", |client| role(client).1 >= end);
    let mut ours = ours.client();
    for db in ["0", "2"] {
        ours.ask(&["SELECT", db]);
        theirs.ask(&["SELECT", db]);
        assert_eq!(ours.ask(&["DBSIZE"]), theirs.ask(&["DBSIZE"]));
        for key in ["s1", "n", "e3"] {
            assert_eq!(text(&mut ours, &["GET", key]), text(&mut theirs, &["GET", key]));
        }
        for words in [
            &["LRANGE", "l", "0", "-1"][..],
            &["SORT_RO", "set", "ALPHA"],
            &["HLEN", "h"],
            &["ZRANGE", "z", "0", "-1", "WITHSCORES"],
            &["XRANGE", "x", "-", "+"],
            &["PFCOUNT", "p"],
            &["PEXPIRETIME", "e3"],
        ] {
            assert_eq!(ours.ask(words), theirs.ask(words), "{words:?}");
        }
    }
}

#[test]
fn a_real_server_is_followed() {
    let (room, our_room) = (Room::new("redis"), Room::new("of-redis"));
    let Some(primary) = redis(&room) else { return };
    let mut client = primary.client();
    (0..20).for_each(|round| write(&mut client, round));
    let follow = format!("127.0.0.1 {}", primary.port);
    let ours = Server::start(OURS, &our_room.0, &["--save", "", "--replicaof", &follow]);
    wait_for(&ours, "s1", "1");
    (20..60).for_each(|round| write(&mut client, round));
    agree(&ours, &primary);
    // The link breaks, and goes on where it was.
    client.ask(&["CLIENT", "KILL", "TYPE", "replica"]);
    (60..80).for_each(|round| write(&mut client, round));
    agree(&ours, &primary);
    assert_eq!(client.info("sync_partial_ok"), "1");
    assert_eq!(client.info("sync_full"), "1");
    // The two change places.
    ours.client().run(&["REPLICAOF NO ONE", "SET s1 promoted"]);
    client.run(&[&format!("REPLICAOF 127.0.0.1 {}", ours.port)]);
    wait_for(&primary, "s1", "promoted");
    assert_eq!(ours.client().info("sync_full"), "0", "it goes on by the name that both know");
}
