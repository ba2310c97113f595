//! What DUMP of one returns, RESTORE of another takes.

use std::fmt::Write as _;

use crate::cases::{CASES, Case};
use crate::peers::{Ours, SERVERS, Server, Theirs};

const PAYLOADS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/payloads.txt");
/// In the file, the server of payloads that were made by hand.
const MADE: &str = "made";

fn version(payload: &[u8]) -> u16 {
    let footer = payload.last_chunk::<10>().expect("a payload has a footer");
    u16::from_le_bytes([footer[0], footer[1]])
}

/// Server, case and payload of each line of the file.
fn recorded() -> Vec<(String, &'static Case, Vec<u8>)> {
    let text = std::fs::read_to_string(PAYLOADS).expect("the file is there");
    let line = |line: &str| {
        let [server, name, hex] = line.split(' ').collect::<Vec<_>>()[..] else {
            panic!("a line of three: {line}")
        };
        let case = CASES.iter().find(|case| case.name == name).expect("a case of this name");
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex digits");
        (server.to_owned(), case, (0..hex.len()).step_by(2).map(byte).collect())
    };
    text.lines().map(line).collect()
}

#[test]
fn what_servers_have_dumped_is_restored() {
    let mut ours = Ours::new();
    for (server, case, payload) in recorded() {
        let told = ours.make(case).expect("we know all values");
        assert_eq!(ours.restore(&payload, case.asked), Ok(told), "{} of {server}", case.name);
        let again = ours.dump();
        let told = ours.run_all(case.asked);
        assert_eq!(ours.restore(&again, case.asked), Ok(told), "{} of {server}, dumped again", case.name);
    }
}

#[test]
fn a_payload_that_is_cut_or_changed_is_refused() {
    let mut ours = Ours::new();
    for (_, case, payload) in recorded().into_iter().filter(|(.., payload)| payload.len() < 200) {
        for at in 0..payload.len() {
            let mut changed = payload.clone();
            changed[at] ^= 0x41;
            for bad in [&payload[..at], &changed] {
                let error = ours.restore(bad, case.asked).expect_err("a wrong checksum");
                assert_eq!(error.as_error(), Some(&b"ERR DUMP payload version or checksum are wrong"[..]));
            }
        }
    }
}

#[test]
fn values_go_to_other_servers_and_come_from_them() {
    let mut ours = Ours::new();
    let mut lines = String::new();
    for (program, reads) in SERVERS {
        let Some(mut theirs) = Theirs::start(program) else { continue };
        for case in CASES {
            let told = ours.make(case).expect("we know all values");
            let payload = ours.dump();
            match theirs.restore(&payload, case.asked) {
                Ok(theirs) => assert_eq!(theirs, told, "our {} at {program}", case.name),
                Err(error) => {
                    assert!(!reads.contains(&version(&payload)), "our {} at {program}: {error:?}", case.name)
                }
            }
            let Some(told) = theirs.make(case) else { continue };
            let payload = theirs.dump();
            assert_eq!(ours.restore(&payload, case.asked), Ok(told), "{} of {program}", case.name);
            if !case.name.starts_with("old-") {
                line(&mut lines, program, case, &payload);
            }
        }
        for (_, case, payload) in recorded().iter().filter(|(server, ..)| server == MADE) {
            let told = theirs.make(case).expect("all servers know old values");
            assert_eq!(theirs.restore(payload, case.asked), Ok(told), "{} at {program}", case.name);
        }
    }
    if std::env::var_os("SEAWALL_RECORD_PAYLOADS").is_some() {
        for (_, case, payload) in recorded().iter().filter(|(server, ..)| server == MADE) {
            line(&mut lines, MADE, case, payload);
        }
        std::fs::write(PAYLOADS, lines).expect("the file can be written");
    }
}

fn line(lines: &mut String, server: &str, case: &Case, payload: &[u8]) {
    let _ = write!(lines, "{server} {} ", case.name);
    payload.iter().for_each(|byte| write!(lines, "{byte:02x}").expect("a String takes all"));
    lines.push('\n');
}
