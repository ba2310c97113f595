//! Full syncs: in both forms and all modes, broken ones, and those that take the place of data.

use seawall::protocol::client::Value;

use crate::primary::{ID, OTHER, Primary, replica, role, snapshot, stream, text, wait_for};
use crate::process::Room;

const MODES: [&str; 3] = ["disabled", "on-empty-db", "swapdb"];

#[test]
fn a_snapshot_is_taken_in_every_form_and_mode() {
    for mode in MODES {
        for is_marked in [false, true] {
            let (room, primary) = (Room::new(&format!("form-{mode}-{is_marked}")), Primary::new());
            let server = replica(&room.0, &primary, &["--repl-diskless-load", mode]);
            for round in 0..2 {
                // The second one takes the place of data.
                let (mut link, _) = primary.greet();
                link.say(&format!("+FULLRESYNC {} 1000\r\n", [ID, OTHER][round]));
                let (key, value) = (format!("key{round}"), "v".repeat(200));
                link.send_snapshot(&snapshot(&[(&key, &value), ("both", "1")]), is_marked);
                link.wait_for_ack(1000);
                let bytes = stream(&["SELECT 0", "INCR both", "SET more 2"]);
                link.send_in_pieces(&bytes, 7);
                wait_for(&server, "more", "2");
                link.wait_for_ack(1000 + bytes.len() as u64);
                let mut client = server.client();
                assert_eq!(text(&mut client, &["GET", &key]), value);
                assert_eq!(text(&mut client, &["GET", "both"]), "2");
                assert_eq!(client.ask(&["DBSIZE"]), Value::Integer(3), "{mode}: what was before has gone");
                assert_eq!(role(&mut client), ("connected".into(), 1000 + bytes.len() as i64));
            }
            assert!(!room.0.join("temp-replica.rdb").exists());
        }
    }
}

#[test]
fn a_transfer_that_breaks_costs_nothing() {
    for mode in ["disabled", "swapdb"] {
        let (room, primary) = (Room::new(&format!("torn-{mode}")), Primary::new());
        let server = replica(&room.0, &primary, &["--repl-diskless-load", mode]);
        drop(primary.synced(&[("old", "data")], 10));
        let new = snapshot(&[("new", &"x".repeat(5000)), ("newer", "y")]);
        let mut damaged = new.clone();
        *damaged.last_mut().unwrap() ^= 1;
        for bytes in [&new[..new.len() - 20], &damaged] {
            let (mut link, asked) = primary.greet();
            assert_eq!(asked[1..], [ID.to_owned(), "11".to_owned()], "it still stands where it was");
            link.say(&format!("+FULLRESYNC {OTHER} 500\r\n${}\r\n", new.len()));
            link.send(bytes);
            drop(link);
            wait_for(&server, "old", "data");
        }
        let (mut link, asked) = primary.greet();
        assert_eq!(asked[1..], [ID.to_owned(), "11".to_owned()]);
        link.say("+CONTINUE\r\n");
        link.write(&["SELECT 0", "SET old later"]);
        wait_for(&server, "old", "later");
    }
}

#[test]
fn what_breaks_off_while_it_is_loaded_leaves_nothing_behind() {
    let (room, primary) = (Room::new("half"), Primary::new());
    let server = replica(&room.0, &primary, &["--repl-diskless-load", "on-empty-db"]);
    let bytes = snapshot(&[("a", "1"), ("b", &"x".repeat(3000))]);
    let (mut link, asked) = primary.greet();
    assert_eq!(asked[1..], ["?".to_owned(), "-1".to_owned()]);
    link.say(&format!("+FULLRESYNC {ID} 500\r\n${}\r\n", bytes.len()));
    link.send(&bytes[..bytes.len() - 100]);
    server.wait_until("it loads", |client| text(client, &["GET", "a"]).starts_with("LOADING"));
    drop(link);
    let (mut link, asked) = primary.greet();
    assert_eq!(asked[1..], ["?".to_owned(), "-1".to_owned()], "what it has is no history");
    assert_eq!(server.client().ask(&["DBSIZE"]), Value::Integer(0));
    link.say(&format!("+FULLRESYNC {ID} 600\r\n"));
    link.send_snapshot(&bytes, true);
    wait_for(&server, "a", "1");
}

#[test]
fn a_primary_of_old_is_asked_by_sync() {
    let (room, primary) = (Room::new("sync"), Primary::new());
    let server = replica(&room.0, &primary, &[]);
    let (mut link, _) = primary.greet();
    link.say("-ERR unknown command 'PSYNC'\r\n");
    link.send_snapshot(&snapshot(&[("a", "1")]), false);
    link.write(&["SELECT 0", "SET b 2"]);
    wait_for(&server, "b", "2");
    drop(link);
    let (_, asked) = primary.greet();
    assert_eq!(asked[1], "?", "there is no name by which to go on");
}

#[test]
fn while_a_snapshot_is_loaded_beside_the_data_that_is_shown() {
    let (room, primary) = (Room::new("beside"), Primary::new());
    let server = replica(&room.0, &primary, &["--repl-diskless-load", "swapdb"]);
    drop(primary.synced(&[("old", "data")], 10));
    let new = snapshot(&[("new", &"x".repeat(5000)), ("newer", "y")]);
    // The same history: what is there is an earlier state of it. Another one is not to be mixed with what comes.
    for (id, seen) in [(ID, "data"), (OTHER, "LOADING")] {
        let (mut link, _) = primary.greet();
        link.say(&format!("+FULLRESYNC {id} 500\r\n${}\r\n", new.len()));
        link.send(&new[..new.len() - 50]);
        server.wait_until("it loads", |client| {
            client.info("loading") == "1" || client.info("async_loading") == "1"
        });
        let mut client = server.client();
        assert!(text(&mut client, &["GET", "old"]).starts_with(seen));
        assert!(text(&mut client, &["REPLICAOF", "NO", "ONE"]).starts_with("LOADING"));
        drop(link);
        wait_for(&server, "old", "data");
    }
}
