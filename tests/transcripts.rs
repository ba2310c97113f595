//! Plays the transcripts in `tests/transcripts/` against a server, each against a fresh one.
//!
//! ```text
//! cargo test --test transcripts [-- FILTER]                     our own server
//! SEAWALL_TRANSCRIPT_SERVER=redis-server cargo test ...         any other, by its command
//! ci/record [SERVER [FILTER]]                                   writes the replies of a real server into the transcripts
//! ```
//!
//! The notation is described in `tests/transcripts/README.md`.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a client outside the server: it needs real sockets, processes and files"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};

use support::play::play;
use support::record::Recording;
use support::server::Target;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let target = match Target::from_environment(env!("CARGO_BIN_EXE_seawall"), env!("CARGO_TARGET_TMPDIR")) {
        Ok(target) => Arc::new(target),
        Err(reason) => return fail(&reason),
    };
    let recording = match Recording::from_environment() {
        Ok(recording) => Arc::new(recording),
        Err(reason) => return fail(&reason),
    };
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let trials = transcripts(&root).into_iter().map(|path| {
        let (target, recording) = (Arc::clone(&target), Arc::clone(&recording));
        let name = path.strip_prefix(&root).unwrap_or(&path).with_extension("");
        Trial::test(name.display().to_string(), move || {
            play(&path, &target, &recording).map_err(Failed::from)
        })
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

fn fail(reason: &str) -> ExitCode {
    eprintln!("transcripts: {reason}");
    ExitCode::FAILURE
}

/// All `.txt` files below a folder, sorted.
fn transcripts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.path()) {
        if path.is_dir() {
            found.extend(transcripts(&path));
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            found.push(path);
        }
    }
    found.sort();
    found
}
