//! A base in log form makes the values that it was made from, here and in other servers.

use std::process::Command;

use proptest::collection::vec;
use proptest::prelude::*;
use seawall::persistence::aof::LogBase;
use seawall::protocol::client::Value as Reply;

use crate::cases::{CASES, Case};
use crate::files::{FAR_MS, LIBRARY};
use crate::folder::Folder;
use crate::peers::{Ours, SERVERS, Server, Theirs, Words, words};
use crate::values::{of_payload, tell, view};

const CHECKERS: &[&str] = &["redis-check-aof", "redis8-check-aof"];

/// The base of every case that a server knows, and what it answers of each.
fn base_of_cases(theirs: &mut Theirs) -> (Vec<u8>, Vec<(&'static Case, Vec<Reply>)>) {
    let (mut ours, mut base, mut made) = (Ours::new(), LogBase::new(Some(1_700_000_000)), Vec::new());
    base.library(LIBRARY.as_bytes());
    base.database(0);
    for case in CASES {
        if theirs.make(case).is_none() {
            continue;
        }
        let told = ours.make(case).expect("we know all values");
        let payload = ours.dump();
        let expiry_ms = (case.name == "long-text").then_some(FAR_MS);
        base.entry(case.name.as_bytes(), view(&of_payload(&payload)), expiry_ms);
        made.push((case, told));
    }
    base.database(3);
    base.entry(b"12345", seawall::types::Value::Int(5), None);
    (base.take(), made)
}

/// A folder with an append log that consists of this base.
fn log_folder(name: &str, base: &[u8]) -> Folder {
    let folder = Folder::new(name);
    let files = folder.0.join("appendonlydir");
    std::fs::create_dir_all(&files).expect("a folder can be made");
    let manifest =
        "file appendonly.aof.1.base.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n";
    for (name, text) in [("1.base.aof", base), ("1.incr.aof", b""), ("manifest", manifest.as_bytes())] {
        std::fs::write(files.join(format!("appendonly.aof.{name}")), text).expect("a file can be written");
    }
    folder
}

fn ask(server: &mut impl Server, made: &[(&'static Case, Vec<Reply>)], program: &str) {
    for (case, told) in made {
        let expiry = server.run(&words(&format!("PEXPIRETIME {}", case.name))).as_integer();
        assert_eq!(expiry, Some(if case.name == "long-text" { FAR_MS } else { -1 }), "{}", case.name);
        server.run(&words(&format!("RENAME {} k", case.name)));
        assert_eq!(&server.run_all(case.asked), told, "{} in {program}", case.name);
        server.run(&words("DEL k"));
    }
    assert_eq!(server.run_all("DBSIZE; FCALL f 0")[..], [Reply::Integer(0), Reply::Integer(1)]);
    assert_eq!(server.run_all("SELECT 3; GET 12345")[1].as_bytes(), Some(&b"5"[..]));
}

fn checked_by(program: &str, folder: &Folder) {
    let manifest = folder.0.join("appendonlydir/appendonly.aof.manifest");
    if let Ok(output) = Command::new(program).arg(manifest).output() {
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("All AOF files and manifest are valid"), "{said}");
    }
}

#[test]
fn our_bases_in_log_form_are_loaded_here_and_by_other_servers() {
    for (program, _) in SERVERS {
        let Some(mut knows) = Theirs::start(program) else { continue };
        let (base, made) = base_of_cases(&mut knows);
        let folder = log_folder(&format!("log-{program}"), &base);
        CHECKERS.iter().for_each(|checker| checked_by(checker, &folder));
        let mut theirs = folder.start(program, &["--appendonly", "yes"]).expect("it was there before");
        ask(&mut theirs, &made, program);
        let mut ours = Ours::new();
        ours.load(&base);
        ours.run(&words("SELECT 0"));
        ask(&mut ours, &made, "ours");
    }
}

fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        (0_u8..100).prop_map(|number| number.to_string().into_bytes()),
        vec(any::<u8>(), 0..8),
        (60_usize..200).prop_map(|len| vec![b'x'; len]),
    ]
}

fn score() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<f64>().prop_filter("a score", |score| !score.is_nan()).prop_map(|score| format!("{score:e}")),
        Just("-0".to_owned()),
        Just("-inf".to_owned()),
        (0_u8..5).prop_map(|score| score.to_string()),
    ]
}

/// `name`, then each part of `words`.
fn command(name: &str, parts: impl IntoIterator<Item = Vec<u8>>) -> Words {
    let mut all = words(name);
    all.extend(parts);
    all
}

