//! Files that servers save are read with the same content, and ours are loaded by them.

use std::path::Path;
use std::process::Command;

use seawall::dump::{self, Form};
use seawall::persistence::rdb::{Check, Loader, Options, Part, Saver, Used};
use seawall::protocol::client::Value as Reply;
use seawall::types::Value;

use crate::cases::{CASES, Case};
use crate::folder::Folder;
use crate::peers::{Ours, SERVERS, Server, Theirs, words};
use crate::values::{limits, view};

/// Programs that check files, with the versions of the format that they know.
const CHECKERS: &[(&str, u16)] = &[("redis-check-rdb", 10), ("redis8-check-rdb", 12)];
pub const LIBRARY: &str = "#!lua name=lib\nredis.register_function('f', function() return 1 end)";
pub const FAR_MS: i64 = 4_000_000_000_123;

/// Does something with each part of a file, which comes in pieces of such a length.
fn each_part(file: &[u8], length: usize, mut each: impl FnMut(Part<'_>)) {
    let mut loader = Loader::new(limits(), file.len() as u64, true);
    for chunk in file.chunks(length) {
        loader.feed(chunk);
        while let Some(part) = loader.next().unwrap_or_else(|broken| panic!("{broken}")) {
            each(part);
        }
    }
    assert_eq!(loader.position(), file.len() as u64, "the file was read to its end");
}

fn save(theirs: &mut Theirs, folder: &Folder) -> Vec<u8> {
    assert!(theirs.run(&words("SAVE")).is_ok());
    std::fs::read(folder.file()).expect("the server has saved a file")
}

/// Makes every value that the server knows under its case's name; the answers that tell them.
fn fill(theirs: &mut Theirs) -> Vec<(&'static Case, Vec<Reply>)> {
    let mut made = Vec::new();
    for case in CASES {
        let Some(told) = theirs.make(case) else { continue };
        theirs.run(&words(&format!("RENAME k {}", case.name)));
        made.push((case, told));
    }
    made
}

#[test]
fn files_of_other_servers_are_read() {
    for (program, _) in SERVERS {
        let folder = Folder::new(program);
        let Some(mut theirs) = folder.start(program, &["--maxmemory-policy", "allkeys-lru"]) else {
            continue;
        };
        let made = fill(&mut theirs);
        theirs.run(&words(&format!("PEXPIREAT long-text {FAR_MS}")));
        theirs.run(&["FUNCTION", "LOAD", LIBRARY].map(|word| word.as_bytes().to_vec()));
        theirs.run_all("SELECT 3; SET other 5; SELECT 0");
        let file = save(&mut theirs, &folder);
        let mut ours = Ours::new();
        for length in [13, 4096] {
            let (mut database, mut others, mut told) = (0, Vec::new(), 0);
            each_part(&file, length, |part| match part {
                Part::Database(number) => database = number,
                Part::Library(code) => others.push(String::from_utf8_lossy(&code).into_owned()),
                Part::Entry { key, value, expiry_ms, used } if database == 0 => {
                    let (case, said) =
                        made.iter().find(|(case, _)| case.name.as_bytes() == &*key).expect("it was made");
                    let payload = dump::payload(view(&value), false);
                    assert_eq!(
                        ours.restore(&payload, case.asked).as_ref(),
                        Ok(said),
                        "{} of {program}",
                        case.name
                    );
                    assert_eq!(expiry_ms, (case.name == "long-text").then_some(FAR_MS));
                    assert!(matches!(used, Used::IdleSeconds(_)));
                    told += 1;
                }
                Part::Entry { key, value, .. } => others.push(format!("{database} {key:?} {value:?}")),
                Part::Aux { .. } | Part::Sizes { .. } | Part::End => {}
            });
            assert_eq!(told, made.len(), "{program}");
            assert_eq!(others, [LIBRARY.to_owned(), format!("3 {:?} Int(5)", b"other")]);
        }
        check(&file, made.len() + 1);
    }
}

#[test]
fn frequencies_of_other_servers_are_read() {
    for (program, _) in SERVERS {
        let folder = Folder::new(&format!("lfu-{program}"));
        let Some(mut theirs) = folder.start(program, &["--maxmemory-policy", "allkeys-lfu"]) else {
            continue;
        };
        theirs.run(&words("SET k v"));
        let mut frequencies = Vec::new();
        each_part(&save(&mut theirs, &folder), 100, |part| {
            if let Part::Entry { used, .. } = part {
                frequencies.push(used);
            }
        });
        assert!(matches!(frequencies[..], [Used::Frequency(1..)]), "{program}: {frequencies:?}");
    }
}

fn check(file: &[u8], keys: usize) {
    let mut check = Check::new(limits(), file.len() as u64, 0);
    check.feed(file);
    let report = check.finish();
    assert!(report.is_sound(), "{report}");
    assert!(report.to_string().contains(&format!("[info] {keys} keys read")), "{report}");
}

/// The file of every case whose form one of these versions has, and the cases with what is to be answered.
fn ours(versions: &[u16], options: Options) -> (Vec<u8>, Vec<(&'static Case, Vec<Reply>)>) {
    let (mut ours, mut saver, mut made) = (Ours::new(), Saver::new(options), Vec::new());
    saver.aux("redis-ver", b"7.2.0");
    saver.library(LIBRARY.as_bytes());
    saver.database(0, CASES.len(), 1);
    for case in CASES {
        let told = ours.make(case).expect("we know all values");
        let payload = ours.dump();
        let body = dump::footer::open(&payload).expect("a payload has a footer");
        let value = dump::value(body, &limits()).expect("we read what we write");
        if versions.contains(&Form::of(view(&value), dump::VERSION_MIN).version()) {
            let expiry_ms = (case.name == "long-text").then_some(FAR_MS);
            saver.entry(case.name.as_bytes(), view(&value), expiry_ms, Used::IdleSeconds(7));
            made.push((case, told));
        }
    }
    saver.database(3, 1, 0);
    saver.entry(b"12345", Value::Int(5), None, Used::Unknown);
    saver.end();
    let mut file = saver.take();
    if let Some(header) = saver.final_header() {
        file[..header.len()].copy_from_slice(&header);
    }
    (file, made)
}

#[test]
fn our_files_are_loaded_by_other_servers() {
    for (program, versions) in SERVERS {
        for (compress, checksum) in [(false, true), (true, true), (true, false)] {
            let folder = Folder::new(&format!("ours-{compress}-{checksum}-{program}"));
            let (file, made) =
                ours(versions, Options { compress, checksum, plain_streams: false, for_valkey: false });
            std::fs::write(folder.file(), &file).expect("the file can be written");
            let Some(mut theirs) = folder.start(program, &[]) else { continue };
            for (case, told) in &made {
                let expiry = theirs.run(&words(&format!("PEXPIRETIME {}", case.name))).as_integer();
                assert_eq!(expiry, Some(if case.name == "long-text" { FAR_MS } else { -1 }), "{}", case.name);
                theirs.run(&words(&format!("RENAME {} k", case.name)));
                assert_eq!(&theirs.run_all(case.asked), told, "our {} in {program}", case.name);
                theirs.run(&words("DEL k"));
            }
            assert_eq!(theirs.run_all("DBSIZE; FCALL f 0")[..], [Reply::Integer(0), Reply::Integer(1)]);
            assert_eq!(theirs.run_all("SELECT 3; GET 12345")[1].as_bytes(), Some(&b"5"[..]));
            check(&file, made.len() + 1);
            let newest = versions.iter().filter(|version| **version < 80).max();
            for (checker, _) in
                CHECKERS.iter().filter(|(_, known)| newest.is_some_and(|version| version <= known))
            {
                checked_by(checker, &folder.file());
            }
        }
    }
}

fn checked_by(program: &str, file: &Path) {
    if let Ok(output) = Command::new(program).arg(file).output() {
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && said.contains("RDB looks OK"), "{program}: {said}");
    }
}
