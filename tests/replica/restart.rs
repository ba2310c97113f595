//! What a restart leaves of the place in a history.

use crate::primary::{ID, Primary, replica, text, wait_for};
use crate::process::{OURS, Room, Server};

fn shut_down(server: Server, how: &[&str]) {
    server.client().send(&[&["SHUTDOWN"], how].concat());
    let mut server = server;
    server.ended();
}

#[test]
fn a_replica_goes_on_where_it_was_after_a_restart() {
    for (name, options, how) in [("dump", "no", "SAVE"), ("log", "yes", "NOSAVE")] {
        let (room, primary) = (Room::new(&format!("restart-{name}")), Primary::new());
        let options = ["--appendonly", options];
        let server = replica(&room.0, &primary, &options);
        let mut link = primary.synced(&[("a", "1")], 100);
        let end = 100 + link.write(&["SELECT 3", "SET b 2", "SET c 3 PXAT 1000"]);
        link.wait_for_ack(end);
        server.wait_until("the log is in force", |client| {
            client.info("aof_rewrite_in_progress") == "0" && client.info("aof_rewrite_scheduled") == "0"
        });
        shut_down(server, &[how]);
        for round in 0..2 {
            let server = replica(&room.0, &primary, &options);
            let (mut link, asked) = primary.greet();
            assert_eq!(asked[1..], [ID.to_owned(), (end + 1).to_string()], "{name} {round}");
            link.say("+CONTINUE\r\n");
            link.write(&["INCR b", "PERSIST c"]);
            server.wait_until("it is in its database", |client| {
                client.run(&["SELECT 3"]);
                text(client, &["GET", "b"]) == "3" && text(client, &["GET", "c"]) == "3"
            });
            if round == 0 {
                // Nothing was saved: it stands where the file says, or nowhere.
                server.kill();
            }
            if name == "log" {
                break;
            }
        }
    }
}

#[test]
fn after_a_crash_a_log_is_no_place_in_a_history() {
    let (room, primary) = (Room::new("crash"), Primary::new());
    let options = ["--appendonly", "yes", "--appendfsync", "always"];
    let server = replica(&room.0, &primary, &options);
    let mut link = primary.synced(&[("a", "1")], 100);
    server.wait_until("the log is in force", |client| {
        client.info("aof_rewrite_in_progress") == "0" && client.info("aof_rewrite_scheduled") == "0"
    });
    shut_down(server, &["NOSAVE"]);
    drop(link);
    let server = replica(&room.0, &primary, &options);
    (link, _) = primary.greet();
    link.say("+CONTINUE\r\n");
    link.write(&["SELECT 0", "SET b 2"]);
    wait_for(&server, "b", "2");
    server.kill();
    let server = replica(&room.0, &primary, &options);
    assert_eq!(primary.greet().1[1], "?", "what was written since is not known to whom it belongs");
    wait_for(&server, "b", "2");
}

#[test]
fn a_restarted_primary_lets_those_go_on_who_have_followed_it() {
    let (room, other) = (Room::new("restarted-primary"), Room::new("restarted-replica"));
    let port = crate::ports::free_port();
    let options = ["--save", "", "--repl-diskless-sync-delay", "0"];
    let primary = Server::start_at(OURS, &room.0, port, &options);
    primary.client().run(&["SET a 1", "SET b 1 PX 1"]);
    let follow = format!("127.0.0.1 {port}");
    let replica = Server::start(OURS, &other.0, &["--save", "", "--replicaof", &follow]);
    wait_for(&replica, "a", "1");
    let id = primary.client().info("master_replid");
    primary.client().run(&["SET c 1"]);
    wait_for(&replica, "c", "1");
    shut_down(primary, &["SAVE"]);
    let primary = Server::start_at(OURS, &room.0, port, &options);
    let mut client = primary.client();
    assert_eq!(client.info("master_replid2"), id);
    client.run(&["SET d 1"]);
    wait_for(&replica, "d", "1");
    assert_eq!(client.info("sync_full"), "0", "nobody needs all of it");
    assert_eq!(client.info("sync_partial_ok"), "1");
}
