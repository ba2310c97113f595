//! Damaged logs: ours and a real server, given the same files, load the same or refuse both, and leave the same files behind.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use seawall::protocol::client::Value;

use crate::content::{Content, content};
use crate::data::{OPTIONS, rewrite};
use crate::files;
use crate::process::{Client, OURS, PATIENCE, Room, Server};

/// Changes a file.
type Change = fn(&mut Vec<u8>);
/// Changes a manifest's text.
type Rewording = fn(String) -> String;

/// What became of a start.
#[derive(PartialEq, Debug)]
enum Outcome {
    Refused,
    Served(Content),
}

/// Starts a server, and what it serves with.
fn outcome(program: &str, home: &Path, options: &[&str]) -> Outcome {
    let mut server = Server::spawn(program, home, &[OPTIONS, options].concat());
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if server.has_ended() {
            return Outcome::Refused;
        }
        if let Some(mut client) = Client::open(server.port)
            && matches!(client.ask(&["PING"]), Value::Simple(_))
        {
            let found = content(&mut client);
            server.kill();
            return Outcome::Served(found);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{program} neither serves nor ends");
}

/// A log with a base, two increments, transactions and remarks. The last commands are a transaction and a plain one.
fn make(home: &Path) {
    let server = Server::start("redis-server", home, OPTIONS);
    let mut client = server.client();
    let lines: Vec<String> = (0..50).map(|i| format!("RPUSH list:{} element-{i}", i % 7)).collect();
    client.run_together(&lines);
    rewrite(&mut client, true);
    client.run_together(&lines);
    client.run(&["SELECT 3", "SET other 1", "SELECT 0"]);
    client.run_together(&lines);
    client.run(&["MULTI", "SET a 1", "SET b 2", "INCR c", "EXEC", "SET last value"]);
    server.kill();
    files::split(home);
}

/// Damages copies of a log, and compares what servers make of them, and what they leave. What ours did.
fn compare(name: &str, options: &[&str], damage: impl Fn(&Path)) -> Outcome {
    let [(theirs, left_by_theirs), (ours, left_by_ours)] = both(name, options, damage);
    assert!(theirs == ours, "{name}: {:.2000}\nours: {:.2000}", show(&theirs), show(&ours));
    let lengths = |files: &[(String, Vec<u8>)]| -> Vec<(String, usize)> {
        files.iter().map(|(name, bytes)| (name.clone(), bytes.len())).collect()
    };
    assert_eq!(lengths(&left_by_theirs), lengths(&left_by_ours), "{name}: what is left");
    assert!(left_by_theirs == left_by_ours, "{name}: what is left has the same lengths and differs");
    ours
}

type Files = Vec<(String, Vec<u8>)>;

/// What a real server and ours do, and the files that they leave.
fn both(name: &str, options: &[&str], damage: impl Fn(&Path)) -> [(Outcome, Files); 2] {
    let made = Room::new(&format!("log-damage-{name}"));
    let sound = made.0.join("sound");
    fs::create_dir_all(&sound).unwrap();
    make(&sound);
    let mut outcomes: Vec<(Outcome, Files)> = Vec::new();
    for (number, program) in ["redis-server", OURS].into_iter().enumerate() {
        let home = made.0.join(number.to_string());
        files::copy(&sound, &home);
        damage(&home);
        let outcome = outcome(program, &home, options);
        let mut left = Files::new();
        for entry in fs::read_dir(files::directory(&home)).unwrap().flatten() {
            left.push((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).unwrap()));
        }
        left.sort();
        outcomes.push((outcome, left));
    }
    outcomes.try_into().ok().unwrap()
}

/// The same, where a real server leaves files in which the next start finds what was dropped, or cuts what it then refuses.
fn compare_outcome(name: &str, options: &[&str], damage: impl Fn(&Path)) -> Outcome {
    let [(theirs, _), (ours, _)] = both(name, options, damage);
    assert!(theirs == ours, "{name}: {:.2000}\nours: {:.2000}", show(&theirs), show(&ours));
    ours
}

fn show(outcome: &Outcome) -> String {
    format!("{outcome:?}")
}