fn of_collections() -> impl Strategy<Value = Words> {
    prop_oneof![
        word().prop_map(|text| command("SET string", [text])),
        vec(word(), 1..200).prop_map(|texts| command("RPUSH list", texts)),
        vec(word(), 1..200).prop_map(|texts| command("SADD set", texts)),
        vec(any::<i16>(), 1..5).prop_map(|n| command("SADD ints", n.iter().map(|n| n.to_string().into()))),
        vec((word(), word()), 1..100)
            .prop_map(|pairs| command("HSET hash", pairs.into_iter().flat_map(|(f, v)| [f, v]))),
        vec((0..10, word()), 1..6).prop_map(|pairs| {
            command(
                "HSET fields",
                pairs.into_iter().flat_map(|(f, v): (i32, _)| [f.to_string().into_bytes(), v]),
            )
        }),
        (0..10, 0..5_i64)
            .prop_map(|(field, at)| words(&format!("HPEXPIREAT fields {} FIELDS 1 {field}", FAR_MS + at))),
        vec((score(), word()), 1..100).prop_map(|pairs| {
            command("ZADD sorted", pairs.into_iter().flat_map(|(score, member)| [score.into_bytes(), member]))
        }),
    ]
}

fn of_streams() -> impl Strategy<Value = Words> {
    let (id, name) = (0..40_u8, "[gh]");
    prop_oneof![
        3 => (id.clone(), vec((word(), word()), 1..4)).prop_map(|(id, pairs)| {
            command(&format!("XADD stream {id}-1"), pairs.into_iter().flat_map(|(field, value)| [field, value]))
        }),
        1 => id.clone().prop_map(|id| words(&format!("XDEL stream {id}-1"))),
        1 => id.clone().prop_map(|id| words(&format!("XTRIM stream MAXLEN {id}"))),
        1 => (id.clone(), 0..60_u8).prop_map(|(id, n)| words(&format!("XSETID stream {id}-1 ENTRIESADDED {n} MAXDELETEDID 5-1"))),
        1 => (name, id.clone()).prop_map(|(name, id)| words(&format!("XGROUP CREATE stream {name} {id} MKSTREAM"))),
        1 => (name, "[ab]").prop_map(|(name, who)| words(&format!("XGROUP CREATECONSUMER stream {name} {who}"))),
        2 => (name, "[ab]", 1..5_u8).prop_map(|(name, who, count)| {
            words(&format!("XREADGROUP GROUP {name} {who} COUNT {count} STREAMS stream >"))
        }),
        1 => (name, id.clone()).prop_map(|(name, id)| words(&format!("XACK stream {name} {id}-1"))),
        1 => (name, "[ab]", id.clone()).prop_map(|(name, who, id)| {
            words(&format!("XCLAIM stream {name} {who} 0 {id}-1 TIME 12345 RETRYCOUNT 7 FORCE"))
        }),
        // By a clock that was ahead.
        1 => (name, "[ab]", id).prop_map(|(name, who, id)| {
            words(&format!("XCLAIM stream {name} {who} 0 {id}-1 TIME {FAR_MS} FORCE LASTID 0-0"))
        }),
    ]
}

/// What there is under each key.
fn all(ours: &mut Ours) -> Vec<(&'static str, Vec<String>)> {
    const KEYS: [&str; 8] = ["string", "list", "set", "ints", "hash", "fields", "sorted", "stream"];
    let mut all = Vec::new();
    for key in KEYS {
        if let Some(payload) = ours.run(&words(&format!("DUMP {key}"))).as_bytes() {
            all.push((key, tell(view(&of_payload(payload)))));
        }
    }
    all
}

proptest! {
    #[test]
    fn a_base_in_log_form_makes_what_it_was_made_from(
        commands in prop_oneof![vec(of_collections(), 0..20), vec(of_streams(), 0..60)],
    ) {
        let (mut ours, mut base) = (Ours::new(), LogBase::new(None));
        for command in &commands {
            ours.run(command);
        }
        let there = all(&mut ours);
        base.database(0);
        for (key, _) in &there {
            let payload = ours.run(&words(&format!("DUMP {key}"))).as_bytes().expect("it is there").to_vec();
            base.entry(key.as_bytes(), view(&of_payload(&payload)), None);
        }
        let mut again = Ours::new();
        again.load(&base.take());
        prop_assert_eq!(all(&mut again), there);
    }
}
