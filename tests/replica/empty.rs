//! A primary that has lost its data does not take that of its replicas along.

use seawall::protocol::client::Value;

use crate::primary::{ID, OTHER, Primary, replica, snapshot, text, wait_for, wait_for_role};
use crate::process::Room;

#[test]
fn an_empty_primary_that_nobody_knows_is_refused_until_it_is_accepted() {
    for mode in ["disabled", "swapdb"] {
        let (room, primary) = (Room::new(&format!("refused-{mode}")), Primary::new());
        let server = replica(&room.0, &primary, &["--repl-diskless-load", mode]);
        drop(primary.synced(&[("old", "data")], 10));
        let (mut link, _) = primary.greet();
        link.say(&format!("+FULLRESYNC {OTHER} 0\r\n"));
        link.send_snapshot(&snapshot(&[]), true);
        assert_eq!(link.next(), None, "the replica leaves");
        wait_for_role(&server, "refused");
        let mut client = server.client();
        assert_eq!(text(&mut client, &["GET", "old"]), "data");
        client.run(&["CONFIG SET replica-accept-empty-primary yes"]);
        let (mut link, asked) = primary.greet();
        assert_eq!(asked[1..], [ID.to_owned(), "11".to_owned()], "it stands where it was");
        link.say(&format!("+FULLRESYNC {OTHER} 0\r\n"));
        link.send_snapshot(&snapshot(&[]), false);
        link.wait_for_ack(0);
        wait_for_role(&server, "connected");
        assert_eq!(client.ask(&["DBSIZE"]), Value::Integer(0));
    }
}

#[test]
fn what_a_known_primary_has_emptied_is_empty() {
    let (room, primary) = (Room::new("emptied"), Primary::new());
    let server = replica(&room.0, &primary, &[]);
    drop(primary.synced(&[("old", "data")], 10));
    let (mut link, _) = primary.greet();
    link.say(&format!("+FULLRESYNC {ID} 5000\r\n"));
    link.send_snapshot(&snapshot(&[]), false);
    link.wait_for_ack(5000);
    wait_for(&server, "old", "(nil)");
}

#[test]
fn who_holds_nothing_takes_nothing() {
    let (room, primary) = (Room::new("nothing"), Primary::new());
    let server = replica(&room.0, &primary, &[]);
    let mut link = primary.synced(&[], 0);
    link.write(&["SELECT 0", "SET a 1"]);
    wait_for(&server, "a", "1");
}
