//! What an operator knows of a node's files: which is which, where damage has to be noticed, and how a torn log is mended.

use std::path::{Path, PathBuf};

use seawall::persistence::aof::{FileCheck, Manifest, Names, Repair, Wish};

use crate::NodeId;
use crate::simulation::Simulation;

/// Where a node's files are.
const DIRECTORIES: [&str; 2] = ["/", LOG_DIRECTORY];
/// `appenddirname`
const LOG_DIRECTORY: &str = "/appendonlydir";
/// `appendfilename`
const LOG_NAME: &str = "appendonly.aof";

/// What a file is there for, for counts of what was struck.
pub fn kind(path: &str) -> &'static str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match (name.starts_with("temp-"), name) {
        (true, name) if name.ends_with(".manifest") => "new manifest",
        (true, name) if name.ends_with(".base") => "new base",
        (true, name) if name.ends_with(".incr") => "new first increment",
        (true, _) => "new dump",
        (false, name) if name.ends_with(".manifest") => "manifest",
        (false, name) if name.contains(".base.") => "base",
        (false, name) if name.contains(".incr.") => "increment",
        (false, name) if name.ends_with(".rdb") => "dump",
        (false, "appendonlydir") => "log directory",
        _ => "directory",
    }
}

/// All files of a node.
pub fn files(simulation: &Simulation, node: NodeId) -> Vec<PathBuf> {
    let of = |directory: &str| -> Vec<PathBuf> {
        let names = simulation.list_files(node, directory.as_ref()).unwrap_or_default();
        let paths = names.iter().map(|name| Path::new(directory).join(name));
        paths.filter(|path| kind(&path.to_string_lossy()) != "log directory").collect()
    };
    DIRECTORIES.iter().flat_map(|directory| of(directory)).collect()
}

/// The bytes of a file where a flipped bit has to be noticed, if the file is read at all.
///
/// Files in dump form have a checksum. A log and a manifest have none: a changed value is another value, the end of a log that is
/// damaged looks like one that is torn, and a manifest's `i` that became `h` says that the file is not needed any more. That is
/// the format's limit; what is left is every length and every end of a part, and the rest of the manifest.
pub fn guarded(path: &Path, content: &[u8]) -> Vec<u64> {
    match kind(&path.to_string_lossy()) {
        "manifest" => {
            let is_kind = |at: &usize| content[..*at].ends_with(b"type ");
            (0..content.len()).filter(|at| !is_kind(at)).map(|at| at as u64).collect()
        }
        "increment" => frame(content),
        "base" if !content.starts_with(b"REDIS") => frame(content),
        "base" | "dump" => (0..content.len() as u64).collect(),
        _ => Vec::new(),
    }
}

/// What is not an argument, in all units of a log but the last.
fn frame(content: &[u8]) -> Vec<u64> {
    let (mut frame, mut whole, mut at) = (Vec::new(), 0, 0);
    let mut in_transaction = false;
    while let Some(command) = command(content, &mut at, &mut frame) {
        in_transaction = (in_transaction || command == b"MULTI") && command != b"EXEC";
        if at == content.len() {
            break;
        }
        if !in_transaction {
            whole = at as u64;
        }
    }
    frame.retain(|position| *position < whole);
    frame
}

/// The name of the command at `at`, which is moved behind it; its frame is added.
fn command<'a>(content: &'a [u8], at: &mut usize, frame: &mut Vec<u64>) -> Option<&'a [u8]> {
    while content.get(*at) == Some(&b'#') {
        *at += content[*at..].iter().position(|byte| *byte == b'\n')? + 1;
    }
    let mut name = None;
    for _ in 0..number(content, at, b'*', frame)? {
        let length = number(content, at, b'$', frame)?;
        let argument = content.get(*at..*at + length)?;
        *at += length;
        frame.extend([*at as u64, *at as u64 + 1]);
        *at += 2;
        name.get_or_insert(argument);
    }
    name
}

/// The number of a line with this sign.
fn number(content: &[u8], at: &mut usize, sign: u8, frame: &mut Vec<u64>) -> Option<usize> {
    let line = content.get(*at..)?;
    let end = line.iter().position(|byte| *byte == b'\n')? + 1;
    frame.extend(*at as u64..(*at + end) as u64);
    *at += end;
    let digits = line[..end].strip_prefix(&[sign])?.strip_suffix(b"\r\n")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// Cuts the end of the log's last file off that is no unit, as `seawall --check-aof --fix` does. Whether there was one.
pub fn mend_log(simulation: &Simulation, node: NodeId) -> bool {
    let names = Names { file: LOG_NAME.into() };
    let path = |name: &str| Path::new(LOG_DIRECTORY).join(name);
    let Ok(text) = simulation.read_file(node, &path(&names.manifest())) else { return false };
    let Ok(manifest) = Manifest::parse(names, &text) else { return false };
    // Nothing goes into a file before all that is in the one before is durable.
    let read = |name: &str| simulation.read_file(node, &path(name)).unwrap_or_default();
    let holding = manifest.increments.iter().rev().map(|entry| (entry, read(&entry.name)));
    let Some((last, mut content)) = holding.into_iter().find(|(_, content)| !content.is_empty()) else {
        return false;
    };
    let wish = Wish { fix: true, until: None };
    let mut check = FileCheck::new(content.len() as u64, wish, None);
    check.feed(&content);
    let Repair::Cut(length) = check.finish().repair(wish, true) else { return false };
    content.truncate(length as usize);
    simulation.write_file(node, &path(&last.name), &content).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logs_frame_is_found() {
        let log =
            b"#TS:1\r\n*1\r\n$4\r\nPING\r\n*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nEXEC\r\n";
        let guarded = guarded(Path::new("/appendonlydir/appendonly.aof.1.incr.aof"), log);
        let expected: Vec<u64> = (7..15).chain(19..21).collect();
        assert_eq!(guarded, expected);
    }
}
