//! `--check-aof`: finds a log's files, feeds them to the checks, and cuts what may be cut.

use std::path::{Path, PathBuf};

use seawall::config::Config;
use seawall::config::arguments::CheckAof;
use seawall::dump::Limits;
use seawall::keyspace::HashKey;
use seawall::persistence::aof::{
    Corrupt, DumpCheck, FileCheck, FileReport, Manifest, Names, Repair, Verdict, Wish,
};
use seawall::persistence::rdb::{Loader, Part};
use seawall::runtime::tokio::Tokio;
use seawall::runtime::{File, OpenMode, Runtime};

/// A file is read in pieces of this size, in bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// What there is to tell.
pub struct Outcome {
    pub text: String,
    /// Whether a server can load it, as it is now.
    pub is_valid: bool,
    /// A file that was cut, to be synced.
    pub changed: Option<<Tokio as Runtime>::File>,
}

/// A base in dump form, which a log may follow.
struct Dump(Loader);

impl DumpCheck for Dump {
    fn feed(&mut self, bytes: &[u8]) -> Result<Option<u64>, Corrupt> {
        self.0.feed(bytes);
        loop {
            match self.0.next() {
                Ok(None) => return Ok(None),
                Ok(Some(Part::End)) => return Ok(Some(self.0.position())),
                Ok(Some(_)) => {}
                Err(broken) => return Err(Corrupt { at: broken.at, whole: 0, what: broken.to_string() }),
            }
        }
    }
}

fn dump_check(file_bytes: u64) -> Box<dyn DumpCheck> {
    let limits = Limits::of(&Config::default(), HashKey::new(Tokio::random(), Tokio::random()));
    Box::new(Dump(Loader::new(limits, file_bytes, true)))
}

/// Checks a directory, a manifest or a file. The error is a text for the operator.
pub fn aof(wanted: &CheckAof) -> Result<Outcome, String> {
    let path = Path::new(&wanted.path);
    let (mut text, files) = match manifest_of(path)? {
        Some(manifest) => (format!("Checking the log of {}\n", manifest.display()), files_of(&manifest)?),
        None => (String::new(), vec![path.to_owned()]),
    };
    let wish = Wish { fix: wanted.fix, until: wanted.until };
    let mut outcome = Outcome { text: String::new(), is_valid: true, changed: None };
    let mut all_checked = true;
    for (index, path) in files.iter().enumerate() {
        let report = check_file(path, wish)?;
        text.push_str(&report.describe(&path.display().to_string()));
        text.push('\n');
        all_checked &= report.verdict != Verdict::Unchecked;
        // As the start sees it: a crash may leave an increment that has been opened, and is not written to yet.
        let repair = report.repair(wish, files[index + 1..].iter().all(|file| is_empty(file)));
        outcome.is_valid = act(path, &report, repair, &mut text, &mut outcome.changed)?;
        if !outcome.is_valid {
            break;
        }
    }
    if outcome.is_valid {
        text.push_str(if all_checked { "All is valid" } else { "All that was checked is valid" });
    }
    outcome.text = text;
    Ok(outcome)
}

fn is_empty(path: &Path) -> bool {
    Tokio::open(path, OpenMode::Read).and_then(|file| file.length()).is_ok_and(|bytes| bytes == 0)
}

/// Whether the file is valid in the end.
fn act(
    path: &Path,
    report: &FileReport,
    repair: Repair,
    text: &mut String,
    changed: &mut Option<<Tokio as Runtime>::File>,
) -> Result<bool, String> {
    match repair {
        Repair::None => Ok(true),
        Repair::Refused(why) => {
            text.push_str(&format!("{} is not valid: {why}\n", path.display()));
            Ok(false)
        }
        Repair::Cut(length) => {
            let unable = |e| format!("Can't cut {}: {e}", path.display());
            let file = Tokio::open(path, OpenMode::ReadWrite).map_err(unable)?;
            file.set_length(length).map_err(unable)?;
            let (from, lost) = (report.bytes, report.bytes.saturating_sub(length));
            text.push_str(&format!(
                "{} was cut from {from} bytes to {length}: {lost} bytes are gone\n",
                path.display()
            ));
            *changed = Some(file);
            Ok(true)
        }
    }
}

/// The manifest that is meant, if it is not a single file.
fn manifest_of(path: &Path) -> Result<Option<PathBuf>, String> {
    const ENDING: &str = ".manifest";
    let Ok(names) = Tokio::list(path) else {
        let is_manifest = path.to_str().is_some_and(|name| name.ends_with(ENDING));
        return Ok(is_manifest.then(|| path.to_owned()));
    };
    let found: Vec<&String> =
        names.iter().filter(|name| name.ends_with(ENDING) && !name.starts_with("temp-")).collect();
    match found[..] {
        [name] => Ok(Some(path.join(name))),
        [] => Err(format!("There is no manifest in {}", path.display())),
        _ => Err(format!("There is more than one manifest in {}", path.display())),
    }
}

/// The files that a manifest names, in the order in which they are loaded.
fn files_of(manifest: &Path) -> Result<Vec<PathBuf>, String> {
    let text = Tokio::read_file(manifest).map_err(|e| format!("Can't read {}: {e}", manifest.display()))?;
    // What the files were called matters to changes only.
    let names = Names { file: String::new() };
    let manifest_read = Manifest::parse(names, &text).map_err(|e| format!("{}: {e}", manifest.display()))?;
    let directory = manifest.parent().unwrap_or(Path::new(""));
    Ok(manifest_read.live().map(|entry| directory.join(&entry.name)).collect())
}

fn check_file(path: &Path, wish: Wish) -> Result<FileReport, String> {
    let unreadable = |e| format!("Can't read {}: {e}", path.display());
    let file = Tokio::open(path, OpenMode::Read).map_err(unreadable)?;
    let length = file.length().map_err(unreadable)?;
    let mut check = FileCheck::new(length, wish, Some(dump_check(length)));
    let (mut chunk, mut at) = (vec![0; CHUNK_BYTES], 0);
    loop {
        let read = file.read_at(&mut chunk, at).map_err(unreadable)?;
        at += read as u64;
        if read == 0 || !check.feed(&chunk[..read]) {
            return Ok(check.finish());
        }
    }
}
