//! The files of a log, looked at and changed from outside.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::OURS;

/// The directory that servers keep their logs in.
pub fn directory(home: &Path) -> PathBuf {
    home.join("appendonlydir")
}

pub fn manifest(home: &Path) -> PathBuf {
    directory(home).join("appendonly.aof.manifest")
}

/// File name, sequence and type of each line of the manifest.
pub fn entries(home: &Path) -> Vec<(String, u64, char)> {
    let text = fs::read_to_string(manifest(home)).unwrap();
    let entry = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!((words[0], words[2], words[4]), ("file", "seq", "type"), "{line}");
        (words[1].to_owned(), words[3].parse().unwrap(), words[5].chars().next().unwrap())
    };
    text.lines().map(entry).collect()
}

/// The last increment, or the base if there is none.
pub fn last_file(home: &Path) -> PathBuf {
    directory(home).join(&entries(home).last().unwrap().0)
}

/// Of each command in the log's form: where it begins, and its words. Bytes that are none end it.
pub fn commands(bytes: &[u8]) -> Vec<(usize, Vec<Vec<u8>>)> {
    let (mut at, mut all) = (0, Vec::new());
    while let Some((words, end)) = command(bytes, at) {
        if !words.is_empty() {
            all.push((at, words));
        }
        at = end;
    }
    all
}

/// The words of the command at this place, none for a remark, and where it ends.
fn command(bytes: &[u8], at: usize) -> Option<(Vec<Vec<u8>>, usize)> {
    let line = |at: usize| -> Option<(&[u8], usize)> {
        let length = bytes.get(at..)?.windows(2).position(|two| two == b"\r\n")?;
        Some((&bytes[at..at + length], at + length + 2))
    };
    let number = |line: &[u8]| std::str::from_utf8(line.get(1..)?).ok()?.parse::<usize>().ok();
    let (head, mut at) = line(at)?;
    if head.first() == Some(&b'#') {
        return Some((Vec::new(), at));
    }
    let mut words = Vec::new();
    for _ in 0..number(head)? {
        let (head, begin) = line(at)?;
        let end = begin + number(head)?;
        words.push(bytes.get(begin..end)?.to_vec());
        at = end + 2;
    }
    (at <= bytes.len()).then_some((words, at))
}

/// Makes two files of the last increment, as an interrupted rewrite does.
pub fn split(home: &Path) {
    let path = last_file(home);
    let bytes = fs::read(&path).unwrap();
    let commands = commands(&bytes);
    let (mut selected, mut is_within, mut at) = (Vec::new(), false, None);
    for (index, (begin, words)) in commands.iter().enumerate() {
        if index > commands.len() / 2 && !is_within && at.is_none() {
            at = Some((*begin, selected.clone()));
        }
        match words[0].to_ascii_uppercase().as_slice() {
            b"SELECT" => selected.clone_from(&words[1]),
            b"MULTI" => is_within = true,
            b"EXEC" => is_within = false,
            _ => {}
        }
    }
    let (at, selected) = at.unwrap();
    let (name, sequence, _) = entries(home).pop().unwrap();
    let next = name.replace(&format!(".{sequence}."), &format!(".{}.", sequence + 1));
    let mut second = format!("*2\r\n$6\r\nSELECT\r\n${}\r\n", selected.len()).into_bytes();
    second.extend([&selected, &b"\r\n"[..], &bytes[at..]].concat());
    fs::write(&path, &bytes[..at]).unwrap();
    fs::write(directory(home).join(&next), second).unwrap();
    let mut text = fs::read_to_string(manifest(home)).unwrap();
    text.push_str(&format!("file {next} seq {} type i\n", sequence + 1));
    fs::write(manifest(home), text).unwrap();
}

/// A copy of a server's directory.
pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Has the tools judge a log: ours, and those of Redis 7.0, if that reads it.
pub fn check(home: &Path, is_of_7_0: bool) {
    checked_by(Command::new(OURS).arg("--check-aof").arg(directory(home)), "valid");
    if !is_of_7_0 {
        return;
    }
    checked_by(Command::new("redis-check-aof").arg(manifest(home)), "All AOF files and manifest are valid");
    for (name, _, kind) in entries(home) {
        // What is only kept to be removed may be gone.
        if kind != 'h' && name.ends_with(".rdb") {
            let path = directory(home).join(name);
            checked_by(Command::new("redis-check-rdb").arg(path), "RDB looks OK");
        }
    }
}

fn checked_by(command: &mut Command, expected: &str) {
    let Ok(output) = command.output() else {
        eprintln!("{command:?} is not there: left out");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains(expected), "{command:?}: {said}");
}
