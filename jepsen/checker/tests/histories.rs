//! Histories with known verdicts, in `tests/histories/`. A line `# expect: ...` in each says what is right:
//! `linearizable` or `violation KEY`.

use seawall_checker::timeline::Statistics;
use seawall_checker::{History, StringKey, Verdict, linearizability, notation};
use std::fs;
use std::path::PathBuf;

/// Name, text and history of every file, by name.
fn fixtures() -> Vec<(String, String, History)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/histories");
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder of histories is there")
        .map(|entry| entry.expect("the folder can be listed").path())
        .collect();
    paths.sort();
    let load = |path: PathBuf| {
        let name = path.display().to_string();
        let text = fs::read_to_string(&path).expect("a history is text");
        let history = notation::read(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, text, history)
    };
    paths.into_iter().map(load).collect()
}

fn expectation(text: &str) -> &str {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix("# expect: ")).expect("every history says what is expected")
}

fn verdict(history: &History) -> Verdict {
    linearizability::check(history, &StringKey, linearizability::STEPS_MAX)
        .expect("the history is well-formed")
}

#[test]
fn every_history_gets_the_verdict_it_deserves() {
    let fixtures = fixtures();
    assert!(fixtures.len() >= 25, "only {} histories", fixtures.len());
    for (name, text, history) in fixtures {
        let found = match verdict(&history) {
            Verdict::Linearizable { .. } => "linearizable".to_owned(),
            Verdict::Violation(it) => format!("violation {}", it.key.escape_ascii()),
            Verdict::Inconclusive { key, .. } => format!("inconclusive {}", key.escape_ascii()),
        };
        assert_eq!(found, expectation(&text), "{name}");
    }
}

#[test]
fn every_history_survives_being_written_and_read() {
    for (name, _, history) in fixtures() {
        let written = notation::write(&history);
        let read = notation::read(&written).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(notation::write(&read), written, "{name}");
        let outcome = |history: &History| matches!(verdict(history), Verdict::Violation(_));
        assert_eq!(outcome(&read), outcome(&history), "{name}");
        assert_eq!(Statistics::of(&read), Statistics::of(&history), "{name}");
    }
}

#[test]
fn a_violation_names_the_reply_without_explanation() {
    let named = [
        ("bad_stale_read.txt", "c2 GET -> \"old\"", "\"new\""),
        ("bad_doubled_increment.txt", "c1 INCRBY 1 -> 3", "\"1\""),
        ("bad_many_clients.txt", "c13 GET -> \"v7\"", "\"v3\""),
        ("bad_counter_survives_the_wipe.txt", "c1 INCRBY 1 -> 2", "nil"),
        ("bad_unknown_write_happens_twice.txt", "c2 GET -> \"a\"", "\"b\""),
    ];
    for (file, culprit, held) in named {
        let fixtures = fixtures();
        let found = fixtures.iter().find(|(name, ..)| name.ends_with(file));
        let Verdict::Violation(violation) = verdict(&found.expect("the file is there").2) else {
            panic!("{file} is a violation");
        };
        let text = violation.to_string();
        let mut lines = text.lines().skip_while(|line| *line != "No order explains").skip(1);
        let line = lines.next().unwrap_or_default();
        assert!(line.contains(culprit), "{file}:\n{text}");
        assert_eq!(violation.states, [held], "{file}:\n{text}");
    }
}

#[test]
fn a_budget_that_is_spent_is_no_pass() {
    let (_, _, history) = fixtures().swap_remove(0);
    let verdict = linearizability::check(&history, &StringKey, 0);
    assert!(matches!(verdict, Ok(Verdict::Inconclusive { .. })));
}

#[test]
fn a_line_that_is_no_operation_is_named() {
    let bad = [
        "10 20 c1 x",
        "10 20 c1 x GET",
        "10 20 c1 x GET ->",
        "10 20 c1 x GET -> maybe",
        "10 20 x x GET -> nil",
        "ten 20 c1 x GET -> nil",
        "10 20 c1 x SET -> OK",
        "10 20 c1 x SET a YY -> OK",
        "10 20 c1 x INCRBY a -> 1",
        "10 20 c1 x DECRBY -9223372036854775808 -> 1",
        "10 20 c1 \"x GET -> nil",
    ];
    for line in bad {
        let error = notation::read(&format!("# first\n{line}")).expect_err(line);
        assert_eq!(error.line, 2, "{error}");
    }
    let inverted = notation::read("20 10 c1 x GET -> nil").expect("the line itself is right");
    assert!(inverted.validate().is_err());
}
