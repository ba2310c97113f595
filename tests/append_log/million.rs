//! A million keys of all types, with deadlines, both ways, compared key by key. Long: `ci/logs` runs it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::content::each;
use crate::data::{OPTIONS, rewrite};
use crate::files;
use crate::process::{Client, OURS, Room, Server};

const KEYS: u64 = 1_000_000;
/// Requests sent at once.
const AT_ONCE: usize = 2000;
/// Far in the future, in Unix milliseconds.
const DEADLINE_MS: u64 = 4_000_000_000_000;

/// The command that adds a key, and its deadline if it has one.
fn add(key: u64, lines: &mut Vec<String>) {
    let name = format!("key:{key}");
    let many = if key % 2000 < 10 { 300 } else { 1 + key % 5 };
    let elements = |each: &dyn Fn(u64) -> String| (0..many).map(each).collect::<Vec<_>>().join(" ");
    lines.push(match key % 10 {
        0 => format!("SET {name} {key}"),
        1 => format!("SET {name} value-{key}"),
        2 => format!("SET {name} {}", "long".repeat(20 + (key % 100) as usize)),
        3 => format!("RPUSH {name} {}", elements(&|i| format!("element-{i}"))),
        4 => format!("SADD {name} {}", elements(&|i| format!("{}", i * key))),
        5 => format!("SADD {name} {}", elements(&|i| format!("member-{i}"))),
        6 => format!("HSET {name} {}", elements(&|i| format!("field-{i} {i}"))),
        7 => format!("ZADD {name} {}", elements(&|i| format!("{i}.5 member-{i}"))),
        8 => format!("XADD {name} {key}-1 f {key}"),
        _ => format!("HSET {name} f {key} g value"),
    });
    if key % 20 == 8 {
        lines.push(format!("XGROUP CREATE {name} g 0"));
        lines.push(format!("XREADGROUP GROUP g c COUNT 1 STREAMS {name} >"));
    }
    if key % 5 == 1 {
        lines.push(format!("PEXPIREAT {name} {}", DEADLINE_MS + key));
    }
}

fn fill(client: &mut Client) {
    let mut lines = Vec::new();
    for key in 0..KEYS {
        add(key, &mut lines);
        if lines.len() > AT_ONCE {
            client.run_together(&lines);
            lines.clear();
        }
    }
    client.run_together(&lines);
    client.ask(&["FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() end)"]);
}

/// A number for each key that stands for its content.
fn digest(client: &mut Client) -> HashMap<String, u64> {
    let mut all = HashMap::new();
    each(client, |key, told| {
        let mut hasher = DefaultHasher::new();
        told.hash(&mut hasher);
        all.insert(key, hasher.finish());
    });
    all
}

fn assert_same(before: &HashMap<String, u64>, after: &HashMap<String, u64>, when: &str) {
    let differing = before.iter().filter(|(key, told)| after.get(*key) != Some(*told)).map(|(key, _)| key);
    let differing: Vec<&String> = differing.take(5).collect();
    assert!(before.len() == after.len() && differing.is_empty(), "{when}: {differing:?}");
    eprintln!("{when}: {} keys alike", after.len());
}

fn there_and_back(one: &str, other: &str) {
    let room = Room::new(&format!("log-million-{}", one.len()));
    let options = [OPTIONS, &["--appendfsync", "no"]].concat();
    let mut server = Server::start(one, &room.0, &options);
    fill(&mut server.client());
    if one != OURS {
        // What it finds in its own log is all that can be expected.
        server.kill();
        server = Server::start(one, &room.0, &options);
    }
    let before = digest(&mut server.client());
    assert_eq!(before.len() as u64, KEYS);
    server.kill();
    // As it was written; then with a base in one form, then in the other.
    for (program, preamble) in [(other, true), (one, false), (other, true), (one, true)] {
        load_and_rewrite(&room, program, &options, preamble, &before);
    }
}

fn load_and_rewrite(
    room: &Room,
    program: &str,
    options: &[&str],
    preamble: bool,
    before: &HashMap<String, u64>,
) {
    files::check(&room.0, true);
    let server = Server::start(program, &room.0, options);
    let mut client = server.client();
    assert_same(before, &digest(&mut client), &format!("{program} has loaded"));
    rewrite(&mut client, preamble);
    server.kill();
}

#[test]
#[ignore = "minutes: ci/logs"]
fn a_million_keys_go_to_redis_and_back() {
    there_and_back(OURS, "redis-server");
}

#[test]
#[ignore = "minutes: ci/logs"]
fn a_million_keys_come_from_redis_and_go_back() {
    there_and_back("redis-server", OURS);
}
