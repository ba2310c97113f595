//! The log switched on and off at run time, with what else is there at the start; what INFO says of it.

use seawall::protocol::client::Value;

use crate::content::{assert_same, content};
use crate::data::{Kinds, OPTIONS, await_rewrite, deeds, fill};
use crate::files;
use crate::process::{Client, OURS, Room, Server, ok};
use crate::travel::expected;

const PROGRAMS: [&str; 2] = ["redis-server", OURS];
const OFF: &[&str] = &["--save", "", "--appendonly", "no", "--appendfsync", "always"];

#[test]
fn it_is_switched_on_at_run_time() {
    for (number, program) in PROGRAMS.into_iter().enumerate() {
        let room = Room::new(&format!("log-on-{number}"));
        let server = Server::start(program, &room.0, OFF);
        let mut client = server.client();
        fill(&mut client, Kinds::COMMON);
        assert_eq!(client.ask(&["CONFIG", "SET", "appendonly", "yes"]), ok());
        await_rewrite(&mut client);
        deeds(&mut client, "on:", Kinds::COMMON);
        let held = content(&mut client);
        server.kill();
        files::check(&room.0, true);
        let before = expected(program, &room, held);
        let server = Server::start(program, &room.0, OPTIONS);
        assert_same(&before, &content(&mut server.client()), &format!("{program} switched on"));
    }
}

/// What is written while it is off is not in the log; when it is on again, all is.
#[test]
fn it_is_switched_off_and_on_again() {
    for (number, program) in PROGRAMS.into_iter().enumerate() {
        let room = Room::new(&format!("log-off-{number}"));
        let server = Server::start(program, &room.0, OPTIONS);
        let mut client = server.client();
        client.run(&["SET before 1", "CONFIG SET appendonly no", "SET meanwhile 1"]);
        server.kill();
        let server = Server::start(program, &room.0, OPTIONS);
        let mut client = server.client();
        assert_eq!(client.ask(&["MGET", "before", "meanwhile"]), array(&[Some("1"), None]), "{program}");
        client.run(&["CONFIG SET appendonly no", "SET meanwhile 2", "CONFIG SET appendonly yes"]);
        await_rewrite(&mut client);
        client.run(&["SET after 3"]);
        server.kill();
        files::check(&room.0, true);
        let server = Server::start(program, &room.0, OPTIONS);
        let told = server.client().ask(&["MGET", "before", "meanwhile", "after"]);
        assert_eq!(told, array(&[Some("1"), Some("2"), Some("3")]), "{program}");
    }
}

fn array(texts: &[Option<&str>]) -> Value {
    let value = |text: &Option<&str>| text.map_or(Value::Null, |text| Value::Bulk(text.into()));
    Value::Array(texts.iter().map(value).collect())
}

/// Where there is only a dump, a real server begins with nothing, and ours takes it over: it is the base.
#[test]
fn a_dump_alone_is_taken_over() {
    let room = Room::new("log-dump");
    let server = Server::start(OURS, &room.0, OFF);
    let mut client = server.client();
    fill(&mut client, Kinds::COMMON);
    assert_eq!(client.ask(&["SAVE"]), ok());
    let before = content(&mut client);
    server.kill();
    let theirs = room.0.join("theirs");
    std::fs::create_dir_all(&theirs).unwrap();
    std::fs::copy(room.dump(), theirs.join("dump.rdb")).unwrap();
    let server = Server::start("redis-server", &theirs, OPTIONS);
    assert_eq!(server.client().ask(&["DBSIZE"]), Value::Integer(0));
    for life in 0..2 {
        let server = Server::start(OURS, &room.0, OPTIONS);
        assert_same(&before, &content(&mut server.client()), &format!("in life {life}"));
        server.kill();
        files::check(&room.0, true);
    }
    // From now on the log is what counts.
    std::fs::remove_file(room.dump()).unwrap();
    let server = Server::start(OURS, &room.0, OPTIONS);
    assert_same(&before, &content(&mut server.client()), "without the dump");
}

/// Where there are both, the log counts.
#[test]
fn the_log_counts_where_there_is_a_dump_as_well() {
    for (number, program) in PROGRAMS.into_iter().enumerate() {
        let room = Room::new(&format!("log-both-{number}"));
        let server = Server::start(program, &room.0, OPTIONS);
        let mut client = server.client();
        client.run(&["SET a 1", "SAVE", "SET a 2"]);
        server.kill();
        let server = Server::start(program, &room.0, OPTIONS);
        assert_eq!(server.client().ask(&["GET", "a"]).as_bytes(), Some(&b"2"[..]), "{program}");
    }
}

fn fields(client: &mut Client) -> Vec<String> {
    let info = client.ask(&["INFO", "persistence"]);
    let text = String::from_utf8_lossy(info.as_bytes().unwrap()).into_owned();
    let name = |line: &str| line.split(':').next().unwrap().to_owned();
    text.lines().filter(|line| line.starts_with("aof_")).map(name).collect()
}

#[test]
fn info_has_the_fields_of_a_real_server() {
    for options in [OPTIONS, OFF] {
        let mut all = Vec::new();
        for (number, program) in PROGRAMS.into_iter().enumerate() {
            let room = Room::new(&format!("log-info-{}-{number}", options.len()));
            let server = Server::start(program, &room.0, options);
            all.push(fields(&mut server.client()));
        }
        let (ours, theirs) = (all.pop().unwrap(), all.pop().unwrap());
        assert_eq!(theirs, ours);
    }
}

#[test]
fn info_tells_the_sizes_of_the_files() {
    for (number, program) in PROGRAMS.into_iter().enumerate() {
        let room = Room::new(&format!("log-sizes-{number}"));
        let server = Server::start(program, &room.0, OPTIONS);
        let mut client = server.client();
        let sizes = |room: &Room| -> u64 {
            let size = |name: &String| std::fs::metadata(files::directory(&room.0).join(name)).unwrap().len();
            let entries = files::entries(&room.0);
            entries.iter().filter(|(.., kind)| *kind != 'h').map(|(name, ..)| size(name)).sum()
        };
        client.run(&["SET a 1", "SET b 2"]);
        if program == OURS {
            // Redis forgets the empty base that it has made.
            assert_eq!(client.info("aof_current_size"), sizes(&room).to_string());
        }
        crate::data::rewrite(&mut client, true);
        assert_eq!(client.info("aof_current_size"), sizes(&room).to_string(), "{program}, rewritten");
        assert_eq!(client.info("aof_base_size"), sizes(&room).to_string(), "{program}, rewritten");
        assert_eq!(client.info("aof_rewrites"), "1", "{program}");
        client.run(&["SET a 3"]);
        assert_eq!(client.info("aof_current_size"), sizes(&room).to_string(), "{program}, grown");
    }
}