fn change(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

fn last(home: &Path) -> std::path::PathBuf {
    files::last_file(home)
}

fn of(home: &Path, index: usize) -> std::path::PathBuf {
    files::directory(home).join(&files::entries(home)[index].0)
}

/// Where the last command of this name begins in the last file.
fn last_of(bytes: &[u8], name: &[u8]) -> usize {
    let commands = files::commands(bytes);
    commands.iter().rev().find(|(_, words)| words[0].eq_ignore_ascii_case(name)).unwrap().0
}

const LOAD: &[&str] = &["--aof-load-truncated", "yes"];
const REFUSE: &[&str] = &["--aof-load-truncated", "no"];

#[test]
fn a_torn_end_is_cut_if_that_is_wanted() {
    for (number, bytes) in [1, 2, 3, 8, 13, 25].into_iter().enumerate() {
        let cut = |home: &Path| {
            change(&last(home), |file| {
                let at = last_of(file, b"SET");
                file.truncate(at + bytes);
            });
        };
        let loaded = compare(&format!("torn-{number}"), LOAD, cut);
        let Outcome::Served(content) = loaded else { panic!("a torn end was refused") };
        assert!(content.contains_key("0/a") && !content.contains_key("0/last"));
        assert_eq!(compare(&format!("torn-no-{number}"), REFUSE, cut), Outcome::Refused);
    }
}

#[test]
fn a_transaction_that_does_not_end_is_cut_if_that_is_wanted() {
    for (number, name) in [b"EXEC".as_slice(), b"INCR"].into_iter().enumerate() {
        for torn in [0, 7] {
            let cut = |home: &Path| {
                change(&last(home), |file| {
                    let at = last_of(file, name);
                    file.truncate(at + torn);
                });
            };
            // A real server leaves MULTI there where what follows is torn, and the next start takes all that comes behind
            // for a part of it.
            let loaded = compare_outcome(&format!("multi-{number}-{torn}"), LOAD, cut);
            let Outcome::Served(content) = loaded else { panic!("a transaction without end was refused") };
            assert!(content.contains_key("0/list:1") && !content.contains_key("0/a"));
            let refused = compare(&format!("multi-no-{number}-{torn}"), REFUSE, cut);
            assert_eq!(refused, Outcome::Refused);
        }
    }
}

#[test]
fn what_is_damaged_in_the_middle_is_refused() {
    let damages: [(&str, Change); 6] = [
        ("no-command", |file| {
            let at = last_of(file, b"MULTI");
            file[at] = b'x';
        }),
        ("no-word", |file| {
            let at = last_of(file, b"MULTI");
            file[at + 4] = b'x';
        }),
        ("no-number", |file| {
            let at = last_of(file, b"MULTI");
            file[at + 1] = b'x';
        }),
        ("text-behind", |file| file.extend(b"what is this?\r\n")),
        ("unknown-command", |file| file.extend(b"*1\r\n$4\r\nNONE\r\n")),
        ("no-words", |file| {
            let at = last_of(file, b"MULTI");
            file[at + 1] = b'0';
        }),
    ];
    for (name, damage) in damages {
        let refused = compare(name, LOAD, |home| change(&last(home), damage));
        assert_eq!(refused, Outcome::Refused, "{name}");
    }
}

/// Where a file was made longer and its data did not come to the disk, there are zeros. Redis refuses them.
#[test]
fn zeros_at_the_end_are_torn() {
    let zeros = |home: &Path| change(&last(home), |file| file.extend([0; 100]));
    let [(theirs, _), (ours, left)] = both("zeros", LOAD, zeros);
    assert_eq!(theirs, Outcome::Refused);
    assert!(matches!(ours, Outcome::Served(_)));
    assert!(!left.iter().any(|(_, bytes)| bytes.ends_with(&[0; 100])));
    let [(theirs, _), (ours, _)] = both("zeros-no", REFUSE, zeros);
    assert_eq!((theirs, ours), (Outcome::Refused, Outcome::Refused));
}

#[test]
fn only_the_last_file_may_be_torn() {
    for (number, index) in [0, 1].into_iter().enumerate() {
        let cut = |home: &Path| change(&of(home, index), |file| file.truncate(file.len() - 3));
        // A real server cuts it all the same.
        assert_eq!(compare_outcome(&format!("earlier-{number}"), LOAD, cut), Outcome::Refused);
    }
    // A transaction must not reach into the next file.
    let open = |home: &Path| change(&of(home, 1), |file| file.extend(b"*1\r\n$5\r\nMULTI\r\n"));
    assert_eq!(compare_outcome("earlier-multi", LOAD, open), Outcome::Refused);
}

#[test]
fn missing_files_are_missed() {
    for index in 0..3 {
        let remove = |home: &Path| fs::remove_file(of(home, index)).unwrap();
        assert_eq!(compare(&format!("missing-{index}"), LOAD, remove), Outcome::Refused);
    }
}

#[test]
fn files_may_be_empty() {
    for index in 1..3 {
        let empty = |home: &Path| change(&of(home, index), Vec::clear);
        assert!(matches!(compare(&format!("empty-{index}"), LOAD, empty), Outcome::Served(_)));
    }
    compare("empty-base", LOAD, |home| change(&of(home, 0), Vec::clear));
    compare("empty-manifest", LOAD, |home| fs::write(files::manifest(home), "").unwrap());
}

#[test]
fn a_manifest_that_is_wrong_is_refused() {
    let texts: [(&str, Rewording); 9] = [
        ("cut", |text| text[..text.len() - 4].to_owned()),
        ("no-end-of-line", |text| text.trim_end().to_owned()),
        ("two-bases", |text| text.replace("type i", "type b")),
        ("unknown-type", |text| text.replace("type i", "type x")),
        ("falling", |text| {
            let mut lines: Vec<&str> = text.lines().collect();
            lines.swap(1, 2);
            lines.join("\n") + "\n"
        }),
        ("nonsense", |text| format!("{text}nonsense\n")),
        ("path", |text| text.replacen("file ", "file ../", 1)),
        ("number", |text| text.replacen("seq 1", "seq one", 1)),
        ("long-line", |text| format!("{text}# {}\n", "x".repeat(2000))),
    ];
    for (name, damage) in texts {
        compare(&format!("manifest-{name}"), LOAD, |home| {
            let text = fs::read_to_string(files::manifest(home)).unwrap();
            fs::write(files::manifest(home), damage(text)).unwrap();
        });
    }
}

/// Remarks are passed over, also where they are not times.
#[test]
fn remarks_are_passed_over() {
    let remark = |home: &Path| {
        change(&last(home), |file| {
            let at = last_of(file, b"MULTI");
            file.splice(at..at, b"#TS:1700000000\r\n# anything\r\n".iter().copied());
            file.extend(b"#TS:1800000000\r\n");
        });
    };
    assert!(matches!(compare("remarks", LOAD, remark), Outcome::Served(_)));
    let torn = |home: &Path| change(&last(home), |file| file.extend(b"#TS:18000"));
    // A real server leaves it, and what it writes behind it is part of the remark.
    compare_outcome("torn-remark", LOAD, torn);
}

/// A command that fails when it is loaded is passed over, as it was answered with an error.
#[test]
fn commands_that_fail_are_passed_over() {
    let fail = |home: &Path| {
        change(&last(home), |file| file.extend(b"*3\r\n$4\r\nSADD\r\n$6\r\nlist:1\r\n$1\r\nx\r\n"));
    };
    compare("failing", LOAD, fail);
    let arity = |home: &Path| change(&last(home), |file| file.extend(b"*1\r\n$3\r\nSET\r\n"));
    compare("arity", LOAD, arity);
    let inline = |home: &Path| change(&last(home), |file| file.extend(b"SET inline 1\r\n"));
    compare("inline", LOAD, inline);
}

/// A rewrite that a crash cut short has opened the next increment, and written nothing to it.
#[test]
fn what_is_torn_before_an_empty_increment_is_cut_on_request() {
    let room = Room::new("log-fixed-before-empty");
    let directory = files::directory(&room.0);
    fs::create_dir_all(&directory).unwrap();
    let (first, second) = (directory.join("a.1.incr.aof"), directory.join("a.2.incr.aof"));
    fs::write(&first, "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGE").unwrap();
    fs::write(&second, "").unwrap();
    let manifest = "file a.1.incr.aof seq 1 type i\nfile a.2.incr.aof seq 2 type i\n";
    fs::write(directory.join("a.manifest"), manifest).unwrap();
    let fixed = || Command::new(OURS).arg("--check-aof").arg("--fix").arg(&directory).status().unwrap();
    assert!(fixed().success());
    assert_eq!(fs::read(&first).unwrap(), b"*1\r\n$4\r\nPING\r\n");
    // Once something was written behind it, it was whole.
    fs::write(&first, "*1\r\n$4\r\nPING\r\n*2").unwrap();
    fs::write(&second, "*1\r\n$4\r\nPING\r\n").unwrap();
    assert!(!fixed().success());
}
