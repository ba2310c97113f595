//! Logs go to real servers and back, in every form: increments only, a base in each of its forms, several increments, the
//! single file of before Redis 7.

use std::path::Path;
use std::process::Command;

use crate::content::{Content, assert_same, content};
use crate::data::{Kinds, OPTIONS, deeds, fill, rewrite};
use crate::files;
use crate::process::{OURS, Room, Server};

/// What the log is like that is handed over.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Shape {
    Increment,
    DumpBase,
    LogBase,
    SeveralIncrements,
}

const SHAPES: [Shape; 4] = [Shape::Increment, Shape::DumpBase, Shape::LogBase, Shape::SeveralIncrements];

fn is_there(program: &str) -> bool {
    let there = Command::new(program).arg("--version").output().is_ok();
    if !there {
        eprintln!("{program} is not there: left out");
    }
    there
}

/// Whether it knows deadlines of a hash's fields, and the same form of them in a dump as ours.
fn knows_timed_fields(program: &str) -> bool {
    program == OURS || program == "redis8-server"
}

/// Whether it writes what Redis 7.0 reads, where it can.
fn reads_7_0(program: &str) -> bool {
    program == OURS || program == "redis-server"
}

/// What a log that this one has written has to give. A real server's own is not all that it held: not all is in its log.
pub fn expected(program: &str, room: &Room, held: Content) -> Content {
    if program == OURS {
        return held;
    }
    let home = room.0.join("expected");
    files::copy(&files::directory(&room.0), &files::directory(&home));
    let server = Server::start(program, &home, OPTIONS);
    content(&mut server.client())
}

/// One writes, the other loads, goes on, rewrites, and the first loads that.
fn there_and_back(one: &str, other: &str) {
    if !is_there(one) || !is_there(other) {
        return;
    }
    for shape in SHAPES {
        let timed_fields = knows_timed_fields(one) && knows_timed_fields(other);
        let idle_consumers = one != "redis-server" && other != "redis-server";
        let pending_and_gone = idle_consumers && shape != Shape::LogBase;
        let kinds = Kinds { timed_fields, pending_and_gone, idle_consumers };
        let name = |path: &str| Path::new(path).file_name().unwrap().to_string_lossy().into_owned();
        let room = Room::new(&format!("log-{}-{}-{shape:?}", name(one), name(other)));
        let server = Server::start(one, &room.0, OPTIONS);
        let mut client = server.client();
        fill(&mut client, kinds);
        match shape {
            Shape::DumpBase => rewrite(&mut client, true),
            Shape::LogBase => rewrite(&mut client, false),
            Shape::Increment | Shape::SeveralIncrements => {}
        }
        deeds(&mut client, "first:", kinds);
        let held = content(&mut client);
        server.kill();
        if shape == Shape::SeveralIncrements {
            files::split(&room.0);
        }
        files::check(&room.0, reads_7_0(one) && kinds.is_of_7_0());
        let before = expected(one, &room, held);

        let server = Server::start(other, &room.0, OPTIONS);
        let mut client = server.client();
        assert_same(&before, &content(&mut client), &format!("{shape:?} of {one} loaded by {other}"));
        deeds(&mut client, "second:", kinds);
        rewrite(&mut client, shape != Shape::LogBase);
        deeds(&mut client, "third:", kinds);
        let held = content(&mut client);
        server.kill();
        files::check(&room.0, reads_7_0(other) && kinds.is_of_7_0());
        let before = expected(other, &room, held);

        let server = Server::start(one, &room.0, OPTIONS);
        let back = content(&mut server.client());
        assert_same(&before, &back, &format!("{shape:?} of {one} back from {other}"));
    }
}

#[test]
fn ours_stay_ours() {
    there_and_back(OURS, OURS);
}

#[test]
fn logs_go_to_redis_7_and_back() {
    there_and_back(OURS, "redis-server");
}

#[test]
fn logs_of_redis_7_come_and_go_back() {
    there_and_back("redis-server", OURS);
}

#[test]
fn logs_go_to_redis_8_and_back() {
    there_and_back(OURS, "redis8-server");
}

#[test]
fn logs_of_redis_8_come_and_go_back() {
    there_and_back("redis8-server", OURS);
}

#[test]
fn logs_go_to_valkey_and_back() {
    there_and_back(OURS, "valkey9-server");
}

#[test]
fn logs_of_valkey_come_and_go_back() {
    there_and_back("valkey9-server", OURS);
}

/// A single file in the directory itself, as Redis wrote it before version 7: commands, or a dump and commands behind it.
#[test]
fn an_old_log_is_taken_over() {
    for preamble in [false, true] {
        let made = Room::new(&format!("log-old-made-{preamble}"));
        let server = Server::start("redis-server", &made.0, OPTIONS);
        let mut client = server.client();
        fill(&mut client, Kinds::COMMON);
        rewrite(&mut client, preamble);
        deeds(&mut client, "first:", Kinds::COMMON);
        let held = content(&mut client);
        server.kill();
        let before = expected("redis-server", &made, held);
        let bytes: Vec<u8> = files::entries(&made.0)
            .iter()
            .flat_map(|(name, ..)| std::fs::read(files::directory(&made.0).join(name)).unwrap())
            .collect();
        let mut manifests = Vec::new();
        for program in ["redis-server", OURS] {
            let room = Room::new(&format!("log-old-{preamble}-{}", program.len()));
            std::fs::write(room.0.join("appendonly.aof"), &bytes).unwrap();
            for life in ["at first", "again"] {
                let server = Server::start(program, &room.0, OPTIONS);
                let mut client = server.client();
                let mut expected = before.clone();
                if life == "again" {
                    expected.insert("0/later".to_owned(), content(&mut client)["0/later"].clone());
                }
                assert_same(&expected, &content(&mut client), &format!("{program} loads an old log {life}"));
                client.run(&["SET later 1"]);
                server.kill();
            }
            assert!(!room.0.join("appendonly.aof").exists());
            manifests.push(std::fs::read_to_string(files::manifest(&room.0)).unwrap());
        }
        assert_eq!(manifests[0], manifests[1]);
    }
}
